"""When a decision asks for nothing that the one before did not: then the steps need not be computed again. What holds
here is what makes leaving them out safe: of two decisions that are the same, the steps are."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from scaler.core.model import Decision, Event, Metric, Why
from scaler.kubernetes.status import condition_of
from scaler.kubernetes.steps import PatchStatus, nothing, same
from tests.kubernetes.scene import REF, Life, hpa, spec_of


def settled(replicas: int = 1, value: float = 5) -> Life:
    """Of which everything has been said and done."""
    life = Life(spec_of(), replicas=replicas)
    for at in (0, 30, 60):
        life.look(at, value)
    assert nothing(life.taken)
    return life


@pytest.mark.parametrize(("replicas", "value"), [(1, 5), (3, 29), (0, 0)])
def test_while_nothing_happens_the_next_decision_is_the_same(replicas: int, value: float) -> None:
    life = settled(replicas, value)
    before = life.decision
    life.look(90, value)
    assert same(before, life.decision)
    assert nothing(life.taken)


def test_a_number_that_moves_within_its_target_is_the_metrics_api_s() -> None:
    life = settled()
    before = life.decision
    life.look(90, 5.5)
    assert life.decision.metrics != before.metrics
    assert same(before, life.decision)


@pytest.mark.parametrize(
    "other",
    [
        lambda one: replace(one, replicas=2),
        lambda one: replace(one, why=Why.ACTIVATED),
        lambda one: replace(one, conditions=one.conditions[1:]),
        lambda one: replace(one, events=(Event("Something", "happened"),)),
        lambda one: replace(one, metrics=tuple(replace(metric, active=not metric.active) for metric in one.metrics)),
        lambda one: replace(one, metrics=(*one.metrics, Metric("s1-more"))),
        lambda one: replace(one, state=replace(one.state, seen=7)),
        lambda one: replace(one, state=replace(one.state, active=not one.state.active)),
        lambda one: replace(one, state=replace(one.state, active=False, last_active=7.0)),
        lambda one: replace(one, state=replace(one.state, original_replicas=7)),
    ],
)
def test_whatever_could_be_a_step_is_another(other: Callable[[Decision], Decision]) -> None:
    decision = settled().decision
    assert same(decision, decision)
    assert not same(decision, other(decision))


def test_a_failure_is_counted_anew_each_time() -> None:
    life = settled()
    life.look(90, "away")
    before = life.decision
    life.look(120, "away")
    assert not same(before, life.decision)


def test_only_a_status_that_is_right_is_nothing() -> None:
    assert nothing((PatchStatus(REF, {}, hurry=False),))
    assert nothing(())
    assert not nothing((PatchStatus(REF, {"hpaName": "x"}, hurry=False),))


def test_that_a_new_hpa_rests_is_said_before_the_hpa_says_it() -> None:
    """One write for each new object, not two."""
    life = Life(spec_of())
    life.cached = 0
    life.look(0, 0)
    assert life.condition("HPAActive") == ("True", "ScalingDisabled")
    told = {"type": "ScalingActive", "status": "False", "reason": "ScalingDisabled", "message": "at zero"}
    life.hpas["keda-hpa-orders"] = hpa("keda-hpa-orders", owner="orders", status={"conditions": [told]})
    before = life.status
    life.look(30, 0)
    assert life.status == before


def test_of_a_target_that_is_not_at_zero_the_hpa_speaks_first() -> None:
    life = Life(spec_of(), replicas=1)
    life.cached = 1
    life.look(0, 5)
    assert not condition_of(life.status, "HPAActive")


def test_woken_at_its_first_look_nothing_is_said_of_rest() -> None:
    life = Life(spec_of())
    life.cached = 0
    life.look(0, 5)
    assert not condition_of(life.status, "HPAActive")
