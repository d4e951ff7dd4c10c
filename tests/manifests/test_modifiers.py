"""scalingModifiers of a manifest: what is bound of it, what is wrong with it, and what is odd."""

from typing import Any

import pytest

from scaler import catalog
from scaler.core.model import Goal, MetricType
from scaler.core.naming import COMPOSITE
from scaler.manifests.bind import examine
from scaler.manifests.watched import Manifest, Ref
from tests.manifests.test_bind import CPU, CRON, KAFKA, bound, scaled_object

PATH = "spec.advanced.scalingModifiers"
WRONG = "error validating formula in ScalingModifiers: "
NUMBER: dict[str, Any] = {
    "type": "metrics-api",
    "metadata": {"url": "http://numbers.test", "valueLocation": "value"},
}


def named(trigger: dict[str, Any], name: str) -> dict[str, Any]:
    return {**trigger, "name": name}


def modified(*triggers: dict[str, Any], fallback: Any = None, minimum: int = 0, **modifiers: Any) -> Manifest:
    """On a queue called lag and a number called rate, unless told otherwise."""
    return scaled_object(
        triggers=list(triggers or (named(KAFKA, "lag"), named(NUMBER, "rate"))),
        minReplicaCount=minimum,
        advanced={"scalingModifiers": modifiers},
        **({"fallback": fallback} if fallback else {}),
    )


def problems(manifest: Manifest) -> dict[str, str]:
    return dict(examine(manifest, catalog.find).problems)


async def test_what_is_bound() -> None:
    watched = await bound(modified(formula="lag + rate", target="2.5", activationTarget="7", metricType="Value"))
    assert watched.spec.formula == "lag + rate"
    assert watched.spec.variables == (("lag", "s0-kafka-orders"), ("rate", "s1-metric-api-value"))
    assert watched.spec.composite == Goal(COMPOSITE, 2.5, 7.0, MetricType.VALUE)
    assert watched.warnings == ()
    assert watched.has(COMPOSITE)
    assert watched.behind(COMPOSITE) == watched.triggers
    assert watched.behind("s0-kafka-orders") == watched.triggers[:1]


async def test_what_is_filled_in() -> None:
    watched = await bound(modified(formula="lag + rate", target="5"))
    assert watched.spec.composite == Goal(COMPOSITE, 5.0)


async def test_without_a_formula_there_is_nothing_of_it() -> None:
    spec = (await bound(scaled_object())).spec
    assert (spec.formula, spec.variables, spec.composite) == ("", (), None)


async def test_beside_a_formula_a_trigger_needs_no_target_of_its_own() -> None:
    watched = await bound(modified(named(NUMBER, "rate"), formula="rate", target="5"))
    assert watched.triggers[0].goals == (Goal("s0-metric-api-value", 0.0),)
    alone = scaled_object(triggers=[NUMBER])
    assert problems(alone) == {"spec.triggers[0].metadata.targetValue": "is required without a formula"}
    wrong = modified(NUMBER, formula="rate", target="5")
    assert problems(wrong) == {f"{PATH}.formula": f"{WRONG}unknown name rate"}


async def test_triggers_that_it_does_not_hear_are_named() -> None:
    usage = named(CPU, "usage")
    made = modified(named(KAFKA, "lag"), CRON, usage, named(NUMBER, "rate"), formula="lag", target="5")
    assert examine(made, catalog.find).warnings == {
        "spec.triggers[1].name": "is not given, so the formula cannot use the trigger's value",
        "spec.triggers[2].name": "the formula cannot use the value of a cpu trigger",
        "spec.triggers[3].name": "is not used by the formula",
    }


async def test_only_those_that_have_a_name_are_inputs() -> None:
    watched = await bound(modified(CRON, named(NUMBER, "rate"), formula="rate", target="5"))
    assert watched.spec.variables == (("rate", "s1-metric-api-value"),)
    assert [goal.metric for goal in watched.spec.goals] == ["s0-cron-UTC-08xxx-018xxx", "s1-metric-api-value"]
    assert watched.behind(COMPOSITE) == watched.triggers[1:]


