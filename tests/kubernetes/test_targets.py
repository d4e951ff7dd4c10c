"""Workloads: found by discovery, looked at, scaled, and known again after it."""

from dataclasses import replace
from typing import Any

import pytest

from scaler.core.model import Fallback, Goal, MetricType, Mode, Target
from scaler.errors import ClusterError, Conflict, Forbidden, Invalid, NotFound
from scaler.kubernetes.api import Patch
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.objects import Scalable
from scaler.kubernetes.targets import ASK_AGAIN, DEPLOYMENT, STATEFUL_SET, WRONG, Resource, Targets, scale_patch
from tests.kubernetes.scene import NAMESPACE, START, deployment, spec_of
from tests.kubernetes.script import Script

ROLLOUT = Resource("argoproj.io", "v1alpha1", "Rollout", "rollouts")
KIND = "argoproj.io/v1alpha1.Rollout"
DISCOVERY = "/apis/argoproj.io/v1alpha1"
LISTED = {
    "resources": [
        {"name": "rollouts", "kind": "Rollout"},
        {"name": "rollouts/scale", "kind": "Scale"},
        {"name": "rollouts/status", "kind": "Rollout"},
        {"name": "experiments", "kind": "Experiment"},
    ]
}
SCALE = f"{DISCOVERY}/namespaces/{NAMESPACE}/rollouts/worker/scale"
DEPLOYED = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/worker/scale"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


class Scene:
    def __init__(self) -> None:
        self.api, self.now = Script(), START
        self.deployments: Cache[Scalable] = Cache()
        watched: dict[Resource, Cache[Scalable]] = {DEPLOYMENT: self.deployments, STATEFUL_SET: Cache()}
        self.targets = Targets(self.api, watched, lambda: self.now)

    def discovers(self, *answers: Any, path: str = DISCOVERY) -> None:
        self.api.answers["GET", path] = list(answers)

    @property
    def wanted(self) -> int:
        found = self.deployments.get(NAMESPACE, "worker")
        assert found is not None
        return found.spec.replicas


@pytest.fixture
def scene() -> Scene:
    return Scene()


# ----------------------------------------------------------------------------------------------------------- discovery


async def test_what_is_watched_is_known_without_a_question(scene: Scene) -> None:
    assert await scene.targets.resource("apps/v1.Deployment") == DEPLOYMENT
    assert await scene.targets.resource("apps/v1.StatefulSet") == STATEFUL_SET
    assert scene.api.requests == []


async def test_another_kind_is_asked_for_once(scene: Scene) -> None:
    scene.discovers(LISTED)
    assert await scene.targets.resource(KIND) == await scene.targets.resource(KIND) == ROLLOUT
    assert scene.api.sent == [("GET", DISCOVERY)]


async def test_a_kind_of_the_core_group(scene: Scene) -> None:
    names = ("replicationcontrollers", "replicationcontrollers/scale")
    kinds = ("ReplicationController", "Scale")
    listed = {"resources": [{"name": name, "kind": kind} for name, kind in zip(names, kinds, strict=True)]}
    scene.discovers(listed, path="/api/v1")
    found = await scene.targets.resource("v1.ReplicationController")
    assert found == Resource("", "v1", "ReplicationController", "replicationcontrollers")
    assert found.path("shop", "x") == "/api/v1/namespaces/shop/replicationcontrollers/x"
    assert found.gvkr() == {
        "group": "",
        "version": "v1",
        "kind": "ReplicationController",
        "resource": "replicationcontrollers",
    }


@pytest.mark.parametrize(
    ("kind", "answer", "why"),
    [
        ("Experiment", LISTED, "Experiment of argoproj.io/v1alpha1 has no /scale"),
        ("Unknown", LISTED, "the cluster knows no Unknown of argoproj.io/v1alpha1"),
        ("Rollout", NotFound("no such group"), "the cluster knows no Rollout of argoproj.io/v1alpha1"),
    ],
)
async def test_what_cannot_be_scaled_is_asked_for_again_after_a_while(
    scene: Scene, kind: str, answer: Any, why: str
) -> None:
    able = {"resources": [{"name": "x", "kind": kind}, {"name": "x/scale", "kind": "Scale"}]}
    scene.discovers(answer, able)
    for passed in (0, ASK_AGAIN - 0.1):
        scene.now = START + passed
        with pytest.raises(NotFound) as raised:
            await scene.targets.resource(f"argoproj.io/v1alpha1.{kind}")
        assert str(raised.value) == f"{WRONG}: {why}"
    assert len(scene.api.requests) == 1
    scene.now = START + ASK_AGAIN
    assert (await scene.targets.resource(f"argoproj.io/v1alpha1.{kind}")).plural == "x"


