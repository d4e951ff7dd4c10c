"""What is watched: every change of the cluster becomes a bound object, or a reason why there is none. Each bind is a
task of its own, the newest manifest wins, and where it cannot be bound the old one goes on. Serving is the loop's."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scaler.core.model import State
from scaler.engine.agenda import Agenda, Slot
from scaler.engine.board import Board
from scaler.engine.cluster import Appeared, Changed, Cluster, Gone, Poked, Synced, Touched
from scaler.engine.faults import Faults
from scaler.engine.timetable import phase
from scaler.errors import ScalerError
from scaler.logs import served
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.sdk.source import Parallel

AGAIN = (5.0, 15.0, 60.0)
"""Seconds until an object whose credentials cannot be resolved is bound again."""

AT_ONCE = 50
"""Binds under way at once: credentials are read from the cluster."""

PER_PASS = 10
"""Changes taken in one pass of the event loop: ten thousand objects at the start must not block it, and the first
decisions of a new leader, which take many passes, must not wait for the last bind."""

Bind = Callable[[Manifest], Awaitable[Watched]]


@dataclass(slots=True)
class _Known:
    """The newest manifest of an object, what was bound last, and how often and why binding failed since. `begun`
    numbers the binds, `placed` is the one that was bound last: a slow one never overtakes a later one."""

    manifest: Manifest
    remembered: State | None
    watched: Watched | None = None
    refusals: int = 0
    problem: str = ""
    begun: int = 0
    placed: int = 0
    timer: asyncio.TimerHandle | None = None


class Watching:
    """`run` is its life; `get` gives what the loop serves; `gone` is told of each object that goes."""

    def __init__(
        self,
        cluster: Cluster,
        bind: Bind,
        board: Board,
        agenda: Agenda[Ref],
        faults: Faults,
        *,
        gone: Callable[[Ref], None],
    ) -> None:
        self._cluster, self._bind = cluster, bind
        self._board, self._agenda, self._faults, self._gone = board, agenda, faults, gone
        self._known: dict[Ref, _Known] = {}
        self._untried: set[Ref] = set()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._synced = False
        self.ready = asyncio.Event()
        self._tasks: asyncio.TaskGroup

    def get(self, ref: Ref) -> Watched | None:
        """The object as it is bound now."""
        known = self._known.get(ref)
        return known.watched if known else None

    def used(self, kind: str) -> set[str]:
        """The names of everything of that kind that objects are bound from now."""
        bound = (known.watched for known in self._known.values() if known.watched is not None)
        return {ref.name for watched in bound for ref in watched.refs if ref.kind == kind}

    def problem(self, ref: Ref) -> str:
        """Why the newest manifest could not be bound; empty where it could. What was bound before goes on."""
        known = self._known.get(ref)
        return known.problem if known else ""

    def unready(self) -> str:
        """What is not there yet of what there was at the start; empty when everything was bound, or refused."""
        if not self._synced:
            return "the manifests have not been read yet"
        return f"{len(self._untried)} objects are not bound yet" if self._untried else ""

    def _tried(self, ref: Ref) -> None:
        self._untried.discard(ref)
        self._look_around()

    def _look_around(self) -> None:
        """`ready` is set once and for all: what comes later is new."""
        if not self.ready.is_set() and not self.unready():
            self.ready.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            taken = 0
            async for change in self._cluster.watch():
                taken += 1
                if taken % PER_PASS == 0:  # what was taken is bound before more is taken
                    await asyncio.sleep(0)
                match change:
                    case Appeared(manifest, remembered):
                        self._take(manifest, remembered)
                    case Changed(manifest):
                        self._take(manifest, None)
                    case Gone(ref):
                        self._let_go(ref)
                    case Touched(ref):
                        self.touched(ref)
                    case Poked(ref):
                        self._agenda.poke(ref)
                    case Synced():
                        self._synced = True
                        self._look_around()

    def _take(self, manifest: Manifest, remembered: State | None) -> None:
        if manifest.ref not in self._known:
            self._untried.add(manifest.ref)
        known = self._known.setdefault(manifest.ref, _Known(manifest, remembered))
        known.manifest, known.refusals = manifest, 0
        self._start(known)

    def _let_go(self, ref: Ref) -> None:
        if (known := self._known.pop(ref, None)) and known.timer:
            known.timer.cancel()
        self._agenda.drop(ref)
        self._board.drop(ref)
        self._faults.forget(ref)
        self._gone(ref)
        self._tried(ref)

    def touched(self, touched: Ref) -> None:
        """What was bound from the touched object, and what is not bound at all, is bound from what is there now."""
        any_of_kind = Ref(touched.kind, touched.namespace, "")
        for known in self._known.values():
            if known.watched is None or touched in known.watched.refs or any_of_kind in known.watched.refs:
                self._start(known)

    def _start(self, known: _Known) -> None:
        if known.timer:
            known.timer.cancel()
            known.timer = None
        known.begun += 1
        self._tasks.create_task(self._bound(known, known.manifest, known.begun), name=f"bind {known.manifest.ref}")

    async def _bound(self, known: _Known, manifest: Manifest, number: int) -> None:
        served.set(str(manifest.ref))
        try:
            async with self._places:
                watched = await self._bind(manifest)
        except Exception as error:  # one object's bug stays one object's bug
            if self._is_newest(known, manifest, number):
                self._tried(manifest.ref)
                known.problem = str(error)
                self._bind_later(known, error)
                await self._faults.tell(manifest.ref, error)
        else:
            if self._is_newest(known, manifest, number):
                known.placed = number
                self._place(known, watched)

    def _is_newest(self, known: _Known, manifest: Manifest, number: int) -> bool:
        return self._known.get(manifest.ref) is known and known.manifest is manifest and number > known.placed

    def _place(self, known: _Known, watched: Watched) -> None:
        first = known.watched is None
        known.watched, known.refusals, known.problem = watched, 0, ""
        self._tried(watched.ref)
        self._board.place(watched, known.remembered)
        self._faults.bound(watched)
        slot, alone = slot_of(watched)
        if first and alone:
            self._agenda.sweep_in(watched.ref, slot, first=known.remembered is None)
        else:
            self._agenda.put(watched.ref, slot)

    def _bind_later(self, known: _Known, error: Exception) -> None:
        """A reference that leads nowhere may lead somewhere later; a wrong manifest waits for an edit."""
        if isinstance(error, ScalerError) and error.retriable:
            delay = AGAIN[min(known.refusals, len(AGAIN) - 1)]
            known.refusals += 1
            known.timer = asyncio.get_running_loop().call_later(delay, self._start, known)


def slot_of(watched: Watched) -> tuple[Slot, bool]:
    """The object's phase, and whether its source answers one query at a time. Objects of a source that answers together
    ring together, so that they fall into one fetch; others spread over the interval by their question."""
    trigger = watched.triggers[0]
    alone = isinstance(trigger.source.how, Parallel)
    identity = f"{trigger.source!r}{trigger.query!r}" if alone else repr(trigger.source)
    return Slot(watched.interval, phase(identity, watched.interval)), alone
