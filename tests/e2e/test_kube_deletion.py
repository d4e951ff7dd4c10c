"""The end of an object: ours never hold up a deletion, restore what was asked for, and KEDA's finalizer, which nobody
else would take away, is taken away by us."""

import time
from typing import Any

import pytest

from tests.e2e.kube_objects import (
    authentication,
    cloud_event_source,
    deployments,
    hpas,
    objects,
    place,
    scaled_job,
    scaled_object,
)
from tests.e2e.kube_scene import Scene
from tests.rig.kube_client import Object

RESTORE = "event-scaler.dev/restore"
KEDAS = "finalizer.keda.sh"
RESTORING = {"restoreToOriginalReplicaCount": True}


async def test_an_ordinary_object_is_nobodys_to_hold(scene: Scene) -> None:
    """No finalizer is ever put on it, so its deletion waits neither for a daemon nor for anything else. The replicas
    stay, the HPA goes with its owner."""
    scene.answers["worker"] = 3
    await scene.pair("worker")
    await scene.replicas("worker", 1)
    await scene.ready("worker")
    await scene.kube.delete(objects(scene.namespace, "worker"))
    assert await scene.kube.find(objects(scene.namespace, "worker")) is None, "gone with the answer to the request"
    await scene.collected("keda-hpa-worker")
    await scene.events("worker", "ScaledObjectDeleted")
    assert not [one for one in scene.writes() if one.uri == objects(scene.namespace, "worker")]
    await scene.replicas("worker", 1)


async def test_a_daemon_that_is_absent_holds_up_nothing(scene: Scene) -> None:
    await scene.pair("worker")
    await scene.ready("worker")
    with scene.absent():
        await scene.kube.delete(objects(scene.namespace, "worker"))
        assert await scene.kube.find(objects(scene.namespace, "worker")) is None
    await scene.events("worker", "ScaledObjectDeleted")


async def test_made_anew_it_is_served_anew(scene: Scene) -> None:
    scene.answers["worker"] = 3
    await scene.pair("worker")
    await scene.replicas("worker", 1)
    await scene.ready("worker")
    await scene.kube.delete(objects(scene.namespace, "worker"))
    again = await scene.add(scaled_object("worker", scene.asks("worker")))
    await scene.ready("worker")
    await scene.hpa("keda-hpa-worker", lambda hpa: _owner(hpa) == again["metadata"]["uid"])


def _owner(hpa: Object) -> Any:
    return hpa["metadata"]["ownerReferences"][0]["uid"]


async def test_the_finalizer_comes_and_goes_with_the_wish(scene: Scene) -> None:
    await scene.pair("worker", advanced=RESTORING)
    await scene.object("worker", lambda found: found["metadata"].get("finalizers") == [RESTORE])
    await scene.edit("worker", advanced=None)
    await scene.object("worker", lambda found: not found["metadata"].get("finalizers"))
    await scene.edit("worker", advanced=RESTORING)
    await scene.object("worker", lambda found: found["metadata"].get("finalizers") == [RESTORE])


async def test_the_first_count_is_restored(scene: Scene) -> None:
    """After the HPA is gone, which would write another one."""
    await scene.pair("worker", replicas=3, advanced=RESTORING, cooldownPeriod=0)
    await scene.replicas("worker", 0)
    rested = await scene.told("worker", "Ready", "True")
    assert rested["status"]["originalReplicaCount"] == 3
    since = scene.cluster.mark()
    await scene.kube.delete(objects(scene.namespace, "worker"))
    await scene.kube.gone(objects(scene.namespace, "worker"), patience=10)
    await scene.replicas("worker", 3)
    assert await scene.kube.find(hpas(scene.namespace, "keda-hpa-worker")) is None
    granted = [one.uri for one in scene.writes(since=since) if one.code < 300]
    written = [one.rpartition("/")[2] for one in granted if not one.endswith(("/events", "/status"))]
    assert written == ["keda-hpa-worker", "scale", "worker"]


async def test_a_target_that_is_gone_holds_up_nothing(scene: Scene) -> None:
    await scene.pair("worker", replicas=3, advanced=RESTORING)
    await scene.object("worker", lambda found: found["metadata"].get("finalizers") == [RESTORE])
    await scene.ready("worker")
    await scene.kube.delete(deployments(scene.namespace, "worker"))
    await scene.kube.delete(objects(scene.namespace, "worker"))
    await scene.kube.gone(objects(scene.namespace, "worker"), patience=10)


async def test_a_namespace_goes_with_all_that_is_in_it(scene: Scene) -> None:
    for name in ("one", "two"):
        await scene.pair(name, replicas=2, advanced=RESTORING)
        await scene.object(name, lambda found: found["metadata"].get("finalizers") == [RESTORE])
    await scene.pair("ordinary")
    await scene.add({**authentication("kedas"), "metadata": {"name": "kedas", "finalizers": [KEDAS]}})
    begun = time.monotonic()
    said = await scene.cluster.kubectl("delete", "namespace", scene.namespace)
    assert said.code == 0, said.err
    assert time.monotonic() - begun < 20
    assert not [line for line in scene.daemon.said().splitlines() if f"{scene.namespace} because it is" in line]


KINDS = [
    pytest.param(scaled_object("kedas", {"type": "cpu", "metadata": {"value": "60"}}), id="ScaledObject"),
    pytest.param(scaled_job("kedas"), id="ScaledJob"),
    pytest.param(authentication("kedas"), id="TriggerAuthentication"),
    pytest.param(authentication("kedas", cluster=True), id="ClusterTriggerAuthentication"),
    pytest.param(cloud_event_source("kedas"), id="CloudEventSource"),
    pytest.param(cloud_event_source("kedas", cluster=True), id="ClusterCloudEventSource"),
]


@pytest.mark.parametrize("manifest", KINDS)
async def test_kedas_finalizer_is_taken_off(scene: Scene, manifest: Object) -> None:
    """From what stays, and from what is being deleted already; others' finalizers stay."""
    others = "example.com/theirs"
    name = f"{scene.namespace}-kedas"
    metadata = {"name": name, "finalizers": [KEDAS, others]}
    path = f"{place(manifest, scene.namespace)}/{name}"
    await scene.add({**manifest, "metadata": metadata})
    await scene.kube.until(path, lambda found: found["metadata"].get("finalizers") == [others])
    await scene.kube.patch(path, {"metadata": {"finalizers": [KEDAS]}})
    await scene.kube.until(path, lambda found: not found["metadata"].get("finalizers"))
    await scene.kube.delete(path)
    await scene.kube.gone(path)


async def test_kedas_finalizer_is_taken_off_what_is_being_deleted(scene: Scene) -> None:
    """As when a KEDA that is gone has left it behind, and the deletions hang."""
    name = f"{scene.namespace}-kedas"
    manifests: list[Object] = [one.values[0] for one in KINDS]  # type: ignore[misc]  # pytest's own are untyped
    paths = [f"{place(one, scene.namespace)}/{name}" for one in manifests]
    with scene.absent():
        for manifest, where in zip(manifests, paths, strict=True):
            await scene.add({**manifest, "metadata": {"name": name, "finalizers": [KEDAS]}})
            await scene.kube.delete(where)
            assert (await scene.kube.get(where))["metadata"]["deletionTimestamp"]
    for where in paths:
        await scene.kube.gone(where, patience=10)
