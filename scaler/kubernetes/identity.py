"""Who a workload's pods are: the annotations of the ServiceAccount that they run as, by which clouds give it a role.
Read when an object is bound whose identity is the workload's own; nothing of it is kept or watched."""

from collections.abc import Mapping

import msgspec

from scaler.errors import NotFound
from scaler.kubernetes.api import Api
from scaler.kubernetes.environment import resource_of
from scaler.kubernetes.targets import Targets
from scaler.manifests.watched import Ref

DEFAULT = "default"
"""The ServiceAccount of pods that name none."""


class _Pod(msgspec.Struct, rename="camel"):
    service_account_name: str = ""


class _Template(msgspec.Struct):
    spec: _Pod = msgspec.field(default_factory=_Pod)


class _Job(msgspec.Struct):
    template: _Template | None = None


class _Spec(_Job, rename="camel"):
    """A ScaledJob has its template one floor down."""

    job_target_ref: _Job | None = None


class _Workload(msgspec.Struct):
    spec: _Spec = msgspec.field(default_factory=_Spec)


class _Meta(msgspec.Struct):
    annotations: dict[str, str] = msgspec.field(default_factory=dict)


class _Account(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)


async def identity_of(ref: Ref, api: Api, targets: Targets) -> Mapping[str, str]:
    """Of `[Kind.version.group/]workload`. Raises `NotFound`, `Forbidden`."""
    kind, _, name = ref.name.rpartition("/")
    resource = await resource_of(kind, targets)
    found = await api.get(resource.path(ref.namespace, name), _Workload)
    if (template := (found.spec.job_target_ref or found.spec).template) is None:
        raise NotFound(f"{resource.kind} {name} has no pod template, and so no ServiceAccount")
    account = template.spec.service_account_name or DEFAULT
    path = f"/api/v1/namespaces/{ref.namespace}/serviceaccounts/{account}"
    return (await api.get(path, _Account)).metadata.annotations
