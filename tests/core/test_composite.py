"""The metric that a formula makes of the triggers, and what stands in for it (KEDA behaviour 1.3, 3.3, 3.9)."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from scaler.core.composite import goals_of, thousandths
from scaler.core.model import (
    ConditionType,
    Failure,
    Fallback,
    FallbackBehavior,
    Goal,
    Metric,
    MetricType,
    Mode,
    Spec,
    State,
    Value,
    Why,
)
from scaler.core.naming import COMPOSITE
from tests.core.story import START, Story, spec
from tests.core.test_decide_properties import Tale, proved, tales

A, B = Goal("s0-a", 0.0), Goal("s1-b", 100.0, activation=10.0)
CPU = Goal("cpu", 50.0, kind=MetricType.UTILIZATION, resource="cpu")
MODIFIERS = FallbackBehavior.SCALING_MODIFIERS


def made(
    text: str,
    *,
    target: float = 5.0,
    activation: float = 0.0,
    kind: MetricType = MetricType.AVERAGE_VALUE,
    fallback: Fallback | None = None,
    mode: Mode = Mode.DIRECT,
    **more: Any,
) -> Spec:
    """Two triggers, called a and b, and a formula over them."""
    return replace(
        spec(A, B, mode=mode, **more),
        formula=text,
        variables=(("a", A.metric), ("b", B.metric)),
        composite=Goal(COMPOSITE, target, activation, kind),
        fallback=fallback,
    )


def metric(story: Story, name: str = COMPOSITE) -> Metric:
    return next(one for one in story.decision.metrics if one.name == name)


# ------------------------------------------------------------------------------------------------------------ a number


def test_what_the_formula_yields_is_what_is_compared() -> None:
    story = Story(made("a + b"), 1)
    story.at(0).load(10, 15).expect(5, Why.ABOVE_TARGET)
    assert metric(story) == Metric(COMPOSITE, 25.0, START, active=True)
    assert [one.name for one in story.decision.metrics] == ["s0-a", "s1-b", COMPOSITE]
    assert story.decision.trail[0].by == COMPOSITE


def test_the_triggers_own_targets_do_not_count() -> None:
    Story(made("a"), 1).at(0).load(5, 100_000).expect(1, Why.STEADY)


def test_it_alone_says_whether_the_object_is_active() -> None:
    """b is above its own activation, the composite is not above its."""
    story = Story(made("a + b", activation=50), 0)
    story.at(0).load(0, 20).expect(0, Why.RESTING)
    assert metric(story, "s1-b").active
    story.at(30).load(40, 20).expect(12, Why.ACTIVATED)
    assert story.decision.events[-1].message.endswith("triggered by composite-metric")


def test_the_hpas_first_step_is_the_same_as_ever() -> None:
    Story(made("a + b", mode=Mode.HPA), 0).at(0).load(40, 20).expect(1, Why.ACTIVATED)


def test_usage_goes_on_beside_it() -> None:
    told = replace(made("a", mode=Mode.HPA), goals=(A, B, CPU))
    assert goals_of(told) == (CPU, told.composite)
    Story(told, 3).at(0).hear(*_values(5, 5)).expect(None, Why.LEFT_TO_HPA)


def test_without_a_formula_the_triggers_are_compared() -> None:
    assert goals_of(spec(A, B)) == (A, B)


def test_it_is_as_old_as_the_oldest_of_its_inputs() -> None:
    story = Story(made("a + b"), 1)
    story.at(60).hear(Value("s0-a", 1, True, START + 20), Value("s1-b", 1, True, START + 50)).expect(1)
    assert metric(story).at == START + 20


@pytest.mark.parametrize(
    ("value", "seen"), [(1.2345, 1.234), (-1.2345, -1.234), (0.0004, 0.0), (7.0, 7.0), (1e300, 1e300), (0.001, 0.001)]
)
def test_numbers_are_seen_in_thousandths(value: float, seen: float) -> None:
    assert thousandths(value) == seen


def test_what_is_less_than_a_thousandth_is_nothing() -> None:
    Story(made("a"), 0).at(0).load(0.0004, 0).expect(0, Why.RESTING)
    Story(made("a / 10000"), 0).at(0).load(4, 0).expect(0, Why.RESTING)


def test_below_zero_it_is_published_as_zero_and_inactive() -> None:
    story = Story(made("a - b"), 0)
    story.at(0).load(1, 5).expect(0, Why.RESTING)
    assert (metric(story).value, metric(story).active) == (0.0, False)


# ----------------------------------------------------------------------------------------------------------- no number


def test_one_input_that_cannot_be_read_is_enough() -> None:
    story = Story(made("a + b"), 3)
    story.at(0).load(100, "no answer").expect(3, Why.NO_READING)
    assert metric(story).problem == "b: no answer"
    assert metric(story, "s0-a").value == 100
    story.says(ConditionType.READY, "False", "TriggerError")
    assert story.condition(ConditionType.READY).message.endswith("not working correctly: s1-b: no answer")


def test_that_is_told_once() -> None:
    story = Story(made("a + b"), 3)
    story.at(0).load(1, 1).expect(3)
    story.at(30).load(1, "no answer").expect(3).tells("KEDAMetricSourceFailed")
    story.at(60).load(1, "no answer").expect(3).tells()
    assert [(one.metric, one.count) for one in story.state.failures] == [("s1-b", 2)]


def test_one_that_the_formula_does_not_use_hinders_it_not() -> None:
    """But while anything is unknown, the object does not rest."""
    story = Story(made("a", cooldown=0), 1)
    story.at(0).load(25, "no answer").expect(5, Why.ABOVE_TARGET)
    story.says(ConditionType.READY, "Unknown", "PartialTriggerError")
    for second in (400, 800, 1200):
        story.at(second).load(0, "no answer").expect(1)
    story.at(1600).load(0, 0).expect(0, Why.DEACTIVATED)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a][1]", "the formula cannot be computed: there is no element 1 in a list of 1"),
        ("a / 0", "the formula yields no finite number"),
        ("nil ?? a > 0 ? nil : 1", "the formula cannot be compiled"),
        ("a > 0 ? nil : 1", "the formula cannot be computed"),
        ("a > 0 ? nil : b ?? 1", "the formula yields nil"),
    ],
)
def test_a_formula_that_fails_is_a_failure_of_its_own(text: str, problem: str) -> None:
    story = Story(made(text, fallback=None), 3)
    story.at(0).load(1, 1).expect(3, Why.NO_READING)
    assert metric(story).problem.startswith(problem)
    story.says(ConditionType.READY, "False", "TriggerError")
    story.at(30).load(1, 1).expect(3).tells()


def test_it_is_told_beside_an_input_that_fails_for_itself() -> None:
    story = Story(made("[a][1]"), 3).at(0).load(1, "no answer").expect(3, Why.NO_READING)
    told = story.condition(ConditionType.READY).message
    assert "s1-b: no answer" in told
    assert f"{COMPOSITE}: the formula cannot be computed" in told


def test_no_fallback_waits_for_a_formula_that_fails() -> None:
    story = Story(made("[a][1]", fallback=Fallback(1, 7)), 3)
    for minute in range(4):
        story.at(60 * minute).load(1, 1).expect(3, Why.NO_READING)
        story.says(ConditionType.READY, "False", "TriggerError")
    story.at(600).edited(made("a + b", fallback=Fallback(1, 7))).load(10, 5).expect(3)
    assert story.state.failures == ()


# ------------------------------------------------------------------------------------------------------------ fallback


@pytest.mark.parametrize(
    ("behavior", "current", "replicas"),
    [
        (FallbackBehavior.STATIC, 3, 6),
        (FallbackBehavior.CURRENT, 3, 3),
        (FallbackBehavior.CURRENT_IF_HIGHER, 9, 9),
        (FallbackBehavior.CURRENT_IF_LOWER, 9, 6),
    ],
)
def test_it_falls_back_as_a_whole(behavior: FallbackBehavior, current: int, replicas: int) -> None:
    told = made("a + b", fallback=Fallback(1, 6, behavior))
    story = Story(told, current, State(seen=current))
    story.at(0).load(1, "no answer").expect(current, Why.NO_READING)
    story.at(30).load(1, "no answer").expect(max(current, replicas) if replicas > current else replicas)
    assert metric(story) == Metric(COMPOSITE, 5.0 * replicas, START + 30, fallback=True, active=True)
    story.says(ConditionType.FALLBACK, "True", "FallbackExists").says(ConditionType.READY, "True", "ScaledObjectReady")
    assert metric(story, "s1-b").problem == "no answer"


def test_a_fraction_as_its_target_falls_back_as_well() -> None:
    """KEDA's fallback is silently off there (KEDA behaviour 1.3)."""
    Story(made("a + b", target=2.5, fallback=Fallback(0, 6)), 1).at(0).load(1, "x").expect(6, Why.FALLING_BACK)


