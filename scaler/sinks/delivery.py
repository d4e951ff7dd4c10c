"""One source's events on their way to its sink: they wait in a bounded queue, a few are sent at once, what fails is
tried again, soon at first and then ever more seldom, for as long as the sink may come back. What the source's owner
should know is told when it changes. It knows neither protocol nor cluster."""

import asyncio
import itertools
import logging
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from scaler.errors import AnswerError, InternalError, ScalerError, SourceBusy
from scaler.logs import served
from scaler.manifests.watched import Ref
from scaler.sinks.counts import Counts, Sent
from scaler.sinks.event import Happening
from scaler.sinks.subscription import Subscription
from scaler.sinks.waiting import Waiting

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Events that are sent at once to one sink."""

ATTEMPTS = 5
"""So many for one event before its owner hears that it fails (KEDA's number)."""

FIRST_REST, LONGEST_REST = 0.5, 60.0
"""Seconds until the second attempt, doubled each time; a sink that comes back is noticed within the longest."""

SLOWLY = 3
"""Rests that are left out where it is not known yet that anybody waits."""

LONGEST = 30.0
"""Seconds that one attempt may take with all that belongs to it."""

Tell = Callable[[Ref, str], None]
"""(source, why its sink does not get its events; empty when it does)."""


class Sink(Protocol):
    """Where events go. `prepare` finds out, before there is one, whether what is needed for it is there; `send` raises
    `AnswerError` for an event that will never be taken. Both raise `ScalerError` for what may pass."""

    @property
    def kind(self) -> str: ...

    @property
    def prepares(self) -> bool:
        """Whether it says anything that `prepare` succeeds."""
        ...

    async def prepare(self) -> None: ...

    async def send(self, one: Happening, session: aiohttp.ClientSession) -> None: ...

    def touched(self, ref: Ref) -> bool:
        """An object has changed; whether the sink depends on it, and should be tried anew."""
        ...

    def end(self) -> None:
        """It is no source's sink any more, whatever is still under way."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """What a source's manifest says: which events, and where to."""

    sink: Sink
    subscription: Subscription


class Delivery:
    """`run` is its life. `said` is what its owner was told last, by whomever: nothing yet where it is `None`."""

    def __init__(self, ref: Ref, route: Route, tell: Tell, counts: Counts, *, said: str | None = None) -> None:
        self.ref, self._route, self._tell, self._counts, self._said = ref, route, tell, counts, said
        self._waiting = Waiting()
        self._arrived, self._nudged = asyncio.Event(), asyncio.Event()
        self._full = False

    def put(self, one: Happening) -> None:
        """Take it along, if it is for this source; nobody waits."""
        if not self._route.subscription.admits(one):
            return
        if (oldest := self._waiting.put(one)) is not None:
            self._make_room(oldest)
        self._arrived.set()

    def __len__(self) -> int:
        """Events that wait."""
        return len(self._waiting)

    def turn(self, route: Route) -> None:
        """The manifest is another one: what waits goes where it says now."""
        self._route.sink.end()
        self._route, self._said = route, None
        self._nudge()

    def touched(self, ref: Ref) -> None:
        if self._route.sink.touched(ref):
            self._nudge()

    def end(self) -> None:
        """Before `run` is cancelled."""
        self._route.sink.end()

    async def run(self, session: aiohttp.ClientSession) -> None:
        served.set(str(self.ref))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_prepared())
            for _ in range(AT_ONCE):
                tasks.create_task(self._serve(session))

    # ----------------------------------------------------------------------------------------------------- one by one

    async def _serve(self, session: aiohttp.ClientSession) -> None:
        while True:
            one = await self._next()
            try:
                await self._deliver(one, session)
            finally:
                self._waiting.done(one)
                self._arrived.set()

    async def _next(self) -> Happening:
        while (one := self._waiting.take()) is None:
            self._arrived.clear()
            self._full = self._full and len(self._waiting) > 0
            await self._arrived.wait()
        return one

    async def _deliver(self, one: Happening, session: aiohttp.ClientSession) -> None:
        for attempt in itertools.count(1):
            nudged = self._nudged
            problem = await _tried(self._route.sink.send(one, session))
            if problem is None:
                self._counts.emitted[self._labels(one)] += 1
                self._say("")
                return
            self._counts.failed[self._labels(one)] += 1
            if attempt >= ATTEMPTS:
                self._say(str(problem))
                if isinstance(problem, AnswerError | InternalError):
                    self._counts.dropped[self._labels(one)] += 1
                    return
            await _rest(_pause(attempt, problem), nudged)

    # ------------------------------------------------------------------------------------------------- what is around

    async def _keep_prepared(self) -> None:
        """What is missing is found out at once, not by the first event; and noticed when it comes."""
        missing = 0
        while True:
            nudged = self._nudged
            sink = self._route.sink
            problem = await _tried(sink.prepare())
            if problem or missing or self._said is None or sink.prepares:
                self._say(str(problem or ""))
            if missing and not problem:
                self._nudge()
            missing = missing + 1 if problem else 0
            await _rest(_pause(missing + SLOWLY, problem) if problem else None, nudged)

    def _nudge(self) -> None:
        """Whoever rests looks again."""
        nudged, self._nudged = self._nudged, asyncio.Event()
        nudged.set()

    def _say(self, problem: str) -> None:
        if problem == self._said:
            return
        if problem:
            log.warning("cloud events cannot be delivered: %s", problem)
        elif self._said:
            log.info("cloud events are delivered again")
        self._said = problem
        self._tell(self.ref, problem)

    def _make_room(self, oldest: Happening) -> None:
        """Said once, until nothing waits any more."""
        self._counts.dropped[self._labels(oldest)] += 1
        if not self._full:
            log.warning("more events happen than the sink of %s takes: the oldest that wait are given up", self.ref)
        self._full = True

    def _labels(self, one: Happening) -> Sent:
        return Sent(one.ref.namespace, self.ref.name, self._route.sink.kind)


def _pause(attempt: int, problem: ScalerError) -> float:
    """Seconds; not all sources at one moment, and not sooner than a sink that is busy asks for."""
    rest = min(LONGEST_REST, FIRST_REST * 2 ** min(attempt - 1, 16))
    if isinstance(problem, SourceBusy):
        rest = max(rest, min(problem.retry_after, LONGEST_REST))
    return float(rest * random.uniform(0.8, 1.2))


async def _tried(attempt: Coroutine[Any, Any, None]) -> ScalerError | None:
    """What went wrong."""
    try:
        async with asyncio.timeout(LONGEST):
            await attempt
    except ScalerError as problem:
        return problem
    except TimeoutError:
        return ScalerError(f"nothing came of it in {LONGEST:g} s")
    except Exception as error:  # a sink's bug is this sink's failure, nobody else's
        log.exception("an event could not be sent because of a bug")
        return InternalError(f"a bug keeps events from being sent ({type(error).__name__})")
    return None


async def _rest(seconds: float | None, nudged: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await nudged.wait()
    except TimeoutError:
        return
