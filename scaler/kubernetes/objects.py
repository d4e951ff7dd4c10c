"""What is read of the API server's objects: only the fields that are used. Unknown fields are skipped, missing ones
have the value that the API means by leaving them out. Times stay the text they are; nothing here is written back."""

from typing import Any
from zlib import crc32

import msgspec


class OwnerReference(msgspec.Struct, rename="camel", frozen=True, gc=False):
    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False
    block_owner_deletion: bool = False


class Meta(msgspec.Struct, rename="camel", frozen=True, gc=False):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()


class Condition(msgspec.Struct, rename="camel", frozen=True, gc=False):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class ScaleTargetRef(msgspec.Struct, rename="camel", frozen=True, gc=False):
    kind: str = ""
    name: str = ""
    api_version: str = ""


class HpaSpec(msgspec.Struct, rename="camel", frozen=True, gc=False):
    scale_target_ref: ScaleTargetRef = ScaleTargetRef()
    min_replicas: int = 1
    max_replicas: int = 0
    metrics: tuple[dict[str, Any], ...] = ()
    behavior: dict[str, Any] | None = None


class HpaStatus(msgspec.Struct, rename="camel", frozen=True, gc=False):
    conditions: tuple[Condition, ...] = ()


class Hpa(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """autoscaling/v2 HorizontalPodAutoscaler."""

    metadata: Meta = Meta()
    spec: HpaSpec = HpaSpec()
    status: HpaStatus = HpaStatus()


def shape(hpa: Hpa) -> tuple[Any, ...]:
    """All of an HPA but its status: what somebody wrote."""
    meta = hpa.metadata
    return hpa.spec, meta.labels, meta.annotations, meta.owner_references, meta.deletion_timestamp, meta.uid


class ScalableSpec(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`digest` stands for the pod template, which is not kept: that it changed is all that must be known of it."""

    replicas: int = 1
    template: msgspec.Raw = msgspec.Raw()
    digest: int = 0

    def __post_init__(self) -> None:
        if self.template:
            msgspec.structs.force_setattr(self, "digest", crc32(self.template))
            msgspec.structs.force_setattr(self, "template", msgspec.Raw())


class ScalableStatus(msgspec.Struct, rename="camel", frozen=True, gc=False):
    replicas: int = 0
    ready_replicas: int = 0


class Scalable(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A Deployment or StatefulSet. Its pod template is read where it is needed, by itself."""

    metadata: Meta = Meta()
    spec: ScalableSpec = ScalableSpec()
    status: ScalableStatus = ScalableStatus()


class ScaleSpec(msgspec.Struct, rename="camel", frozen=True, gc=False):
    replicas: int = 0


class ScaleStatus(msgspec.Struct, rename="camel", frozen=True, gc=False):
    replicas: int = 0
    selector: str = ""


class Scale(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """autoscaling/v1 Scale. At zero `spec.replicas` is left out."""

    metadata: Meta = Meta()
    spec: ScaleSpec = ScaleSpec()
    status: ScaleStatus = ScaleStatus()


class LeaseSpec(msgspec.Struct, rename="camel", frozen=True, gc=False):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """coordination.k8s.io/v1 Lease."""

    metadata: Meta = Meta()
    spec: LeaseSpec = LeaseSpec()


class Custom(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """Any object of our own kinds. Its `spec` is what `manifests` declares."""

    metadata: Meta = Meta()
    spec: dict[str, Any] = {}
    status: dict[str, Any] = {}


class ApiResource(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """One entry of an APIResourceList: `deployments`, or `deployments/scale`."""

    name: str = ""
    kind: str = ""
    namespaced: bool = False


class ApiResourceList(msgspec.Struct, rename="camel", frozen=True):
    """What a group and version has."""

    group_version: str = ""
    resources: tuple[ApiResource, ...] = ()


class ManagedField(msgspec.Struct, rename="camel", frozen=True):
    """Who manages which fields of an object; of those, only whether `spec.replicas` is among them."""

    manager: str = ""
    time: str = ""
    subresource: str = ""
    fields_v1: dict[str, Any] = msgspec.field(default={}, name="fieldsV1")

    @property
    def writes_replicas(self) -> bool:
        return "f:replicas" in self.fields_v1.get("f:spec", {})


class ManagedMeta(msgspec.Struct, rename="camel", frozen=True):
    managed_fields: tuple[ManagedField, ...] = ()


class Managed(msgspec.Struct, frozen=True):
    """Any object, for whoever asks by whom it was changed."""

    metadata: ManagedMeta = ManagedMeta()