def test_a_value_is_shared_by_the_ready_ones() -> None:
    told = made("a", kind=MetricType.VALUE, fallback=Fallback(0, 6))
    story = Story(told, 3).at(0).load("x", 1).sees(3, ready=2).expect(6, Why.FALLING_BACK)
    assert metric(story).value == 15.0
    unready = Story(told, 3).at(0).load("x", 1).sees(3, ready=0).expect(3, Why.NO_READING)
    assert metric(unready).problem == "x"


def test_a_fallback_counts_as_active_as_soon_as_it_asks_for_somebody() -> None:
    """KEDA compares it with the activation, and rests because a source does not answer."""
    Story(made("a", activation=1000, fallback=Fallback(0, 6)), 0).at(0).load("x", 1).expect(6, Why.ACTIVATED)
    Story(made("a", fallback=Fallback(0, 0)), 0).at(0).load("x", 1).expect(0, Why.RESTING)


def test_modifiers_hand_nil_to_the_formula() -> None:
    told = made("(a ?? 20) + b", fallback=Fallback(1, 9, MODIFIERS))
    story = Story(told, 1)
    story.at(0).load("no answer", 5).expect(1, Why.NO_READING)
    story.at(30).load("no answer", 5).expect(5, Why.ABOVE_TARGET)
    assert metric(story) == Metric(COMPOSITE, 25.0, START + 30, active=True)
    story.says(ConditionType.READY, "True", "ScaledObjectReady").says(ConditionType.FALLBACK, "True", "FallbackExists")


