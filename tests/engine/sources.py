"""Sources in memory: frozen values, as real ones are, over a `Server` that does what the test says and counts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from scaler.errors import SourceError
from scaler.sdk.source import Parallel, Source, Together


@dataclass(frozen=True)
class Raised:
    """In the place of an answer: `fetch` raises this."""

    error: Exception


HANGS = object()
"""In the place of an answer: it never comes."""


@dataclass
class Server:
    """What stands behind a source. A query is answered by its entry in `answers`, or by itself."""

    answers: dict[str, Any] = field(default_factory=dict)
    takes: float = 0.0
    opening: list[Exception | float] = field(default_factory=list)
    closing: Exception | float = 0.0
    opened: list[float] = field(default_factory=list)
    closed: list[float] = field(default_factory=list)
    fetched: list[tuple[str, ...]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    owners: set[Any] = field(default_factory=set)
    under_way: int = 0
    most_under_way: int = 0

    @property
    def attempts(self) -> int:
        """How often somebody tried to connect."""
        return len(self.opened)

    async def open(self) -> None:
        self.opened.append(_now())
        self.owners.add(asyncio.current_task())
        await _does(self.opening.pop(0) if self.opening else 0.0)

    async def close(self) -> None:
        self.closed.append(_now())
        self.owners.add(asyncio.current_task())
        await _does(self.closing)

    async def fetch(self, queries: Sequence[str]) -> Sequence[Any]:
        self.fetched.append(tuple(queries))
        self.at.append(_now())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.takes)
            return [await self._answer(query) for query in queries]
        finally:
            self.under_way -= 1

    async def _answer(self, query: str) -> Any:
        answer = self.answers.get(query, query)
        if answer is HANGS:
            await asyncio.Event().wait()
        if isinstance(answer, Raised):
            raise answer.error
        return answer


async def _does(what: Exception | float) -> None:
    if isinstance(what, Exception):
        raise what
    await asyncio.sleep(what)


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True)
class Batch(Source[str, Any]):
    """Answers together. The server is no part of what makes two sources equal."""

    name: str = "batch"
    server: Server = field(default_factory=Server, compare=False, repr=False)
    pause: float = 0.0
    wait: float = 10.0
    password: str = field(default="", repr=False)

    how: ClassVar[Together | Parallel] = Together()

    def __str__(self) -> str:
        return self.name

    def patience(self) -> float:
        return self.wait

    def least_pause(self) -> float:
        return self.pause

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Server]:
        await self.server.open()
        try:
            yield self.server
        finally:
            await self.server.close()


@dataclass(frozen=True)
class Single(Batch):
    """Answers one query at a time, many at once."""

    how: ClassVar[Together | Parallel] = Parallel(64)


@dataclass(frozen=True)
class Pair(Batch):
    """Answers one query at a time, two at once."""

    how: ClassVar[Together | Parallel] = Parallel(2)


@dataclass(frozen=True)
class Miscounting(Batch):
    """Gives one answer too few."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        yield self

    async def fetch(self, queries: Sequence[str]) -> Sequence[str]:
        return list(queries)[1:]


@dataclass(frozen=True)
class MiscountingSingle(Miscounting):
    """The same, one query at a time: only the query `short` gets none."""

    how: ClassVar[Together | Parallel] = Parallel(64)

    async def fetch(self, queries: Sequence[str]) -> Sequence[str]:
        await asyncio.sleep(0 if "short" in queries else 1)
        return [query for query in queries if query != "short"]


@dataclass(frozen=True)
class Heartbeating(Batch):
    """Has a task of its own beside the connection, which finds after `wait` seconds that the connection is gone."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Server]:
        async with asyncio.TaskGroup() as tasks:
            beat = tasks.create_task(self._beat())
            yield self.server
            beat.cancel()

    async def _beat(self) -> None:
        await asyncio.sleep(self.wait / 2)
        raise SourceError("the heart stopped")
