"""The HPA as a whole: the contract's vectors D, J and K in hpa mode, its equality with the naive HPA on random
sequences, and the five ways in which direct mode differs."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.core import ratio
from scaler.core.model import (
    Advice,
    Behavior,
    Change,
    Failure,
    Goal,
    MetricType,
    Mode,
    Policy,
    PolicyType,
    Proposal,
    Rules,
    Sample,
    Select,
    Spec,
    State,
    Value,
    Why,
)
from scaler.core.ratio import Tolerance
from tests.core import naive
from tests.core.story import QUEUE, START, Story, spec

CPU = Goal("cpu", 30.0, kind=MetricType.UTILIZATION, resource="cpu")
RATE = Goal("s0-rate", 100.0, kind=MetricType.VALUE)


def pods(value: int, period: int = 60) -> Policy:
    return Policy(PolicyType.PODS, value, period)


def percent(value: int, period: int = 60) -> Policy:
    return Policy(PolicyType.PERCENT, value, period)


def hpa(*goals: Goal, minimum: int = 1, maximum: int = 100, behavior: Behavior | None = None) -> Spec:
    return replace(spec(*goals, minimum=minimum, maximum=maximum, mode=Mode.HPA), behavior=behavior)


def usage(*values: float) -> Value:
    samples = tuple(Sample(f"pod-{index}", value, 1.0, at=START) for index, value in enumerate(values))
    return Value("cpu", sum(values), None, START, samples=samples)


# ----------------------------------------------------------------------------------------------------- D: one reconcile


def test_d1_at_zero_the_hpa_is_not_asked() -> None:
    """With the metrics unknown nobody else has a reason to leave zero either."""
    Story(hpa(minimum=3), 0).at(0).load("no answer").expect(0, Why.NO_READING)


def test_d3_above_the_maximum_at_once_to_the_maximum() -> None:
    Story(hpa(maximum=5), 10).at(0).load(500).expect(5, Why.LOWERED_TO_MAXIMUM).rules(Why.LOWERED_TO_MAXIMUM)


def test_below_the_minimum_at_once_to_the_minimum() -> None:
    Story(hpa(minimum=4), 1).at(0).load(500).expect(4, Why.RAISED_TO_MINIMUM).rules(Why.RAISED_TO_MINIMUM)


def test_d4_some_metrics_unknown_still_scale_up() -> None:
    story = Story(hpa(CPU, QUEUE), 3)
    story.at(0).hear(usage(0.4, 0.4, 0.4), Failure("s0-queue", "no answer", "SourceError", START))
    story.expect(4, Why.ABOVE_TARGET)


def test_some_metrics_unknown_never_scale_down() -> None:
    story = Story(hpa(CPU, QUEUE), 3)
    story.at(0).hear(usage(0.1, 0.1, 0.1), Failure("s0-queue", "no answer", "SourceError", START))
    story.expect(3, Why.UNKNOWN)


def test_d6_the_first_reconcile_never_scales_down() -> None:
    story = Story(hpa(CPU), 5)
    story.at(0).hear(usage(0.2, 0.2, 0.2, 0.2, 0.2)).expect(5, Why.STABILIZED_DOWN, again=None)
    assert story.decision.trail[-1].until == START + 300
    story.at(301).hear(usage(0.2, 0.2, 0.2, 0.2, 0.2)).expect(4, Why.BELOW_TARGET)


def test_d7_all_metrics_unknown_move_nothing() -> None:
    story = Story(hpa(CPU, QUEUE), 3)
    story.at(0).hear(replace(usage(), samples=(Sample("pod-0", 0.5, None),)), Failure("s0-queue", "no", "E", START))
    story.expect(3, Why.NO_READING)


def test_an_unknown_metric_leaves_no_advice() -> None:
    story = Story(hpa(), 10)
    story.at(0).load(50).expect(10)
    story.at(15).load("no answer").expect(10, Why.NO_READING)
    assert story.state.highest == (Advice(10, START),)


def test_the_metric_that_asks_for_most_wins_and_is_named() -> None:
    two = (Goal("s0-a", 10.0), Goal("s1-b", 10.0))
    story = Story(hpa(*two), 2)
    story.at(0).load(30, 40).expect(4, Why.ABOVE_TARGET)
    assert story.decision.trail[-1].by == "s1-b"


def test_average_counts_those_that_exist_value_the_ready_ones() -> None:
    Story(hpa(QUEUE), 10).at(0).load(50).sees(10, exists=11).expect(11)  # A16: the ratchet, in hpa mode
    Story(hpa(RATE), 3).at(0).load(200).sees(3, ready=1).expect(3, Why.STABILIZED_DOWN)
    Story(hpa(RATE), 3).at(0).load(200).sees(3, exists=0).expect(3, Why.NO_READING)


def test_usage_without_samples_is_left_to_the_hpa() -> None:
    story = Story(hpa(CPU, QUEUE), 3)
    story.at(0).hear(Value("s0-queue", 50.0, True, START)).expect(None, Why.LEFT_TO_HPA)
    assert [metric.problem for metric in story.decision.metrics] == [Why.LEFT_TO_HPA.value, ""]


# --------------------------------------------------------------------------------------------------------- J: sequences


def ticks(story: Story, until: int, load: float, first: int = 0) -> list[tuple[int, int]]:
    """Every change with its moment, at the HPA's pace of 15 s."""
    seen = story.target.wanted
    changed = []
    for second in range(first, until + 1, 15):
        story.at(second).load(load)
        replicas = story.decide().replicas
        assert replicas is not None
        story.sees(replicas)
        if replicas != seen:
            changed.append((replicas, second))
            seen = replicas
    return changed


