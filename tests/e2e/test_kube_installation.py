"""What `kubectl apply -k deploy/…` gives the daemon is enough for all that it does, and no more: everything at once in
one namespace, confined to two, and in KEDA's place beside a KEDA."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.guarded import Guarded, guarded
from tests.e2e.installation import install, settings
from tests.e2e.kube_daemon import ACCOUNT, API_SERVICE, NAMESPACE, ROOT, KubeDaemon, replica
from tests.e2e.kube_jobs import Work
from tests.e2e.kube_metrics import metric
from tests.e2e.kube_objects import (
    Object,
    authentication,
    authentications,
    cloud_event_source,
    config_map,
    deployment,
    deployments,
    hpas,
    number,
    objects,
    place,
    scaled_job,
    scaled_object,
    secret,
    secrets,
    stateful_set,
)
from tests.e2e.kube_scene import WRITES, Scene
from tests.e2e.servers import Numbers
from tests.rig.control_plane import ControlPlane, Options, Request
from tests.rig.kube_client import KubeClient, path

NAMESPACED, IN_KEDA = ROOT / "deploy" / "overlays" / "namespaced", ROOT / "deploy" / "overlays" / "in-keda-namespace"
READ = "s0-metric-api-value"
KEDAS = "finalizer.keda.sh"
LEASE = path("coordination.k8s.io/v1", "leases", "keda", "operator.keda.sh")
IN_KEDAS_PLACE = "system:serviceaccount:keda:event-scaler"
REFUSED = re.compile(r"forbidden|cannot (get|list|watch|create|patch|update|delete)", re.IGNORECASE)
ELSEWHERE = re.compile(r"\btest-[0-9a-f]{8}\b")
LOGIN = ("username", "login", "user"), ("password", "login", "password")
RESTORING = {"restoreToOriginalReplicaCount": True}

USED = {
    ("get", "secrets"),
    ("get", "configmaps"),
    ("get", "deployments"),
    ("patch", "deployments/scale"),
    ("patch", "statefulsets/scale"),
    ("get", "replicasets/scale"),
    ("list", "pods"),
    ("create", "jobs"),
    ("delete", "jobs"),
    ("watch", "jobs"),
    ("watch", "pods"),
    ("create", "horizontalpodautoscalers"),
    ("delete", "horizontalpodautoscalers"),
    ("patch", "scaledobjects"),
    ("patch", "scaledobjects/status"),
    ("patch", "triggerauthentications/status"),
    ("patch", "clustertriggerauthentications/status"),
    ("patch", "scaledjobs"),
    ("patch", "scaledjobs/status"),
    ("patch", "cloudeventsources"),
    ("patch", "cloudeventsources/status"),
    ("patch", "clustercloudeventsources"),
    ("patch", "clustercloudeventsources/status"),
    ("create", "events"),
    ("get", "namespaces"),
}
"""(verb, resource) of what the daemon does for its objects."""


def forbidden(cluster: ControlPlane, account: str = ACCOUNT) -> list[Request]:
    """What the account asked for and was refused."""
    return [one for one in cluster.audit(user=account) if one.code == 403]


def concerns(text: str, namespace: str) -> bool:
    """Whether a line is not about another test's namespace: in one that is just going, everything is refused."""
    return namespace in text or not ELSEWHERE.search(text)


def used(cluster: ControlPlane, since: int, account: str = ACCOUNT) -> set[tuple[str, str]]:
    """(verb, resource) of what it was granted; watches are told when they begin."""
    asked = cluster.audit(since, user=account) + cluster.audit(since, user=account, stage="ResponseStarted")
    return {(one.verb, _resource(one.uri)) for one in asked if one.code < 400}


