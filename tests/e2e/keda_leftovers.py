"""What a KEDA leaves in a cluster when it stops, as KEDA writes it: objects with its finalizer, its label and a status
of its own, HPAs, TriggerAuthentications and the others, the Lease that it does not give back, the APIService, the
webhook, and what Helm wrote on all of that. Nothing here is made by the daemon's code."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.kube_daemon import API_SERVICE, ROOT
from tests.e2e.kube_objects import Object, deployment, deployments, hpas, objects, place, scaled_object
from tests.rig.control_plane import ControlPlane
from tests.rig.helm import helm
from tests.rig.kube_client import KubeClient, path
from tests.rig.kube_servers import MASTERS

NAMESPACE = "keda"
VERSION = "2.17.2"
FINALIZER = "finalizer.keda.sh"
OPERATOR = "keda-operator"
METRICS_SERVICE, ADMISSION_SERVICE = "keda-operator-metrics-apiserver", "keda-admission-webhooks"
HOLDER = "keda-operator-7d9c5bd6b7-x2x5k_7b0e0f8c-6a3f-4f55-9a54-0d5ea8a9f0b1"
LEASES = path("coordination.k8s.io/v1", "leases", NAMESPACE)
LEASE = f"{LEASES}/operator.keda.sh"
WEBHOOKS = path("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations")
NAMES = (
    "scaledobjects.keda.sh",
    "scaledjobs.keda.sh",
    "triggerauthentications.keda.sh",
    "clustertriggerauthentications.keda.sh",
    "cloudeventsources.eventing.keda.sh",
    "clustercloudeventsources.eventing.keda.sh",
)
METRIC = "s0-metric-api-value"
RENEWS = 0.5
MICRO = "%Y-%m-%dT%H:%M:%S.%fZ"
LABELS = {"app.kubernetes.io/part-of": OPERATOR}


def stamp(ago: float = 0.0) -> str:
    """A time in a status, some seconds ago."""
    return datetime.fromtimestamp(int(datetime.now(UTC).timestamp() - ago), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


# -------------------------------------------------------------------------------------------------------------- objects


@dataclass(frozen=True)
class Left:
    """A Deployment with so many replicas, and its ScaledObject. KEDA keeps no HPA while an object is paused."""

    manifest: Object
    status: Object
    replicas: int
    paused: bool = False

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])


def condition(type_: str, status: str, reason: str = "", message: str = "") -> Object:
    return {"type": type_, "status": status, "reason": reason, "message": message}


READY = condition("Ready", "True", "ScaledObjectReady", "ScaledObject is defined correctly and is ready for scaling")
READY_PAUSED = condition("Ready", "True", "ScaledObjectReady", "ScaledObject is paused")
ACTIVE = condition("Active", "True", "ScalerActive", "Scaling is performed because triggers are active")
INACTIVE = condition("Active", "False", "ScalerNotActive", "Scaling is not performed because triggers are not active")
COOLING = condition("Active", "False", "ScalerCooldown", "Scaler cooling down because triggers are not active")
NO_FALLBACK = condition("Fallback", "False", "NoFallbackFound", "No fallbacks are active on this scaled object")
FALLBACK = condition("Fallback", "True", "FallbackExists", "At least one trigger is falling back on this scaled object")
NOT_PAUSED = condition("Paused", "False")
PAUSED = condition("Paused", "True", "ScaledObjectPaused", "ScaledObject is paused")


def left(
    manifest: Object,
    replicas: int,
    *conditions: Object,
    original: int | None = 0,
    ago: float | None = None,
    **status: Any,
) -> Left:
    """`ago`: seconds since it was last active; never, if not given. What is None KEDA has not written."""
    metadata = manifest["metadata"]
    name, told = metadata["name"], {one["type"]: one for one in (READY, INACTIVE, NO_FALLBACK, NOT_PAUSED, *conditions)}
    marked = {**metadata, "finalizers": [FINALIZER], "labels": {"scaledobject.keda.sh/name": name}}
    active = told["Active"]["status"] == "True"
    found = {
        "scaleTargetKind": "apps/v1.Deployment",
        "scaleTargetGVKR": {"group": "apps", "version": "v1", "kind": "Deployment", "resource": "deployments"},
        "originalReplicaCount": original,
        "externalMetricNames": [METRIC],
        "conditions": [told[type_] for type_ in ("Ready", "Active", "Fallback", "Paused")],
        "triggersActivity": {METRIC: {"isActive": active}},
        "triggersTypes": "metrics-api",
        "hpaName": f"keda-hpa-{name}",
        **({} if ago is None else {"lastActiveTime": stamp(ago)}),
        **status,
    }
    wrote = {field: value for field, value in found.items() if value is not None}
    return Left({**manifest, "metadata": marked}, wrote, replicas, paused=told["Paused"]["status"] == "True")


async def put(kube: KubeClient, namespace: str, one: Left) -> None:
    """Workload, object, status and HPA, in the order in which they came to be."""
    await kube.create(deployments(namespace), deployment(one.name, one.replicas))
    made = await kube.create(objects(namespace), one.manifest)
    await kube.patch(f"{objects(namespace, one.name)}/status", {"status": one.status})
    if not one.paused:
        await kube.create(hpas(namespace), hpa_of(made))


def hpa_of(made: Object) -> Object:
    """As KEDA's operator creates it: labels and annotations of the object over its own."""
    metadata, name = made["metadata"], made["metadata"]["name"]
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": name, "uid": metadata["uid"]}
    own = {
        "app.kubernetes.io/managed-by": OPERATOR,
        "app.kubernetes.io/name": f"keda-hpa-{name}",
        "app.kubernetes.io/part-of": name,
        "app.kubernetes.io/version": VERSION,
    }
    marked = {
        "name": f"keda-hpa-{name}",
        "labels": own | metadata.get("labels", {}),
        "annotations": metadata.get("annotations", {}),
        "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
    }
    kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    return {**kind, "metadata": marked, "spec": _scaling(name, made["spec"])}


