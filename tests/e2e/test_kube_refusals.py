"""What cannot be served: refused by the API server where the CRD can say it, told by the status where it cannot, and
never in the way of anything else."""

import json
from typing import Any

import pytest

from scaler.manifests.annotations import PAUSED_REPLICAS
from tests.e2e.kube_objects import (
    condition,
    deployment,
    hpas,
    objects,
    scaled_object,
)
from tests.e2e.kube_scene import Scene

CPU = {"type": "cpu", "metadata": {"value": "60"}}


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"minReplicaCount": 6}, "minReplicaCount must not be greater than maxReplicaCount"),
        ({"minReplicaCount": 1, "idleReplicaCount": 1}, "idleReplicaCount must be less than minReplicaCount"),
        ({"pollingInterval": 0}, "spec.pollingInterval in body should be greater than or equal to 1"),
        ({"triggers": []}, "spec.triggers in body should have at least 1 items"),
        ({"scaleTargetRef": {"name": ""}}, "spec.scaleTargetRef.name"),
    ],
    ids=["min above max", "idle not below min", "no interval", "no triggers", "no target"],
)
async def test_refused_at_the_door(scene: Scene, spec: dict[str, Any], sentence: str) -> None:
    manifest = json.dumps(scaled_object("worker", CPU, **spec))
    said = await scene.cluster.kubectl("apply", "-n", scene.namespace, "-f", "-", stdin=manifest)
    assert said.code != 0
    assert sentence in said.err
    assert await scene.kube.find(objects(scene.namespace, "worker")) is None


async def test_bad_objects_do_not_stop_good_ones(scene: Scene) -> None:
    """All problems of one in one message; mended, it is served without a restart."""
    bad = scene.asks("bad", "zero", authMode="magic")
    del bad["metadata"]["valueLocation"]
    await scene.pair("bad", bad, {"type": "no-such-thing", "metadata": {}})
    await scene.pair("paused", annotations={PAUSED_REPLICAS: "abc"}, replicas=1)
    for name in ("one", "two"):
        scene.answers[name] = 3
        await scene.pair(name)
    refused = await scene.told("bad", "Ready", "False", "ScaledObjectCheckFailed")
    message = condition(refused, "Ready")[2]
    for path in ("[0].metadata.targetValue", "[0].metadata.valueLocation", "[0].metadata.authMode", "[1].type"):
        assert f"spec.triggers{path}: " in message
    assert ("ScaledObjectCheckFailed", message) in await scene.events("bad", "ScaledObjectCheckFailed")
    sentence = f"metadata.annotations.{PAUSED_REPLICAS}: must be a whole number of replicas"
    await scene.told("paused", "Ready", "False", "ScaledObjectCheckFailed", sentence)
    await scene.ready("one", "two")
    await scene.replicas("one", 1)
    await scene.replicas("two", 1)
    assert not scene.scalings("bad")
    assert not scene.scalings("paused")
    assert await scene.kube.find(hpas(scene.namespace, "keda-hpa-bad")) is None
    scene.answers["bad"] = 3
    await scene.edit("bad", triggers=[scene.asks("bad")])
    await scene.annotate("paused", {PAUSED_REPLICAS: "2"})
    await scene.replicas("bad", 1)
    await scene.ready("bad", "paused")
    await scene.replicas("paused", 2)


async def test_edited_into_something_bad_the_old_goes_on(scene: Scene) -> None:
    scene.answers["worker"] = 3
    await scene.pair("worker")
    await scene.replicas("worker", 1)
    await scene.ready("worker")
    made = await scene.hpa("keda-hpa-worker")
    await scene.edit("worker", triggers=[scene.asks("worker", "zero")])
    await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", "targetValue")
    scene.answers["worker"] = 0
    await scene.replicas("worker", 0)
    assert (await scene.hpa("keda-hpa-worker"))["spec"]["metrics"] == made["spec"]["metrics"]
    await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", "targetValue")


@pytest.mark.parametrize("length", [55, 64])
async def test_a_long_name(scene: Scene, length: int) -> None:
    """More than 54 characters make an HPA's name that KEDA's webhook refuses and Kubernetes does not; more than 63 are
    no value of a label, and the metric's selector is one."""
    name = "n" * length
    await scene.add(deployment("worker"))
    await scene.add(scaled_object(name, scene.asks("n"), target="worker"))
    if length <= 63:
        await scene.ready(name)
        hpa = await scene.hpa(f"keda-hpa-{name}")
        assert hpa["metadata"]["labels"]["app.kubernetes.io/name"] == f"keda-hpa-{name}"[:63]
        return
    refused = await scene.told(name, "Ready", "False", "ScaledObjectCheckFailed")
    assert condition(refused, "Ready")[2] == "metadata.name: must have at most 63 characters"
    assert not scene.scalings("worker")