@pytest.mark.parametrize(
    ("modifiers", "path", "sentence"),
    [
        ({"formula": "lag +", "target": "5"}, "formula", f"{WRONG}its end is not expected there"),
        ({"formula": "lag + load", "target": "5"}, "formula", f"{WRONG}unknown name load"),
        ({"formula": "lag > 1", "target": "5"}, "formula", f"{WRONG}it yields bool, not a number"),
        ({"formula": "lag % 2", "target": "5"}, "formula", f"{WRONG}% does not go with float and int"),
        ({"formula": "[lag][1]", "target": "5"}, "formula", f"{WRONG}there is no element 1 in a list of 1"),
        ({"formula": "string(lag)", "target": "5"}, "formula", f"{WRONG}text is not supported, so there is no string"),
        ({"formula": "1..9999 | len()", "target": "5"}, "formula", f"{WRONG}a list of it has more than 1000 elements"),
        ({"formula": "lag"}, "target", "is required with a formula"),
        ({"formula": "lag", "target": "five"}, "target", "error validating target in ScalingModifiers"),
        ({"formula": "lag", "target": "0"}, "target", "error validating target in ScalingModifiers"),
        ({"formula": "lag", "target": "-1"}, "target", "error validating target in ScalingModifiers"),
        ({"formula": "lag", "target": "inf"}, "target", "error validating target in ScalingModifiers"),
        ({"formula": "lag", "target": "nan"}, "target", "error validating target in ScalingModifiers"),
        ({"formula": "lag", "target": "5", "activationTarget": "x"}, "activationTarget", "must be a number"),
        ({"formula": "lag", "target": "5", "metricType": "Utilization"}, "metricType", "must be one of"),
        ({"target": "5"}, "formula", "is required with scalingModifiers"),
        ({"metricType": "Value"}, "formula", "is required with scalingModifiers"),
        ({"formula": 5, "target": "5"}, "formula", "must be text"),
    ],
)
def test_what_is_wrong(modifiers: dict[str, Any], path: str, sentence: str) -> None:
    found = problems(modified(named(KAFKA, "lag"), **modifiers))
    assert list(found) == [f"{PATH}.{path}"]
    assert found[f"{PATH}.{path}"].startswith(sentence)


def test_both_problems_are_told() -> None:
    assert problems(modified(formula="x", target="0")).keys() == {f"{PATH}.formula", f"{PATH}.target"}


def test_a_trigger_whose_name_no_formula_can_hold() -> None:
    found = problems(modified(named(KAFKA, "my-lag"), formula="my-lag * 2", target="5"))
    assert found[f"{PATH}.formula"].startswith(f"{WRONG}unknown name my (a trigger is called 'my-lag'")


def test_the_fallback_may_hand_nil_to_a_formula() -> None:
    fallback = {"failureThreshold": 3, "replicas": 2, "behavior": "scalingModifiers"}
    assert not problems(modified(formula="lag ?? rate", target="5", fallback=fallback))
    without = scaled_object(fallback=fallback)
    assert problems(without) == {
        "spec.fallback.behavior": "scalingModifiers needs advanced.scalingModifiers.formula",
    }


def test_with_a_formula_usage_alone_may_have_a_fallback() -> None:
    fallback = {"failureThreshold": 3, "replicas": 2}
    assert not problems(modified(CPU, formula="5", target="5", fallback=fallback, minimum=1))


def test_a_manifest_that_cannot_be_read_is_not_asked_for_targets() -> None:
    """The rest of it is wrong, but it has a formula."""
    made = modified(named(NUMBER, "rate"), formula="rate", target="5")
    body = {**made.body, "spec": {**made.body["spec"], "pollingInterval": 0}}
    found = problems(Manifest(Ref("ScaledObject", "shop", "orders"), body))
    assert found.keys() == {"spec.pollingInterval"}


@pytest.mark.parametrize("metadata", [True, [], "x", {"annotations": [1]}, {"annotations": "x"}])
def test_metadata_of_no_shape_is_told(metadata: Any) -> None:
    body = {**scaled_object().body, "metadata": metadata}
    [problem] = problems(Manifest(Ref("ScaledObject", "shop", "orders"), body)).items()
    assert problem in {("metadata", "must be a mapping"), ("metadata.annotations", "must be a mapping")}