def _scaling(name: str, spec: Object) -> Object:
    selector = {"matchLabels": {"scaledobject.keda.sh/name": name}}
    target = {"type": "AverageValue", "averageValue": spec["triggers"][0]["metadata"]["targetValue"]}
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": spec["scaleTargetRef"]["name"]},
        "minReplicas": spec.get("minReplicaCount") or 1,
        "maxReplicas": spec["maxReplicaCount"],
        "metrics": [
            {"type": "External", "external": {"metric": {"name": METRIC, "selector": selector}, "target": target}}
        ],
        "behavior": spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"],
    }


async def put_other(kube: KubeClient, namespace: str, manifest: Object, status: Object | None = None) -> None:
    """An object of another of KEDA's kinds."""
    marked = {**manifest["metadata"], "finalizers": [FINALIZER]}
    where = place(manifest, namespace)
    await kube.create(where, {**manifest, "metadata": marked})
    if status is not None:
        await kube.patch(f"{where}/{marked['name']}/status", {"status": status})


def crowd(url: str) -> dict[str, Left]:
    """One of each sort; `url` answers for each by its name. Each is where its numbers want it to be."""
    wanted = partial(_manifest, url)
    return {one.name: one for one in (*_scaled(wanted), *_paused(wanted), *_with_fallback(wanted))}


def _manifest(url: str, name: str, *, annotations: Mapping[str, str] | None = None, **spec: Any) -> Object:
    trigger = {"url": f"{url}/{name}", "valueLocation": "value", "targetValue": "5"}
    wanted = {"cooldownPeriod": 300, **spec}
    notes = annotations or {"team": "shop"}
    return scaled_object(name, {"type": "metrics-api", "metadata": trigger}, annotations=notes, **wanted)


def _scaled(wanted: Callable[..., Object]) -> Iterator[Left]:
    yield left(wanted("active"), 3, ACTIVE, ago=1)
    yield left(wanted("inactive"), 0, INACTIVE, ago=86_400)
    yield left(wanted("never"), 0, INACTIVE)
    yield left(wanted("cooling", cooldownPeriod=3600), 1, COOLING, ago=60)
    yield left(wanted("minimum", minReplicaCount=2), 2, INACTIVE, original=2)
    restoring = wanted("restoring")
    restoring["spec"]["advanced"]["restoreToOriginalReplicaCount"] = True
    yield left(restoring, 3, ACTIVE, original=2, ago=1)


def _paused(wanted: Callable[..., Object]) -> Iterator[Left]:
    """The last one from its beginning: of that KEDA has never built a scaler."""
    at, halted = {"autoscaling.keda.sh/paused-replicas": "2"}, {"autoscaling.keda.sh/paused": "true"}
    yield left(wanted("paused", annotations=at), 2, READY_PAUSED, PAUSED, pausedReplicaCount=2, ago=86_400)
    yield left(wanted("halted", annotations=halted), 1, READY_PAUSED, PAUSED, ago=86_400)
    unknown = condition("Active", "Unknown"), condition("Fallback", "Unknown")
    missing = {"externalMetricNames": None, "triggersActivity": None, "hpaName": None}
    yield left(wanted("asleep", annotations=halted), 0, READY_PAUSED, PAUSED, *unknown, original=None, **missing)


def _with_fallback(wanted: Callable[..., Object]) -> Iterator[Left]:
    fallback = {"failureThreshold": 3, "replicas": 4}
    failing = {METRIC: {"numberOfFailures": 4, "status": "Failing"}}
    yield left(wanted("falling", fallback=fallback), 4, ACTIVE, FALLBACK, ago=1, health=failing)
    happy = {METRIC: {"numberOfFailures": 0, "status": "Happy"}}
    yield left(wanted("happy", fallback=fallback), 1, ACTIVE, ago=1, health=happy)


ANSWERS: Mapping[str, float | str] = {
    "active": 15,
    "falling": "error",
    "happy": 5,
    "restoring": 15,
}
"""What keeps each where it is; the others get 0."""


