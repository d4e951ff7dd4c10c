"""What stands in for a metric that cannot be read (KEDA behaviour 1.3, 3.8)."""

import math
from dataclasses import replace

import pytest

from scaler.core.model import (
    Failure,
    Failures,
    Fallback,
    FallbackBehavior,
    Goal,
    MetricType,
    Mode,
    Spec,
    State,
    Value,
    Why,
)
from tests.core.story import QUEUE, START, Story, spec

RATE = Goal("s0-rate", 100.0, kind=MetricType.VALUE)
CPU = Goal("cpu", 50.0, kind=MetricType.UTILIZATION, resource="cpu")


def guarded(
    *goals: Goal,
    replicas: int = 6,
    threshold: int = 0,
    behavior: FallbackBehavior = FallbackBehavior.STATIC,
    minimum: int = 0,
) -> Spec:
    return replace(spec(*goals, minimum=minimum), fallback=Fallback(threshold, replicas, behavior))


@pytest.mark.parametrize(
    ("behavior", "current", "value"),
    [
        (FallbackBehavior.STATIC, 3, 30),
        (FallbackBehavior.STATIC, 9, 30),
        (FallbackBehavior.CURRENT, 3, 15),
        (FallbackBehavior.CURRENT_IF_HIGHER, 3, 30),
        (FallbackBehavior.CURRENT_IF_HIGHER, 9, 45),
        (FallbackBehavior.CURRENT_IF_LOWER, 3, 15),
        (FallbackBehavior.CURRENT_IF_LOWER, 9, 30),
    ],
)
def test_the_value_that_leads_to_the_fallbacks_replicas(behavior: FallbackBehavior, current: int, value: float) -> None:
    story = Story(guarded(behavior=behavior), current)
    story.at(0).load("no answer").expect(max(current, int(value / 5)))
    (metric,) = story.decision.metrics
    assert (metric.value, metric.problem, metric.fallback) == (value, "", True)


def test_modifiers_hand_the_failure_on_where_there_is_no_formula() -> None:
    story = Story(guarded(behavior=FallbackBehavior.SCALING_MODIFIERS), 3)
    story.at(0).load("no answer").expect(3, Why.NO_READING)
    assert story.decision.metrics[0].problem == "no answer"


def test_a_value_is_shared_by_the_ready_ones() -> None:
    story = Story(guarded(RATE), 3)
    story.at(0).load("no answer").sees(3, ready=2).expect(6, Why.FALLING_BACK)
    assert story.decision.metrics[0].value == 300.0


def test_a_value_needs_somebody_ready() -> None:
    story = Story(guarded(RATE), 3)
    story.at(0).load("no answer").sees(3, ready=0).expect(3, Why.NO_READING)
    assert story.decision.metrics[0].problem == "no answer"


def test_it_begins_when_the_failures_exceed_the_threshold() -> None:
    story = Story(guarded(threshold=3), 2)
    for minute in range(3):
        story.at(30 * minute).load("no answer").expect(2, Why.NO_READING)
    story.at(90).load("no answer").expect(6, Why.FALLING_BACK)


def test_a_failed_attempt_counts_once_however_often_it_is_heard_of() -> None:
    story = Story(guarded(threshold=1), 2)
    same = Failure("s0-queue", "no answer", "SourceError", START)
    for second in range(5):
        story.at(second).hear(same).expect(2, Why.NO_READING)
    assert story.state.failures == (Failures("s0-queue", 1, START),)
    story.at(5).load("no answer").expect(6, Why.FALLING_BACK)


def test_one_success_starts_the_count_anew() -> None:
    story = Story(guarded(threshold=1), 2)
    story.at(0).load("no answer").expect(2)
    story.at(30).load(10).expect(2)
    assert story.state.failures == ()
    story.at(60).load("no answer").expect(2, Why.NO_READING)


def test_it_wakes_a_workload_from_zero_even_for_no_replicas() -> None:
    Story(guarded(replicas=6), 0).at(0).load("no answer").expect(6, Why.ACTIVATED)
    Story(guarded(replicas=0), 0).at(0).load("no answer").expect(1, Why.ACTIVATED)


def test_in_force_it_starts_the_cooldown_anew_and_may_lower() -> None:
    story = Story(guarded(replicas=2), 6)
    for second in (0, 300, 600):
        story.at(second).load("no answer")
        story.expect(6 if second == 0 else 2)
    assert story.state.last_active == START + 600


def test_only_the_failing_metric_is_replaced() -> None:
    two = (Goal("s0-a", 10.0), Goal("s1-b", 10.0))
    story = Story(guarded(*two), 1)
    story.at(0).load(90, "no answer").expect(9, Why.ABOVE_TARGET)
    assert [(one.value, one.fallback) for one in story.decision.metrics] == [(90.0, False), (60.0, True)]


def test_usage_never_falls_back() -> None:
    story = Story(guarded(CPU, QUEUE), 3)
    story.at(0).hear(Value("s0-queue", 10.0, True, START)).expect(3, Why.UNKNOWN)
    assert story.decision.metrics[0].problem == "was not read"


def test_a_metric_that_was_not_read_is_a_failure() -> None:
    story = Story(spec(), 3)
    story.at(0).hear().expect(3, Why.NO_READING)
    assert story.decision.metrics[0].problem == "was not read"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_a_failure(value: float) -> None:
    story = Story(spec(), 3)
    story.at(0).hear(Value("s0-queue", value, True, START)).expect(3, Why.NO_READING)
    assert story.decision.metrics[0].problem == "is not a finite number"


def test_below_its_threshold_nothing_goes_down() -> None:
    """KEDA goes on to zero here when the fallback's replicas are 0 (KEDA behaviour 3.4); no reading is no reason."""
    story = Story(guarded(replicas=0, threshold=3), 3, State(seen=3, last_active=START - 900))
    for second in (0, 400, 800):
        story.at(second).load("no answer").expect(3, Why.NO_READING)


def test_it_is_known_by_its_own_metric() -> None:
    """In any order, and next to readings that nobody asked for."""
    two = (Goal("s0-a", 10.0), Goal("s1-b", 10.0))
    story = Story(spec(*two, mode=Mode.HPA), 3)
    readings = [Value("s9-z", 1.0, True, START), Value("s1-b", 20.0, True, START), Value("s0-a", 30.0, True, START)]
    story.at(0).hear(*readings).expect(3, Why.STEADY)
    assert [metric.value for metric in story.decision.metrics] == [30.0, 20.0]
