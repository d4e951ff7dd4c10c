"""The straight line: due → ask → read → decide → publish → apply, each object one at a time and many side by side. It
owns no rule and no protocol: it hands values from one module to the next, and keeps one object's bug that object's."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from scaler.core import conditions
from scaler.core.disagreement import compared
from scaler.core.model import Decision, Mode, Reading
from scaler.engine.agenda import Agenda
from scaler.engine.board import Board
from scaler.engine.cluster import Cluster
from scaler.engine.faults import Faults
from scaler.engine.keeper import Answered
from scaler.engine.narrator import Narrator
from scaler.engine.pool import Pool
from scaler.engine.rounds import Applied, Round, Rounds
from scaler.engine.watching import Bind, Watching
from scaler.errors import ClusterError, Conflict, LoginError, NotFound, NotLeading, ScalerError, SourceError
from scaler.logs import served
from scaler.manifests.watched import Ref, Trigger, Watched

REPLY = 2.5
"""Seconds within which a refreshed metric must be published, so that the HPA's request does not time out."""

SETTLE = 10.0
"""Seconds that one write to the cluster may take."""


Doubt = Callable[[Watched], Awaitable[None]]
"""Look whether the credentials that an object was bound with are still what they were read from."""


class Loop:
    """`run` is the life of the line. `bind` turns a manifest into a `Watched`; `metric_max_age` is how old a reading
    may be that answers a metric request without asking; `doubt` is told, beside the cluster, of an object whose
    credentials a source refuses; `rounds` are told to whoever follows them, where somebody does."""

    def __init__(
        self,
        cluster: Cluster,
        bind: Bind,
        pool: Pool,
        board: Board,
        agenda: Agenda[Ref],
        clock: Callable[[], float],
        *,
        metric_max_age: float = 5.0,
        doubt: Doubt | None = None,
        rounds: Rounds | None = None,
    ) -> None:
        self._cluster, self._pool, self._board = cluster, pool, board
        self._agenda, self._clock, self._max_age = agenda, clock, metric_max_age
        self._also_doubt = (doubt,) if doubt else ()
        self._rounds = rounds
        self._narrator = Narrator()
        self._faults = Faults(cluster, board, self._narrator)
        self._watching = Watching(cluster, bind, board, agenda, self._faults, gone=self._gone)
        self._settling: set[Ref] = set()
        self._refreshes: dict[tuple[Ref, str], asyncio.Task[None]] = {}
        self._timers: dict[Ref, asyncio.TimerHandle] = {}
        self._tasks: asyncio.TaskGroup
        self.serving = False
        """While `run` runs: before and after, nobody can be answered."""

    def unready(self) -> str:
        """What keeps the daemon from serving everything that there was at its start; empty when nothing does."""
        return self._watching.unready()

    def used(self, kind: str) -> set[str]:
        """The names of everything of that kind that objects are bound from now."""
        return self._watching.used(kind)

    def touched(self, ref: Ref) -> None:
        """Something that objects may have been bound from, and that the cluster does not watch, is another now."""
        if self.serving:
            self._watching.touched(ref)

    async def ready(self) -> None:
        """Wait until everything that there was at the start is bound, or refused."""
        await self._watching.ready.wait()

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self.serving = True
                self._tasks.create_task(self._watching.run(), name="watching")
                async for ref in self._agenda:
                    self._tasks.create_task(self._serve(ref))
        finally:
            self.serving = False

    async def _serve(self, ref: Ref) -> None:
        served.set(str(ref))
        again: float | None = None
        try:
            again = await self._line(ref)
        except Conflict:
            self._agenda.poke(ref)
        except Exception as error:  # the one place where one object's bug stays one object's bug
            await self._tell(ref, error)
        finally:
            self._agenda.done(ref, self._clock())
            self._look_again(ref, again)

    async def _line(self, ref: Ref) -> float | None:
        watched = self._watching.get(ref)
        if watched is None:
            return None
        decision = await self._decided(watched, None)
        await self._settle(ref)
        if not self._watching.problem(ref):
            self._narrator.served(ref)
        return decision.again if decision else None

    async def _decided(self, watched: Watched, metric: str | None) -> Decision | None:
        """Ask, look, decide, publish. `None` when the object was bound anew meanwhile: its turn comes again."""
        began, before = self._clock(), dict(self._board.readings(watched.ref))
        readings, took = await self._look(watched, metric)
        read = self._clock()
        target = await self._cluster.seen(watched)
        if self._watching.get(watched.ref) is not watched:
            return None
        now = self._clock()  # after the waiting; from here to `publish` nothing waits, so it needs no lock
        readings = self._latest(watched, readings, before)
        decision = watched.decide(watched.spec, target, readings, self._board.state(watched.ref), now)
        problem = self._watching.problem(watched.ref)
        if problem:
            told = conditions.refused(decision.conditions, problem, watched.ref.kind)
            decision = replace(decision, conditions=told)
        self._narrator.decided(watched, readings, target, decision)
        self._board.publish(watched.ref, readings, target, decision, now, took, problem=problem)
        if watched.spec.mode is Mode.OBSERVE:
            self._compare(watched, decision, target.wanted, now)
        if self._rounds is not None:
            happened = Round(watched, readings, took, target, decision, began, read, seen=now, decided=self._clock())
            self._rounds.decided(happened)
        return decision

    def _compare(self, watched: Watched, decision: Decision, wanted: int, now: float) -> None:
        """What is only observed is scaled by somebody else: perhaps otherwise."""
        entry = self._board.get(watched.ref)
        before = entry.disagreement if entry else None
        found = compared(watched.spec, watched.interval, (decision.replicas, wanted), before, now)
        self._board.differs(watched.ref, found)
        self._narrator.compared(watched.ref, found)

    def _latest(
        self, watched: Watched, readings: Sequence[Reading], before: Mapping[str, Reading]
    ) -> Sequence[Reading]:
        """One reading for each goal: the one asked for, or the board's where none was; and where another entrance has
        published a later one meanwhile (`before` is what was there), that one: it is not taken back."""
        found = {reading.metric: reading for reading in readings}
        for metric, held in self._board.readings(watched.ref).items():
            mine = found.get(metric)
            if mine is None or (held is not before.get(metric) and held.at > mine.at):
                found[metric] = held
        return tuple(found.values())

    async def _look(self, watched: Watched, metric: str | None) -> tuple[Sequence[Reading], dict[str, float]]:
        """One reading for each goal that is asked for: all of them, or for a refresh those that one `metric` needs."""
        asked = watched.triggers if metric is None else self._asked(watched, metric)
        fresh = 0.0 if metric is None else self._max_age
        if len(asked) == 1:
            answers = [await self._pool.ask(asked[0].source, asked[0].query, interval=watched.interval, fresh=fresh)]
        else:
            answers = await asyncio.gather(
                *(self._pool.ask(one.source, one.query, interval=watched.interval, fresh=fresh) for one in asked)
            )
        self._heed(watched, answers)
        readings: list[Reading] = []
        took: dict[str, float] = {}
        for trigger, answered in zip(asked, answers, strict=True):
            if answered.exchanges and self._watching.get(watched.ref) is watched:
                self._board.traffic.heard(watched.ref, trigger, answered.exchanges)
            found = self._read(watched.ref, trigger, answered)
            readings.extend(found)
            took.update((reading.metric, answered.took) for reading in found)
        return readings, took

    def _read(self, ref: Ref, trigger: Trigger, answered: Answered) -> Iterable[Reading]:
        if isinstance(answered.answer, SourceError):
            return trigger.failed(answered.answer, answered.at)
        if trigger.empty(answered.answer):
            self._board.answered_nothing(ref, trigger.goals[0].metric)
        if not trigger.scaler.compares():
            return trigger.read(answered.answer, None, answered.at)
        previous = self._board.previous(ref, trigger, answered.answer)
        return trigger.read(answered.answer, previous, answered.at)

    def _heed(self, watched: Watched, answers: Sequence[Answered]) -> None:
        """A refused login is a reason to look at the credentials again, once for each attempt, beside the line."""
        refused = max((one.at for one in answers if isinstance(one.answer, LoginError)), default=None)
        if refused is not None and self._board.refused(watched.ref, refused):
            for doubt in (self._cluster.doubt, *self._also_doubt):
                self._tasks.create_task(self._doubt(watched, doubt), name=f"doubt {watched.ref}")

    async def _doubt(self, watched: Watched, doubt: Doubt) -> None:
        """Who cannot look now is asked again at the next attempt."""
        served.set(str(watched.ref))
        try:
            async with asyncio.timeout(SETTLE):
                await doubt(watched)
        except (TimeoutError, ScalerError):
            return
        except Exception as error:  # as in `_serve`
            await self._tell(watched.ref, error)

    async def _settle(self, ref: Ref) -> None:
        """Apply the board's latest decision, one write at a time for each object: what is decided meanwhile becomes one
        more write, of the object as it is bound then."""
        if ref in self._settling:
            return
        self._settling.add(ref)
        try:
            while (watched := self._watching.get(ref)) and (decision := self._board.unsent(ref)):
                await self._apply(watched, decision)
        finally:
            self._settling.discard(ref)

    async def _apply(self, watched: Watched, decision: Decision) -> None:
        began = self._clock()
        if self._rounds is not None:
            self._rounds.writing(watched.ref)
        try:
            async with asyncio.timeout(SETTLE):
                await self._cluster.apply(watched, decision)
        except BaseException as error:
            self._board.keep_unsent(watched.ref, decision.events)
            self._applied(watched.ref, began, getattr(error, "reason", type(error).__name__))
            if isinstance(error, TimeoutError):
                raise ClusterError(f"writing took longer than {SETTLE:g} s") from None
            raise
        self._applied(watched.ref, began)

    def _applied(self, ref: Ref, began: float, problem: str = "") -> None:
        if self._rounds is not None:
            self._rounds.applied(ref, Applied(began, self._clock(), problem))

    def _look_again(self, ref: Ref, again: float | None) -> None:
        """`again` is a moment before the next poll at which the decision may change by time alone."""
        self._no_more(ref)
        if again is not None and self._watching.get(ref) is not None:
            delay = max(0.05, again - self._clock())
            self._timers[ref] = asyncio.get_running_loop().call_later(delay, self._agenda.poke, ref)

    def _no_more(self, ref: Ref) -> None:
        if timer := self._timers.pop(ref, None):
            timer.cancel()

    def _gone(self, ref: Ref) -> None:
        self._no_more(ref)
        if self._rounds is not None:
            self._rounds.forget(ref)

    async def refresh(self, ref: Ref, metric: str) -> None:
        """Make sure that the board's reading of `metric` is no older than the maximum age; returns when it is
        published. Raises `TimeoutError` after 2.5 s, `NotFound` for an object or metric that is not served. A caller
        that gives up cancels nothing; equal refreshes are one. With `useCachedMetrics` it never asks."""
        watched = self._watching.get(ref)
        if watched is None or not watched.has(metric):
            raise NotFound(f"{ref} has no metric {metric}")
        if not any(self._old(watched, trigger) for trigger in watched.behind(metric)):
            return
        published = self._refreshes.get((ref, metric))
        if published is None:
            published = self._tasks.create_task(self._refresh(watched, metric), name=f"refresh {ref} {metric}")
            self._refreshes[ref, metric] = published
            published.add_done_callback(lambda _: self._refreshes.pop((ref, metric), None))
        async with asyncio.timeout(REPLY):
            await asyncio.shield(published)

    def _old(self, watched: Watched, trigger: Trigger) -> bool:
        """Never read, or longer ago than may be; what is cached is never too old."""
        held = self._board.readings(watched.ref)
        readings = [held.get(goal.metric) for goal in trigger.goals]
        return any(one is None or not (trigger.cached or self._clock() - one.at <= self._max_age) for one in readings)

    def _asked(self, watched: Watched, metric: str) -> Sequence[Trigger]:
        """Those that a metric comes from, but for what is to be answered from the last poll; and whoever was never
        asked yet, or its silence would count as a failure. One that hangs delays the first answers, until it has failed
        once."""
        held, behind = self._board.readings(watched.ref), watched.behind(metric)
        return [
            one
            for one in watched.triggers
            if any(goal.metric not in held for goal in one.goals) or (one in behind and not one.cached)
        ]

    async def _refresh(self, watched: Watched, metric: str) -> None:
        served.set(str(watched.ref))
        try:
            await self._decided(watched, metric)
        except Exception as error:  # as in `_serve`: this object's bug, not the asker's
            await self._tell(watched.ref, error)
        else:
            asked = watched.behind(metric)
            if len(asked) == len(watched.triggers) and not any(one.cached for one in asked):
                self._agenda.served(watched.ref, self._clock())
            self._tasks.create_task(self._settle_alone(watched.ref), name=f"settle {watched.ref}")

    async def _settle_alone(self, ref: Ref) -> None:
        try:
            await self._settle(ref)
        except Conflict:
            self._agenda.poke(ref)
        except Exception as error:  # as in `_serve`
            await self._tell(ref, error)

    async def _tell(self, ref: Ref, error: Exception) -> None:
        """Not of an object that has gone meanwhile: nobody would ever take that back. That this daemon does not lead
        any more is no object's problem."""
        if self._watching.get(ref) is not None and not isinstance(error, NotLeading):
            await self._faults.tell(ref, error)