def test_j_up_with_default_behavior() -> None:
    changed = ticks(Story(hpa(behavior=Behavior()), 1), 90, 500)
    assert [replicas for replicas, _ in changed] == [5, 10, 20, 40, 80, 100]


def test_j_up_without_behavior() -> None:
    assert [replicas for replicas, _ in ticks(Story(hpa(), 1), 90, 500)] == [4, 8, 16, 32, 64, 100]


def test_j_down_by_ten_percent_a_minute() -> None:
    behavior = Behavior(down=Rules(window=0, policies=(percent(10),)))
    changed = ticks(Story(hpa(behavior=behavior), 100), 200, 5, first=15)
    assert changed == [(90, 15), (81, 75), (72, 135), (64, 195)]


def test_j_up_by_the_smaller_of_two_policies() -> None:
    behavior = Behavior(up=Rules(policies=(pods(2, 60), percent(50, 30)), select=Select.MIN))
    assert ticks(Story(hpa(behavior=behavior), 10), 140, 500, first=15) == [(12, 15), (14, 75), (16, 135)]


def test_j_down_after_the_window() -> None:
    assert ticks(Story(hpa(), 10), 400, 10) == [(2, 315)]
    assert ticks(Story(hpa(behavior=Behavior()), 10), 400, 10) == [(2, 300)]


# --------------------------------------------------------------------------------- K: somebody else changes the count


def advised(replicas: int, minutes: float) -> State:
    records = (Advice(replicas, START - 60 * minutes),)
    return State(seen=replicas, highest=records, lowest=records, at=START - 60 * minutes)


def test_k1_old_advice_pulls_up_without_behavior_only() -> None:
    Story(hpa(), 1, advised(10, 1)).at(0).load(5).expect(4, Why.LIMITED_UP)
    Story(hpa(behavior=Behavior()), 1, advised(10, 1)).at(0).load(5).expect(1)


def test_k2_disabled_stays() -> None:
    behavior = Behavior(down=Rules(window=0, select=Select.DISABLED))
    Story(hpa(behavior=behavior), 5).at(0).load(5).expect(5, Why.LIMITED_DOWN)


def test_k3_not_below_the_minimum() -> None:
    Story(hpa(behavior=Behavior(down=Rules(window=0))), 5).at(0).load(0.001).expect(1)


# ------------------------------------------------------------------------------------- the same as the HPA, at random

steps = st.lists(st.tuples(st.sampled_from([1, 15, 16, 45, 60, 300, 301]), st.integers(0, 60)), min_size=1, max_size=40)
policies = st.lists(
    st.builds(
        Policy,
        st.sampled_from(PolicyType),
        st.sampled_from([1, 4, 10, 50, 100, 300]),
        st.sampled_from([15, 30, 60]),
    ),
    max_size=2,
).map(lambda drawn: (*drawn, pods(2, 60)))
directions = st.builds(
    Rules,
    st.sampled_from([0, 15, 60, 300]),
    st.sampled_from(Select),
    policies,
)


