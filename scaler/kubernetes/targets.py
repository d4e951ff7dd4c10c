"""Workloads: which resource a kind is (by discovery), how one looks now, and what scales it. Deployments and
StatefulSets are looked up in watched caches; any other kind with a scale subresource is asked for."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from scaler.core.composite import goals_of
from scaler.core.model import MetricType, Mode, Spec, Target
from scaler.errors import Conflict, Invalid, NotFound
from scaler.kubernetes.api import Api, Patch
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.objects import ApiResourceList, Managed, ManagedField, Meta, Scalable, ScalableSpec, Scale

ASK_AGAIN = 5.0
"""Seconds for which it is believed that a kind is unknown or cannot be scaled: its definition may come later."""

LONGEST = 320
"""Characters of a group, version and kind: more than any has."""

MOST_UNKNOWN = 1000

WRONG = "ScaledObject doesn't have correct scaleTargetRef specification"
"""KEDA's sentence (KEDA behaviour 3.1), which people and tools look for."""


class NotScalable(NotFound):
    """The cluster has the kind, and the kind has no scale subresource."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind, as the API server's paths have it."""

    group: str
    version: str
    kind: str
    plural: str

    def path(self, namespace: str, name: str) -> str:
        """Raises `NotFound` for a name that no object can have: it would lead elsewhere in the API."""
        if not name or "/" in name:
            raise NotFound(f"{WRONG}: there is no {self.kind} {name!r}")
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{root}/namespaces/{namespace}/{self.plural}/{name}"

    def gvkr(self) -> dict[str, str]:
        """As a ScaledObject's status tells it."""
        return {"group": self.group, "version": self.version, "kind": self.kind, "resource": self.plural}


DEPLOYMENT = Resource("apps", "v1", "Deployment", "deployments")
STATEFUL_SET = Resource("apps", "v1", "StatefulSet", "statefulsets")


class _Pod(msgspec.Struct):
    metadata: Meta = Meta()
    status: dict[str, Any] = {}


class _Pods(msgspec.Struct):
    items: list[_Pod] = []


