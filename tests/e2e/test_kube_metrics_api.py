"""The external metrics API behind the real aggregator, and what somebody finds who goes past it to the daemon's port:
who is answered, and that everybody else gets a refusal and never a value."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from tests.e2e.kube_daemon import ACCOUNT, API_SERVICE, METRICS, NAMESPACE, KubeDaemon, replica
from tests.e2e.kube_metrics import NAME, Direct, Reply, direct, metric, through
from tests.e2e.kube_objects import Object
from tests.e2e.kube_scene import Scene
from tests.rig.certificates import Authority
from tests.rig.control_plane import ControlPlane
from tests.rig.kube_client import KubeClient, path

GROUP = "external.metrics.k8s.io"
READ = "s0-metric-api-value"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
RBAC = "rbac.authorization.k8s.io/v1"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
MASTER = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}


@pytest.fixture(autouse=True)
async def available(control_plane: ControlPlane, served: KubeDaemon) -> None:
    """A moment after the daemon leads, the API server passes on what it is asked."""
    async with control_plane.client() as kube:
        await kube.until(API_SERVICE, _passed)


def _passed(found: Object) -> bool:
    told = {one["type"]: one for one in found.get("status", {}).get("conditions", ())}
    return "Available" in told and (told["Available"]["status"], told["Available"]["reason"]) == ("True", "Passed")


class Served(NamedTuple):
    """An object that is active, and whoever asks for its metric."""

    scene: Scene
    where: str
    value: str


@pytest.fixture
async def served_metric(scene: Scene) -> Served:
    """A reading that stays the same for the length of a test."""
    scene.answers["worker"] = 7.25
    trigger = {**scene.asks("worker"), "useCachedMetrics": True}
    await scene.pair("worker", trigger, pollingInterval=300)
    await scene.replicas("worker", 1)
    await scene.ready("worker")
    return Served(scene, metric(scene.namespace, READ, "worker"), "7250m")


async def account(kube: KubeClient, namespace: str, name: str, *, reads: bool) -> None:
    """A ServiceAccount that may read this namespace's metrics, or may not."""
    await kube.create(path("v1", "serviceaccounts", namespace), {"metadata": {"name": name}})
    if not reads:
        return
    rule = {"apiGroups": [GROUP], "resources": ["*"], "verbs": ["get", "list"]}
    await kube.create(path(RBAC, "roles", namespace), {"metadata": {"name": name}, "rules": [rule]})
    binding: Object = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
    await kube.create(path(RBAC, "rolebindings", namespace), binding)


# ------------------------------------------------------------------------------------------ through the API server


async def test_the_hpa_controller_is_answered(served_metric: Served, control_plane: ControlPlane) -> None:
    """As it asks; that it may is what the API server says when the daemon asks."""
    token = await control_plane.token("kube-system", "horizontal-pod-autoscaler")
    reply = await through(control_plane, served_metric.where, token)
    assert reply.value == served_metric.value
    [item] = reply.json["items"]
    assert reply.json["kind"] == "ExternalMetricValueList"
    assert reply.json["apiVersion"] == f"{GROUP}/v1beta1"
    assert item["metricName"] == READ

    def reviewed() -> bool:
        asked = control_plane.audit(user=ACCOUNT)
        return any(one.uri.startswith(REVIEWS) and one.code == 201 for one in asked)

    await served_metric.scene.daemon.until(reviewed, "the API server was asked whether it may")


async def test_a_user_with_rights_is_answered_and_one_without_is_not(
    served_metric: Served, control_plane: ControlPlane
) -> None:
    scene = served_metric.scene
    await account(scene.kube, scene.namespace, "reader", reads=True)
    await account(scene.kube, scene.namespace, "stranger", reads=False)
    reader = await control_plane.token(scene.namespace, "reader")
    stranger = await control_plane.token(scene.namespace, "stranger")
    assert (await through(control_plane, served_metric.where, reader)).value == served_metric.value
    refused = await through(control_plane, served_metric.where, stranger)
    assert (refused.status, refused.reason) == (403, "Forbidden")


async def answered(scene: Scene, where: str) -> Reply:
    """To an administrator."""
    async with scene.kube.session.get(scene.kube.server + where) as reply:
        return Reply(reply.status, await reply.read())


async def test_what_is_not_there_is_not_found(served_metric: Served) -> None:
    scene = served_metric.scene
    for where, about in (
        (metric(scene.namespace, "s9-other", "worker"), "s9-other"),
        (metric(scene.namespace, READ, "nobody"), "nobody"),
        (metric("nowhere", READ, "worker"), "worker"),
    ):
        refused = await answered(scene, where)
        assert (refused.status, refused.reason) == (404, "NotFound"), where
        assert about in refused.message
        assert refused.json["details"]["name"] == about


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({}, "scaledObject name is not specified"),
        ({"labelSelector": "app=worker"}, "scaledObject name is not specified"),
        ({"labelSelector": f"{NAME}!=worker"}, "scaledObject name is not specified"),
        ({"labelSelector": f"{NAME}=worker,,"}, "a label selector has"),
        ({"labelSelector": f"{NAME} in (worker"}, "a label selector has"),
    ],
)
async def test_a_selector_must_name_the_object(scene: Scene, query: dict[str, str], problem: str) -> None:
    refused = await answered(scene, metric(scene.namespace, READ, **query))
    assert (refused.status, refused.reason) == (400, "BadRequest")
    assert problem in refused.message