def _resource(uri: str) -> str:
    """`deployments/scale` of /apis/apps/v1/namespaces/shop/deployments/worker/scale."""
    parts = uri.partition("?")[0].strip("/").split("/")
    parts = parts[3:] if parts[0] == "apis" else parts[2:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    return "/".join(parts[::2])


# --------------------------------------------------------------------------------------------- everything that there is


@pytest.fixture
async def shared_secret(scene: Scene) -> AsyncIterator[str]:
    """A ClusterTriggerAuthentication and its Secret, in the daemon's own namespace."""
    name = f"shared-{scene.namespace}"
    await scene.kube.create(secrets(NAMESPACE), secret(name, user="user", password="sesame"))
    references = (("username", name, "user"), ("password", name, "password"))
    await scene.add(authentication(name, *references, cluster=True))
    yield name
    await scene.kube.delete(f"{place(authentication(name, cluster=True), '')}/{name}")
    await scene.kube.delete(secrets(NAMESPACE, name))


def logging_in(source: Guarded, name: str, kind: str = "TriggerAuthentication") -> Object:
    return {**number(source.url, authMode="basic"), "authenticationRef": {"name": name, "kind": kind}}


async def log_in_in_all_ways(scene: Scene, source: Guarded, shared: str) -> None:
    """From a Secret and a ConfigMap, from the workload's environment, from the daemon's own namespace."""
    await scene.add(secret("login", user="user", password="sesame"))
    await scene.add(config_map("who", user="user"))
    who = [{"parameter": "username", "name": "who", "key": "user"}]
    await scene.add(authentication("direct", LOGIN[1], configMapTargetRef=who))
    variables = [{"parameter": "username", "name": "WHO"}, {"parameter": "password", "name": "PASSWORD"}]
    await scene.add(authentication("environment", env=variables))
    workload = deployment("two")
    workload["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "WHO", "valueFrom": {"configMapKeyRef": {"name": "who", "key": "user"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}},
    ]
    await scene.pair("one", logging_in(source, "direct"))
    await scene.add(workload)
    await scene.add(scaled_object("two", logging_in(source, "environment")))
    await scene.pair("three", logging_in(source, shared, "ClusterTriggerAuthentication"))


async def scale_other_kinds(scene: Scene) -> None:
    """A StatefulSet, and one that only its scale subresource is known of: its pods are counted when a source fails."""
    await scene.add(stateful_set("four"))
    await scene.add(scaled_object("four", scene.asks("four"), scaleTargetRef={"kind": "StatefulSet", "name": "four"}))
    await scene.kube.create(
        path("apps/v1", "replicasets", scene.namespace), {**deployment("five", 1), "kind": "ReplicaSet"}
    )
    target = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "five"}
    trigger = {**scene.asks("five"), "metricType": "Value"}
    fallback = {"failureThreshold": 1, "replicas": 2}
    await scene.add(scaled_object("five", trigger, scaleTargetRef=target, fallback=fallback))


async def make_jobs(scene: Scene) -> None:
    """One that has ended is deleted; the strategy asks for pods."""
    work = Work(scene, "eight")
    await work.add(1, scalingStrategy={"strategy": "accurate"}, successfulJobsHistoryLimit=0)
    [job] = await work.running(1)
    work.queue(0)
    await work.end(job)
    await work.until(lambda mine: not mine)


async def let_go_of_kedas(scene: Scene) -> None:
    """Every kind may have KEDA's finalizer, and some are only told what becomes of them."""
    made = [
        scaled_job("six"),
        cloud_event_source("seven"),
        cloud_event_source(f"seven-{scene.namespace}", cluster=True),
    ]
    for one in made:
        one["metadata"]["finalizers"] = [KEDAS]
        await scene.add(one)
    for one in made:
        where = f"{place(one, scene.namespace)}/{one['metadata']['name']}"
        await scene.kube.until(where, lambda found: not found["metadata"].get("finalizers") and "status" in found)
        await scene.kube.delete(where)


async def test_the_rights_that_it_comes_with_are_enough(
    scene: Scene, served: KubeDaemon, shared_secret: str, control_plane: ControlPlane
) -> None:
    """All that the daemon can do, by its own ServiceAccount: nothing is refused, from its start on."""
    begun = control_plane.mark()
    scene.answers |= {"four": 3, "five": "error", "restored": 3}
    async with guarded("user", "sesame") as source:
        await log_in_in_all_ways(scene, source, shared_secret)
        await scale_other_kinds(scene)
        await scene.pair("restored", replicas=2, advanced=RESTORING)
        for name in ("one", "two", "three"):
            await scene.replicas(name, 1)
        await scene.kube.until(
            path("apps/v1", "statefulsets", scene.namespace, "four"), lambda found: found["spec"]["replicas"] == 1
        )
        await scene.told("five", "Fallback", "True")
        await let_go_of_kedas(scene)
        await make_jobs(scene)
        await scene.ready("restored")
        await scene.kube.delete(objects(scene.namespace, "restored"))
        await scene.kube.gone(objects(scene.namespace, "restored"))
        await scene.kube.gone(hpas(scene.namespace, "keda-hpa-restored"))
        await scene.annotate("one", {"autoscaling.keda.sh/paused": "true"})
        await scene.told("one", "Paused", "True")
        await scene.events("two", "ScaledObjectReady")
        for where in (
            authentications(scene.namespace, "direct"),
            f"{place(authentication('', cluster=True), '')}/{shared_secret}",
        ):
            await scene.kube.until(where, lambda found: found.get("status", {}).get("scaledobjects"))
    assert [one for one in forbidden(control_plane) if concerns(one.uri, scene.namespace)] == []
    said = [line for line in served.said().splitlines() if concerns(line, scene.namespace)]
    assert [line for line in said if REFUSED.search(line)] == []
    await served.until(lambda: used(control_plane, begun) >= USED, "all of them are in the audit log")


