"""A ScaledJob bound: what decides, what it is bound from, and what is odd about it."""

from collections.abc import Mapping
from typing import Any

import pytest

from scaler.core import jobs
from scaler.core.model import Calculation, JobRules, Mode, Pause, Spec, Strategy
from scaler.manifests.watched import Manifest, Ref
from tests.manifests.test_bind import CPU, CRON, KAFKA, bound, problems

TEMPLATE = {"template": {"spec": {"containers": [{"name": "main"}]}}}
REF = Ref("ScaledJob", "shop", "orders")


def scaled_job(annotations: Mapping[str, str] | None = None, **spec: Any) -> Manifest:
    metadata = {"name": "orders", "namespace": "shop", "annotations": annotations or {}, "generation": 3}
    return Manifest(
        REF, {"metadata": metadata, "spec": {"jobTargetRef": TEMPLATE, "triggers": [KAFKA], **spec}}, 1000.0
    )


async def decides(annotations: Mapping[str, str] | None = None, **spec: Any) -> Spec:
    return (await bound(scaled_job(annotations, **spec))).spec


async def rules(**spec: Any) -> JobRules:
    found = (await decides(**spec)).jobs
    assert found is not None
    return found


async def test_what_is_not_said_is_as_in_keda() -> None:
    watched = await bound(scaled_job())
    assert watched.decide is jobs.decide
    assert (watched.ref, watched.target, watched.interval, watched.generation) == (REF, REF, 30.0, 3)
    assert watched.spec == Spec(
        "shop/orders",
        watched.spec.goals,
        created=1000.0,
        mode=Mode.DIRECT,
        target_name="orders",
        target_kind="batch/v1.Job",
        jobs=JobRules(),
    )
    assert [(goal.metric, goal.target) for goal in watched.spec.goals] == [("s0-kafka-orders", 50.0)]
    assert watched.warnings == ()


async def test_everything_of_it() -> None:
    found = await rules(
        scalingStrategy={
            "strategy": "custom",
            "customScalingQueueLengthDeduction": 2,
            "customScalingRunningJobPercentage": "0.5",
            "pendingPodConditions": ["Ready"],
            "multipleScalersCalculation": "sum",
        },
        successfulJobsHistoryLimit=1,
        failedJobsHistoryLimit=2,
        rollout={"strategy": "gradual", "propagationPolicy": "foreground"},
    )
    assert found == JobRules(Strategy.CUSTOM, Calculation.SUM, 2, 0.5, ("Ready",), 1, 2, gradual=True, foreground=True)


@pytest.mark.parametrize(
    ("spec", "minimum", "maximum"),
    [
        ({}, 0, 100),
        ({"minReplicaCount": 5}, 5, 100),
        ({"maxReplicaCount": 9}, 0, 9),
        ({"minReplicaCount": 5, "maxReplicaCount": 9}, 5, 9),
        ({"minReplicaCount": 9, "maxReplicaCount": 5}, 9, 9),
        ({"minReplicaCount": 150}, 150, 150),
    ],
)
async def test_the_ceiling(spec: dict[str, Any], minimum: int, maximum: int) -> None:
    found = await decides(**spec)
    assert (found.minimum, found.maximum) == (minimum, maximum)


@pytest.mark.parametrize("share", ["", "half", "nan", "inf", "50%"])
async def test_a_share_that_is_none_makes_it_the_default(share: str) -> None:
    strategy = {"strategy": "custom", "customScalingRunningJobPercentage": share}
    watched = await bound(scaled_job(scalingStrategy=strategy))
    assert watched.spec.jobs is not None
    assert watched.spec.jobs.strategy is Strategy.DEFAULT
    [warning] = watched.warnings
    assert warning.startswith("spec.scalingStrategy.customScalingRunningJobPercentage: is not a number")


@pytest.mark.parametrize(
    ("old", "new", "gradual"),
    [
        (None, None, False),
        (None, "immediate", False),
        (None, "gradual", True),
        ("gradual", None, True),
        ("gradual", "immediate", True),
        ("immediate", "gradual", False),
    ],
)
async def test_the_old_name_of_the_rollout_wins(old: str | None, new: str | None, gradual: bool) -> None:
    given = {"rolloutStrategy": old, "rollout": {"strategy": new} if new else None}
    found = await rules(**{name: value for name, value in given.items() if value})
    assert found.gradual is gradual


