"""What local workers use, as a source: CPU in cores between two looks, memory in bytes, from `/proc`, summed over each
worker's process group. `cpu` and `memory` triggers ask it, as they ask the metrics server under Kubernetes."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from scaler.core.model import Sample
from scaler.errors import ClusterError, SourceError
from scaler.manifests.watched import Ref
from scaler.sdk.scaler import Usage
from scaler.sdk.source import Connection, Source
from scaler.standalone.procfs import Stat, groups, memory

WINDOW = 1.0
"""Seconds that must lie between two looks for their difference to say something."""

Query = tuple[str, Ref]


@dataclass(frozen=True, slots=True)
class Running:
    """A worker that runs: its name, its process group and when that began, and what it requests of each resource."""

    name: str
    group: int
    started: int
    requests: Mapping[str, float | None] = field(hash=False)


@dataclass(frozen=True)
class LocalUsage(Source[Query, Usage]):
    """Two are equal when they are about the same folder; the functions only reach what lives there: who runs for a
    Deployment (raises `ClusterError`), and the time."""

    folder: str
    running: Callable[[Ref], Iterable[Running]] = field(compare=False, repr=False)
    clock: Callable[[], float] = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"processes of {self.folder}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Connection[Query, Usage]]:
        yield _Looks(self)


class _Looks:
    """Remembers the look before, because CPU is a difference. A worker that was not there then is left out: to the
    HPA's arithmetic it is one without a measurement."""

    def __init__(self, source: LocalUsage) -> None:
        self._source = source
        self._before: dict[tuple[int, int], tuple[int, float]] = {}
        self._cores: dict[tuple[int, int], tuple[float, float]] = {}

    async def fetch(self, queries: Sequence[Query]) -> Sequence[Usage | SourceError]:
        found = [self._running(ref) for _, ref in queries]
        members = await asyncio.to_thread(groups)
        self._forget({(group, stat.started) for group, stats in members.items() for stat in stats if stat.pid == group})
        answers: list[Usage | SourceError] = []
        for (resource, _), running in zip(queries, found, strict=True):
            if isinstance(running, SourceError):
                answers.append(running)
                continue
            alive = [(one, members[one.group]) for one in running if one.group in members]
            sample = self._memory if resource == "memory" else self._cpu
            answers.append(Usage(tuple([one async for one in sample(alive)])))
        return answers

    def _running(self, ref: Ref) -> list[Running] | SourceError:
        try:
            return list(self._source.running(ref))
        except ClusterError as error:
            return SourceError(str(error))

    async def _memory(self, alive: list[tuple[Running, list[Stat]]]) -> AsyncIterator[Sample]:
        now = self._source.clock()
        for worker, stats in alive:
            size = await asyncio.to_thread(_size, stats)
            yield Sample(worker.name, float(size), worker.requests.get("memory"), now)

    async def _cpu(self, alive: list[tuple[Running, list[Stat]]]) -> AsyncIterator[Sample]:
        """Ticks of the living and of the children they have waited for: that sum only grows while a group lives."""
        steady, now = asyncio.get_running_loop().time(), self._source.clock()
        for worker, stats in alive:
            key = (worker.group, worker.started)
            ticks = sum(one.cpu for one in stats)
            before, at = self._before.setdefault(key, (ticks, steady))
            if steady - at >= WINDOW:
                cores = max(0, ticks - before) / os.sysconf("SC_CLK_TCK") / (steady - at)
                self._before[key], self._cores[key] = (ticks, steady), (cores, steady - at)
            if key in self._cores:
                cores, window = self._cores[key]
                yield Sample(worker.name, cores, worker.requests.get("cpu"), now, window)

    def _forget(self, leaders: set[tuple[int, int]]) -> None:
        for gone in self._before.keys() - leaders:
            del self._before[gone]
            self._cores.pop(gone, None)


def _size(stats: Iterable[Stat]) -> int:
    return sum(memory(one.pid) for one in stats)
