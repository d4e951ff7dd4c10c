"""Observe mode on a real control plane: everything is read, decided and shown, nothing is written; the API server's
audit log is the witness."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager

import aiohttp
import pytest

from tests.e2e.installation import install
from tests.e2e.kube_daemon import ACCOUNT, KubeDaemon, replica
from tests.e2e.kube_objects import condition, deployment, deployments, hpas, number, objects, scaled_object
from tests.e2e.servers import Numbers
from tests.rig.control_plane import ControlPlane, Options
from tests.rig.kube_client import KubeClient

MODE = "event-scaler.dev/mode"
Planes = Callable[[Options], AbstractContextManager[ControlPlane]]
REVIEWS = ("tokenreviews", "subjectaccessreviews")


def writes(cluster: ControlPlane, mark: int, part: str = "") -> list[str]:
    """What the daemon's account wrote since then; reviews are no writes."""
    return [
        f"{one.verb} {one.uri}"
        for one in cluster.audit(mark, user=ACCOUNT)
        if one.verb not in ("get", "list", "watch") and part in one.uri and not one.uri.endswith(REVIEWS)
    ]


@pytest.fixture
def own_plane(control_planes: Planes) -> Iterator[ControlPlane]:
    """Where nobody else scales."""
    with control_planes(Options()) as plane:
        yield plane


@pytest.fixture
async def kube(control_plane: ControlPlane) -> AsyncIterator[KubeClient]:
    async with control_plane.client() as client:
        yield client


async def test_an_object_that_is_observed_is_shown_and_left_alone(
    control_plane: ControlPlane, served: KubeDaemon, kube: KubeClient, namespace: str, answers: Numbers
) -> None:
    """Beside its own daemon that leads and writes for others. KEDA's finalizer stays, too: it is KEDA's object."""
    answers.answers["n"] = 30
    made = scaled_object("worker", number(f"{answers.url}/n"), annotations={MODE: "observe"})
    made["metadata"]["finalizers"] = ["finalizer.keda.sh"]
    mark = control_plane.mark()
    await kube.create(deployments(namespace), deployment("worker"))
    await kube.create(objects(namespace), made)

    async def decided() -> bool:
        name = "event_scaler_replicas_decided"
        return await served.metric(name, namespace=namespace, scaledObject="worker") == 1

    await served.until(decided, "it is decided what would be done")
    assert await served.metric("event_scaler_disagreement", namespace=namespace, scaledObject="worker") == 0
    answers.answers["n"] = "error"  # failing is shown, and not written either
    await served.until(lambda: "HTTP 500" in served.said(), "the failure is told in the log")
    await kube.patch(objects(namespace, "worker"), {"spec": {"triggers": [{"type": "no-such-type"}]}})
    await served.until(lambda: "is not known here" in served.said(), "that it cannot be bound is told in the log")
    found = await kube.get(objects(namespace, "worker"))
    assert found.get("status", {}) == {}
    assert writes(control_plane, mark, namespace) == []
    await kube.patch(objects(namespace, "worker"), {"metadata": {"finalizers": []}})


async def test_a_daemon_that_observes_writes_nothing_beside_one_that_leads(
    control_plane: ControlPlane, served: KubeDaemon, kube: KubeClient, namespace: str, answers: Numbers
) -> None:
    """It sees what the other does, agrees with it, and answers whoever asks it for a metric. It needs no Lease."""
    answers.answers["n"] = 20
    await kube.create(deployments(namespace), deployment("worker"))
    await kube.create(objects(namespace), scaled_object("worker", number(f"{answers.url}/n")))
    await kube.until(deployments(namespace, "worker"), lambda one: one["spec"]["replicas"] == 4)
    observer = control_plane.kubeconfig("observer", ("system:masters",))
    mark = control_plane.mark()
    with replica(control_plane, observer, name="observer", OBSERVE="true") as watching:
        await watching.start()

        async def agrees() -> bool:
            name = "event_scaler_replicas_decided"
            return await watching.metric(name, namespace=namespace, scaledObject="worker") == 4

        await watching.until(agrees, "it would have done the same")
        asked = await _asked(control_plane, watching, namespace)
        assert asked == "20"
    for one in control_plane.audit(mark, user="observer"):
        assert one.verb in ("get", "list", "watch") or one.uri.endswith(REVIEWS), one


async def test_what_it_would_have_done_otherwise_is_told_when_it_lasts_and_when_it_ends(
    answers: Numbers, own_plane: ControlPlane
) -> None:
    """Nobody scales here: the load asks for two and there is none. It lasts longer than two polls and 20 s."""
    account = await install(own_plane)
    answers.answers["n"] = 10
    async with own_plane.client() as kube:
        await kube.create(deployments("default"), deployment("worker"))
        await kube.create(objects("default"), scaled_object("worker", number(f"{answers.url}/n")))
        mark = own_plane.mark()
        with replica(own_plane, account, OBSERVE="true") as watching:
            await watching.start()

            async def differs(so: float) -> bool:
                return await watching.metric("event_scaler_disagreement", scaledObject="worker") == so

            await watching.until(lambda: differs(0), "at first there is nothing to tell")
            await watching.until(lambda: differs(1), "it lasts", 60)
            assert watching.said().count("default/worker has 0 replicas, here it would have 1") == 1
            await kube.patch(f"{deployments('default', 'worker')}/scale", {"spec": {"replicas": 2}})
            await watching.until(lambda: differs(0), "somebody has scaled it")
            assert "default/worker has the replicas again that it would have here" in watching.said()
        assert writes(own_plane, mark) == []
        found = await kube.get(objects("default", "worker"))
        assert condition(found, "Ready") == ("", "", "")
        assert (await kube.get(hpas("default")))["items"] == []


async def _asked(cluster: ControlPlane, daemon: KubeDaemon, namespace: str) -> str:
    """The metric's value by the daemon's own port; its certificate is its own as well."""
    token = await cluster.token("kube-system", "horizontal-pod-autoscaler")
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    where = f"https://{cluster.address}:{daemon.metrics_port}/apis/external.metrics.k8s.io/v1beta1"
    path = f"/namespaces/{namespace}/s0-metric-api-value?labelSelector=scaledobject.keda.sh/name=worker"
    async with (
        asyncio.timeout(10),
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.get(where + path, ssl=unverified) as reply,
    ):
        answer = await reply.json()
        assert reply.status == 200, answer
        return str(answer["items"][0]["value"])
