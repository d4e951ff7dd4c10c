"""Durations in buckets, as Prometheus takes them."""

import pytest

from scaler.engine.tally import BOUNDS, Durations


@pytest.mark.parametrize(("seconds", "bound"), [(0.0, "0.005"), (0.005, "0.005"), (0.0051, "0.01"), (10.0, "10.0")])
def test_a_bound_is_in_its_bucket(seconds: float, bound: str) -> None:
    held = Durations()
    held.add(seconds)
    first = next(upper for upper, count in held.cumulated() if count)
    assert first == bound


def test_what_is_longer_than_all_is_only_in_the_last() -> None:
    held = Durations((1.0, 2.0))
    for seconds in (0.5, 1.5, 1.5, 30.0):
        held.add(seconds)
    assert list(held.cumulated()) == [("1.0", 1), ("2.0", 3), ("+Inf", 4)]
    assert (held.count, held.total) == (4, 33.5)


def test_nothing_is_nothing_in_every_bucket() -> None:
    assert [count for _, count in Durations().cumulated()] == [0] * (len(BOUNDS) + 1)