async def test_nothing_but_reading_is_possible(served_metric: Served) -> None:
    scene = served_metric.scene
    watched = await answered(scene, metric(scene.namespace, READ, "worker", watch="true"))
    assert (watched.status, watched.reason) == (405, "MethodNotAllowed")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        async with scene.kube.session.request(method, scene.kube.server + served_metric.where, json={}) as reply:
            refused = Reply(reply.status, await reply.read())
        assert (refused.status, refused.reason) == (405, "MethodNotAllowed"), method


async def test_a_source_that_fails_is_an_error_and_never_a_value(scene: Scene) -> None:
    scene.answers["worker"] = 5
    await scene.pair("worker")
    await scene.replicas("worker", 1)
    where = metric(scene.namespace, READ, "worker")
    assert (await answered(scene, where)).value == "5"
    scene.answers["worker"] = "error"

    async def fails() -> Reply | None:
        reply = await answered(scene, where)
        return reply if reply.status != 200 else None

    refused: Reply = await scene.daemon.until(fails, "the metric is an error")
    assert (refused.status, refused.reason) == (500, "InternalError")
    assert refused.message.startswith(f"{READ}: ")
    assert "500" in refused.message
    assert "items" not in refused.json
    await scene.hpa("keda-hpa-worker", _inactive)
    scene.answers["worker"] = 6

    async def mended() -> bool:
        reply = await answered(scene, where)
        return reply.status == 200 and reply.value == "6"

    await scene.daemon.until(mended, "the metric can be read again")


def _inactive(hpa: Object) -> bool:
    """The HPA says that it could not get the metric."""
    conditions = hpa.get("status", {}).get("conditions", ())
    return any(one["type"] == "ScalingActive" and one["reason"] == "FailedGetExternalMetric" for one in conditions)


async def test_an_answer_stays_byte_for_byte_while_the_reading_does(
    served_metric: Served, control_plane: ControlPlane, served: KubeDaemon
) -> None:
    scene = served_metric.scene
    through_it = {(await answered(scene, served_metric.where)).body for _ in range(5)}
    proxy = control_plane.front_proxy.issue("front-proxy-client", names=())
    async with direct(control_plane, served, proxy) as connection:
        past_it = {(await connection.get(served_metric.where, MASTER)).body for _ in range(5)}
    assert len(through_it) == 1
    assert through_it == past_it


# --------------------------------------------------------------------------------------------------------- discovery


async def test_the_api_server_knows_the_api(scene: Scene) -> None:
    assert _passed(await scene.kube.get(API_SERVICE))
    listed = await scene.kube.get(METRICS)
    assert [(one["name"], one["verbs"]) for one in listed["resources"]] == [("externalmetrics", ["get"])]


async def test_discovery_is_whole(scene: Scene) -> None:
    said = await scene.cluster.kubectl("api-resources", "--api-group", GROUP, "--no-headers")
    assert (said.code, said.err) == (0, "")
    assert said.out.split() == ["externalmetrics", f"{GROUP}/v1beta1", "true", "ExternalMetricValueList"]

    async def current() -> bool:
        async with scene.kube.session.get(f"{scene.kube.server}/apis", headers={"Accept": AGGREGATED}) as reply:
            groups = json.loads(await reply.read())["items"]
        [ours] = [one for one in groups if one["metadata"]["name"] == GROUP]
        [version] = ours["versions"]
        return bool(version["freshness"] == "Current" and version["resources"][0]["resource"] == "externalmetrics")

    await scene.daemon.until(current, "aggregated discovery is not stale")


async def test_no_document_of_the_cluster_is_broken_by_ours(scene: Scene, control_plane: ControlPlane) -> None:
    said = await control_plane.kubectl("get", "--raw", "/openapi/v2")
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out)["paths"].keys() >= {"/apis/apps/v1/", "/apis/keda.sh/v1alpha1/scaledobjects"}
    root = await scene.kube.until("/openapi/v3", lambda found: f"apis/{GROUP}/v1beta1" in found["paths"])
    ours = await scene.kube.get(root["paths"][f"apis/{GROUP}/v1beta1"]["serverRelativeURL"])
    assert ours["openapi"] == "3.0.0"
    logged = (control_plane.folder / "kube-apiserver.log").read_text()
    assert "Error in OpenAPI handler" not in logged
    explained = await control_plane.kubectl("explain", "scaledobject.spec.cooldownPeriod")
    assert explained.code == 0, explained.err


# ------------------------------------------------------------------------------------------- past the API server


@pytest.fixture
async def bare(control_plane: ControlPlane, served: KubeDaemon) -> AsyncIterator[Direct]:
    """Without a certificate."""
    async with direct(control_plane, served) as connection:
        yield connection


