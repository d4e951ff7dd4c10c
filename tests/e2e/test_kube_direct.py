"""Direct mode on a real control plane: this daemon decides 0..N and writes once, beside nobody."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.e2e.kube_daemon import KubeDaemon
from tests.e2e.kube_objects import (
    condition,
    deployment,
    deployments,
    events,
    hpas,
    number,
    objects,
    scaled_object,
)
from tests.e2e.servers import Numbers
from tests.rig.control_plane import ControlPlane
from tests.rig.kube_client import KubeClient

MODE = "event-scaler.dev/mode"
DIRECT = {MODE: "direct"}


@pytest.fixture
async def kube(control_plane: ControlPlane, served: KubeDaemon) -> AsyncIterator[KubeClient]:
    async with control_plane.client() as client:
        yield client


class Stage:
    """One Deployment and its ScaledObject `worker`, driven by the number `n`."""

    def __init__(self, kube: KubeClient, namespace: str, answers: Numbers) -> None:
        self.kube, self.namespace, self.answers = kube, namespace, answers

    async def set(self, *, mode: str = "direct", replicas: int = 0, **spec: Any) -> None:
        triggers = spec.pop("triggers", [number(f"{self.answers.url}/n")])
        made = scaled_object("worker", *triggers, annotations={MODE: mode}, **spec)
        await self.kube.create(deployments(self.namespace), deployment("worker", replicas))
        await self.kube.create(objects(self.namespace), made)

    def asks(self, value: float) -> None:
        self.answers.answers["n"] = value

    async def mode(self, mode: str) -> None:
        await self.kube.patch(objects(self.namespace, "worker"), {"metadata": {"annotations": {MODE: mode}}})

    async def replicas(self, count: int, *, patience: float = 30.0) -> None:
        path = deployments(self.namespace, "worker")
        await self.kube.until(path, lambda one: one["spec"]["replicas"] == count, patience=patience)

    async def by_hand(self, count: int) -> None:
        await self.kube.patch(f"{deployments(self.namespace, 'worker')}/scale", {"spec": {"replicas": count}})

    async def ready(self, status: str = "True", part: str = "") -> str:
        found = await self.kube.until(
            objects(self.namespace, "worker"),
            lambda one: condition(one, "Ready")[0] == status and part in condition(one, "Ready")[2],
        )
        return condition(found, "Ready")[2]

    async def has_hpa(self) -> bool:
        return bool((await self.kube.get(hpas(self.namespace)))["items"])


@pytest.fixture
def stage(kube: KubeClient, namespace: str, answers: Numbers) -> Stage:
    return Stage(kube, namespace, answers)


async def test_from_zero_to_all_in_one_write_and_back(stage: Stage, control_plane: ControlPlane) -> None:
    """Up at once, unless the manifest itself writes a policy; no HPA is ever there."""
    await stage.set(maxReplicaCount=100)
    await stage.ready()
    mark = control_plane.mark()
    stage.asks(500)
    await stage.replicas(100)
    scale = f"{deployments(stage.namespace, 'worker')}/scale"
    assert len([one for one in control_plane.audit(mark) if one.uri == scale and one.verb == "patch"]) == 1
    stage.asks(20)
    await stage.replicas(4)
    stage.asks(0)
    await stage.replicas(0)
    assert not await stage.has_hpa()


async def test_written_policies_hold_back_and_leave_zero(stage: Stage) -> None:
    """Percent counts from max(replicas, minimum, 1), so it can leave zero; the next step waits for its period."""
    policies = [{"type": "Percent", "value": 300, "periodSeconds": 1800}]
    config = {"behavior": {"scaleUp": {"policies": policies}}}
    await stage.set(advanced={"horizontalPodAutoscalerConfig": config})
    stage.asks(500)
    await stage.replicas(4)
    await stage.ready()
    assert (await stage.kube.get(deployments(stage.namespace, "worker")))["spec"]["replicas"] == 4


async def test_the_window_of_scaling_down_holds(stage: Stage, served: KubeDaemon) -> None:
    config = {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 3600}}}
    await stage.set(advanced={"horizontalPodAutoscalerConfig": config})
    stage.asks(25)
    await stage.replicas(5)
    stage.asks(5)

    async def stays() -> bool:
        found = await stage.kube.get(deployments(stage.namespace, "worker"))
        return bool(found["spec"]["replicas"] == 5)

    await served.held(stays, "a higher recommendation is still within the window", 4)


async def test_inside_the_tolerance_the_wanted_count_stays(stage: Stage, served: KubeDaemon) -> None:
    """Also where fewer exist: an average is taken over those wanted."""
    await stage.set(replicas=3)
    stage.asks(16)
    await stage.ready()

    async def stays() -> bool:
        found = await stage.kube.get(deployments(stage.namespace, "worker"))
        return bool(found["spec"]["replicas"] == 3)

    await served.held(stays, "16 over 3 replicas is within a tenth of 5", 3)


async def test_a_value_target_is_a_share_of_the_ready_ones(stage: Stage) -> None:
    await stage.set(triggers=[number(f"{stage.answers.url}/n", "10") | {"metricType": "Value"}], replicas=2)
    stage.asks(20)
    await stage.replicas(4)


async def test_an_object_with_a_cpu_trigger_keeps_its_hpa_and_says_so(stage: Stage) -> None:
    cpu = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}
    await stage.set(triggers=[number(f"{stage.answers.url}/n"), cpu])
    await stage.ready(part="usage of cpu and memory is read by the HPA alone")
    assert await stage.has_hpa()


# ----------------------------------------------------------------------------------------------------- another's hand


async def test_another_hpa_on_the_target_stops_all_writing(stage: Stage) -> None:
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}
    body = {"metadata": {"name": "theirs"}, "spec": {"scaleTargetRef": target, "maxReplicas": 3, "metrics": [metric]}}
    await stage.kube.create(hpas(stage.namespace), body)
    stage.asks(50)
    await stage.set()
    await stage.ready("False", "already managed by the hpa 'theirs'")
    assert (await stage.kube.get(deployments(stage.namespace, "worker")))["spec"]["replicas"] == 0
    await stage.kube.delete(hpas(stage.namespace, "theirs"))
    await stage.replicas(5)
    await stage.ready()


async def test_a_single_change_by_hand_is_the_new_count(stage: Stage) -> None:
    """A deploy that says 2 is answered by what the metrics ask for, at once and without a word."""
    await stage.set()
    stage.asks(20)
    await stage.replicas(4)
    await stage.by_hand(2)
    await stage.replicas(4)
    assert "changes the replicas" not in await stage.ready()


async def test_a_tug_of_war_is_given_way_to_and_told(stage: Stage) -> None:
    await stage.set()
    stage.asks(20)
    await stage.replicas(4)
    for _ in range(3):
        await stage.by_hand(1)
        await stage.replicas(4)
    await stage.by_hand(1)
    message = await stage.ready(part="changes the replicas, too")
    assert "they are written at most every 15 s" in message

    def told(listed: dict[str, Any]) -> bool:
        return [one["reason"] for one in listed["items"]].count("ScaleTargetContested") == 1

    await stage.kube.until(events(stage.namespace), told)
    await stage.replicas(4)


# ------------------------------------------------------------------------------------------------------------ switching


async def test_to_direct_the_hpa_is_gone_before_the_first_write(stage: Stage, control_plane: ControlPlane) -> None:
    await stage.set(mode="hpa", maxReplicaCount=20)
    stage.asks(15)
    await stage.replicas(3)
    mark = control_plane.mark()
    await stage.mode("direct")
    await stage.kube.gone(hpas(stage.namespace, "keda-hpa-worker"))
    stage.asks(100)
    await stage.replicas(20)
    uris = [f"{one.verb} {one.uri}" for one in control_plane.audit(mark) if stage.namespace in one.uri]
    deleted = uris.index(f"delete {hpas(stage.namespace, 'keda-hpa-worker')}")
    assert deleted < uris.index(f"patch {deployments(stage.namespace, 'worker')}/scale")
    found = await stage.kube.get(objects(stage.namespace, "worker"))
    assert "hpaName" not in found["status"]


async def test_back_to_the_hpa_nothing_moves(stage: Stage, served: KubeDaemon) -> None:
    await stage.set(maxReplicaCount=20)
    stage.asks(60)
    await stage.replicas(12)
    await stage.mode("hpa")
    await stage.kube.until(hpas(stage.namespace, "keda-hpa-worker"), lambda _: True)

    async def stays() -> bool:
        found = await stage.kube.get(deployments(stage.namespace, "worker"))
        return bool(found["spec"]["replicas"] == 12)

    await served.held(stays, "the load asks for what is there", 5)


async def test_through_all_modes_under_load_without_a_wrong_move(stage: Stage, control_plane: ControlPlane) -> None:
    """hpa, observe, direct, hpa: the load asks for six all the while, and six there are."""
    await stage.set(mode="hpa", maxReplicaCount=20, minReplicaCount=1)
    stage.asks(30)
    await stage.replicas(6)
    mark = control_plane.mark()
    for mode in ("observe", "direct", "hpa"):
        before = await stage.kube.get(objects(stage.namespace, "worker"))
        await stage.mode(mode)
        if mode == "direct":
            await stage.kube.gone(hpas(stage.namespace, "keda-hpa-worker"))
        if mode == "hpa":
            await stage.kube.until(hpas(stage.namespace, "keda-hpa-worker"), lambda _: True)
        assert before["status"]["originalReplicaCount"] == 0
    await stage.ready()
    scale = f"{deployments(stage.namespace, 'worker')}/scale"
    moved = [one for one in control_plane.audit(mark) if one.uri == scale and one.verb in ("patch", "update")]
    assert moved == []
    assert (await stage.kube.get(deployments(stage.namespace, "worker")))["spec"]["replicas"] == 6
