"""Windows against the contract's vectors G and H, and monotone queues against the HPA's lists."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.core import window
from scaler.core.hpa import stabilized
from scaler.core.model import Advice, State
from scaler.core.policy import Direction, Regime
from scaler.core.ratio import Tolerance
from tests.core.naive import Naive

NOW = 100_000.0
Records = list[tuple[int, float]]
"""How many, and how many minutes ago."""


def state(records: Records) -> State:
    """The queues that these records lead to."""
    highest: window.Queue = ()
    lowest: window.Queue = ()
    for count, minutes in sorted(records, key=lambda record: -record[1]):
        advice = Advice(count, NOW - 60 * minutes)
        highest, lowest = window.pushed_high(highest, advice), window.pushed_low(lowest, advice)
    return State(highest=highest, lowest=lowest)


def regime(up: float, down: float, *, plain: bool = False) -> Regime:
    return Regime(1, 1000, Direction(up), Direction(down), Tolerance(0.1, 0.1), plain=plain)


@pytest.mark.parametrize(
    ("records", "desired", "result", "after"),
    [
        ([], 5, 5, [5]),
        ([(4, 2), (5, 1)], 3, 5, [4, 5, 3]),
        ([(1, 2), (2, 1)], 3, 3, [1, 2, 3]),
        ([(10, 10), (9, 9)], 3, 3, [10, 3]),
        ([(10, 10), (4, 1), (5, 2), (9, 9)], 3, 5, [10, 4, 5, 3]),
    ],
    ids=["G1", "G2", "G3", "G4", "G5"],
)
def test_without_behavior(records: Records, desired: int, result: int, after: list[int]) -> None:
    assert stabilized(desired, desired, regime(0, 300, plain=True), state(records), NOW).replicas == result
    naive = Naive(1, 1000, advice=[(NOW - 60 * minutes, count) for count, minutes in records])
    assert naive.stabilized(desired, NOW, 300.0) == result
    assert [count for _, count in naive.advice] == after


@pytest.mark.parametrize(
    ("records", "current", "desired", "up", "down", "result", "after"),
    [
        ([], 100, 5, 0, 0, 5, [5]),
        ([(4, 2), (5, 1)], 100, 3, 0, 180, 5, [4, 5, 3]),
        ([(4, 2), (5, 1)], 1, 7, 300, 0, 4, [4, 5, 7]),
        ([(1, 2), (2, 1)], 100, 3, 300, 0, 3, [1, 2, 3]),
        ([(4, 2), (5, 1)], 1, 3, 0, 300, 3, [4, 5, 3]),
        ([(10, 10), (9, 9)], 100, 3, 0, 0, 3, [10, 3]),
        ([(10, 10), (9, 9)], 1, 100, 0, 0, 100, [10, 100]),
        ([(10, 10), (4, 1), (5, 2), (9, 9)], 100, 3, 0, 180, 5, [10, 4, 5, 3]),
        ([(10, 100), (6, 1), (5, 2), (9, 3)], 1, 100, 300, 0, 5, [100, 6, 5, 9]),
        ([(2, 100), (3, 3)], 2, 1, 300, 300, 2, [1, 3]),
        ([(2, 100), (1, 3)], 2, 3, 300, 300, 2, [3, 1]),
    ],
    ids=[f"H{number}" for number in range(1, 12)],
)
def test_with_behavior(
    records: Records, current: int, desired: int, up: float, down: float, result: int, after: list[int]
) -> None:
    assert stabilized(current, desired, regime(up, down), state(records), NOW).replicas == result
    naive = Naive(1, 1000, advice=[(NOW - 60 * minutes, count) for count, minutes in records])
    assert naive.stabilized_both(up, down, current, desired, NOW) == result
    assert [count for _, count in naive.advice] == after


def test_a_record_exactly_as_old_as_the_window_counts_without_behavior_only() -> None:
    records: Records = [(10, 5)]
    assert stabilized(10, 2, regime(0, 300, plain=True), state(records), NOW).replicas == 10
    assert stabilized(10, 2, regime(0, 300), state(records), NOW).replicas == 2


def test_what_is_remembered_is_the_advice_not_what_became_of_it() -> None:
    steady = stabilized(10, 2, regime(0, 300), state([(10, 1)]), NOW)
    assert steady.replicas == 10
    assert steady.highest == (Advice(10, NOW - 60), Advice(2, NOW))


def test_a_queue_is_as_long_as_the_distinct_advices_that_can_still_win() -> None:
    queue: window.Queue = ()
    for second in range(3600):
        queue = window.pushed_high(window.fresh(queue, 3600, second), Advice(second * 7919 % 10, float(second)))
    assert len(queue) <= 10


advices = st.lists(st.tuples(st.sampled_from([1, 14, 15, 60, 299, 300, 301]), st.integers(0, 30)), max_size=40)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(advices, st.sampled_from([0, 15, 60, 300]), st.sampled_from([0, 15, 300, 3600]), st.booleans())
def test_queues_equal_the_list_of_every_recommendation(
    history: list[tuple[int, int]], up: int, down: int, plain: bool
) -> None:
    rules = regime(0 if plain else up, 300 if plain else down, plain=plain)
    naive, remembered, now, current = Naive(1, 1000), State(), NOW, 5
    for pause, desired in history:
        now += pause
        ours = stabilized(current, desired, rules, remembered, now)
        theirs = (
            naive.stabilized(desired, now, 300.0) if plain else naive.stabilized_both(up, down, current, desired, now)
        )
        assert ours.replicas == theirs
        remembered = State(highest=ours.highest, lowest=ours.lowest)
        current = theirs
