"""The real line (Loop, Pool, Agenda, Board, decide, and the Timetable where it is asked for) over a cluster that only
remembers replicas. Rounds are rung by hand; nothing here measures."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from time import perf_counter
from typing import Any, TypeVar

from scaler.core.model import Decision, Failure, Mode, Target
from scaler.credentials.store import Token
from scaler.daemon.process import loop_factory
from scaler.engine.agenda import Agenda
from scaler.engine.board import Board
from scaler.engine.cluster import Appeared, Change, Synced
from scaler.engine.loop import Loop
from scaler.engine.pool import Pool
from scaler.engine.timetable import Timetable
from scaler.errors import NotFound, ScalerError
from scaler.manifests.bind import Binding, Find, bind
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.sdk.source import AnySource

T = TypeVar("T")

PATIENCE = 300.0
WINK = 0.01


class MemoryCluster:
    """The port over a dictionary: what is decided is so at once."""

    def __init__(self, manifests: Sequence[Manifest]) -> None:
        self._manifests = manifests
        self.replicas: dict[Ref, int] = {}
        self.moves = 0

    async def watch(self) -> AsyncIterator[Change]:
        for manifest in self._manifests:
            yield Appeared(manifest)
        yield Synced()
        await asyncio.Event().wait()

    async def seen(self, watched: Watched) -> Target:
        replicas = self.replicas.get(watched.ref, 1)
        return Target(replicas, replicas, replicas)

    async def apply(self, watched: Watched, decision: Decision) -> None:
        if decision.replicas is not None and decision.replicas != self.replicas.get(watched.ref, 1):
            self.replicas[watched.ref] = decision.replicas
            self.moves += 1

    async def report(self, ref: Ref, problem: ScalerError) -> None:
        raise RuntimeError(f"{ref}: {problem}")

    async def read(self, ref: Ref) -> Mapping[str, str]:
        raise NotFound(f"there is no {ref.kind} {ref.name}")

    async def manifest(self, ref: Ref) -> Manifest:
        raise NotFound(f"there is no {ref.kind} {ref.name}")

    async def token(self, namespace: str, account: str, *, audience: str = "", seconds: int = 3600) -> Token:
        raise NotFound(f"there is no service account {account}")

    def known(self) -> Mapping[tuple[str, str], int]:
        return {}

    async def doubt(self, watched: Watched) -> None:
        raise RuntimeError(f"{watched.ref}: no source here asks for a login")

    def leadership(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    def sources(self) -> Mapping[str, AnySource]:
        return {}


class CountingAgenda(Agenda[Ref]):
    """Knows when everybody was served."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._served_now: set[Ref] = set()
        self._all = asyncio.Event()

    def done(self, key: Ref, now: float) -> None:
        super().done(key, now)
        self._served_now.add(key)
        if len(self._served_now) == self._size:
            self._all.set()

    async def everybody(self) -> None:
        """Until each was served since this was awaited last."""
        async with asyncio.timeout(PATIENCE):
            await self._all.wait()
        self._served_now.clear()
        self._all.clear()


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Line:
    """A running line."""

    def __init__(self, cluster: MemoryCluster, agenda: CountingAgenda, board: Board) -> None:
        self.cluster, self.agenda, self.board = cluster, agenda, board

    async def round(self, clock: HandClock, interval: float) -> None:
        """All slots ring at once, an interval after the last time; returns when everybody was served."""
        clock.now += interval
        for slot in self.agenda.slots:
            self.agenda.ring(slot, clock.now)
        await self.agenda.everybody()

    def check(self) -> None:
        """That what was measured is the work, not its failure."""
        for ref, entry in self.board:
            failed = [one.problem for one in entry.readings.values() if isinstance(one, Failure)]
            if failed or entry.problem or entry.decision is None:
                raise RuntimeError(f"{ref} is not served: {entry.problem or failed or 'no decision'}")


@asynccontextmanager
async def running(
    manifests: Sequence[Manifest], find: Find, clock: Callable[[], float], *, timetable: bool = False
) -> AsyncIterator[Line]:
    """The life of a line, in direct mode."""
    cluster, agenda, board = MemoryCluster(manifests), CountingAgenda(len(manifests)), Board()
    binding = Binding(find=find, read=cluster.read, manifest=cluster.manifest, mode=Mode.DIRECT)

    async def bound(manifest: Manifest) -> Watched:
        return await bind(manifest, binding)

    async with Pool(clock) as pool, asyncio.TaskGroup() as tasks:
        ending = [tasks.create_task(Loop(cluster, bound, pool, board, agenda, clock).run(), name="loop")]
        if timetable:
            ending.append(tasks.create_task(Timetable(agenda, clock).run(), name="timetable"))
        yield Line(cluster, agenda, board)
        for task in ending:
            task.cancel()


def scaled_object(name: str, type_: str, metadata: Mapping[str, str], **spec: Any) -> Manifest:
    """A manifest with one trigger, as it would be found."""
    ref = Ref("ScaledObject", "bench", name)
    trigger = {"type": type_, "metadata": dict(metadata)}
    body = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "spec": {"scaleTargetRef": {"name": name}, "triggers": [trigger], **spec},
    }
    return Manifest(ref, body)


def run(work: Coroutine[Any, Any, T]) -> T:
    """In the event loop that the daemon takes."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)


@asynccontextmanager
async def lateness() -> AsyncIterator[list[float]]:
    """How late a task wakes that sleeps 10 ms again and again, in milliseconds: what a metric request would feel."""
    late: list[float] = []

    async def doze() -> None:
        while True:
            due = perf_counter() + WINK
            await asyncio.sleep(WINK)
            late.append(max(0.0, perf_counter() - due) * 1000)

    dozing = asyncio.create_task(doze())
    try:
        yield late
    finally:
        dozing.cancel()
