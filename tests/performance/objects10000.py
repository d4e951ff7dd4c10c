"""10,000 objects on 20 sources that answer together, everything real but the sources and the cluster, which are in
memory (a fetch takes 5 ms, a write nothing).

- rounds: all slots are rung by hand at once, ten rounds in which nothing changes and ten in which every value does and
  most workloads move. CPU time of the process for each round, its log lines included;
- memory: what the process has more in RAM after the first round than before there was a manifest;
- lateness: a task that sleeps 10 ms notes how late it wakes, at the start, in the rounds rung by hand (everything at
  once, which the timetable never does), and for 40 s of real time with the real Timetable at 30 s;
- another 30 s of real time, without that task (it costs half a second of CPU itself), give the CPU time of a round
  that the timetable rings."""

import asyncio
import gc
import io
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import ClassVar

from scaler import logs
from scaler.clock import Clock
from scaler.daemon.process import spare_the_collector
from scaler.manifests.watched import Manifest
from scaler.sdk import Scaler, Source, param, target
from scaler.sdk.scaler import AnyScaler
from tests.performance.figure import Aim, Figure
from tests.performance.line import HandClock, Line, lateness, run, running, scaled_object
from tests.performance.machine import resident

COUNT = 10_000
SHELVES = 20
INTERVAL = 30.0
ROUNDS = 10
WATCHED = 40.0
FETCH = 0.005
ROUND = Aim(1.0)
MANY = f"{COUNT:,} objects"
COLLECTOR = gc.get_threshold()


@dataclass(frozen=True)
class Shelf(Source[int, float]):
    """Items and how many there are of each; `tide` moves all of them at once."""

    tide: ClassVar[int] = 0

    name: str

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Shelf"]:
        yield self

    async def fetch(self, queries: Sequence[int]) -> Sequence[float]:
        await asyncio.sleep(FETCH)
        return [5.0 + (item * 7 + Shelf.tide * 37) % 300 for item in queries]


class Stock(Scaler[int, float]):
    shelf: str = param("Where the item lies.")
    item: int = param("Which it is.")
    wanted: float = target("Items one replica should handle.", default=10)

    def source(self) -> Shelf:
        return Shelf(self.shelf)

    def ask(self) -> int:
        return self.item

    def read(self, answer: float) -> float:
        return answer


def _find(_: str) -> type[AnyScaler]:
    return Stock


def measure() -> list[Figure]:
    logs.configure("info", "text", io.StringIO())
    by_hand = run(_by_hand())
    _forget()
    return [*by_hand, *run(_in_real_time())]


async def _by_hand() -> list[Figure]:
    gc.collect()
    before = resident()
    clock = HandClock()
    async with running(_manifests(), _find, clock) as line:
        figures = await _started(line)
        grown = resident() - before
        async with lateness() as late:
            still = [await _cpu(line.round(clock, INTERVAL)) for _ in range(ROUNDS)]
            moves = line.cluster.moves
            moved = [await _cpu(_moved(line, clock)) for _ in range(ROUNDS)]
        moves = (line.cluster.moves - moves) // ROUNDS
        line.check()
    return [
        *figures,
        Figure(f"{MANY}: memory", "MiB", (grown,), note=f"{grown * 1024 / COUNT:.1f} KiB an object"),
        Figure(f"{MANY}: a round, nothing changes", "s CPU", tuple(still), ROUND),
        Figure(f"{MANY}: a round, every value changes", "s CPU", tuple(moved), ROUND, f"{moves:,} moves a round"),
        Figure(f"{MANY}: lateness, all rung at once", "ms", tuple(late)),
    ]


async def _started(line: Line) -> list[Figure]:
    """Everything bound and decided for the first time."""
    began = perf_counter()
    async with lateness() as late:
        spent = await _cpu(line.agenda.everybody())
    note = f"bound and decided; {perf_counter() - began:.1f} s on the clock"
    spare_the_collector()  # as the daemon does when everything is bound
    return [
        Figure(f"{MANY}: start", "s CPU", (spent,), note=note),
        Figure(f"{MANY}: lateness, at the start", "ms", tuple(late)),
    ]


async def _in_real_time() -> list[Figure]:
    async with running(_manifests(), _find, Clock(), timetable=True) as line:
        await _started(line)
        async with lateness() as late:
            await asyncio.sleep(WATCHED)
        spent = await _cpu(asyncio.sleep(INTERVAL))
        line.check()
    return [
        Figure(f"{MANY}: lateness, real time", "ms", tuple(late), note=f"for {WATCHED:g} s"),
        Figure(f"{MANY}: 30 s of real time", "s CPU", (spent,), ROUND, "one round, rung by the timetable"),
    ]


def _forget() -> None:
    """The collector as it is in a process that has just begun, and nothing left of the objects before."""
    gc.unfreeze()
    gc.set_threshold(*COLLECTOR)
    gc.collect()


async def _moved(line: Line, clock: HandClock) -> None:
    Shelf.tide += 1
    await line.round(clock, INTERVAL)


async def _cpu(work: Awaitable[None]) -> float:
    began = process_time()
    await work
    return process_time() - began


def _manifests() -> list[Manifest]:
    return [
        scaled_object(
            f"worker-{index}",
            "stock",
            {"shelf": f"shelf-{index % SHELVES}", "item": str(index)},
            pollingInterval=int(INTERVAL),
            minReplicaCount=1,
        )
        for index in range(COUNT)
    ]
