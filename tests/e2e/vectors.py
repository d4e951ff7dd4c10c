"""Input for the real HPA controller, set number by number: targets of a kind of their own, whose status nobody else
writes, and an external metrics API that answers what a test says. `play` puts all of it before the controller at once
and gives back what became of each. What should have become of it stands in the tests."""

import asyncio
import base64
import ssl
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiohttp import web

from scaler.core.model import Spec, Target
from scaler.kubernetes.hpa import Owner, hpa_of
from tests.e2e.kube_objects import condition, hpas
from tests.rig.control_plane import ControlPlane
from tests.rig.kube_client import KubeClient, KubeError, path
from tests.rig.kubelet import READY

NAMESPACE = "default"
SERVICE = "vectors"
METRICS = "/apis/external.metrics.k8s.io/v1beta1"
KIND = "rig.test/v1.Target"
TARGETS = path("rig.test/v1", "targets", NAMESPACE)
PODS = path("v1", "pods", NAMESPACE)
AUTOSCALER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
STABILIZED = ("ScaleUpStabilized", "ScaleDownStabilized")
PATIENCE = 300.0
Object = dict[str, Any]

# A kind that is nothing but something to scale.
COUNT = {"type": "integer", "format": "int32"}
STATUS = {"type": "object", "properties": {"replicas": COUNT, "selector": {"type": "string"}}}
FIELDS = {"spec": {"type": "object", "properties": {"replicas": COUNT}}, "status": STATUS}
SCALE = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}
DEFINITION = {
    "group": "rig.test",
    "scope": "Namespaced",
    "names": {"plural": "targets", "singular": "target", "kind": "Target", "listKind": "TargetList"},
    "versions": [
        {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": FIELDS}},
            "subresources": {"status": {}, "scale": SCALE},
        }
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One HPA and its target, and what the contract says of them: the first count and why no other one."""

    name: str
    spec: Spec
    target: Target
    samples: tuple[tuple[int, ...] | None, ...]
    """For each goal in thousandths; None is a source that fails."""
    replicas: int
    reason: str = "DesiredWithinRange"
    shown: int | None = None
    pods: bool = False
    """There are as many as exist; else none that the target's selector would find."""
    obeys: bool = False
    """As many exist as are wanted, always; else what exists stays."""


class Life(NamedTuple):
    """What became of one: every count it had, every status of its HPA, the moments of the HPA's writes."""

    counts: list[int]
    hpas: list[Object]
    moments: list[float]


class Record:
    """What has been seen; each change of an object is, since watches leave none out."""

    def __init__(self, vectors: Sequence[Vector]) -> None:
        self._vectors = {one.name: one for one in vectors}
        self._hpas: defaultdict[str, list[Object]] = defaultdict(list)
        self._counts = {one.name: [one.target.wanted] for one in vectors}
        self._moments: defaultdict[str, list[float]] = defaultdict(list)
        self.asked: Counter[str] = Counter()
        self.ended = asyncio.Event()

    def life(self, name: str) -> Life:
        return Life(self._counts[name], self._hpas[name], self._moments[name])

    def counted(self, found: Object) -> None:
        counts = self._counts[found["metadata"]["name"]]
        if (wanted := found["spec"]["replicas"]) != counts[-1]:
            counts.append(wanted)

    def reconciled(self, hpa: Object) -> None:
        """It is of no interest before the controller has looked at it."""
        if hpa.get("status", {}).get("conditions"):
            self._hpas[hpa["metadata"]["name"]].append(hpa)
        if all(map(self._has_ended, self._vectors.values())):
            self.ended.set()

    def written(self, plane: ControlPlane) -> None:
        for request in plane.audit(user=AUTOSCALER):
            if request.uri.endswith("/scale") and request.code == 200:
                self._moments[request.uri.split("/")[-2]].append(request.at)

    def _has_ended(self, vector: Vector) -> bool:
        """Whoever is let climb is at the top, and the controller has looked again."""
        looked = self._hpas[vector.name]
        return bool(looked) and (not vector.obeys or looked[-1]["status"]["currentReplicas"] == vector.spec.maximum)


def reason(hpa: Object) -> str:
    """Why the controller asked for what it did and no more; empty where it did not come to ask the metrics."""
    active = condition(hpa, "ScalingActive")
    if active[0] != "True":
        return active[1]
    able = condition(hpa, "AbleToScale")[1]
    return able if able in STABILIZED else condition(hpa, "ScalingLimited")[1]


async def play(plane: ControlPlane, vectors: Sequence[Vector]) -> Record:
    """The controllers start when all is there: what they look for they then find at their first look."""
    record = Record(vectors)
    async with plane.client() as kube, _metrics(plane, vectors, record.asked) as port:
        async with plane.down(plane.controllers):
            await _set_up(kube, plane, vectors, port=port)
            since = (await kube.get(TARGETS))["metadata"]["resourceVersion"]
        with suppress(TimeoutError):
            await asyncio.wait_for(_watched(kube, vectors, record, since=since), PATIENCE)
    record.written(plane)
    return record


async def _watched(kube: KubeClient, vectors: Sequence[Vector], record: Record, *, since: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        obedient = {one.name for one in vectors if one.obeys}
        watching = [
            tasks.create_task(_watch_targets(kube, record, obedient, since=since)),
            tasks.create_task(_watch_hpas(kube, record, since=since)),
        ]
        await record.ended.wait()
        for one in watching:
            one.cancel()


async def _watch_targets(kube: KubeClient, record: Record, obedient: set[str], *, since: str) -> None:
    async for _, found in kube.watch(TARGETS, since=since):
        record.counted(found)
        name, wanted = found["metadata"]["name"], found["spec"]["replicas"]
        if name in obedient and found["status"]["replicas"] != wanted:
            await kube.patch(f"{TARGETS}/{name}/status", {"status": {"replicas": wanted}})


async def _watch_hpas(kube: KubeClient, record: Record, *, since: str) -> None:
    async for _, found in kube.watch(hpas(NAMESPACE), since=since):
        record.reconciled(found)


# ------------------------------------------------------------------------------------------------------ the metrics API


@asynccontextmanager
async def _metrics(plane: ControlPlane, vectors: Sequence[Vector], asked: Counter[str]) -> AsyncIterator[int]:
    """The port of a server that knows every vector's metrics and who asked for them."""
    known = {goal.metric: samples for one in vectors for goal, samples in zip(one.spec.goals, one.samples, strict=True)}

    async def answer(request: web.Request) -> web.Response:
        metric = request.match_info["metric"]
        asked[metric] += 1
        return _answer(metric, known[metric])

    app = web.Application()
    app.router.add_get(METRICS, _discover)
    app.router.add_get(METRICS + "/namespaces/{namespace}/{metric}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_tls(plane)).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _discover(_: web.Request) -> web.Response:
    resource = {"name": "externalmetrics", "singularName": "", "namespaced": True, "verbs": ["get"]}
    listing = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": METRICS.removeprefix("/apis/")}
    return web.json_response(listing | {"resources": [resource | {"kind": "ExternalMetricValueList"}]})


def _answer(metric: str, samples: tuple[int, ...] | None) -> web.Response:
    if samples is None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "InternalError", "code": 500}
        return web.json_response(status | {"message": "no answer"}, status=500)
    common = {"metricName": metric, "metricLabels": None, "timestamp": "2026-01-02T03:04:05Z"}
    listing = {"kind": "ExternalMetricValueList", "apiVersion": METRICS.removeprefix("/apis/"), "metadata": {}}
    return web.json_response(listing | {"items": [common | {"value": f"{sample}m"} for sample in samples]})


def _tls(plane: ControlPlane) -> ssl.SSLContext:
    pair = plane.authority.issue(SERVICE, names=(f"{SERVICE}.{NAMESPACE}.svc",))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


# -------------------------------------------------------------------------------------------------- what there is of it


async def _set_up(kube: KubeClient, plane: ControlPlane, vectors: Sequence[Vector], *, port: int) -> None:
    await _register(kube, plane, port)
    await _define(kube)
    for one in vectors:
        await _add(kube, one)
    await kube.until(PODS, lambda listing: all(map(_settled, listing["items"])))


async def _register(kube: KubeClient, plane: ControlPlane, port: int) -> None:
    """The Service leads to this machine, whatever its name."""
    spec: Object = {"type": "ExternalName", "externalName": "localhost"}
    await kube.create(path("v1", "services", NAMESPACE), {"metadata": {"name": SERVICE}, "spec": spec})
    group, version = METRICS.removeprefix("/apis/").split("/")
    spec = {
        "group": group,
        "version": version,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"namespace": NAMESPACE, "name": SERVICE, "port": port},
        "caBundle": base64.b64encode(plane.ca.encode()).decode(),
    }
    services = path("apiregistration.k8s.io/v1", "apiservices")
    name = f"{version}.{group}"
    await kube.create(services, {"metadata": {"name": name}, "spec": spec})
    await kube.until(f"{services}/{name}", lambda one: condition(one, "Available")[0] == "True", patience=60)


async def _define(kube: KubeClient) -> None:
    definition = {"metadata": {"name": "targets.rig.test"}, "spec": DEFINITION}
    await kube.create(path("apiextensions.k8s.io/v1", "customresourcedefinitions"), definition)
    async with asyncio.timeout(60):
        while not await _served(kube):  # noqa: ASYNC110 - the event is the server's
            await asyncio.sleep(0.1)


async def _served(kube: KubeClient) -> bool:
    """A new kind is not found at first, and then its storage makes itself ready."""
    try:
        await kube.get(TARGETS)
    except KubeError as error:
        if error.status not in (404, 429):
            raise
        return False
    return True


async def _add(kube: KubeClient, vector: Vector) -> None:
    """The HPA is the one that the daemon makes of the spec; only a minimum of zero is not its business."""
    name, target = vector.name, vector.target
    found = {"apiVersion": "rig.test/v1", "kind": "Target", "metadata": {"name": name}}
    await kube.create(TARGETS, found | {"spec": {"replicas": target.wanted}})
    status = {"replicas": target.exists, "selector": f"app={name}"}
    await kube.patch(f"{TARGETS}/{name}/status", {"status": status})
    for index in range(target.exists if vector.pods else 0):
        labels = {"app": name, READY: str(index < target.ready).lower()}
        containers = [{"name": "main", "image": "none"}]
        pod = {"metadata": {"name": f"{name}-{index}", "labels": labels}, "spec": {"containers": containers}}
        await kube.create(PODS, pod)
    spec = hpa_of(vector.spec, Owner(name, NAMESPACE, ""))["spec"]
    spec["minReplicas"] = vector.spec.minimum
    await kube.create(hpas(NAMESPACE), {"metadata": {"name": name}, "spec": spec})


def _settled(pod: Object) -> bool:
    ready = "True" if pod["metadata"]["labels"][READY] == "true" else "False"
    return condition(pod, "Ready")[0] == ready