async def test_no_more_than_that(control_plane: ControlPlane, served: KubeDaemon) -> None:
    """What a daemon that has been taken over could not do either."""
    refused = [
        ("list", "secrets", "--all-namespaces"),
        ("watch", "secrets", "-n", NAMESPACE),
        ("list", "configmaps", "-n", NAMESPACE),
        ("create", "pods", "-n", NAMESPACE),
        ("create", "pods", "--subresource=exec", "-n", NAMESPACE),
        ("patch", "deployments", "-n", "default"),
        ("delete", "deployments", "-n", "default"),
        ("create", "clusterrolebindings"),
        ("create", "apiservices"),
        ("patch", "apiservices/v1.apps"),
        ("patch", "secrets/other", "-n", NAMESPACE),
        ("create", "secrets", "-n", "default"),
        ("patch", "leases/kube-scheduler", "-n", "kube-system"),
        ("delete", "scaledobjects", "-n", "default"),
        ("impersonate", "users"),
    ]
    for asked in refused:
        assert not await may(control_plane, ACCOUNT, *asked), asked
    granted = [
        ("get", "secrets/any", "-n", "default"),
        ("patch", "deployments", "--subresource=scale", "-n", "default"),
        ("patch", "apiservices/v1beta1.external.metrics.k8s.io"),
        ("patch", "leases/operator.keda.sh", "-n", NAMESPACE),
    ]
    for asked in granted:
        assert await may(control_plane, ACCOUNT, *asked), asked


async def may(cluster: ControlPlane, account: str, *asked: str) -> bool:
    said = await cluster.kubectl("auth", "can-i", *asked, "--as", account)
    assert said.out.strip() in ("yes", "no"), said
    return said.out.strip() == "yes"


# --------------------------------------------------------------------------------------------------- another cluster


@pytest.fixture
def elsewhere(control_planes: Callable[[Options], AbstractContextManager[ControlPlane]]) -> Iterator[ControlPlane]:
    """A cluster in which nothing is installed."""
    with control_planes(Options()) as cluster:
        yield cluster


async def add_namespaces(kube: KubeClient, *names: str) -> None:
    for name in names:
        await kube.create("/api/v1/namespaces", {"metadata": {"name": name}})


async def test_confined_to_namespaces(elsewhere: ControlPlane, answers: Numbers) -> None:
    """Those that it is told are served, with Secrets and metrics and all; of others it sees nothing."""
    async with elsewhere.client() as kube, guarded("user", "sesame") as source:
        await add_namespaces(kube, "billing", "shop", "other")
        kubeconfig, given = await install(elsewhere, NAMESPACED), await settings(elsewhere, NAMESPACED)
        assert given["NAMESPACES"] == "billing,shop"
        with replica(elsewhere, kubeconfig, **given) as daemon:
            scenes = {name: Scene(elsewhere, kube, daemon, name, answers) for name in ("billing", "shop", "other")}
            for name, scene in scenes.items():
                answers.answers[name] = 3
                await scene.pair("worker", scene.asks(name))
            await scenes["shop"].add(secret("login", user="user", password="sesame"))
            await scenes["shop"].add(authentication("auth", *LOGIN))
            await scenes["shop"].pair("secured", logging_in(source, "auth"))
            await daemon.start()
            for scene, name in ((scenes["billing"], "worker"), (scenes["shop"], "worker"), (scenes["shop"], "secured")):
                await scene.replicas(name, 1)
                await scene.ready(name)
                await scene.hpa(f"keda-hpa-{name}")
            for name in ("billing", "shop"):
                await daemon.until(partial(_given, kube, name), f"the metric of {name} is given")
            other = await kube.get(objects("other", "worker"))
            assert "status" not in other
            assert (await kube.get(deployments("other", "worker")))["spec"]["replicas"] == 0
            assert answers.asked["other"] == 0
            assert forbidden(elsewhere) == []
            assert not REFUSED.search(daemon.said())
        for asked in (
            ("get", "secrets"),
            ("patch", "deployments", "--subresource=scale"),
            ("patch", "scaledobjects", "--subresource=status"),
        ):
            assert await may(elsewhere, ACCOUNT, *asked, "-n", "shop"), asked
            assert not await may(elsewhere, ACCOUNT, *asked, "-n", "other"), asked
            assert not await may(elsewhere, ACCOUNT, *asked, "--all-namespaces"), asked
        assert not await may(elsewhere, ACCOUNT, "list", "secrets", "-n", "shop")
        await _without_what_belongs_to_no_namespace(elsewhere, kube, kubeconfig, given, answers)


