"""The environment of a workload's container, for `…FromEnv` parameters: the pod template is read when an object is
bound, and what it refers to by the one who holds Secrets and ConfigMaps."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from scaler.credentials.environment import Container, resolved
from scaler.errors import NotFound
from scaler.kubernetes.api import Api
from scaler.kubernetes.targets import Resource, Targets
from scaler.manifests.kinds import SCALED_JOB
from scaler.manifests.watched import Ref

DEPLOYMENT = "Deployment.v1.apps"


class _Pod(msgspec.Struct):
    containers: list[Container] = []


class _Template(msgspec.Struct):
    spec: _Pod = msgspec.field(default_factory=_Pod)


class _Job(msgspec.Struct):
    template: _Template = msgspec.field(default_factory=_Template)


class _Spec(_Job, rename="camel"):
    """A ScaledJob has its template one floor down."""

    job_target_ref: _Job | None = None


class _Workload(msgspec.Struct):
    spec: _Spec = msgspec.field(default_factory=_Spec)


async def environment_of(
    ref: Ref, api: Api, targets: Targets, read: Callable[[Ref], Awaitable[Mapping[str, str]]]
) -> Mapping[str, str]:
    """Of `[Kind.version.group/]workload/container`; no container is the first one. A kind without a pod template has
    an empty environment (KEDA behaviour 2.2). Raises `NotFound`, `Forbidden`."""
    *kind, name, wanted = ref.name.split("/") if "/" in ref.name else (ref.name, "")
    resource = await resource_of(kind[0] if kind else "", targets)
    found = await api.get(resource.path(ref.namespace, name), _Workload)
    containers = (found.spec.job_target_ref or found.spec).template.spec.containers
    container = next((one for one in containers if one.name == wanted or not wanted), None)
    if container is None and containers:
        raise NotFound(f"{resource.kind} {name} has no container {wanted}")

    async def read_named(kind: str, name: str) -> Mapping[str, str]:
        return await read(Ref(kind, ref.namespace, name))

    return await resolved(container, read_named) if container else {}


async def resource_of(kind: str, targets: Targets) -> Resource:
    """Of a kind as a workload's name has it (`Kind.version.group`); none is a Deployment. A ScaledJob has no replicas
    to be discovered by."""
    if _spelled(kind) == f"{SCALED_JOB.api_version}.{SCALED_JOB.kind}":
        return Resource(SCALED_JOB.group, SCALED_JOB.version, SCALED_JOB.kind, SCALED_JOB.plural)
    return await targets.resource(_spelled(kind or DEPLOYMENT))


def _spelled(kind: str) -> str:
    """`Deployment.v1.apps` as a spec has it: `apps/v1.Deployment`."""
    name, _, rest = kind.partition(".")
    version, _, group = rest.partition(".")
    return f"{group}/{version}.{name}" if group else f"{version}.{name}"
