"""What only the cluster knows of a ScaledObject that is to be admitted (KEDA behaviour 4.2): what else is on its target
or calls its HPA the same, whether its kind is one that can be scaled, what its containers ask for. The first is looked
up in what is watched anyway; of the rest one object or list is fetched, and only where a rule needs it."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec

from scaler.core.model import Mode
from scaler.core.quantity import parse
from scaler.errors import ClusterError, ManifestError, NotFound
from scaler.kubernetes.api import Api
from scaler.kubernetes.hpa import Owner, owner_of
from scaler.kubernetes.objects import Custom, Hpa
from scaler.kubernetes.ownership import controller, fought, ours
from scaler.kubernetes.targets import DEPLOYMENT, LONGEST, STATEFUL_SET, NotScalable, Resource, Targets
from scaler.kubernetes.world import World, aim_of
from scaler.manifests import annotations
from scaler.manifests.admission import (
    OTHER_HPA,
    OTHER_OBJECT,
    OTHER_OBJECT_HPA,
    REQUESTS,
    TRANSFER,
    Finding,
    Findings,
)
from scaler.manifests.scaled_object import USAGE, ScaledObjectSpec
from scaler.manifests.watched import Manifest

LIMIT = 4.0
"""Seconds for all that is fetched for one object: the API server waits for us with it."""

TARGET = "spec.scaleTargetRef"
HPA_NAME = "spec.advanced.horizontalPodAutoscalerConfig.name"

Amounts = dict[str, str]


class _Resources(msgspec.Struct):
    requests: Amounts = {}
    limits: Amounts = {}


class _Container(msgspec.Struct):
    name: str = ""
    resources: _Resources = msgspec.field(default_factory=_Resources)


class _Pod(msgspec.Struct):
    containers: tuple[_Container, ...] = ()


class _Template(msgspec.Struct):
    spec: _Pod = msgspec.field(default_factory=_Pod)


class _Spec(msgspec.Struct):
    template: _Template = msgspec.field(default_factory=_Template)


class _Workload(msgspec.Struct):
    spec: _Spec = msgspec.field(default_factory=_Spec)


class _Limit(msgspec.Struct, rename="camel"):
    type: str = ""
    default: Amounts = {}
    default_request: Amounts = {}


class _Limits(msgspec.Struct):
    limits: tuple[_Limit, ...] = ()


class _LimitRange(msgspec.Struct):
    spec: _Limits = msgspec.field(default_factory=_Limits)


class _LimitRanges(msgspec.Struct):
    items: tuple[_LimitRange, ...] = ()


class Neighbours:
    """`namespaces` are those that are watched, none of them: all. Of an object elsewhere nothing is known."""

    def __init__(
        self, api: Api, world: World, now: Callable[[], float], *, namespaces: Collection[str] = frozenset()
    ) -> None:
        self._api, self._world, self._namespaces = api, world, frozenset(namespaces)
        self._targets = Targets(api, world.scalables, now)

    async def findings(self, manifest: Manifest, spec: ScaledObjectSpec, dry_run: bool) -> Findings:
        """Raises `ClusterError` where it cannot be found out, and nothing speaks against the object without that."""
        if self._namespaces and manifest.ref.namespace not in self._namespaces:
            return Findings()
        told = Findings(tuple(self._contested(_custom(manifest), spec)))
        try:
            async with asyncio.timeout(LIMIT):
                return told + await self._fetched(manifest, spec, dry_run=dry_run)
        except TimeoutError:
            problem = ClusterError(f"the API server did not answer within {LIMIT:g} s")
        except ClusterError as error:
            problem = error
        if told.refusals:
            return told
        raise problem

    # ------------------------------------------------------------------------------------------------ what is watched

    def _contested(self, found: Custom, spec: ScaledObjectSpec) -> Iterator[Finding]:
        """Nothing of it matters to an object that writes nothing."""
        if annotations.observed(found.metadata.annotations):
            return
        owner, workload = owner_of(found, ""), _described(spec)
        others = [one for one in self._world.objects_on(owner.namespace, aim_of(found)) if not _is(one, owner)]
        for one in others:
            sentence = f"the {workload} is already managed by the ScaledObject '{one.metadata.name}'"
            yield Finding(TARGET, sentence, OTHER_OBJECT)
        for one in self._world.objects_with(owner.namespace, owner.hpa):
            if not _is(one, owner):
                sentence = f"the HPA '{owner.hpa}' is already managed by the ScaledObject '{one.metadata.name}'"
                yield Finding(HPA_NAME, sentence, OTHER_OBJECT_HPA)
        told = {one.metadata.name for one in others}
        for hpa in self._world.hpas_on(owner.namespace, aim_of(found)):
            if controller(owner, hpa) not in told and not _let(owner, hpa):
                transfers = annotations.transfers(owner.annotations) and not controller(owner, hpa)
                yield Finding(TARGET, fought(workload, owner, hpa), TRANSFER if transfers else OTHER_HPA)

    # ------------------------------------------------------------------------------------------------ what is fetched

    async def _fetched(self, manifest: Manifest, spec: ScaledObjectSpec, *, dry_run: bool) -> Findings:
        target = spec.scale_target_ref
        try:
            resource = await self._targets.resource(f"{target.api_version}.{target.kind}")
        except NotScalable as error:
            return Findings(doubts=(Finding(TARGET, str(error)),))
        except NotFound:
            kind, version = target.kind[:LONGEST], target.api_version[:LONGEST]
            sentence = f'no matches for kind "{kind}" in version "{version}"'
            return Findings((Finding(TARGET, sentence),))
        if dry_run or resource not in (DEPLOYMENT, STATEFUL_SET):
            return Findings()
        return Findings(tuple(await self._unasked(manifest.ref.namespace, spec, resource)))

    async def _unasked(self, namespace: str, spec: ScaledObjectSpec, resource: Resource) -> Sequence[Finding]:
        """Usage is a part of what is asked for: what asks for nothing has none."""
        if not any(trigger.type in USAGE for trigger in spec.triggers):
            return ()
        name = spec.scale_target_ref.name
        try:
            workload = await self._api.get(resource.path(namespace, name), _Workload)
        except NotFound:
            return (Finding(TARGET, f'{resource.kind}.{resource.group} "{name}" not found', REQUESTS),)
        missing = list(_without_requests(spec, workload.spec.template.spec.containers))
        if not missing:
            return ()
        given = await self._given(namespace)
        return [finding for usage, finding in missing if usage not in given]

    async def _given(self, namespace: str) -> frozenset[str]:
        """What every container of the namespace has by default, where it asks for nothing itself."""
        ranges = await self._api.get(f"/api/v1/namespaces/{namespace}/limitranges", _LimitRanges)
        limits = [one for each in ranges.items for one in each.spec.limits if one.type == "Container"]
        return frozenset(
            usage for usage in USAGE if any(_some(usage, one.default, one.default_request) for one in limits)
        )


def _without_requests(spec: ScaledObjectSpec, containers: Sequence[_Container]) -> Iterator[tuple[str, Finding]]:
    """(usage, finding) of each trigger and container."""
    for index, trigger in enumerate(spec.triggers):
        if (usage := trigger.type) not in USAGE:
            continue
        only = trigger.metadata.get("containerName", "")
        for one in containers:
            if only in ("", one.name) and not _some(usage, one.resources.requests, one.resources.limits):
                sentence = (
                    f"the scaledobject has a {usage} trigger but the container {one.name} "
                    f"doesn't have the {usage} request defined"
                )
                yield usage, Finding(f"spec.triggers[{index}]", sentence, REQUESTS)


def _some(usage: str, *amounts: Amounts) -> bool:
    return any(_positive(one.get(usage, "0")) for one in amounts)


def _positive(quantity: str) -> bool:
    try:
        return parse(quantity) > 0
    except ValueError:
        return False


def _custom(manifest: Manifest) -> Custom:
    """Raises `ManifestError`: no API server sends what this is."""
    try:
        found = msgspec.convert(manifest.body, Custom)
    except (msgspec.ValidationError, RecursionError):
        raise ManifestError({"metadata": "is not what every object's is"}) from None
    ref = manifest.ref
    meta = msgspec.structs.replace(found.metadata, namespace=ref.namespace, name=ref.name)
    return msgspec.structs.replace(found, metadata=meta)


def _described(spec: ScaledObjectSpec) -> str:
    """In KEDA's words."""
    target = spec.scale_target_ref
    return f"workload '{target.name}' of type '{target.api_version}.{target.kind}'"


def _is(found: Custom, owner: Owner) -> bool:
    return found.metadata.name == owner.name


def _let(owner: Owner, hpa: Hpa) -> bool:
    """Whether an HPA may be on the object's target: its own, one that becomes its own, or one that is tolerated, as it
    is nowhere in direct mode."""
    if ours(owner, hpa) or (annotations.transfers(owner.annotations) and owner.custom == hpa.metadata.name):
        return True
    direct = annotations.mode_of(owner.annotations)[0] is Mode.DIRECT
    return annotations.tolerated(hpa.metadata.annotations) and not direct