class Targets:
    """All workloads of the cluster, as far as they are asked for; `watched` are the caches of the watched kinds."""

    def __init__(self, api: Api, watched: Mapping[Resource, Cache[Scalable]], now: Callable[[], float]) -> None:
        self._api, self._watched, self._now = api, dict(watched), now
        self._resources: dict[tuple[str, str], Resource] = {("apps/v1", one.kind): one for one in watched}
        self._unknown: dict[tuple[str, str], tuple[float, type[NotFound], str]] = {}
        self._discovering = asyncio.Lock()

    async def resource(self, kind: str) -> Resource:
        """By `group/version.Kind`, as a spec has it. Raises `NotFound` or `NotScalable` with KEDA's sentence."""
        version, _, name = kind.rpartition(".")
        if version.count("/") > 1 or len(kind) > LONGEST:
            raise NotFound(f"{WRONG}: {version[:LONGEST]!r} is not a group and version")
        if found := self._resources.get((version, name)):
            return found
        async with self._discovering:
            return self._resources.get((version, name)) or await self._discovered(version, name)

    async def _discovered(self, version: str, kind: str) -> Resource:
        at, error, problem = self._unknown.get((version, kind), (float("-inf"), NotFound, ""))
        if self._now() < at + ASK_AGAIN:
            raise error(problem)
        try:
            listed = await self._api.get(f"/apis/{version}" if "/" in version else f"/api/{version}", ApiResourceList)
        except NotFound:
            listed = ApiResourceList()
        names = {one.name for one in listed.resources}
        plural = next((one.name for one in listed.resources if one.kind == kind and "/" not in one.name), "")
        if not plural or f"{plural}/scale" not in names:
            why = f"{kind} of {version} has no /scale" if plural else f"the cluster knows no {kind} of {version}"
            error = NotScalable if plural else NotFound
            if len(self._unknown) >= MOST_UNKNOWN:
                self._unknown.clear()
            self._unknown[version, kind] = (self._now(), error, f"{WRONG}: {why}")
            raise error(f"{WRONG}: {why}")
        group, _, short = version.rpartition("/")
        found = self._resources[version, kind] = Resource(group, short, kind, plural)
        return found

    async def seen(self, spec: Spec, namespace: str) -> Target:
        """The workload as it is now. Raises `NotFound` where there is none, `ClusterError` where it has no number."""
        resource = await self.resource(spec.target_kind)
        if (cache := self._watched.get(resource)) is not None:
            found = cache.get(namespace, spec.target_name)
            if found is None:
                raise NotFound(f"{WRONG}: there is no {resource.kind} {spec.target_name}")
            return Target(found.spec.replicas, found.status.replicas, found.status.ready_replicas)
        try:
            scale = await self._api.get(f"{resource.path(namespace, spec.target_name)}/scale", Scale)
        except NotFound:
            raise NotFound(f"{WRONG}: there is no {resource.kind} {spec.target_name}") from None
        ready = await self._ready(namespace, scale) if _wants_ready(spec) else scale.status.replicas
        return Target(scale.spec.replicas, scale.status.replicas, ready)

    async def _ready(self, namespace: str, scale: Scale) -> int:
        """Pods that the scale's selector matches and that are ready, as the HPA counts them (contract 2.3)."""
        if not scale.status.selector:
            return 0
        path = f"/api/v1/namespaces/{namespace}/pods"
        pods = await self._api.get(path, _Pods, labelSelector=scale.status.selector, resourceVersion="0")
        return sum(_is_ready(pod) for pod in pods.items)

    def cached(self, resource: Resource, namespace: str, name: str) -> int | None:
        """The number wanted, where it is watched."""
        cache = self._watched.get(resource)
        held = cache.get(namespace, name) if cache else None
        return held.spec.replicas if held else None

    async def moved_by(self, resource: Resource, namespace: str, name: str, ours: str) -> str:
        """Who, but for us, wrote its number last; empty where the API server does not know."""
        found = await self._api.get(resource.path(namespace, name), Managed)
        return other_hand(found.metadata.managed_fields, ours)

    async def asked(self, resource: Resource, namespace: str, name: str) -> int:
        """The number wanted now, by the API server itself."""
        return (await self._api.get(f"{resource.path(namespace, name)}/scale", Scale)).spec.replicas

    async def scale(self, resource: Resource, namespace: str, name: str, before: int, after: int) -> None:
        """Write `after`, if there are still `before`. Raises `Conflict` where there are not, with what there is in the
        cache; and `Invalid` where there are: then something else forbids it, and to try again at once is no use."""
        path = f"{resource.path(namespace, name)}/scale"
        try:
            written = await self._api.patch(path, scale_patch(before, after), Scale, kind=Patch.JSON)
        except Invalid:
            found = await self._api.get(path, Scale)
            self._overlay(resource, found, namespace, name)
            if found.spec.replicas == before:
                raise
            raise Conflict(f"{name} has not {before} replicas any more") from None
        self._overlay(resource, written, namespace, name)

    def _overlay(self, resource: Resource, scale: Scale, namespace: str, name: str) -> None:
        cache = self._watched.get(resource)
        held = cache.get(namespace, name) if cache else None
        if cache is None or held is None:
            return
        spec: ScalableSpec = msgspec.structs.replace(held.spec, replicas=scale.spec.replicas)
        meta: Meta = msgspec.structs.replace(held.metadata, resource_version=scale.metadata.resource_version)
        cache.put(msgspec.structs.replace(held, metadata=meta, spec=spec), own=True)


def scale_patch(before: int, after: int) -> list[dict[str, Any]]:
    """A scale at zero has no `spec.replicas` at all (contract 4, tried), so its absence is what is tested."""
    if before == 0:
        return [
            {"op": "test", "path": "/spec", "value": {}},
            {"op": "add", "path": "/spec/replicas", "value": after},
        ]
    return [
        {"op": "test", "path": "/spec/replicas", "value": before},
        {"op": "replace", "path": "/spec/replicas", "value": after},
    ]


def _wants_ready(spec: Spec) -> bool:
    """Only a `Value` is multiplied with ready pods, and only where this daemon does the multiplying."""
    counts = spec.fallback is not None or spec.mode is Mode.DIRECT
    return counts and any(goal.kind is MetricType.VALUE and not goal.resource for goal in goals_of(spec))


def _is_ready(pod: _Pod) -> bool:
    conditions = pod.status.get("conditions") or ()
    running = pod.status.get("phase") == "Running"
    return running and any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def other_hand(fields: tuple[ManagedField, ...], ours: str) -> str:
    """Who wrote `spec.replicas` last, but for us, by the field manager's name; empty where nobody is known to."""
    writers = [one for one in fields if one.manager != ours and one.writes_replicas]
    return max(writers, key=lambda one: one.time, default=ManagedField()).manager