def compared(told: Spec, theirs: naive.Naive, history: Sequence[tuple[int, int]]) -> None:
    story, now, current = Story(told, 5), 0, 5
    for pause, load in history:
        now += pause
        story.at(now).load(float(load), float(-1))
        asked = ratio.average(current, load * 1000, 2000, Tolerance(0.1, 0.1))
        current = theirs.reconcile(current, asked, START + now)
        story.expect(current)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(steps)
def test_equal_to_the_naive_hpa_without_behavior(history: list[tuple[int, int]]) -> None:
    told = hpa(Goal("s0-a", 2.0, -2.0), Goal("s1-b", 2.0, -2.0), minimum=2, maximum=25)
    compared(told, naive.Naive(2, 25), history)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(steps, directions, directions)
def test_equal_to_the_naive_hpa_with_behavior(history: list[tuple[int, int]], up: Rules, down: Rules) -> None:
    told = hpa(Goal("s0-a", 2.0, -2.0), Goal("s1-b", 2.0, -2.0), minimum=2, maximum=25, behavior=Behavior(up, down))
    theirs = naive.Naive(2, 25, naive.Rules.of(up), naive.Rules.of(down))
    compared(told, theirs, history)


# ---------------------------------------------------------------------------------------- where direct is not the HPA


def direct(*goals: Goal, minimum: int = 0, maximum: int = 100, behavior: Behavior | None = None) -> Spec:
    return replace(spec(*goals, minimum=minimum, maximum=maximum, mode=Mode.DIRECT), behavior=behavior)


def test_direct_a_policies_that_nobody_wrote_hold_nothing_back() -> None:
    Story(direct(), 0).at(0).load(400).expect(80, Why.ACTIVATED)
    Story(direct(behavior=Behavior()), 1).at(0).load(400).expect(80, Why.ABOVE_TARGET)
    written = Behavior(up=Rules(policies=(pods(4, 15),)))
    Story(direct(behavior=written), 1).at(0).load(400).expect(5, Why.LIMITED_UP, again=15)


def test_direct_a_scaling_down_keeps_its_window() -> None:
    story = Story(direct(), 10)
    story.at(0).load(50).expect(10, Why.STEADY)
    story.at(15).load(5).expect(10, Why.STABILIZED_DOWN, again=300)
    story.at(300).load(5).expect(1, Why.BELOW_TARGET)


def test_direct_b_a_policy_of_percent_leaves_zero() -> None:
    doubled = Behavior(up=Rules(policies=(percent(100, 15),)))
    story = Story(direct(behavior=doubled), 0)
    story.at(0).load(400).expect(2, Why.ACTIVATED, again=15)
    story.at(10).load(400).expect(2, Why.LIMITED_UP, again=15)
    story.at(15).load(400).expect(4, Why.LIMITED_UP, again=30)
    story.at(30).load(400).expect(8)


def test_direct_c_a_value_is_asked_every_15_seconds_an_average_at_every_reading() -> None:
    story = Story(direct(RATE), 3)
    story.at(0).load(200).expect(6, Why.ABOVE_TARGET)
    story.at(5).load(200).expect(6, Why.SETTLING, again=15)  # the six have not shown their effect yet
    story.at(14).load(110).expect(6)
    story.at(15).load(200).expect(12, Why.ABOVE_TARGET)
    story = Story(direct(QUEUE), 3)
    story.at(0).load(30).expect(6)
    story.at(5).load(60).expect(12)


def test_direct_c_at_zero_a_value_is_asked_at_once() -> None:
    state = State(seen=0, proposals=(Proposal("s0-rate", 1, START - 5),))
    Story(direct(RATE), 0, state).at(0).load(700).expect(7, Why.ACTIVATED)


def test_direct_d_to_zero_is_the_cooldowns_alone() -> None:
    """No window, no default policy; only a written one, and only down to 1."""
    story = Story(direct(), 50)
    story.at(0).load(250).expect(50)
    story.at(299).load(0).expect(50, Why.COOLING, again=300)
    story.at(300).load(0).expect(0, Why.DEACTIVATED)


