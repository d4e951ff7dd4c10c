"""When somebody else's scaling counts as otherwise than ours: by how much, and for how long."""

import pytest

from scaler.core.disagreement import Disagreement, compared
from scaler.core.model import Behavior, Goal, Mode, Rules, Spec

SPEC = Spec("shop/orders", (Goal("s0-queue", 5.0),), mode=Mode.OBSERVE)
INTERVAL = 30.0


def over(seconds: float, ours: int | None, theirs: int, spec: Spec = SPEC) -> Disagreement | None:
    """What is found at the end of a time in which nothing changed."""
    first = compared(spec, INTERVAL, (ours, theirs), None, 100.0)
    return compared(spec, INTERVAL, (ours, theirs), first, 100.0 + seconds)


@pytest.mark.parametrize(
    ("ours", "theirs", "patience"),
    [(0, 1, 80.0), (1, 0, 80.0), (7, 0, 80.0), (10, 12, 60.0), (12, 10, 60.0), (1, 3, 60.0)],
)
def test_it_counts_when_it_has_lasted(ours: int, theirs: int, patience: float) -> None:
    """Zero against non-zero for more than two polls and 20 s, two counts for a minute."""
    before, then = over(patience - 0.1, ours, theirs), over(patience, ours, theirs)
    assert before == Disagreement(100.0, ours, theirs, lasting=False)
    assert then == Disagreement(100.0, ours, theirs, lasting=True)


@pytest.mark.parametrize(("ours", "theirs"), [(0, 0), (5, 5), (5, 6), (1, 2), (50, 54), (100, 92)])
def test_one_replica_and_what_is_within_the_tolerance_are_none(ours: int, theirs: int) -> None:
    assert over(1000.0, ours, theirs) is None


def test_the_tolerance_is_the_manifest_s() -> None:
    strict = Spec("shop/orders", SPEC.goals, behavior=Behavior(Rules(tolerance=0.01)), mode=Mode.OBSERVE)
    assert over(60.0, 54, 50, strict) is not None
    assert over(60.0, 54, 50) is None


def test_what_only_the_hpa_can_know_is_none() -> None:
    usage = Spec("shop/orders", (*SPEC.goals, Goal("cpu", 60.0, resource="cpu")), mode=Mode.OBSERVE)
    assert over(1000.0, 9, 1, usage) is None
    assert over(1000.0, None, 1) is None


def test_it_is_over_when_they_agree_and_begins_anew() -> None:
    lasting = over(80.0, 0, 3)
    assert lasting is not None
    assert compared(SPEC, INTERVAL, (3, 3), lasting, 200.0) is None
    assert compared(SPEC, INTERVAL, (0, 3), None, 230.0) == Disagreement(230.0, 0, 3, lasting=False)


def test_it_goes_on_while_the_counts_move() -> None:
    first = compared(SPEC, INTERVAL, (1, 5), None, 0.0)
    second = compared(SPEC, INTERVAL, (2, 9), first, 61.0)
    assert second == Disagreement(0.0, 2, 9, lasting=True)
