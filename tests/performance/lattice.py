"""How late questions are, seen from the source. An object that is polled every so many seconds is due at the same tenth
of a second of each interval; which tenth that is shows in its earliest question. What a question came after that is its
lateness: from the ring of the slot to the arrival at the source, everything between included."""

import math
from collections import defaultdict
from collections.abc import Sequence

from tests.performance.http_source import Asked

TENTH = 0.1
EARLY = 0.002
"""Seconds that a slot may ring too early, by what is lost in rounding."""


def lateness(asked: Sequence[Asked], interval: float) -> list[float]:
    """Milliseconds of each question, in their order."""
    moments: defaultdict[str, list[float]] = defaultdict(list)
    for one in asked:
        moments[one.name].append(one.at)
    due = {name: _due(times, interval) for name, times in moments.items()}
    return [max(0.0, (one.at - due[one.name]) % interval - EARLY) * 1000 for one in asked]


def _due(times: Sequence[float], interval: float) -> float:
    """One moment at which it was due, but for `EARLY`. Phases are counted from half an interval before the first of
    them, so that none is near the seam."""
    seam = times[0] - interval / 2
    earliest = seam + min((at - seam) % interval for at in times)
    return math.floor((earliest + EARLY) / TENTH) * TENTH - EARLY
