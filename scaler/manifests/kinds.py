"""Our six kinds as a server knows them: names, scope, the columns that `kubectl get` shows, and the classes of what is
in them. The CRDs and the Kubernetes adapter's URLs follow from this table."""

from dataclasses import dataclass
from typing import Literal

from scaler.declare import Resource
from scaler.manifests.cloud_event_source import CloudEventSourceSpec
from scaler.manifests.scaled_job import ScaledJobSpec
from scaler.manifests.scaled_object import ScaledObjectSpec
from scaler.manifests.status import (
    CloudEventSourceStatus,
    ScaledJobStatus,
    ScaledObjectStatus,
    TriggerAuthenticationStatus,
)
from scaler.manifests.trigger_authentication import TriggerAuthenticationSpec


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`; those with a `priority` are shown with `-o wide` only."""

    name: str
    path: str
    type: Literal["string", "integer", "date"] = "string"
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `empty` admits an object without a spec, as KEDA does for ScaledJob alone."""

    kind: str
    spec: type[Resource]
    status: type[Resource]
    columns: tuple[Column, ...]
    short_names: tuple[str, ...] = ()
    group: str = "keda.sh"
    version: str = "v1alpha1"
    namespaced: bool = True
    empty: bool = False

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def plural(self) -> str:
        return f"{self.singular}s"

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"

    def path(self, namespace: str = "") -> str:
        """Where a server keeps them: those of one namespace, or all."""
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"/apis/{self.api_version}{within}/{self.plural}"


def _condition(name: str) -> Column:
    return Column(name, f'.status.conditions[?(@.type=="{name}")].status')


_TYPES = (Column("Triggers", ".status.triggersTypes"), Column("Authentications", ".status.authenticationsTypes"))
_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_BOUNDS = (
    Column("Min", ".spec.minReplicaCount", "integer"),
    Column("Max", ".spec.maxReplicaCount", "integer"),
)
_SOURCES = (
    Column("PodIdentity", ".spec.podIdentity.provider"),
    Column("Secret", ".spec.secretTargetRef[*].name"),
    Column("Env", ".spec.env[*].name"),
)
_FILE = Column("FilePath", ".spec.filePath")
_USERS = (
    Column("VaultAddress", ".spec.hashiCorpVault.address"),
    Column("ScaledObjects", ".status.scaledobjects", priority=1),
    Column("ScaledJobs", ".status.scaledjobs", priority=1),
)
_EVENTING = "eventing.keda.sh"

SCALED_OBJECT = Kind(
    "ScaledObject",
    ScaledObjectSpec,
    ScaledObjectStatus,
    (
        Column("ScaleTargetKind", ".status.scaleTargetKind"),
        Column("ScaleTargetName", ".spec.scaleTargetRef.name"),
        *_BOUNDS,
        *map(_condition, ("Ready", "Active", "Fallback", "Paused")),
        *_TYPES,
        _AGE,
    ),
    short_names=("so",),
)
SCALED_JOB = Kind(
    "ScaledJob",
    ScaledJobSpec,
    ScaledJobStatus,
    (*_BOUNDS, *map(_condition, ("Ready", "Active", "Paused")), *_TYPES, _AGE),
    short_names=("sj",),
    empty=True,
)
TRIGGER_AUTHENTICATION = Kind(
    "TriggerAuthentication",
    TriggerAuthenticationSpec,
    TriggerAuthenticationStatus,
    (*_SOURCES, *_USERS),
    short_names=("ta", "triggerauth"),
)
CLUSTER_TRIGGER_AUTHENTICATION = Kind(
    "ClusterTriggerAuthentication",
    TriggerAuthenticationSpec,
    TriggerAuthenticationStatus,
    (*_SOURCES, _FILE, *_USERS),
    short_names=("cta", "clustertriggerauth"),
    namespaced=False,
)
CLOUD_EVENT_SOURCE = Kind(
    "CloudEventSource", CloudEventSourceSpec, CloudEventSourceStatus, (_condition("Active"),), group=_EVENTING
)
CLUSTER_CLOUD_EVENT_SOURCE = Kind(
    "ClusterCloudEventSource",
    CloudEventSourceSpec,
    CloudEventSourceStatus,
    (_condition("Active"),),
    group=_EVENTING,
    namespaced=False,
)
KINDS = (
    SCALED_OBJECT,
    SCALED_JOB,
    TRIGGER_AUTHENTICATION,
    CLUSTER_TRIGGER_AUTHENTICATION,
    CLOUD_EVENT_SOURCE,
    CLUSTER_CLOUD_EVENT_SOURCE,
)