def test_a_trigger_that_was_given_up_does_not_keep_the_object_from_its_rest() -> None:
    told = made("a ?? b", cooldown=60, fallback=Fallback(0, 9, MODIFIERS))
    story = Story(told, 1)
    story.at(0).load("no answer", 5).expect(1)
    story.at(300).load("no answer", 0).expect(0, Why.DEACTIVATED)


def test_a_formula_that_yields_nil_has_the_fallbacks_replicas() -> None:
    told = made("a ?? nil", fallback=Fallback(0, 9, MODIFIERS))
    story = Story(told, 1).at(0).load("no answer", 5).expect(9, Why.FALLING_BACK)
    assert metric(story) == Metric(COMPOSITE, 45.0, START, fallback=True, active=True)


def test_a_formula_that_cannot_do_without_it_fails() -> None:
    told = made("a + b", fallback=Fallback(0, 9, MODIFIERS))
    story = Story(told, 3).at(0).load("no answer", 5).expect(3, Why.NO_READING)
    assert metric(story).problem == "the formula cannot be computed: + does not go with nil and float"
    story.says(ConditionType.READY, "False", "TriggerError")


def test_it_ends_with_the_first_answer() -> None:
    story = Story(made("a + b", fallback=Fallback(0, 6)), 1)
    story.at(0).load(1, "no answer").expect(6)
    story.at(30).load(35, 5).expect(8).tells("ScaledObjectFallbackDeactivated")
    story.says(ConditionType.FALLBACK, "False", "NoFallbackFound")


def test_usage_that_cannot_be_read_is_none_of_its_inputs() -> None:
    told = replace(made("a"), goals=(A, B, CPU))
    story = Story(told, 3).at(0).hear(*_values(50, 0), Failure("cpu", "no samples", "SourceError", START))
    story.expect(10)
    assert metric(story).value == 50


@proved(100)
@given(tales())
def test_a_formula_that_is_one_trigger_decides_as_the_trigger_would(tale: Tale) -> None:
    goal = tale.spec.goals[0]
    plain = replace(tale.spec, goals=(goal,), fallback=None)
    composite = replace(goal, metric=COMPOSITE)
    modified = replace(plain, formula="x", variables=(("x", goal.metric),), composite=composite)
    without, within = (
        tale._replace(spec=told, loads=tale.loads[:1], state=State(last_active=tale.state.last_active)).decide()
        for told in (plain, modified)
    )
    assert (without.replicas, without.why, without.again) == (within.replicas, within.why, within.again)
    assert [(one.status, one.reason) for one in without.conditions] == [
        (one.status, one.reason) for one in within.conditions
    ]


def _values(a: float, b: float) -> list[Value]:
    return [Value("s0-a", a, True, START), Value("s1-b", b, True, START)]
