"""An `Api` that does as it is told, turn by turn: what is asked of it is written down with the moment. For tests in
virtual time; how the real one speaks to a server is tested with a server."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, TypeVar

import msgspec

from scaler.kubernetes.api import Api, Request

T = TypeVar("T")
Json = dict[str, Any]

Turn = Exception | Sequence[bytes | float | Exception]

INITIAL_END = {"annotations": {"k8s.io/initial-events-end": "true"}}


def line(type_: str, found: Any) -> bytes:
    """One event of a watch."""
    return msgspec.json.encode({"type": type_, "object": msgspec.to_builtins(found)})


def bookmark(version: int, *, last: bool = False) -> bytes:
    return line("BOOKMARK", {"metadata": {"resourceVersion": str(version), **(INITIAL_END if last else {})}})


class Script(Api):
    """Each watch takes a turn of `watches`: an exception at once, or its lines, an exception and pauses (seconds)
    among them; without a turn it is silent for ever. `answers` are by method and path: a value, an exception, or a
    list of those for one request each."""

    def __init__(self, *watches: Turn) -> None:
        self.watches = list(watches)
        self.answers: dict[tuple[str, str], Any] = {}
        self.asked: list[tuple[float, dict[str, str]]] = []
        self.requests: list[Request] = []

    async def send(self, request: Request, as_: type[T]) -> T:
        self.requests.append(request)
        answer = self.answers[request.method, request.path]
        if isinstance(answer, list):
            answer = answer.pop(0)
        await asyncio.sleep(0)
        if isinstance(answer, Exception):
            raise answer
        return msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(answer)), type=as_)

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Method and path of what was asked, in order."""
        return [(one.method, one.path) for one in self.requests]

    @property
    def writes(self) -> list[tuple[str, str, Any]]:
        """What was not only read."""
        return [(one.method, one.path, one.body) for one in self.requests if one.method != "GET"]

    @asynccontextmanager
    async def watch(self, path: str, *, within: float, **parameters: str) -> AsyncIterator[AsyncIterator[bytes]]:
        self.asked.append((asyncio.get_running_loop().time(), parameters))
        turn: Turn = self.watches.pop(0) if self.watches else [float("inf")]
        if isinstance(turn, Exception):
            raise turn
        yield _lines(turn)

    @property
    def versions(self) -> list[str]:
        """Where each watch went on from; empty for a streaming list."""
        return [parameters.get("resourceVersion", "") for _, parameters in self.asked]

    @property
    def pauses(self) -> list[float]:
        """Seconds between the watches."""
        return [after - before for (before, _), (after, _) in pairwise(self.asked)]


async def _lines(turn: Sequence[bytes | float | Exception]) -> AsyncIterator[bytes]:
    for one in turn:
        if isinstance(one, Exception):
            raise one
        if isinstance(one, bytes):
            yield one
        elif one == float("inf"):
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(one)
