"""Reads of a cluster what `takeover.py` and `handback.py` judge. Lists and gets, nothing else: whoever asks whether a
cluster is ready changes nothing by asking."""

import asyncio
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from scaler.catalog import DISTRIBUTION
from scaler.errors import NotFound
from scaler.kubernetes.api import FIELD_MANAGER, METADATA_ONLY, Api
from scaler.kubernetes.handover.helm import Described
from scaler.kubernetes.handover.takeover import ADMISSION, LEASE, PART_OF, Found, Led, Webhook
from scaler.kubernetes.objects import Custom, Hpa, LeaseSpec
from scaler.kubernetes.reach.registration import NAME, PATH, ApiService
from scaler.manifests.kinds import KINDS

T = TypeVar("T")

LOOK = 1.0
"""Seconds between two looks at a Lease."""

LASTS = 15.0
"""Seconds of a Lease that does not say how long it lasts."""

PAGE = "500"
GROUPS = frozenset(kind.group for kind in KINDS)

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
_SLICES = "/apis/discovery.k8s.io/v1"
_SERVICE_LABEL, _MANAGED_LABEL = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"


class _ListMeta(msgspec.Struct, rename="camel"):
    continue_: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct, Generic[T]):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[T] | None = None


class _Bare(msgspec.Struct):
    metadata: Described = Described()


class _Lease(msgspec.Struct):
    metadata: Described = Described()
    spec: LeaseSpec = LeaseSpec()


class _Reference(msgspec.Struct):
    namespace: str = ""
    name: str = ""


class _Client(msgspec.Struct):
    service: _Reference | None = None
    url: str = ""


class _Rule(msgspec.Struct, rename="camel"):
    api_groups: tuple[str, ...] = ()


class _Hook(msgspec.Struct, rename="camel"):
    client_config: _Client = msgspec.field(default_factory=_Client)
    rules: tuple[_Rule, ...] = ()
    failure_policy: str = "Fail"


class _Configuration(msgspec.Struct):
    metadata: Described = Described()
    webhooks: tuple[_Hook, ...] = ()


class _Slice(msgspec.Struct):
    metadata: Described = Described()
    endpoints: list[dict[str, Any]] | None = None


async def survey(api: Api) -> Found:
    """Takes as long as a Lease that nobody renews. Raises `ClusterError`."""
    return Found(
        definitions=await _definitions(api),
        objects=await objects(api),
        hpas=await _listed(api, "/apis/autoscaling/v2/horizontalpodautoscalers", Hpa),
        api_service=await api_service(api),
        services=await services(api),
        webhooks=await _webhooks(api),
        leases=await leases(api),
    )


async def objects(api: Api) -> dict[str, list[Custom]]:
    """All of our six kinds, by kind; none of those that the cluster does not know."""
    found = {}
    for kind in KINDS:
        try:
            found[kind.kind] = await _listed(api, kind.path(), Custom)
        except NotFound:
            found[kind.kind] = []
    return found


async def api_service(api: Api) -> ApiService | None:
    """Who answers external metrics."""
    try:
        return await api.get(f"{PATH}/{NAME}", ApiService)
    except NotFound:
        return None


async def services(api: Api) -> frozenset[tuple[str, str]]:
    """Those behind which our daemons put their address, whatever they are called."""
    slices = await _listed(api, f"{_SLICES}/endpointslices", _Bare, labelSelector=f"{_MANAGED_LABEL}={FIELD_MANAGER}")
    return frozenset((one.metadata.namespace, one.metadata.labels.get(_SERVICE_LABEL, "")) for one in slices)


async def exists(api: Api, namespace: str, service: str) -> bool:
    """Whether there is such a Service."""
    try:
        await api.get(f"/api/v1/namespaces/{namespace}/services/{service}", _Bare, accept=METADATA_ONLY)
    except NotFound:
        return False
    return True


# --------------------------------------------------------------------------------------------------------------- Leases