@pytest.mark.parametrize(
    ("annotations", "paused"),
    [
        ({"autoscaling.keda.sh/paused": "true"}, True),
        ({"autoscaling.keda.sh/paused": "what?"}, True),
        ({"autoscaling.keda.sh/paused": "false"}, False),
        ({"autoscaling.keda.sh/paused-replicas": "3"}, False),
        ({"autoscaling.keda.sh/paused-replicas": "x"}, False),
        ({"autoscaling.keda.sh/paused-scale-out": "true"}, False),
    ],
)
async def test_one_annotation_pauses_it(annotations: Mapping[str, str], paused: bool) -> None:
    assert (await decides(annotations)).pause == Pause(full=paused)


@pytest.mark.parametrize(
    ("mode", "given", "is_"),
    [
        ("hpa", None, Mode.DIRECT),
        ("direct", None, Mode.DIRECT),
        ("observe", None, Mode.OBSERVE),
        ("hpa", Mode.OBSERVE, Mode.OBSERVE),
        ("observe", Mode.DIRECT, Mode.DIRECT),
    ],
)
async def test_there_is_no_hpa_to_leave_anything_to(mode: str, given: Mode | None, is_: Mode) -> None:
    assert (await bound(scaled_job({"event-scaler.dev/mode": mode}), mode=given)).spec.mode is is_


async def test_the_environment_is_that_of_its_own_template() -> None:
    kafka = {**KAFKA, "metadata": {"bootstrapServersFromEnv": "HOSTS", "consumerGroup": "g", "topic": "orders"}}
    environment = Ref("Environment", "shop", "ScaledJob.v1alpha1.keda.sh/orders/main")
    watched = await bound(scaled_job(triggers=[kafka], envSourceContainerName="main"), {environment: {"HOSTS": "a:1"}})
    assert environment in watched.refs
    assert "a:1" in repr(watched.triggers[0].source)


async def test_what_has_another_effect_than_it_seems_to_have() -> None:
    watched = await bound(
        scaled_job(triggers=[{**KAFKA, "useCachedMetrics": True}], minReplicaCount=9, maxReplicaCount=5)
    )
    assert watched.warnings == (
        "spec.triggers[0].useCachedMetrics: has no effect in a ScaledJob",
        "spec.minReplicaCount: is above the maximum: so many Jobs run, and none beside them",
    )


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        ({"jobTargetRef": {}}, "spec.jobTargetRef.template", "is required"),
        ({"triggers": []}, "spec.triggers", "no triggers defined"),
        ({"triggers": [{**KAFKA, "metricType": "Value"}]}, "spec.triggers[0].metricType", "Cannot set metricType"),
        ({"triggers": [CPU]}, "spec.triggers[0].type", "it makes no Jobs"),
        ({"triggers": [{**CRON, "useCachedMetrics": True}]}, "spec.triggers[0].useCachedMetrics", "not supported"),
        ({"triggers": [{"type": "kafka", "metadata": {}}]}, "spec.triggers[0].metadata.bootstrapServers", "required"),
        ({"triggers": [{"type": "none"}]}, "spec.triggers[0].type", "is not known here"),
    ],
)
def test_problems(spec: dict[str, Any], path: str, words: str) -> None:
    assert words in problems(scaled_job(**spec))[path]


def test_its_name_is_the_value_of_a_label() -> None:
    found = scaled_job()
    long = Manifest(REF._replace(name="a" * 64), found.body)
    assert problems(long)["metadata.name"] == "must have at most 63 characters"


def test_a_formula_is_none_of_its_fields() -> None:
    """So that a trigger without a target is not let in by one."""
    without = {"type": "metrics-api", "metadata": {"url": "http://a", "valueLocation": "v"}}
    found = problems(scaled_job(triggers=[without], advanced={"scalingModifiers": {"formula": "1"}}))
    assert "spec.triggers[0].metadata.targetValue" in found
