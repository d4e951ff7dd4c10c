"""When the agenda's slots ring: one APScheduler job for each (polling interval, phase) in use, not one for each object.
The only user of APScheduler. It knows nothing of objects, and the agenda nothing of it."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from scaler.engine.agenda import Agenda, Slot

Clock = Callable[[], float]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = 0.1
PHASES = 100
"""Into which an interval is divided at least, unless they are too short: so that a thousand objects that are polled
each second do not come by the hundred."""

LONGEST, SHORTEST = 0.1, 0.01
"""Seconds of a phase."""

STEP = 0.5
"""Seconds by which the wall clock may leave the steady one before the jobs are set anew."""


def width(interval: float) -> float:
    """Seconds of one phase: a tenth for an interval of 10 s and more."""
    return min(LONGEST, max(SHORTEST, interval / PHASES))


def phase(identity: str, interval: float) -> int:
    """Which phase of the interval belongs to this identity. crc32, because `hash()` is salted."""
    return crc32(identity.encode()) % max(1, round(interval / width(interval)))


class Timetable:
    """`run` rings until it is cancelled. `wall` and `steady` are handed in because a step of the one against the other
    is what the guard looks for."""

    def __init__(
        self, agenda: Agenda[Any], clock: Clock, *, wall: Clock = time.time, steady: Clock = time.monotonic
    ) -> None:
        self._agenda = agenda
        self._clock = clock
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()
        self._slots: frozenset[Slot] = frozenset()
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)

    async def run(self) -> None:
        """The loop's own timer drives what must go on when the wall clock is set; APScheduler waits for its moments."""
        self._scheduler.start()
        try:
            while True:
                self.follow()
                self.guard()
                await asyncio.sleep(TICK)
        finally:
            self._scheduler.shutdown(wait=False)

    def follow(self) -> None:
        """Keep the jobs in step with the slots in use, and let the newcomers in."""
        if (wanted := self._agenda.slots) is not self._slots:
            for slot in wanted - self._slots:
                self._scheduler.add_job(self._ring, _trigger(slot), args=(slot,), id=_id(slot))
            for slot in self._slots - wanted:
                self._scheduler.remove_job(_id(slot))
            self._slots = wanted
        if self._agenda.sweeping:
            self._agenda.sweep(self._clock())

    def guard(self) -> None:
        """After a step of the wall clock every job is computed anew, else an hour back would be an hour of silence."""
        offset = self._wall() - self._steady()
        if abs(offset - self._offset) > STEP:
            self._offset = offset
            for slot in self._slots:
                self._scheduler.reschedule_job(_id(slot), trigger=_trigger(slot))

    async def _ring(self, slot: Slot) -> None:
        late = round(self._wall() - offset(slot), 3) % slot.interval
        self._agenda.ring(slot, self._clock(), late)


def _id(slot: Slot) -> str:
    return f"{slot.interval}/{slot.phase}"


def _trigger(slot: Slot) -> IntervalTrigger:
    return IntervalTrigger(seconds=slot.interval, start_date=_EPOCH + timedelta(seconds=offset(slot)), timezone=UTC)


def offset(slot: Slot) -> float:
    """Seconds from the beginning of an interval to the slot's ring."""
    return slot.phase * width(slot.interval)