async def test_a_cluster_that_cannot_tell_is_asked_again_at_once(scene: Scene) -> None:
    scene.discovers(ClusterError("away"), LISTED)
    with pytest.raises(ClusterError, match="away"):
        await scene.targets.resource(KIND)
    assert await scene.targets.resource(KIND) == ROLLOUT


async def test_what_is_no_group_and_version_is_never_asked_for(scene: Scene) -> None:
    with pytest.raises(NotFound, match=WRONG):
        await scene.targets.resource("a/b/c.Kind")
    assert scene.api.requests == []


# ---------------------------------------------------------------------------------------------------------------- seen


async def test_a_watched_workload_is_seen_without_a_question(scene: Scene) -> None:
    scene.deployments.put(deployment(replicas=3, ready=2))
    assert await scene.targets.seen(spec_of(), NAMESPACE) == Target(3, 3, 2)
    assert scene.targets.cached(DEPLOYMENT, NAMESPACE, "worker") == 3
    assert scene.api.requests == []


async def test_one_that_is_not_there(scene: Scene) -> None:
    scene.discovers(LISTED)
    scene.api.answers["GET", SCALE] = NotFound("rollouts.argoproj.io worker not found")
    for kind in ("apps/v1.Deployment", KIND):
        short = kind.rpartition(".")[2]
        with pytest.raises(NotFound) as raised:
            await scene.targets.seen(spec_of(target_kind=kind), NAMESPACE)
        assert str(raised.value) == f"{WRONG}: there is no {short} worker"
    assert scene.targets.cached(DEPLOYMENT, NAMESPACE, "worker") is None


async def test_any_other_is_asked_for(scene: Scene) -> None:
    scene.discovers(LISTED)
    scene.api.answers["GET", SCALE] = {"spec": {"replicas": 4}, "status": {"replicas": 3, "selector": "app=x"}}
    assert await scene.targets.seen(spec_of(target_kind=KIND), NAMESPACE) == Target(4, 3, 3)
    assert scene.targets.cached(ROLLOUT, NAMESPACE, "worker") is None
    assert await scene.targets.asked(ROLLOUT, NAMESPACE, "worker") == 4
    assert ("GET", PODS) not in scene.api.sent


async def test_at_zero_a_scale_says_nothing(scene: Scene) -> None:
    scene.discovers(LISTED)
    scene.api.answers["GET", SCALE] = {"spec": {}, "status": {"replicas": 0}}
    assert await scene.targets.seen(spec_of(target_kind=KIND), NAMESPACE) == Target(0, 0, 0)


@pytest.mark.parametrize("error", [ClusterError("spec.replicas does not exist"), Forbidden("not yours")])
async def test_one_whose_number_cannot_be_known(scene: Scene, error: ClusterError) -> None:
    scene.discovers(LISTED)
    scene.api.answers["GET", SCALE] = error
    with pytest.raises(type(error), match=str(error)):
        await scene.targets.seen(spec_of(target_kind=KIND), NAMESPACE)


def pod(phase: str, *conditions: tuple[str, str]) -> dict[str, Any]:
    return {"status": {"phase": phase, "conditions": [{"type": type_, "status": is_} for type_, is_ in conditions]}}


READY = ("Ready", "True")
VALUE = Goal("s0-x", 1.0, kind=MetricType.VALUE)


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({"fallback": Fallback(3, 2)}, True),
        ({"mode": Mode.DIRECT}, True),
        ({"mode": Mode.DIRECT, "composite": replace(VALUE, metric="composite-metric")}, True),
        ({"mode": Mode.DIRECT, "composite": Goal("composite-metric", 1.0)}, False),
        ({}, False),
    ],
)
async def test_ready_pods_are_counted_where_a_value_is_multiplied_with_them(
    scene: Scene, more: dict[str, Any], counts: bool
) -> None:
    scene.discovers(LISTED)
    scene.api.answers["GET", SCALE] = {"spec": {"replicas": 9}, "status": {"replicas": 9, "selector": "app=x"}}
    scene.api.answers["GET", PODS] = {
        "items": [
            pod("Running", ("Initialized", "True"), READY),
            pod("Running", ("Ready", "False")),
            pod("Pending", READY),
            pod("Running"),
            {"status": {}},
            pod("Running", READY),
        ]
    }
    found = await scene.targets.seen(spec_of(VALUE, target_kind=KIND, **more), NAMESPACE)
    assert found.ready == (2 if counts else 9)
    asked = [request.parameters for request in scene.api.requests if request.path == PODS]
    assert asked == ([{"labelSelector": "app=x", "resourceVersion": "0"}] if counts else [])


