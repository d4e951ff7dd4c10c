"""A collection of the API as its watch tells it: what each object is like, and since when. It waits for many or for one
of them, and never asks."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from tests.e2e.kube_objects import Object, condition
from tests.rig.kube_client import KubeClient

PATIENCE = 300.0
BEGIN = 0.5
"""Seconds until a watch has begun."""

V = TypeVar("V", bound=Hashable)


class Seen(Generic[V]):
    """Of each object what `look` makes of it, and since when it is so. `moves` are all changes of that, in their order;
    an object that is gone is None."""

    def __init__(self, look: Callable[[Object], V]) -> None:
        self._look = look
        self._values: dict[str, V | None] = {}
        self._since: dict[str, float] = {}
        self._moved = asyncio.Event()
        self._counts: Counter[V | None] = Counter()
        self.moves: list[tuple[float, str, V | None]] = []

    async def follow(self, kube: KubeClient, path: str) -> None:
        """For ever: the API server ends a watch that does not keep up, and goes on where it was."""
        since: str | None = None
        while True:
            async for kind, item in kube.watch(path, since=since):
                meta, now = item["metadata"], time.monotonic()
                since, name = meta["resourceVersion"], meta["name"]
                value = None if kind == "DELETED" else self._look(item)
                if name not in self._values or self._values[name] != value:
                    self._take(name, value, now)

    def _take(self, name: str, value: V | None, now: float) -> None:
        if name in self._values:
            self._counts[self._values[name]] -= 1
        self._values[name], self._since[name] = value, now
        self._counts[value] += 1
        self.moves.append((now, name, value))
        self._moved.set()

    async def many(self, value: V | None, count: int, began: float) -> tuple[float, ...]:
        """Waits until that many are so; gives the seconds that each took since `began`."""
        await self._until(lambda: self._counts[value] >= count, f"{count} are {value}")
        return tuple(self._since[name] - began for name, one in self._values.items() if one == value)

    async def one(self, name: str, value: V | None, began: float) -> float:
        await self._until(lambda: self._values.get(name) == value, f"{name} is {value}")
        return self._since[name] - began

    async def _until(self, so: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not so():
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            raise RuntimeError(f"not within {PATIENCE:g} s: {what}; there are {dict(self._counts)}") from None


@asynccontextmanager
async def following(kube: KubeClient, path: str, look: Callable[[Object], V]) -> AsyncIterator[Seen[V]]:
    made = Seen(look)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(made.follow(kube, path))
        await asyncio.sleep(BEGIN)
        yield made
        task.cancel()


def replicas(found: Object) -> int:
    return int(found["spec"].get("replicas") or 0)


def is_up(found: Object) -> bool:
    return replicas(found) > 0


def is_ready(found: Object) -> bool:
    return condition(found, "Ready")[0] == "True"
