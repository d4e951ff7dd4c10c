"""What becomes of a ScaledObject that is created: what is written, in which order, and what a person sees; then its way
from zero and back."""

from datetime import UTC, datetime

from tests.e2e.kube_objects import condition, deployment, events, hpas, objects, scaled_object
from tests.e2e.kube_scene import Scene
from tests.rig.kube_client import Object

COLUMNS = "NAME SCALETARGETKIND SCALETARGETNAME MIN MAX READY ACTIVE FALLBACK PAUSED TRIGGERS AUTHENTICATIONS AGE"


async def test_the_first_status_is_whole_and_the_events_follow_it(scene: Scene) -> None:
    await scene.add(deployment("worker"))
    listed = await scene.kube.get(objects(scene.namespace))
    await scene.add(scaled_object("worker", scene.asks("n"), labels={"team": "blue"}))
    first = await _first_change(scene, listed["metadata"]["resourceVersion"])

    def told(type_: str) -> tuple[str, str]:
        return condition(first, type_)[:2]

    kept = [one["type"] for one in first["status"]["conditions"] if one["type"] != "HPAActive"]
    assert kept == ["Ready", "Active", "Fallback", "Paused"]  # HPAActive comes when the HPA has spoken
    assert told("Ready") == ("True", "ScaledObjectReady")
    assert told("Active") == ("False", "ScalerNotActive")
    assert told("Fallback") == ("False", "NoFallbackFound")
    assert told("Paused") == ("False", "ScaledObjectUnpaused")
    metric = "s0-metric-api-value"
    status = {key: value for key, value in first["status"].items() if key != "conditions"}
    assert status == {
        "scaleTargetKind": "apps/v1.Deployment",
        "scaleTargetGVKR": {"group": "apps", "version": "v1", "kind": "Deployment", "resource": "deployments"},
        "originalReplicaCount": 0,
        "externalMetricNames": [metric],
        "triggersActivity": {metric: {"isActive": False}},
        "hpaName": "keda-hpa-worker",
        "triggersTypes": "metrics-api",
    }
    assert await scene.events("worker", "ScaledObjectReady") == [
        ("KEDAScalersStarted", "Scaler metrics-api is built"),
        ("KEDAScalersStarted", "Started scalers watch"),
        ("ScaledObjectReady", "ScaledObject is ready for scaling"),
    ]
    assert "finalizers" not in first["metadata"]
    assert first["metadata"]["labels"] == {"team": "blue"}
    written = [(one.verb, one.uri) for one in scene.writes()]
    told_at, event = ("patch", f"{objects(scene.namespace, 'worker')}/status"), ("create", events(scene.namespace))
    assert written[:3] == [("create", hpas(scene.namespace)), told_at, event]
    assert [written.count(one) for one in (written[0], event)] == [1, 3]
    assert ("patch", objects(scene.namespace, "worker")) not in written


async def _first_change(scene: Scene, since: str) -> Object:
    """What the first write about an object made of it."""
    async for change, found in scene.kube.watch(objects(scene.namespace), since=since):
        if change == "MODIFIED":
            return found
    raise AssertionError("the watch ended")


async def test_what_kubectl_shows(scene: Scene) -> None:
    scene.answers["n"] = 3
    await scene.pair("worker", scene.asks("n"), minReplicaCount=1)
    await scene.told("worker", "Active", "True")
    shown = (await scene.cluster.kubectl("get", "so", "-n", scene.namespace)).out.splitlines()
    assert shown[0].split() == COLUMNS.split()
    columns = [shown[0].index(name) for name in COLUMNS.split()]
    cells = [shown[1][a:b].strip() for a, b in zip(columns, [*columns[1:], None], strict=True)]
    assert cells[:-1] == [
        *("worker", "apps/v1.Deployment", "worker", "1", "5", "True", "True", "False", "False", "metrics-api", "")
    ]
    listed = (await scene.cluster.kubectl("get", "hpa", "-n", scene.namespace)).out
    assert "keda-hpa-worker" in listed
    assert "Deployment/worker" in listed


