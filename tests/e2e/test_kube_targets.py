"""What can be scaled: any kind with a scale subresource, found by discovery; and what is said where there is none."""

import pytest

from tests.e2e.kube_objects import condition, custom, definition, deployment, deployments, scaled_object, stateful_set
from tests.e2e.kube_scene import Scene
from tests.rig.kube_client import Object, path

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WRONG = "ScaledObject doesn't have correct scaleTargetRef specification"


def aimed(name: str, kind: str, version: str, trigger: Object) -> Object:
    target = {"name": name, "kind": kind, "apiVersion": version}
    return scaled_object(name, trigger, scaleTargetRef=target)


async def wanted(scene: Scene, where: str, count: int) -> None:
    await scene.kube.until(where, lambda found: (found["spec"].get("replicas") or 0) == count)


async def test_a_stateful_set(scene: Scene) -> None:
    await scene.add(stateful_set("worker"))
    await scene.add(aimed("worker", "StatefulSet", "apps/v1", scene.asks("worker")))
    ready = await scene.told("worker", "Ready", "True")
    assert ready["status"]["scaleTargetKind"] == "apps/v1.StatefulSet"
    assert ready["status"]["scaleTargetGVKR"]["resource"] == "statefulsets"
    assert (await scene.hpa("keda-hpa-worker"))["spec"]["scaleTargetRef"]["kind"] == "StatefulSet"
    where = path("apps/v1", "statefulsets", scene.namespace, "worker")
    scene.answers["worker"] = 3
    await wanted(scene, where, 1)
    scene.answers["worker"] = 0
    await wanted(scene, where, 0)


async def test_a_kind_that_the_cluster_learns_later(scene: Scene) -> None:
    """Neither the kind nor the object is there when the ScaledObject comes. It is scaled from and to zero, and what it
    once was is restored."""
    group = f"g{scene.namespace}.example.com"
    scene.answers["worker"] = 3
    made = aimed("worker", "Crew", f"{group}/v1", scene.asks("worker"))
    made["spec"]["advanced"] = {"restoreToOriginalReplicaCount": True}
    await scene.add(made)
    unknown = await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", WRONG)
    assert condition(unknown, "Ready")[2] == f"{WRONG}: the cluster knows no Crew of {group}/v1"
    await scene.events("worker", "ScaledObjectCheckFailed")
    where = path(f"{group}/v1", "crews", scene.namespace, "worker")
    try:
        await scene.kube.create(CRDS, definition(group, "Crew"))
        await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", "there is no Crew worker")
        await scene.add_custom(custom(group, "Crew", "worker", 0))
        await scene.ready("worker")
        await wanted(scene, where, 1)
        scene.answers["worker"] = 0
        await wanted(scene, where, 0)
        told = await scene.events("worker", "KEDAScaleTargetDeactivated")
        assert told[-1][1] == f"Deactivated {group}/v1.Crew {scene.namespace}/worker from 1 to 0"
    finally:
        await scene.kube.delete(f"{CRDS}/crews.{group}")


async def test_a_custom_kind_with_and_one_without_scale(scene: Scene) -> None:
    group = f"g{scene.namespace}.example.com"
    await scene.kube.create(CRDS, definition(group, "Crew"))
    await scene.kube.create(CRDS, definition(group, "Lone", scalable=False))
    try:
        for kind, name in (("Crew", "crew"), ("Lone", "lone")):
            await scene.kube.until(f"{CRDS}/{kind.lower()}s.{group}", _established)
            await scene.add_custom(custom(group, kind, name, 0))
            await scene.add(aimed(name, kind, f"{group}/v1", scene.asks(name)))
        await scene.ready("crew")
        scalable = await scene.object("crew")
        assert scalable["status"]["scaleTargetGVKR"] == {
            "group": group,
            "version": "v1",
            "kind": "Crew",
            "resource": "crews",
        }
        sentence = f"{WRONG}: Lone of {group}/v1 has no /scale"
        await scene.told("lone", "Ready", "False", "ScaledObjectCheckFailed", sentence)
        assert ("ScaledObjectCheckFailed", sentence) in await scene.events("lone", "ScaledObjectCheckFailed")
    finally:
        for plural in ("crews", "lones"):
            await scene.kube.delete(f"{CRDS}/{plural}.{group}")


def _established(found: Object) -> bool:
    return condition(found, "Established")[0] == "True"


async def test_a_target_that_comes_goes_and_comes_back(scene: Scene) -> None:
    scene.answers["worker"] = 3
    sentence = f"{WRONG}: there is no Deployment worker"
    await scene.add(scaled_object("worker", scene.asks("worker"), pollingInterval=300))
    missing = await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", sentence)
    assert condition(missing, "Active")[:2] == ("Unknown", "UnknownState")
    assert ("ScaledObjectCheckFailed", sentence) in await scene.events("worker", "ScaledObjectCheckFailed")
    await scene.add(deployment("worker"))
    await scene.ready("worker")
    await scene.replicas("worker", 1)
    await scene.kube.delete(deployments(scene.namespace, "worker"))
    await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", sentence)
    await scene.add(deployment("worker"))
    await scene.ready("worker")
    await scene.replicas("worker", 1)
    failed = [note for reason, note in await scene.events("worker") if reason == "ScaledObjectCheckFailed"]
    assert failed == [sentence, sentence], "told once each time"


@pytest.mark.parametrize("kind", ["ReplicaSet", "DaemonSet"])
async def test_other_kinds_of_kubernetes_itself(scene: Scene, kind: str) -> None:
    """One with a scale, one without."""
    worker = deployment("worker")
    worker["kind"] = kind
    if kind == "DaemonSet":
        del worker["spec"]["replicas"]
    where = path("apps/v1", f"{kind.lower()}s", scene.namespace)
    await scene.kube.create(where, worker)
    scene.answers["worker"] = 3
    await scene.add(aimed("worker", kind, "apps/v1", scene.asks("worker")))
    if kind == "ReplicaSet":
        await scene.ready("worker")
        await wanted(scene, f"{where}/worker", 1)
    else:
        await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", "DaemonSet of apps/v1 has no /scale")