async def test_without_a_selector_nobody_is_ready(scene: Scene) -> None:
    scene.discovers(LISTED)
    scene.api.answers["GET", SCALE] = {"spec": {"replicas": 9}, "status": {"replicas": 9}}
    spec = spec_of(VALUE, target_kind=KIND, mode=Mode.DIRECT)
    assert (await scene.targets.seen(spec, NAMESPACE)).ready == 0


# ------------------------------------------------------------------------------------------------------------- scaling


def test_the_patch_tests_what_was_seen() -> None:
    assert scale_patch(3, 5) == [
        {"op": "test", "path": "/spec/replicas", "value": 3},
        {"op": "replace", "path": "/spec/replicas", "value": 5},
    ]
    assert scale_patch(0, 1) == [
        {"op": "test", "path": "/spec", "value": {}},
        {"op": "add", "path": "/spec/replicas", "value": 1},
    ]


async def test_what_was_written_is_known_before_the_watch_tells(scene: Scene) -> None:
    scene.deployments.put(deployment(version=5, replicas=2, ready=2))
    told: list[bool] = []
    scene.deployments.listen(lambda _, __: told.append(scene.deployments.own))
    scene.api.answers["PATCH", DEPLOYED] = {"metadata": {"resourceVersion": "8"}, "spec": {"replicas": 6}}
    await scene.targets.scale(DEPLOYMENT, NAMESPACE, "worker", 2, 6)
    assert told == [True]
    [request] = scene.api.requests
    assert request.headers == {"Content-Type": Patch.JSON.value}
    assert request.body == scale_patch(2, 6)
    before, found = deployment(version=5), scene.deployments.get(NAMESPACE, "worker")
    assert found is not None
    assert (found.spec.replicas, found.status.ready_replicas, found.spec.digest) == (6, 2, before.spec.digest)
    scene.deployments.put(deployment(version=6, replicas=2))
    assert scene.wanted == 6
    scene.deployments.put(deployment(version=8, replicas=6, ready=3))
    assert (await scene.targets.seen(spec_of(), NAMESPACE)).ready == 3


async def test_to_zero_the_answer_says_nothing(scene: Scene) -> None:
    scene.deployments.put(deployment(version=5, replicas=2))
    scene.api.answers["PATCH", DEPLOYED] = {"metadata": {"resourceVersion": "8"}, "spec": {}}
    await scene.targets.scale(DEPLOYMENT, NAMESPACE, "worker", 2, 0)
    assert scene.wanted == 0


async def test_of_a_workload_that_is_gone_meanwhile_nothing_is_kept(scene: Scene) -> None:
    scene.api.answers["PATCH", DEPLOYED] = {"metadata": {"resourceVersion": "8"}, "spec": {"replicas": 6}}
    await scene.targets.scale(DEPLOYMENT, NAMESPACE, "worker", 2, 6)
    assert len(scene.deployments) == 0


async def test_a_number_that_somebody_moved_is_looked_at_and_a_conflict(scene: Scene) -> None:
    scene.deployments.put(deployment(version=5, replicas=2))
    scene.api.answers["PATCH", DEPLOYED] = Invalid("the server rejected our request")
    scene.api.answers["GET", DEPLOYED] = {"metadata": {"resourceVersion": "8"}, "spec": {"replicas": 7}}
    with pytest.raises(Conflict, match="worker has not 2 replicas any more"):
        await scene.targets.scale(DEPLOYMENT, NAMESPACE, "worker", 2, 6)
    assert scene.wanted == 7


async def test_what_is_refused_though_nobody_moved_is_no_conflict(scene: Scene) -> None:
    """A policy of the cluster, say: to try again at once would be to try for ever."""
    scene.api.answers["PATCH", DEPLOYED] = Invalid("replicas above 5 are not admitted")
    scene.api.answers["GET", DEPLOYED] = {"metadata": {"resourceVersion": "8"}, "spec": {"replicas": 2}}
    with pytest.raises(Invalid, match="not admitted"):
        await scene.targets.scale(DEPLOYMENT, NAMESPACE, "worker", 2, 6)


async def test_any_other_refusal_is_as_it_is(scene: Scene) -> None:
    for error in (NotFound("gone"), Forbidden("not yours"), ClusterError("away")):
        scene.api.answers["PATCH", DEPLOYED] = error
        with pytest.raises(type(error), match=str(error)):
            await scene.targets.scale(DEPLOYMENT, NAMESPACE, "worker", 2, 6)