async def test_the_hpa_is_as_keda_makes_it(scene: Scene) -> None:
    triggers = scene.asks("a", "7"), {**scene.asks("b", "2.5"), "metricType": "Value", "name": "second"}
    made = await scene.pair("worker", *triggers, labels={"team": "blue"}, annotations={"note": "kept"})
    hpa = await scene.hpa("keda-hpa-worker")
    version = hpa["metadata"]["labels"].pop("app.kubernetes.io/version")
    assert version
    assert hpa["metadata"]["labels"] == {
        "app.kubernetes.io/name": "keda-hpa-worker",
        "app.kubernetes.io/part-of": "worker",
        "app.kubernetes.io/managed-by": "keda-operator",
        "team": "blue",
    }
    assert hpa["metadata"]["annotations"]["note"] == "kept"
    assert hpa["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "name": "worker",
            "uid": made["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    spec = hpa["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 5)
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 0
    selector = {"matchLabels": {"scaledobject.keda.sh/name": "worker"}}
    name = "metric-api-value"
    assert [one["external"] for one in spec["metrics"]] == [
        {
            "metric": {"name": f"s0-{name}", "selector": selector},
            "target": {"type": "AverageValue", "averageValue": "7"},
        },
        {"metric": {"name": f"s1-{name}", "selector": selector}, "target": {"type": "Value", "value": "2500m"}},
    ]
    await scene.ready("worker")
    assert [note for _, note in await scene.events("worker", "ScaledObjectReady")] == [
        "Scaler metrics-api is built",
        "Scaler metrics-api is built",
        "Started scalers watch",
        "ScaledObject is ready for scaling",
    ]


async def test_from_zero_and_back_with_what_is_told_of_it(scene: Scene) -> None:
    metric = "s0-metric-api-value"
    await scene.pair("worker", cooldownPeriod=3)
    await scene.ready("worker")
    scene.answers["worker"] = 3
    before = datetime.now(UTC).replace(microsecond=0)
    active = await scene.told("worker", "Active", "True", "ScalerActive")
    await scene.replicas("worker", 1)
    began = datetime.fromisoformat(active["status"]["lastActiveTime"])
    assert before <= began <= datetime.now(UTC)
    assert active["status"]["triggersActivity"] == {metric: {"isActive": True}}
    await scene.polls("worker", 2)
    lasting = await scene.object("worker")
    assert lasting["status"]["lastActiveTime"] == active["status"]["lastActiveTime"], "written when it begins or ends"
    scene.answers["worker"] = 0
    cooling = await scene.told("worker", "Active", "False", "ScalerCooldown")
    assert datetime.fromisoformat(cooling["status"]["lastActiveTime"]) > began
    await scene.replicas("worker", 0)
    rested = await scene.told("worker", "Active", "False", "ScalerNotActive")
    assert rested["status"]["lastActiveTime"] == cooling["status"]["lastActiveTime"]
    assert rested["status"]["originalReplicaCount"] == 0
    told = await scene.events("worker", "KEDAScaleTargetActivated", "KEDAScaleTargetDeactivated")
    workload = f"apps/v1.Deployment {scene.namespace}/worker"
    assert told[3:] == [
        ("KEDAScaleTargetActivated", f"Scaled {workload} from 0 to 1, triggered by {metric}"),
        ("KEDAScaleTargetDeactivated", f"Deactivated {workload} from 1 to 0"),
    ]
    assert [one.code for one in scene.scalings("worker")] == [200, 200]
    await scene.object("worker", lambda found: found["status"]["triggersActivity"] == {metric: {"isActive": False}})


async def test_a_minimum_is_brought_about_and_kept(scene: Scene) -> None:
    """By us, also where somebody has put the workload at zero: an HPA leaves it alone there."""
    await scene.pair("worker", minReplicaCount=2)
    await scene.replicas("worker", 2)
    assert (await scene.hpa("keda-hpa-worker"))["spec"]["minReplicas"] == 2
    await scene.scale("worker", 0)
    await scene.replicas("worker", 2)


async def test_idle_is_one_more_rest(scene: Scene) -> None:
    scene.answers["worker"] = 3
    await scene.pair("worker", minReplicaCount=2, idleReplicaCount=0, cooldownPeriod=1)
    await scene.replicas("worker", 2)
    scene.answers["worker"] = 0
    await scene.replicas("worker", 0)
    told = await scene.events("worker", "KEDAScaleTargetDeactivated")
    assert told[-1][1].endswith("from 2 to 0")


async def test_a_source_that_fails_is_told_and_moves_nothing(scene: Scene) -> None:
    scene.answers["worker"] = 3
    await scene.pair("worker", cooldownPeriod=1)
    await scene.replicas("worker", 1)
    await scene.told("worker", "Ready", "True")
    scene.answers["worker"] = "error"
    await scene.told("worker", "Ready", "False", "TriggerError", "s0-metric-api-value")
    assert "KEDAScalerFailed" in dict(await scene.events("worker", "KEDAScalerFailed"))
    before, since = await scene.object("worker"), scene.cluster.mark()
    await scene.polls("worker", 3)
    assert _own(await scene.object("worker")) == _own(before)
    assert not scene.scalings("worker", since)
    scene.answers["worker"] = 3
    await scene.ready("worker")


async def test_a_fallback_is_counted_and_told(scene: Scene) -> None:
    scene.answers["worker"] = "error"
    await scene.pair("worker", fallback={"failureThreshold": 1, "replicas": 3})
    metric = "s0-metric-api-value"
    falling = await scene.told("worker", "Fallback", "True", "FallbackExists")
    assert falling["status"]["health"] == {metric: {"numberOfFailures": 2, "status": "Failing"}}
    await scene.replicas("worker", 1)
    await scene.events("worker", "ScaledObjectFallbackActivated")
    before = await scene.object("worker")
    await scene.polls("worker", 2)
    assert _own(await scene.object("worker")) == _own(before), "no count is written but the first and the last"
    scene.answers["worker"] = 3
    happy = await scene.told("worker", "Fallback", "False", "NoFallbackFound")
    assert happy["status"]["health"] == {metric: {"numberOfFailures": 0, "status": "Happy"}}
    await scene.events("worker", "ScaledObjectFallbackDeactivated")


def _own(found: Object) -> Object:
    """The status without what only mirrors the HPA's."""
    kept = [one for one in found["status"]["conditions"] if one["type"] != "HPAActive"]
    return {**found["status"], "conditions": kept}
