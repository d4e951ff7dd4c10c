"""The environment of a workload's container, from its pod template."""

from collections.abc import Mapping
from typing import Any

import pytest

from scaler.errors import ClusterError, Forbidden, NotFound
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.environment import environment_of
from scaler.kubernetes.targets import DEPLOYMENT, Targets
from scaler.manifests.watched import Ref
from tests.kubernetes.script import Script

WORKER = "/apis/apps/v1/namespaces/shop/deployments/worker"
KEYS = Ref("Secret", "shop", "keys")
HOSTS = Ref("ConfigMap", "shop", "hosts")
DATA: Mapping[Ref, Mapping[str, str]] = {KEYS: {"password": "hush"}, HOSTS: {"HOST": "kafka", "PORT": "9092"}}
PLAIN = {"name": "app", "env": [{"name": "HOST", "value": "kafka"}]}
SIDE = {"name": "side", "env": [{"name": "HOST", "value": "else"}]}
ODD = {
    "name": "app",
    "envFrom": [{"configMapRef": {"name": "hosts"}}],
    "env": [
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "password"}}},
        {"name": "URL", "value": "$(HOST):$(PORT)"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ],
}


class Scene:
    def __init__(self) -> None:
        self.api = Script()
        self.read_refs: list[Ref] = []
        self.targets = Targets(self.api, {DEPLOYMENT: Cache()}, lambda: 0.0)

    def runs(self, *containers: Any, path: str = WORKER) -> None:
        self.api.answers["GET", path] = {"spec": {"template": {"spec": {"containers": containers}}}}

    async def read(self, ref: Ref) -> Mapping[str, str]:
        self.read_refs.append(ref)
        if ref not in DATA:
            raise NotFound(f"there is no {ref.kind} {ref.name}")
        return DATA[ref]

    async def of(self, name: str) -> Mapping[str, str]:
        return await environment_of(Ref("Environment", "shop", name), self.api, self.targets, self.read)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("name", "host"), [("worker/", "kafka"), ("worker/app", "kafka"), ("worker/side", "else"), ("worker", "kafka")]
)
async def test_of_a_container_by_its_name_or_of_the_first(scene: Scene, name: str, host: str) -> None:
    scene.runs(PLAIN, SIDE)
    assert await scene.of(name) == {"HOST": host}
    assert scene.api.sent == [("GET", WORKER)]


async def test_what_it_refers_to_is_read_in_the_object_s_namespace(scene: Scene) -> None:
    scene.runs(ODD)
    assert await scene.of("worker/") == {"HOST": "kafka", "PORT": "9092", "PASSWORD": "hush", "URL": "kafka:9092"}
    assert set(scene.read_refs) == {KEYS, HOSTS}


async def test_a_container_that_is_not_there(scene: Scene) -> None:
    scene.runs(PLAIN)
    with pytest.raises(NotFound, match="Deployment worker has no container other"):
        await scene.of("worker/other")


@pytest.mark.parametrize("name", ["Rollout.v1alpha1.argoproj.io/worker/", "Rollout.v1alpha1.argoproj.io/worker/app"])
@pytest.mark.parametrize("found", [{}, {"spec": {}}, {"spec": {"workloadRef": {"name": "x"}}}])
async def test_a_kind_without_a_pod_template_has_an_empty_one(scene: Scene, name: str, found: Any) -> None:
    group = "/apis/argoproj.io/v1alpha1"
    listed = [{"name": "rollouts", "kind": "Rollout"}, {"name": "rollouts/scale", "kind": "Scale"}]
    scene.api.answers["GET", group] = {"resources": listed}
    scene.api.answers["GET", f"{group}/namespaces/shop/rollouts/worker"] = found
    assert await scene.of(name) == {}


async def test_a_kind_of_the_core_group(scene: Scene) -> None:
    listed = [
        {"name": "replicationcontrollers", "kind": "ReplicationController"},
        {"name": "replicationcontrollers/scale", "kind": "Scale"},
    ]
    scene.api.answers["GET", "/api/v1"] = {"resources": listed}
    scene.runs(PLAIN, path="/api/v1/namespaces/shop/replicationcontrollers/worker")
    assert await scene.of("ReplicationController.v1./worker/") == {"HOST": "kafka"}


@pytest.mark.parametrize("error", [NotFound("no worker"), Forbidden("not yours"), ClusterError("away")])
async def test_a_workload_that_cannot_be_read(scene: Scene, error: ClusterError) -> None:
    scene.api.answers["GET", WORKER] = error
    with pytest.raises(type(error), match=str(error)):
        await scene.of("worker/")


async def test_a_secret_that_is_not_there(scene: Scene) -> None:
    scene.runs({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}}]})
    with pytest.raises(NotFound, match="there is no Secret none"):
        await scene.of("worker/")


@pytest.mark.parametrize(("name", "host"), [("orders/", "kafka"), ("orders/side", "else")])
async def test_of_a_scaled_job_it_is_its_own_template_s(scene: Scene, name: str, host: str) -> None:
    """Which has no replicas, so that its kind is not looked for among those that can be scaled."""
    path = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledjobs/orders"
    scene.api.answers["GET", path] = {"spec": {"jobTargetRef": {"template": {"spec": {"containers": [PLAIN, SIDE]}}}}}
    assert (await scene.of(f"ScaledJob.v1alpha1.keda.sh/{name}"))["HOST"] == host
    assert scene.api.sent == [("GET", path)]
