"""What one metric asks for: usage against target, inside a tolerance (the HPA's calculators, contract 2.3). Numbers are
thousandths; divisions are those of floats, as in the HPA, because the last bit can decide between two counts."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from scaler.core.quantity import MAX64

MAX32 = 2**31 - 1


class Tolerance(NamedTuple):
    """How far from its target a metric may be before it asks for anything, for each direction."""

    down: float
    up: float


def within(ratio: float, tolerance: Tolerance) -> bool:
    """Neither infinite nor NaN is ever within."""
    return (1.0 - tolerance.down) <= ratio <= (1.0 + tolerance.up)


def ceil32(count: float) -> int:
    """Rounded up, and at most what 32 bits hold."""
    return MAX32 if count >= MAX32 else math.ceil(count)


def total(samples: Iterable[int]) -> int:
    """The sum for AverageValue. A negative running sum counts as an overflow, as in the HPA since 1.34."""
    usage = 0
    for sample in samples:
        usage += sample
        if not 0 <= usage <= MAX64:
            return MAX64
    return usage


def average(exists: int, usage: int, target: int, tolerance: Tolerance) -> int:
    """AverageValue: `usage` is shared by those that exist; within the tolerance their number stays."""
    if exists and within(float(usage) / (float(target) * exists), tolerance):
        return exists
    return ceil32(float(usage) / float(target))


def shown_average(exists: int, usage: int) -> int:
    """What the HPA's status shows as `averageValue` beside it."""
    if float(usage) >= float(MAX64):
        return MAX64
    return math.ceil(usage / exists) if exists else 0


def raw(wanted: int, ratio: float, exists: int, ready: int, tolerance: Tolerance) -> int | None:
    """Value, and the object metrics: the ready ones times the ratio. `None` where there is nothing to multiply."""
    if wanted == 0:
        return ceil32(ratio)
    if within(ratio, tolerance):
        return wanted
    return ceil32(ratio * ready) if exists else None