def would_rest(found: Object, now: float) -> bool:
    """Whether KEDA would take an object without a minimum to zero, if its next answer said that nothing is active."""
    spec, status = found["spec"], found.get("status", {})
    if (last := status.get("lastActiveTime")) is None:
        return bool(moment(found["metadata"]["creationTimestamp"]) + spec.get("initialCooldownPeriod", 0) < now)
    return bool(moment(last) + spec.get("cooldownPeriod", 300) < now)


# ---------------------------------------------------------------------------------------------------- what is around it


class Helm:
    """The release `keda`, by the real Helm from a chart that has what matters of KEDA's: definitions, APIService and
    webhook are templates, and stay or go with the release as those do."""

    def __init__(self, program: Path, cluster: ControlPlane, folder: Path) -> None:
        self._program, self._access = program, ("--kubeconfig", str(cluster.kubeconfig()), "-n", NAMESPACE)
        self.chart = chart(folder)

    async def install(self) -> None:
        await self("install", "keda", str(self.chart), "--create-namespace")

    async def uninstall(self) -> None:
        await self("uninstall", "keda")

    async def __call__(self, *arguments: str) -> str:
        done = await asyncio.to_thread(helm, self._program, *arguments, *self._access)
        assert done.returncode == 0, done.stderr
        return done.stdout


def chart(folder: Path) -> Path:
    """As KEDA's, as far as it matters here."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: keda\nversion: {VERSION}\n")
    (folder / "values.yaml").write_text("crds: {install: true, additionalAnnotations: {}}\n")
    for file in (ROOT / "crds").glob("*keda.sh_*.yaml"):
        (folder / "templates" / file.name).write_text(_template(file.read_text(encoding="utf-8")), encoding="utf-8")
    others = (operator(), *map(service, (METRICS_SERVICE, ADMISSION_SERVICE)), api_service(), admission())
    (folder / "templates" / "all.yaml").write_text(yaml.safe_dump_all(others))
    return folder


def _template(definition: str) -> str:
    notes = "  annotations: {{ toJson .Values.crds.additionalAnnotations }}"
    marked = re.sub(r"^metadata:$", f"metadata:\n{notes}", definition, count=1, flags=re.MULTILINE)
    return f"{{{{ if .Values.crds.install }}}}\n{marked}\n{{{{ end }}}}\n"


def operator() -> Object:
    """Its pods do nothing here; who leads is told by the Lease."""
    made = deployment(OPERATOR, 1)
    return {**made, "metadata": {**made["metadata"], "labels": LABELS}}


def service(name: str) -> Object:
    port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}
    spec = {"ports": [port], "selector": {"app": name}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": LABELS}, "spec": spec}


def api_service() -> Object:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.external.metrics.k8s.io", "labels": LABELS},
        "spec": {
            "group": "external.metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"namespace": NAMESPACE, "name": METRICS_SERVICE, "port": 443},
        },
    }


def admission() -> Object:
    asks = {"namespace": NAMESPACE, "name": ADMISSION_SERVICE, "path": "/validate-keda-sh-v1alpha1-scaledobject"}
    rule = {
        "apiGroups": ["keda.sh"],
        "apiVersions": ["v1alpha1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["scaledobjects"],
    }
    hook = {
        "name": "vscaledobject.kb.io",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": asks},
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "rules": [rule],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "keda-admission", "labels": LABELS},
        "webhooks": [hook],
    }


async def trusted(kube: KubeClient) -> None:
    """KEDA's operator writes its own authority into the APIService."""
    bundle = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nS0VEQQ==\n-----END CERTIFICATE-----\n").decode()
    await kube.patch(API_SERVICE, {"spec": {"caBundle": bundle}})


# ------------------------------------------------------------------------------------------------------------ who leads


def record(holder: str, lasts: int, now: datetime) -> Object:
    return {
        "holderIdentity": holder,
        "leaseDurationSeconds": lasts,
        "acquireTime": now.strftime(MICRO),
        "renewTime": now.strftime(MICRO),
        "leaseTransitions": 3,
    }


@dataclass
class Operator:
    """A KEDA that leads, as far as its Lease tells."""

    kube: KubeClient
    lasts: int
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def lead(self) -> None:
        spec = record(HOLDER, self.lasts, datetime.now(UTC))
        if await self.kube.find(LEASE) is None:
            await self.kube.create(LEASES, {"metadata": {"name": "operator.keda.sh"}, "spec": spec})
        else:
            await self.kube.patch(LEASE, {"spec": spec})
        self.tasks.append(asyncio.create_task(self._renew()))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEWS)
            await self.kube.patch(LEASE, {"spec": {"renewTime": datetime.now(UTC).strftime(MICRO)}})

    async def stop(self) -> None:
        """Without a goodbye: KEDA does not give its Lease back."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()


@asynccontextmanager
async def leading(cluster: ControlPlane, *, lasts: int = 10) -> AsyncIterator[Operator]:
    """Under a name of its own in the audit log."""
    async with cluster.client(OPERATOR, (MASTERS,)) as kube:
        operator = Operator(kube, lasts)
        await operator.lead()
        try:
            yield operator
        finally:
            await operator.stop()


def flat(conditions: Sequence[Object]) -> dict[str, Object]:
    return {one["type"]: one for one in conditions}
