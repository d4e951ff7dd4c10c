"""Where an object is only observed: whether somebody else has scaled it otherwise than we would have, for so long that
it is no matter of who looked first. What to tell of it, and to whom, stands elsewhere."""

from typing import NamedTuple

from scaler.core import policy
from scaler.core.model import Spec

ZERO_PATIENCE = 20.0
"""Seconds beyond two polling intervals for which zero against non-zero is no disagreement."""

PATIENCE = 60.0
"""Seconds for which two counts above zero may differ."""


class Disagreement(NamedTuple):
    """They have differed `since` then; `ours` and `theirs` are the counts of now, `lasting` whether it counts."""

    since: float
    ours: int
    theirs: int
    lasting: bool


def compared(
    spec: Spec, interval: float, counts: tuple[int | None, int], before: Disagreement | None, now: float
) -> Disagreement | None:
    """Of what we would have (`None` where only the HPA can know) and what there is. Never of an object whose usage of
    cpu or memory the HPA reads: half of its reasons are hidden from us."""
    ours, theirs = counts
    if ours is None or any(goal.resource for goal in spec.goals) or not _differ(spec, ours, theirs):
        return None
    since = before.since if before else now
    patience = 2 * interval + ZERO_PATIENCE if 0 in counts else PATIENCE
    return Disagreement(since, ours, theirs, now >= since + patience)


def _differ(spec: Spec, ours: int, theirs: int) -> bool:
    """Above zero by more than one replica and more than the tolerance."""
    if 0 in (ours, theirs):
        return ours != theirs
    tolerance = policy.regime(spec).tolerance
    ratio = ours / theirs
    return abs(ours - theirs) > 1 and not (1.0 - tolerance.down <= ratio <= 1.0 + tolerance.up)
