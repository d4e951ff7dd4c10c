"""Rate policies: the contract's vectors F (limits) and I (what is remembered of scale events)."""

import pytest

from scaler.core import policy
from scaler.core.hpa import limited_to
from scaler.core.model import Behavior, Change, Mode, Policy, PolicyType, Rules, Select, Spec, Why
from scaler.core.policy import Changes, Direction, Regime
from scaler.core.ratio import Tolerance
from tests.core.story import QUEUE

NOW = 100_000.0


def pods(value: int, period: int = 60) -> Policy:
    return Policy(PolicyType.PODS, value, period)


def percent(value: int, period: int = 60) -> Policy:
    return Policy(PolicyType.PERCENT, value, period)


def changes(*steps: int) -> Changes:
    """Steps that are all within every period."""
    total = 0
    found = []
    for step in steps:
        total += step
        found.append(Change(step, NOW - 10, total))
    return tuple(found)


def regime(behavior: Behavior | None, low: int = 1, high: int = 1000, mode: Mode = Mode.HPA) -> Regime:
    return policy.regime(Spec("a/b", (QUEUE,), minimum=low, maximum=high, behavior=behavior, mode=mode))


def up(*policies: Policy, select: Select | None = None) -> Behavior:
    return Behavior(up=Rules(policies=policies, select=select))


def down(*policies: Policy, select: Select | None = None) -> Behavior:
    return Behavior(down=Rules(policies=policies, select=select))


@pytest.mark.parametrize(
    ("current", "desired", "low", "high", "result", "why"),
    [
        (5, 7, 3, 8, 7, None),
        (3, 1, 2, 8, 2, Why.AT_MINIMUM),
        (1, 0, 0, 10, 0, None),
        (20, 1000, 1, 10, 10, Why.AT_MAXIMUM),
        (3, 1000, 1, 2000, 6, Why.LIMITED_UP),
    ],
    ids=["E1", "E2", "E3", "E4", "E5"],
)
def test_without_behavior(current: int, desired: int, low: int, high: int, result: int, why: Why | None) -> None:
    rules = Regime(low, high, Direction(0), Direction(300), Tolerance(0.1, 0.1), plain=True)
    limited = limited_to(current, desired, rules, (), NOW)
    assert limited.replicas == result
    assert (limited.note and limited.note.rule) == why


@pytest.mark.parametrize(
    ("current", "desired", "behavior", "moved", "low", "high", "result"),
    [
        pytest.param(5, 7, Behavior(), (), 3, 8, 7, id="F1"),
        pytest.param(20, 1000, Behavior(), (), 1, 10, 10, id="F3"),
        pytest.param(100, 1000, Behavior(), (), 1, 150, 150, id="F4"),
        pytest.param(10, 50, Behavior(), (), 1, 1000, 20, id="F6"),
        pytest.param(10, 500, up(pods(100), percent(100)), (), 1, 1000, 110, id="F7"),
        pytest.param(10, 50, up(pods(100)), (), 1, 1000, 50, id="F9"),
        pytest.param(10, 50, up(pods(30)), (), 1, 1000, 40, id="F10"),
        pytest.param(100, 2, down(pods(20), percent(1)), (), 1, 1000, 80, id="F12"),
        pytest.param(100, 2, down(pods(2), percent(1)), (), 1, 1000, 98, id="F13"),
        pytest.param(10, 2, Behavior(), (), 5, 1000, 5, id="F15"),
        pytest.param(10, 2, down(pods(5)), (), 1, 1000, 5, id="F16"),
        pytest.param(100, 500, up(pods(300)), (1, 5, 9), 1, 200, 200, id="F18"),
        pytest.param(100, 500, up(pods(5, 120)), (1, 5, 9), 1, 200, 100, id="F19"),
        pytest.param(100, 500, up(percent(200, 120)), (1, 5, 9), 1, 1000, 255, id="F21"),
        pytest.param(6, 24, up(percent(300, 300)), (4, -2), 1, 1000, 16, id="F22"),
        pytest.param(100, 0, down(percent(50, 120)), (-2, -4, -6), 1, 1000, 56, id="F24"),
        pytest.param(10, 1, down(percent(50, 180)), (2, -4), 1, 1000, 6, id="F25"),
        pytest.param(10, 5, down(percent(1000, 120)), (-10, -10, -10), 1, 1000, 5, id="F27"),
        pytest.param(3, 10**9, up(percent(700)), (), 1, 1000, 24, id="F28"),
        pytest.param(3, 10**9, up(percent(700)), (), 1, 20, 20, id="F28 with a maximum"),
        pytest.param(5, 1, down(pods(2), percent(50), select=Select.MIN), (), 1, 1000, 3, id="F30"),
        pytest.param(5, 1, down(select=Select.DISABLED), (), 1, 1000, 5, id="K2"),
        pytest.param(5, 0, Behavior(), (), 1, 1000, 1, id="K3"),
        pytest.param(5, 50, up(select=Select.DISABLED), (), 1, 1000, 5, id="up disabled"),
    ],
)
def test_with_behavior(
    current: int, desired: int, behavior: Behavior, moved: tuple[int, ...], low: int, high: int, result: int
) -> None:
    rules = regime(behavior, low, high)
    assert limited_to(current, desired, rules, changes(*moved), NOW).replicas == result


