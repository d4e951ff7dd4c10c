"""A whole line in memory: the loop over a remembering cluster and scripted sources, in virtual time. The clock that is
handed in follows the event loop's time. Objects are bound here by hand: what binding means is tested elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from scaler.core.decide import decide
from scaler.core.model import Decision, Goal, Mode, Spec, State, Value
from scaler.engine.agenda import Agenda
from scaler.engine.board import Board
from scaler.engine.cluster import Appeared, Changed
from scaler.engine.loop import Loop
from scaler.engine.pool import Pool
from scaler.manifests.watched import Decide, Manifest, Ref, Trigger, Watched
from scaler.sdk import AnswerError, Scaler
from scaler.sdk.source import AnySource
from tests.cluster.remembering import RememberingCluster

EPOCH = 1_700_000_000.0


class Plain(Scaler[str, Any]):
    """Reads a number; `bug` makes it raise what no scaler should, `bad` what it may."""

    def read(self, answer: Any) -> float:
        if answer == "bug":
            raise ZeroDivisionError
        if answer == "bad":
            raise AnswerError("no number in the answer")
        return float(answer)


class Rising(Plain):
    """The difference to the answer before."""

    def compare(self, answer: Any, previous: Any | None) -> float:
        return float(answer) - float(previous or 0)


def ref(name: str) -> Ref:
    return Ref("ScaledObject", "default", name)


def trigger(source: AnySource, query: str, *, index: int = 0, scaler: Scaler[Any, Any] | None = None) -> Trigger:
    goal = Goal(f"s{index}-{query}", 10.0)
    return Trigger(index, "plain", scaler or Plain(), source, query, (goal,))


@dataclass
class Scene:
    """What tests look at and change. `bindings` is what `bind` gives for each name: an object, or an error."""

    loop: Loop
    cluster: RememberingCluster
    board: Board
    agenda: Agenda[Ref]
    pool: Pool
    clock: Callable[[], float]
    bindings: dict[str, Watched | Exception] = field(default_factory=dict)
    binds: list[str] = field(default_factory=list)

    EPOCH: ClassVar[float] = EPOCH

    async def bind(self, manifest: Manifest) -> Watched:
        self.binds.append(manifest.ref.name)
        made = self.bindings[manifest.ref.name]
        if isinstance(made, Exception):
            raise made
        return made

    def add(
        self,
        name: str,
        *triggers: Trigger,
        replicas: int = 0,
        remembered: State | None = None,
        with_decide: Decide = decide,
        refs: Sequence[Ref] = (),
        interval: float = 10.0,
        **spec: Any,
    ) -> Watched:
        """An object appears (or, added again, changes)."""
        target = Ref("Deployment", "default", name)
        goals = tuple(goal for one in triggers for goal in one.goals)
        made = Watched(
            ref=ref(name),
            spec=Spec(name=f"default/{name}", goals=goals, mode=Mode.DIRECT, created=EPOCH, **spec),
            triggers=triggers,
            interval=interval,
            target=target,
            refs=frozenset(refs),
            decide=with_decide,
        )
        known = name in self.bindings
        self.bindings[name] = made
        self.cluster.replicas.setdefault(target, replicas)
        manifest = Manifest(ref(name), {})
        self.cluster.changes.put_nowait(Changed(manifest) if known else Appeared(manifest, remembered))
        return made

    def replicas(self, name: str) -> int:
        return self.cluster.replicas[Ref("Deployment", "default", name)]

    def decision(self, name: str) -> Decision:
        entry = self.board.get(ref(name))
        assert entry is not None
        assert entry.decision is not None
        return entry.decision

    def values(self, name: str) -> Mapping[str, float | str]:
        """What the board holds: a number, or why there is none."""
        entry = self.board.get(ref(name))
        assert entry is not None
        return {name: one.value if isinstance(one, Value) else one.problem for name, one in entry.readings.items()}

    async def ring(self) -> None:
        """All slots, now; returns when everybody was served."""
        for slot in list(self.agenda.slots):
            self.agenda.ring(slot, self.clock())
        await self.settled()

    async def settled(self, seconds: float = 1.0) -> None:
        """Let everything happen that takes less than this (virtual) time."""
        await asyncio.sleep(seconds)


@asynccontextmanager
async def scene(**options: Any) -> AsyncIterator[Scene]:
    """A running line without a timetable: tests ring."""
    started = asyncio.get_running_loop().time()

    def clock() -> float:
        return EPOCH + asyncio.get_running_loop().time() - started

    cluster, board, agenda = RememberingCluster(), Board(), Agenda[Ref]()
    async with Pool(clock) as pool, asyncio.TaskGroup() as tasks:

        async def bind(manifest: Manifest) -> Watched:
            return await made.bind(manifest)

        loop = Loop(cluster, bind, pool, board, agenda, clock, **options)
        made = Scene(loop, cluster, board, agenda, pool, clock)
        running = tasks.create_task(loop.run())
        try:
            yield made
        finally:
            running.cancel()