async def leases(api: Api) -> tuple[Led, ...]:
    """Those that are called as KEDA's, in any namespace, and whether somebody renews them. That is seen by the record's
    change, within the time that it says of itself: two clocks need not agree on anything."""
    now = asyncio.get_running_loop().time
    begun, first = now(), await _all_leases(api)
    latest, changed = first, set[str]()
    waiting = {namespace: _lasts(one) for namespace, one in first.items() if one.spec.holder_identity}
    while waiting := {name: lasts for name, lasts in waiting.items() if name not in changed and now() < begun + lasts}:
        await asyncio.sleep(LOOK)
        latest = await _all_leases(api)
        changed |= {name for name in waiting if name in latest and latest[name].spec != first[name].spec}
    return tuple(_led(namespace, one, changed=namespace in changed) for namespace, one in sorted(latest.items()))


async def held(api: Api) -> tuple[Led, ...]:
    """The same at a glance, which does not tell whether anybody renews them."""
    return tuple(_led(namespace, one, changed=False) for namespace, one in sorted((await _all_leases(api)).items()))


async def _all_leases(api: Api) -> dict[str, _Lease]:
    """By namespace."""
    found = await _listed(api, "/apis/coordination.k8s.io/v1/leases", _Lease, fieldSelector=f"metadata.name={LEASE}")
    return {one.metadata.namespace: one for one in found}


def _led(namespace: str, lease: _Lease, *, changed: bool) -> Led:
    """Ours it is if one of us was the last to write who holds it."""
    holder = lease.spec.holder_identity or ""
    writers = [one.manager for one in lease.metadata.managed_fields if _holds(one.fields_v1)]
    return Led(namespace, holder, renewed=bool(changed and holder), ours=bool(holder and FIELD_MANAGER in writers))


def _holds(fields: dict[str, Any]) -> bool:
    return "f:holderIdentity" in fields.get("f:spec", {})


def _lasts(lease: _Lease) -> float:
    return float(lease.spec.lease_duration_seconds or LASTS)


# ------------------------------------------------------------------------------------------------------------ the parts


async def _listed(api: Api, path: str, type_: type[T], **parameters: str) -> list[T]:
    """Page by page."""
    found: list[T] = []
    token: dict[str, str] = {}
    while True:
        # msgspec reads a generic struct by a class that is known only when it runs; mypy wants it written out.
        page: _Page[T] = await api.get(path, _Page[type_], limit=PAGE, **parameters, **token)  # type: ignore[valid-type]
        found += page.items or []
        if not page.metadata.continue_:
            return found
        token = {"continue": page.metadata.continue_}


async def _definitions(api: Api) -> dict[str, Described]:
    """Of their metadata alone: with their schemas they are megabytes."""
    found = {}
    for kind in KINDS:
        name = f"{kind.plural}.{kind.group}"
        try:
            found[name] = (await api.get(f"{_DEFINITIONS}/{name}", _Bare, accept=METADATA_ONLY)).metadata
        except NotFound:
            continue
    return found


async def _webhooks(api: Api) -> list[Webhook]:
    """One for each Service that a configuration asks about our kinds."""
    found = []
    for configuration in await _listed(api, _WEBHOOKS, _Configuration):
        name = configuration.metadata.name
        hooks = [one for one in configuration.webhooks if name == ADMISSION or _asks(one)]
        for namespace, service in sorted(set(_services(hooks))):
            strict = any(one.failure_policy == "Fail" for one in hooks)
            there = await exists(api, namespace, service)
            answered = there and await _answered(api, namespace, service)
            ours = configuration.metadata.labels.get(PART_OF) == DISTRIBUTION
            found.append(Webhook(name, f"{namespace}/{service}", there, answered, strict, ours))
    return found


def _asks(hook: _Hook) -> bool:
    return any(not GROUPS.isdisjoint(rule.api_groups) for rule in hook.rules)


def _services(hooks: list[_Hook]) -> Iterator[tuple[str, str]]:
    for hook in hooks:
        if (service := hook.client_config.service) is not None:
            yield service.namespace, service.name


async def _answered(api: Api, namespace: str, service: str) -> bool:
    """Whether any endpoint behind the Service is ready."""
    path = f"{_SLICES}/namespaces/{namespace}/endpointslices"
    slices = await _listed(api, path, _Slice, labelSelector=f"{_SERVICE_LABEL}={service}")
    endpoints = (one for each in slices for one in each.endpoints or ())
    return any((one.get("conditions") or {}).get("ready") is not False for one in endpoints)