@pytest.mark.parametrize(
    ("start", "rising", "value", "result"),
    [
        (50, True, 10, 56),
        (90, True, 10, 100),
        (100, True, 10, 111),
        (5, False, 80, 0),
        (10, False, 80, 1),
        (10, False, 90, 0),
    ],
)
def test_the_surprises_of_floats_are_kept(start: int, rising: bool, value: int, result: int) -> None:
    rules = regime(up(percent(value)) if rising else down(percent(value)), low=0)
    limit = policy.up_limit if rising else policy.down_limit
    assert limit(start, rules, (), NOW) == result


def test_why_a_step_is_held_and_until_when() -> None:
    rules = regime(up(pods(5, 120)), high=200)
    note = limited_to(100, 500, rules, changes(1, 5, 9), NOW).note
    assert note is not None
    assert (note.rule, note.before, note.after, note.until) == (Why.LIMITED_UP, 500, 100, NOW - 10 + 120)


# ------------------------------------------------------------------------------------------- what is remembered of it


def recorded(behavior: Behavior | None, *known: tuple[int, float], by: int = 5) -> list[int]:
    """The steps that are remembered after one more; the known ones with their age."""
    spec = Spec("a/b", (QUEUE,), behavior=behavior)
    stored: Changes = ()
    for step, age in known:
        stored = policy.remembered(spec, stored, step, NOW - age)
    return [change.by for change in policy.remembered(spec, stored, by, NOW)]


def test_a_step_that_no_policy_counts_any_longer_is_forgotten() -> None:
    sixty = Behavior(up=Rules(policies=(pods(1, 60),)), down=Rules(policies=(pods(1, 60),)))
    assert recorded(sixty, (7, 61)) == [5]  # I1
    assert recorded(sixty, (7, 58)) == [7, 5]  # I2
    assert recorded(sixty, (7, 61), (6, 59)) == [6, 5]  # I3
    both = Behavior(up=Rules(policies=(pods(1, 60), pods(1, 30))))
    assert recorded(both, (9, 61), (7, 61), (6, 59), (8, 29)) == [6, 8, 5]  # I4
    assert recorded(sixty, (6, 59), (7, 58)) == [6, 7, 5]  # I5
    assert recorded(None, (7, 10)) == []  # no behavior: nothing is remembered


def test_the_sum_over_a_period_is_exact_for_any_period() -> None:
    spec = Spec("a/b", (QUEUE,), behavior=up(pods(0, 1800)))
    stored: Changes = ()
    for second in range(100):
        stored = policy.remembered(spec, stored, second % 7 - 3, NOW - 100 + second)
    for period in (1, 2, 50, 99, 100, 200):
        rules = regime(up(pods(0, period)))
        moved = sum(change.by for change in stored if change.at > NOW - period)
        assert policy.up_limit(20, rules, stored, NOW) == 20 - moved


# ----------------------------------------------------------------------------------------------------- gaps filled in


def test_each_gap_is_filled_in_by_itself() -> None:
    rules = regime(Behavior(down=Rules(window=60)))
    assert rules.up == Direction(0, (pods(4, 15), percent(100, 15)))
    assert rules.down == Direction(60, (percent(100, 15),))
    assert regime(Behavior(up=Rules(tolerance=0.01))).tolerance == Tolerance(0.1, 0.01)


def test_behavior_of_one_direction_changes_the_other() -> None:
    """Only with behavior is scaling up +4 or +100 % in 15 s; without it is max(2x, 4) at each look (contract 2.7)."""
    assert limited_to(1, 100, regime(None), (), NOW).replicas == 4
    assert limited_to(1, 100, regime(Behavior(down=Rules(window=60))), (), NOW).replicas == 5


def test_in_direct_mode_only_written_policies_hold_back() -> None:
    rules = regime(None, mode=Mode.DIRECT)
    assert (rules.up, rules.down) == (Direction(0), Direction(300))
    assert limited_to(1, 900, rules, (), NOW).replicas == 900
    assert limited_to(900, 1, rules, (), NOW).replicas == 1
    written = regime(up(pods(2)), mode=Mode.DIRECT)
    assert limited_to(1, 900, written, (), NOW).replicas == 3


def test_in_direct_mode_policies_of_percent_can_leave_zero() -> None:
    doubled = up(percent(100))
    assert limited_to(0, 50, regime(doubled, low=0, mode=Mode.HPA), (), NOW).replicas == 0
    assert limited_to(0, 50, regime(doubled, low=0, mode=Mode.DIRECT), (), NOW).replicas == 2
    assert limited_to(0, 50, regime(doubled, low=10, mode=Mode.DIRECT), (), NOW).replicas == 20
    assert limited_to(2, 50, regime(doubled, low=0, mode=Mode.DIRECT), changes(2), NOW).replicas == 2
