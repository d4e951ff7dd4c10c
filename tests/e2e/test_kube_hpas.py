"""The HPA of a ScaledObject: kept as it should be, renamed, taken over; and other people's HPAs, which are neither
changed nor fought."""

from collections.abc import Mapping
from typing import Any

from scaler.manifests.annotations import HPA_EXCLUDED_LABELS, HPA_OWNERSHIP, TRANSFER_HPA_OWNERSHIP
from tests.e2e.kube_objects import condition, cpu, deployment, hpas, objects, scaled_object
from tests.e2e.kube_scene import Scene
from tests.rig.kube_client import Object

HPA = "keda-hpa-worker"
KEDAS = {"app.kubernetes.io/managed-by": "keda-operator", "app.kubernetes.io/part-of": "worker"}


def named(name: str) -> dict[str, Any]:
    """`advanced` with a name of its own for the HPA."""
    return {"horizontalPodAutoscalerConfig": {"name": name}}


def foreign(name: str, *, target: str = "worker", labels: Mapping[str, str] | None = None, **metadata: Any) -> Object:
    """An HPA that nobody owns."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "labels": dict(labels or {}), **metadata},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
            "maxReplicas": 9,
        },
    }


def metrics_of(hpa: Object) -> list[str]:
    return [one["type"] for one in hpa["spec"]["metrics"]]


async def test_what_others_do_to_our_hpa_is_put_right_at_once(scene: Scene) -> None:
    await scene.pair("worker", pollingInterval=300)
    await scene.ready("worker")
    made = await scene.hpa(HPA)
    await scene.kube.patch(hpas(scene.namespace, HPA), {"spec": {"maxReplicas": 50, "behavior": None}})
    mended = await scene.hpa(HPA, lambda hpa: hpa["spec"]["maxReplicas"] == 5)
    assert mended["spec"] == made["spec"]
    await scene.kube.patch(hpas(scene.namespace, HPA), {"metadata": {"labels": {"theirs": "stays"}}})
    await scene.kube.patch(hpas(scene.namespace, HPA), {"metadata": {"labels": {"app.kubernetes.io/part-of": None}}})
    mended = await scene.hpa(HPA, lambda hpa: hpa["metadata"]["labels"].get("app.kubernetes.io/part-of") == "worker")
    assert mended["metadata"]["labels"]["theirs"] == "stays"
    await scene.kube.delete(hpas(scene.namespace, HPA))
    again = await scene.hpa(HPA, lambda hpa: hpa["metadata"]["uid"] != made["metadata"]["uid"])
    assert again["spec"] == made["spec"]


async def test_an_edit_of_the_object_reaches_the_hpa(scene: Scene) -> None:
    await scene.pair("worker")
    made = await scene.hpa(HPA)
    await scene.edit("worker", minReplicaCount=2, maxReplicaCount=7, triggers=[scene.asks("worker", "9")])
    edited = await scene.hpa(HPA, lambda hpa: hpa["spec"]["maxReplicas"] == 7)
    assert edited["metadata"]["uid"] == made["metadata"]["uid"]
    assert edited["spec"]["minReplicas"] == 2
    assert edited["spec"]["metrics"][0]["external"]["target"]["averageValue"] == "9"
    labels = {"labels": {"team": "blue", "secret": "plan"}, "annotations": {HPA_EXCLUDED_LABELS: "secret"}}
    await scene.kube.patch(objects(scene.namespace, "worker"), {"metadata": labels})
    labelled = await scene.hpa(HPA, lambda hpa: hpa["metadata"]["labels"].get("team") == "blue")
    assert "secret" not in labelled["metadata"]["labels"]
    for number in range(1, 20):
        await scene.edit("worker", maxReplicaCount=100 + number)
    await scene.hpa(HPA, lambda hpa: hpa["spec"]["maxReplicas"] == 119)


async def test_renamed(scene: Scene) -> None:
    await scene.pair("worker")
    await scene.ready("worker")
    await scene.edit("worker", advanced=named("mine"))
    await scene.hpa("mine")
    await scene.kube.gone(hpas(scene.namespace, HPA))
    await scene.object("worker", lambda found: found["status"]["hpaName"] == "mine")
    await scene.edit("worker", advanced=named(""))
    await scene.hpa(HPA)
    await scene.kube.gone(hpas(scene.namespace, "mine"))
    await scene.ready("worker")


async def test_a_foreign_hpa_on_the_target_is_not_fought(scene: Scene) -> None:
    sentence = "the workload 'worker' of type 'apps/v1.Deployment' is already managed by the hpa 'theirs'"
    theirs = await scene.add(foreign("theirs"))
    scene.answers["worker"] = 30
    await scene.pair("worker", pollingInterval=300)
    blocked = await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed")
    assert condition(blocked, "Ready")[2] == sentence
    told = await scene.events("worker", "ScaledObjectCheckFailed")
    assert ("ScaledObjectCheckFailed", sentence) in told
    assert not {"ScaledObjectReady", "KEDAScaleTargetActivated"} & {reason for reason, _ in told}
    assert not scene.scalings("worker")
    assert await scene.kube.find(hpas(scene.namespace, HPA)) is None
    await scene.kube.delete(hpas(scene.namespace, "theirs"))
    await scene.ready("worker")
    await scene.replicas("worker", 1)
    await scene.hpa(HPA)
    assert not [one for one in scene.writes("/theirs")], theirs


async def test_a_foreign_hpa_that_comes_later_stops_us(scene: Scene) -> None:
    await scene.pair("worker")
    await scene.ready("worker")
    made = await scene.hpa(HPA)
    await scene.add(foreign("theirs"))
    await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", "by the hpa 'theirs'")
    scene.answers["worker"] = 30
    await scene.polls("worker", 3)
    assert not scene.scalings("worker")
    assert (await scene.hpa(HPA))["metadata"]["uid"] == made["metadata"]["uid"]
    await scene.kube.patch(hpas(scene.namespace, "theirs"), {"metadata": {"annotations": {HPA_OWNERSHIP: "false"}}})
    await scene.ready("worker")
    await scene.replicas("worker", 1)


async def test_one_that_is_left_over_from_keda_is_adopted(scene: Scene) -> None:
    """It is not made anew: the HPA controller's memory of it stays."""
    orphan = await scene.add(foreign(HPA, labels=KEDAS))
    owner = await scene.pair("worker")
    adopted = await scene.hpa(HPA, lambda hpa: hpa["metadata"].get("ownerReferences"))
    assert adopted["metadata"]["uid"] == orphan["metadata"]["uid"]
    assert adopted["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]
    assert adopted["spec"]["maxReplicas"] == 5
    assert metrics_of(adopted) == ["External"]
    await scene.ready("worker")


async def test_one_of_its_name_that_somebody_made_is_not_taken(scene: Scene) -> None:
    theirs = await scene.add(foreign(HPA))
    await scene.pair("worker")
    await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", f"managed by the hpa '{HPA}'")
    assert (await scene.hpa(HPA))["spec"] == theirs["spec"]
    assert not scene.writes("/horizontalpodautoscalers")


async def test_ownership_is_transferred_where_that_is_wished(scene: Scene) -> None:
    theirs = await scene.add(foreign("theirs", labels={"their": "label"}))
    owner = await scene.pair("worker", annotations={TRANSFER_HPA_OWNERSHIP: "true"})
    await scene.told("worker", "Ready", "False", "ScaledObjectCheckFailed", "must be specified by name")
    await scene.edit("worker", advanced=named("theirs"))
    await scene.ready("worker")
    taken = await scene.hpa("theirs", lambda hpa: hpa["metadata"].get("ownerReferences"))
    assert taken["metadata"]["uid"] == theirs["metadata"]["uid"]
    assert taken["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]
    assert taken["metadata"]["labels"]["their"] == "label"
    assert taken["spec"]["maxReplicas"] == 5


async def test_two_objects_on_one_workload(scene: Scene) -> None:
    """KEDA's webhook refuses the second. The first one stays what it is, the second waits and says for whom."""
    scene.answers["worker"] = 30
    await scene.pair("worker")
    await scene.ready("worker")
    await scene.add(scaled_object("younger", scene.asks("younger"), target="worker"))
    await scene.told(
        "younger", "Ready", "False", "ScaledObjectCheckFailed", "already managed by the ScaledObject 'worker'"
    )
    since = scene.cluster.mark()
    await scene.polls("younger", 2)
    await scene.ready("worker")
    assert await scene.kube.find(hpas(scene.namespace, "keda-hpa-younger")) is None
    assert not scene.scalings("worker", since)
    await scene.kube.delete(objects(scene.namespace, "worker"))
    await scene.kube.delete(hpas(scene.namespace, HPA))  # as the garbage collector does, later
    await scene.hpa("keda-hpa-younger")
    await scene.ready("younger")


async def test_two_objects_that_come_at_once(scene: Scene) -> None:
    """Before the workload: when that appears, both could take it."""
    for name in ("one", "two"):
        await scene.add(scaled_object(name, scene.asks(name), target="worker"))
        await scene.told(name, "Ready", "False", "ScaledObjectCheckFailed", "there is no Deployment worker")
    await scene.add(deployment("worker"))
    await scene.ready("one")
    await scene.told("two", "Ready", "False", "ScaledObjectCheckFailed", "already managed by the ScaledObject 'one'")
    await scene.kube.gone(hpas(scene.namespace, "keda-hpa-two"))
    await scene.add(deployment("elsewhere"))
    await scene.edit("one", scaleTargetRef={"name": "elsewhere"})
    await scene.ready("one", "two")


async def test_usage_is_left_to_the_hpa(scene: Scene) -> None:
    await scene.add(deployment("worker", 1))
    await scene.add(scaled_object("worker", cpu("60"), scene.asks("n"), minReplicaCount=1))
    mixed = await scene.hpa(HPA)
    assert metrics_of(mixed) == ["External", "Resource"]
    assert mixed["spec"]["metrics"][0]["external"]["metric"]["name"] == "s1-metric-api-value"
    utilization = {"type": "Utilization", "averageUtilization": 60}
    assert mixed["spec"]["metrics"][1]["resource"] == {"name": "cpu", "target": utilization}
    ready = await scene.told("worker", "Ready", "True")
    assert ready["status"]["resourceMetricNames"] == ["cpu"]
    assert ready["status"]["triggersTypes"] == "cpu,metrics-api"
    await scene.add(deployment("alone", 1))
    await scene.add(scaled_object("alone", cpu("60"), minReplicaCount=1))
    assert metrics_of(await scene.hpa("keda-hpa-alone")) == ["Resource"]
    alone = await scene.told("alone", "Active", "True")
    assert condition(alone, "Ready")[0] == "True"