def test_direct_d_written_policies_are_kept_to_down_to_one() -> None:
    halves = Behavior(down=Rules(policies=(percent(50, 60),)))
    story = Story(direct(behavior=halves), 8)
    story.at(0).load(40).expect(8)
    story.at(300).load(0).expect(4, Why.LIMITED_DOWN, again=360).tells()
    story.at(330).load(0).expect(4, Why.LIMITED_DOWN, again=360)
    story.at(360).load(0).expect(2)
    story.at(420).load(0).expect(1)
    story.at(421).load(0).expect(0, Why.DEACTIVATED).tells("KEDAScaleTargetDeactivated")


def test_direct_d_disabled_is_no_pace() -> None:
    """Who disables scaling down still expects the rest at the end, as with KEDA."""
    never = Behavior(down=Rules(select=Select.DISABLED))
    story = Story(direct(behavior=never), 8)
    story.at(0).load(40).expect(8)
    story.at(200).load(5).expect(8)
    story.at(500).load(0).expect(0, Why.DEACTIVATED)


def test_direct_e_inside_the_tolerance_the_wanted_count_stays() -> None:
    """A surge of a rolling update neither ratchets up (contract 2.9.1) nor hides that more are needed."""
    Story(direct(), 10).at(0).load(50).sees(10, exists=11).expect(10, Why.STEADY)
    Story(direct(), 10).at(0).load(54).sees(10, exists=11).expect(10, Why.WITHIN_TOLERANCE)
    Story(direct(), 10).at(0).load(65).sees(10, exists=13).expect(13, Why.ABOVE_TARGET)


def test_direct_e_few_ready_ones_turn_no_direction() -> None:
    """Twice its target is no reason for fewer, only because most are still starting."""
    behavior = Behavior(down=Rules(window=0))
    Story(direct(RATE, behavior=behavior), 10).at(0).load(200).sees(10, ready=2).expect(10)
    Story(direct(RATE, behavior=behavior), 3).at(0).load(50).sees(3, exists=12).expect(3)


def test_direct_windows_are_kept_above_zero() -> None:
    """An activation is an advice too: the burst that woke the workload holds it up for a window."""
    story = Story(direct(), 0)
    story.at(0).load(400).expect(80, Why.ACTIVATED)
    story.at(30).load(5).expect(80, Why.STABILIZED_DOWN, again=300)


def test_direct_an_up_window_holds_an_activation_at_its_first_step() -> None:
    careful = Behavior(up=Rules(window=60))
    story = Story(direct(behavior=careful), 0)
    story.at(0).load(0).expect(0)
    story.at(30).load(400).expect(1, Why.ACTIVATED, again=60)
    story.at(60).load(400).expect(80, Why.ABOVE_TARGET)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.floats(0, 1e6), st.sampled_from([7, 60, 300]), st.booleans())
def test_direct_who_comes_back_at_the_told_moment_is_not_early(moment: float, seconds: int, by_policy: bool) -> None:
    """Whatever the fraction of a second that the floats carry."""
    rules = Rules(0, policies=(pods(1, seconds),)) if by_policy else Rules(seconds)
    story = Story(direct(behavior=Behavior(down=rules)), 10)
    story.at(moment).load(50).expect(10)
    story.at(moment + 1).load(5).expect(9 if by_policy else 10)
    again = story.decision.again
    assert again is not None
    story.now = again
    story.load(5).expect(8 if by_policy else 1)


def test_direct_counts_every_step_that_was_seen() -> None:
    """Also one that somebody else made; and one that was decided but never happened leaves no trace."""
    behavior = Behavior(up=Rules(policies=(pods(4, 60),)))
    story = Story(direct(behavior=behavior), 1)
    story.at(0).load(400).expect(5, Why.LIMITED_UP, obeyed=False)
    story.at(10).load(400).expect(5, Why.LIMITED_UP)
    assert not story.state.changes
    story.at(20).load(400).expect(5)
    assert story.state.changes == (Change(4, START + 10, 4),)
    story.sees(7).at(30).load(400).expect(7, Why.LIMITED_UP, again=70)


@pytest.mark.parametrize("mode", [Mode.HPA, Mode.OBSERVE])
def test_observing_is_the_hpas_arithmetic(mode: Mode) -> None:
    Story(replace(hpa(), mode=mode), 1).at(0).load(400).expect(4, Why.LIMITED_UP)
