"""The annotations that hold a ScaledObject still, or awake, and that they can be taken away again."""

import pytest

from scaler.manifests.annotations import (
    FORCE_ACTIVATION,
    PAUSED,
    PAUSED_REPLICAS,
    PAUSED_SCALE_IN,
    PAUSED_SCALE_OUT,
)
from tests.e2e.kube_objects import condition, hpas
from tests.e2e.kube_scene import Scene

HPA = "keda-hpa-worker"


async def test_a_paused_object_has_no_hpa_and_stays_as_it_is(scene: Scene) -> None:
    scene.answers["worker"] = 3
    await scene.pair("worker")
    await scene.replicas("worker", 1)
    await scene.ready("worker")
    await scene.annotate("worker", {PAUSED: "true"})
    paused = await scene.told("worker", "Paused", "True", "ScaledObjectPaused")
    assert condition(paused, "Ready") == ("True", "ScaledObjectReady", "ScaledObject is paused")
    assert "pausedReplicaCount" not in paused["status"]
    await scene.kube.gone(hpas(scene.namespace, HPA))
    scene.answers["worker"], since = 0, scene.cluster.mark()
    await scene.polls("worker", 4)
    await scene.replicas("worker", 1)
    assert not scene.scalings("worker", since)
    await scene.annotate("worker", {PAUSED: None})
    await scene.told("worker", "Paused", "False", "ScaledObjectUnpaused")
    await scene.hpa(HPA)
    await scene.replicas("worker", 0)
    reasons = [reason for reason, _ in await scene.events("worker", "KEDAScaleTargetDeactivated")]
    assert reasons[4:] == [
        "KEDAScalersStopped",
        "ScaledObjectPaused",
        "KEDAScalersStarted",
        "ScaledObjectUnpaused",
        "KEDAScaleTargetDeactivated",
    ]


async def test_paused_at_a_number_which_is_not_enforced(scene: Scene) -> None:
    await scene.pair("worker", annotations={PAUSED_REPLICAS: "3"})
    await scene.replicas("worker", 3)
    paused = await scene.told("worker", "Paused", "True")
    assert paused["status"]["pausedReplicaCount"] == 3
    assert await scene.kube.find(hpas(scene.namespace, HPA)) is None
    await scene.polls("worker", 1)
    since = scene.cluster.mark()
    await scene.scale("worker", 1)
    await scene.polls("worker", 3)
    await scene.replicas("worker", 1)
    await scene.annotate("worker", {PAUSED_REPLICAS: "4"})
    await scene.replicas("worker", 4)
    await scene.object("worker", lambda found: found["status"].get("pausedReplicaCount") == 4)
    assert len(scene.scalings("worker", since)) == 1
    await scene.annotate("worker", {PAUSED_REPLICAS: None})
    unpaused = await scene.told("worker", "Paused", "False")
    assert "pausedReplicaCount" not in unpaused["status"]
    await scene.hpa(HPA)
    await scene.replicas("worker", 0)


async def test_paused_replicas_wins_over_an_unpaused(scene: Scene) -> None:
    scene.answers["worker"] = 30
    await scene.pair("worker", annotations={PAUSED_REPLICAS: "0", PAUSED: "false"})
    paused = await scene.told("worker", "Paused", "True")
    assert paused["status"]["pausedReplicaCount"] == 0
    await scene.polls("worker", 2)
    assert not scene.scalings("worker")


@pytest.mark.parametrize(("annotation", "way"), [(PAUSED_SCALE_IN, "scaleDown"), (PAUSED_SCALE_OUT, "scaleUp")])
async def test_one_direction_is_disabled(scene: Scene, annotation: str, way: str) -> None:
    """In the HPA, and for our own step from or to zero."""
    inward = way == "scaleDown"
    scene.answers["worker"] = 3 if inward else 0
    await scene.pair("worker", cooldownPeriod=1)
    await scene.replicas("worker", 1 if inward else 0)
    await scene.annotate("worker", {annotation: "true"})
    await scene.hpa(HPA, lambda hpa: hpa["spec"]["behavior"][way].get("selectPolicy") == "Disabled")
    await scene.told("worker", "Paused", "True", "ScaledObjectPaused")
    scene.answers["worker"] = 0 if inward else 3
    await scene.told("worker", "Active", "False" if inward else "True")
    await scene.polls("worker", 3)
    await scene.replicas("worker", 1 if inward else 0)
    await scene.annotate("worker", {annotation: None})
    await scene.replicas("worker", 0 if inward else 1)
    await scene.hpa(HPA, lambda hpa: hpa["spec"]["behavior"][way].get("selectPolicy") != "Disabled")
    await scene.told("worker", "Paused", "False", "ScaledObjectUnpaused")


async def test_forced_to_be_active(scene: Scene) -> None:
    await scene.pair("worker", annotations={FORCE_ACTIVATION: "true"})
    await scene.replicas("worker", 1)
    await scene.told("worker", "Active", "True", "ScalerActive", "forced by annotation")
    told = await scene.events("worker", "KEDAScaleTargetActivated")
    assert told[-1][1].endswith("from 0 to 1, caused by forced activation annotation")
    await scene.annotate("worker", {FORCE_ACTIVATION: None})
    await scene.replicas("worker", 0)
