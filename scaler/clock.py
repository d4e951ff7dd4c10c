"""What time it is: the epoch at start plus the boot-time clock, which neither jumps nor stops while the machine sleeps.
A wall clock that was set is followed by one second a minute, so that no cooldown or window ends by an hour's step.
This is the only place that asks the system; everywhere else `now` is an argument."""

import time
from collections.abc import Callable

FOLLOW = 1 / 60
"""Seconds of correction for each second that passes."""


def boottime() -> float:
    """Seconds that neither jump nor stop while the process or the machine sleeps; for durations only."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Clock:
    """Called, it gives seconds since the epoch, never going backwards."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = boottime) -> None:
        self._wall = wall
        self._steady = steady
        self._now = wall()
        self._looked = steady()

    def __call__(self) -> float:
        steady = self._steady()
        passed = steady - self._looked
        self._looked = steady
        self._now += passed
        drift = self._wall() - self._now
        self._now += max(-passed * FOLLOW, min(drift, passed * FOLLOW))
        return self._now