async def _given(kube: KubeClient, namespace: str) -> bool:
    async with kube.session.get(kube.server + metric(namespace, READ, "worker")) as reply:
        return reply.status == 200


async def _without_what_belongs_to_no_namespace(
    cluster: ControlPlane, kube: KubeClient, kubeconfig: Path, given: dict[str, str], answers: Numbers
) -> None:
    """Where an administrator gives no right in the whole cluster, what is in the namespaces is served as before."""
    await kube.delete("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/event-scaler-cluster")
    with replica(cluster, kubeconfig, **given) as daemon:
        await daemon.start()
        scene = Scene(cluster, kube, daemon, "shop", answers)
        answers.answers["shop"] = 0
        await scene.replicas("worker", 0)
        answers.answers["shop"] = 3
        await scene.replicas("worker", 1)
        for kind in (
            "keda.sh/v1alpha1/clustertriggerauthentications",
            "eventing.keda.sh/v1alpha1/clustercloudeventsources",
        ):
            assert daemon.said().count(f"/apis/{kind} is not watched: ") == 1, daemon.said()


# ------------------------------------------------------------------------------------------------------ beside a KEDA


@asynccontextmanager
async def stand_in(kube: KubeClient) -> AsyncIterator[asyncio.Task[None]]:
    """Somebody holds KEDA's Lease as KEDA does; cancelled, he is gone from one moment to the next."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_lead(kube))
        await kube.until(LEASE, lambda _: True)
        yield task
        task.cancel()


async def _lead(kube: KubeClient) -> None:
    held = {"holderIdentity": "keda-operator-7d9c_1", "leaseDurationSeconds": 15, "leaseTransitions": 0}
    kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "operator.keda.sh"}}
    await kube.create(
        LEASE.rpartition("/")[0], {**kind, "spec": {**held, "acquireTime": _stamp(), "renewTime": _stamp()}}
    )
    while True:
        await asyncio.sleep(2)
        await kube.patch(LEASE, {"spec": {"renewTime": _stamp()}})


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def install_keda(cluster: ControlPlane, kube: KubeClient) -> None:
    """What there is of a KEDA: its namespace, its definitions, its claim on the external metrics."""
    await add_namespaces(kube, "keda", "shop")
    said = await cluster.kubectl("apply", "--server-side", "-k", str(ROOT / "crds"))
    assert said.code == 0, said.err
    spec = {
        "group": "external.metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"namespace": "keda", "name": "keda-operator-metrics-apiserver", "port": 443},
        "insecureSkipTLSVerify": True,
    }
    manifest = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "spec": spec}
    await kube.create(
        API_SERVICE.rpartition("/")[0], {**manifest, "metadata": {"name": "v1beta1.external.metrics.k8s.io"}}
    )


def written(cluster: ControlPlane, since: int) -> list[Request]:
    """By the daemon in KEDA's namespace; questions to the API server are none."""
    asked = cluster.audit(since, user=IN_KEDAS_PLACE)
    return [one for one in asked if one.verb in WRITES and "/apis/auth" not in one.uri]


async def test_beside_a_keda_one_of_both_acts(elsewhere: ControlPlane, answers: Numbers) -> None:
    """While KEDA holds its Lease, nothing is written; when it stops, the daemon leads and takes over."""
    answers.answers["worker"] = 3
    async with elsewhere.client() as kube:
        await install_keda(elsewhere, kube)
        begun = elsewhere.mark()
        kubeconfig = await install(elsewhere, IN_KEDA, namespace="keda")
        given = {**await settings(elsewhere, IN_KEDA), "NAMESPACE": "keda"}
        assert given["TAKE_OVER_METRICS_API"] == "true"
        async with stand_in(kube) as keda:
            with replica(elsewhere, kubeconfig, **given) as daemon:
                await daemon.start()
                scene = Scene(elsewhere, kube, daemon, "shop", answers)
                await scene.pair("worker")
                await asyncio.sleep(4)
                assert written(elsewhere, begun) == []
                assert answers.asked["worker"] == 0
                assert "another leads; waiting holder=keda-operator-7d9c_1" in daemon.said()
                keda.cancel()
                stopped = time.monotonic()
                await scene.replicas("worker", 1)
                assert time.monotonic() - stopped < 20
                await scene.ready("worker")
                await scene.hpa("keda-hpa-worker")
                await daemon.until(lambda: _given(kube, "shop"), "the metrics are the daemon's")
                service = (await kube.get(API_SERVICE))["spec"]["service"]
                assert (service["namespace"], service["name"]) == ("keda", "event-scaler-metrics-apiserver")
                assert forbidden(elsewhere, account=IN_KEDAS_PLACE) == []
                assert not REFUSED.search(daemon.said())