async def test_anonymous_is_nobody(served_metric: Served, bare: Direct) -> None:
    for headers in ({}, MASTER, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer nonsense"}):
        refused = await bare.get(served_metric.where, headers)
        assert (refused.status, refused.reason, refused.message) == (401, "Unauthorized", "Unauthorized"), headers


async def test_probes_are_for_everybody(bare: Direct) -> None:
    for page in ("/healthz", "/livez", "/readyz"):
        assert await bare.get(page) == (200, b"ok")


async def test_a_certificate_of_an_unknown_authority_ends_the_handshake(
    served_metric: Served, control_plane: ControlPlane, served: KubeDaemon, tmp_path: Path
) -> None:
    pair = Authority(tmp_path, "front-proxy-ca").issue("front-proxy-client", names=())
    async with direct(control_plane, served, pair) as connection:
        with pytest.raises(aiohttp.ClientError):
            await connection.get(served_metric.where, MASTER)


async def test_the_front_proxys_name_from_another_authority_speaks_for_nobody(
    served_metric: Served, control_plane: ControlPlane, served: KubeDaemon
) -> None:
    """The authority of clients signs whom it likes: it is that user, whatever the headers say."""
    pair = control_plane.authority.issue("front-proxy-client", names=())
    async with direct(control_plane, served, pair) as connection:
        refused = await connection.get(served_metric.where, MASTER)
    assert (refused.status, refused.reason) == (403, "Forbidden")
    assert 'User "front-proxy-client" cannot list resource' in refused.message


async def test_another_name_from_the_front_proxys_authority_is_nobody(
    served_metric: Served, control_plane: ControlPlane, served: KubeDaemon
) -> None:
    pair = control_plane.front_proxy.issue("somebody-else", names=())
    async with direct(control_plane, served, pair) as connection:
        assert (await connection.get(served_metric.where, MASTER)).status == 401


async def test_the_front_proxy_says_who_asks(
    served_metric: Served, control_plane: ControlPlane, served: KubeDaemon
) -> None:
    pair = control_plane.front_proxy.issue("front-proxy-client", names=())
    async with direct(control_plane, served, pair) as connection:
        assert (await connection.get(served_metric.where, MASTER)).value == served_metric.value
        refused = await connection.get(served_metric.where, {"X-Remote-User": "stranger"})
        assert (refused.status, refused.reason) == (403, "Forbidden")
        assert 'User "stranger" cannot list resource "s0-metric-api-value"' in refused.message
        assert (await connection.get(served_metric.where)).status == 401


async def test_a_client_certificate_is_its_user(
    served_metric: Served, control_plane: ControlPlane, served: KubeDaemon
) -> None:
    pair = control_plane.authority.issue("root", groups=("system:masters",), names=())
    async with direct(control_plane, served, pair) as connection:
        assert (await connection.get(served_metric.where)).value == served_metric.value


async def test_a_token_is_its_account(served_metric: Served, control_plane: ControlPlane, bare: Direct) -> None:
    """It reads where it may; the headers of a front proxy make nobody more than he is."""
    scene = served_metric.scene
    await account(scene.kube, scene.namespace, "reader", reads=True)
    await account(scene.kube, scene.namespace, "stranger", reads=False)
    reader = await control_plane.token(scene.namespace, "reader")
    stranger = await control_plane.token(scene.namespace, "stranger")
    assert (await bare.get(served_metric.where, token=reader)).value == served_metric.value
    elsewhere = await bare.get(metric("default", READ, "worker"), token=reader)
    assert elsewhere.status == 403
    for headers in ({}, MASTER):
        refused = await bare.get(served_metric.where, headers, token=stranger)
        assert (refused.status, refused.reason) == (403, "Forbidden")
        assert f'User "system:serviceaccount:{scene.namespace}:stranger" cannot list' in refused.message


async def test_a_replica_that_does_not_lead_has_no_answers(served_metric: Served, control_plane: ControlPlane) -> None:
    token = await control_plane.token(NAMESPACE, "event-scaler")
    kubeconfig = control_plane.kubeconfig_for_token(token, namespace=NAMESPACE)
    proxy = control_plane.front_proxy.issue("front-proxy-client", names=())
    with replica(control_plane, kubeconfig, name="event-scaler-1") as follower:
        await follower.start()
        async with direct(control_plane, follower, proxy) as connection:
            refused = await connection.get(served_metric.where, MASTER)
            assert (refused.status, refused.reason) == (503, "ServiceUnavailable")
            assert "does not lead" in refused.message
            assert await connection.get("/readyz") == (200, b"ok")
            assert (await connection.get(METRICS, MASTER)).status == 200
        assert "leading lease=" not in follower.said()
        slices = path("discovery.k8s.io/v1", "endpointslices", NAMESPACE, "event-scaler-metrics-apiserver")
        async with control_plane.client() as kube:
            [port] = (await kube.get(slices))["ports"]
        assert port["port"] == served_metric.scene.daemon.metrics_port
    assert (await answered(served_metric.scene, served_metric.where)).value == served_metric.value
