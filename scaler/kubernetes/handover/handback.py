"""Giving a cluster back to KEDA: what must be written before a KEDA leads again, and how it is written while nobody
leads. What is decided is data, so that it can be shown without being done.

KEDA counts an object's cooldown from `lastActiveTime`, which it moves at every poll. We write it when activity begins
and ends: an object that is active for hours would be scaled to zero at KEDA's first empty answer. KEDA knows nothing of
our finalizer, and rewrites the APIService's authority, never its Service."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from scaler.core.model import Mode
from scaler.errors import ClusterError, Conflict, ManifestError, NotFound
from scaler.kubernetes.api import Api
from scaler.kubernetes.changes import OBJECT
from scaler.kubernetes.handover.takeover import LEASE, Led, named, stopping
from scaler.kubernetes.lease import Claim
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.reach.endpoint import Service
from scaler.kubernetes.reach.registration import NAME, PATH, ApiService, registered
from scaler.kubernetes.status import condition_of, moment, stamp
from scaler.kubernetes.steps import RESTORE
from scaler.kubernetes.writer import path_of
from scaler.manifests import annotations
from scaler.manifests.watched import Ref

Json = dict[str, Any]

LOOK, TICK = 1.0, 0.001
"""Seconds until a Lease that is not free is looked at again; by how much a timer may be early."""

TRIES = 5


@dataclass(frozen=True, slots=True)
class LetGo:
    """Take our finalizer off an object."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Stamp:
    """Write that an object was active just now."""

    ref: Ref
    at: str


@dataclass(frozen=True, slots=True)
class PointTo:
    """The API server asks that Service for external metrics. Our authority would not be that of its certificate: who
    serves there writes another."""

    service: Service


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The API server asks nobody."""


Deed = LetGo | Stamp | PointTo | Withdraw


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence about an object."""

    about: str
    sentence: str


def told(deed: Deed) -> Remark:
    """What it does."""
    match deed:
        case LetGo(ref):
            return Remark(f"{OBJECT} {ref}", f"the finalizer {RESTORE} is taken off")
        case Stamp(ref, at):
            return Remark(f"{OBJECT} {ref}", f"lastActiveTime becomes {at}")
        case PointTo(service):
            return Remark(f"APIService {NAME}", f"asks the Service {service}, without our authority")
    return Remark(f"APIService {NAME}", "is deleted")


def deeds(
    objects: Sequence[Custom],
    registered: ApiService | None,
    services: frozenset[tuple[str, str]],
    *,
    to: Service | None,
    now: float,
) -> tuple[Deed, ...]:
    """What is to be written, in this order. `services` are ours, `to` is KEDA's where one is named."""
    return (
        *(LetGo(_ref(one)) for one in objects if RESTORE in one.metadata.finalizers),
        *(Stamp(_ref(one), stamp(now)) for one in objects if _to_be_stamped(one, now)),
        *_answering(registered, services, to),
    )


def _to_be_stamped(one: Custom, now: float) -> bool:
    """Also one of which nobody knows whether it is active: it could not be served, and may be running."""
    if one.metadata.deletion_timestamp or (moment(one.status.get("lastActiveTime")) or 0.0) >= now:
        return False
    active = condition_of(one.status, "Active")
    return active.get("status") == "True" or (active.get("status") == "Unknown" and bool(active.get("reason")))


def _answering(
    registered: ApiService | None, services: frozenset[tuple[str, str]], to: Service | None
) -> Iterator[Deed]:
    """Where it is somebody else's it is left to him."""
    answers = registered.spec.service if registered else None
    ours = answers is not None and (answers.namespace, answers.name) in services
    if to is not None and (ours or registered is None):
        yield PointTo(to)
    elif ours:
        yield Withdraw()


def remarks(
    objects: Sequence[Custom], registered: ApiService | None, services: frozenset[tuple[str, str]]
) -> tuple[Remark, ...]:
    return (*_of_objects(objects), *_of_metrics(registered, services))


def _of_objects(objects: Sequence[Custom]) -> Iterator[Remark]:
    for one in objects:
        notes, original = one.metadata.annotations, one.status.get("originalReplicaCount")
        if one.metadata.deletion_timestamp and RESTORE in one.metadata.finalizers:
            back = f"its target does not get its first count of {original} back by itself"
            yield Remark(named(OBJECT, one), f"is being deleted, and goes with the finalizer; {back}")
        elif RESTORE in one.metadata.finalizers:
            sentence = "nobody restores its target's first count until a KEDA has put its own finalizer on it"
            yield Remark(named(OBJECT, one), sentence)
        if annotations.mode_of(notes)[0] is not Mode.HPA:
            mode = annotations.mode_of(notes)[0].value
            sentence = f"{annotations.MODE}: {mode} means nothing to KEDA, which makes an HPA for it"
            yield Remark(named(OBJECT, one), sentence)


def _of_metrics(registered: ApiService | None, services: frozenset[tuple[str, str]]) -> Iterator[Remark]:
    answers = registered.spec.service if registered else None
    if registered is not None and (answers is None or (answers.namespace, answers.name) not in services):
        who = f"the Service {answers.namespace}/{answers.name}" if answers else "the API server itself"
        yield Remark(f"APIService {NAME}", f"is not ours, it asks {who}: left as it is")


# ------------------------------------------------------------------------------------------------------------ the doing


async def done(api: Api, deed: Deed) -> None:
    """Writes it. What is gone meanwhile needs nothing any more. Raises `ClusterError`."""
    try:
        match deed:
            case LetGo(ref):
                await _let_go(api, ref)
            case Stamp(ref, at):
                await api.patch(f"{path_of(ref)}/status", {"status": {"lastActiveTime": at}}, Custom)
            case PointTo(service):
                await _point_to(api, service)
            case Withdraw():
                await api.delete(f"{PATH}/{NAME}")
    except NotFound:
        return


async def _let_go(api: Api, ref: Ref) -> None:
    """As it is now: others may have come or gone since it was looked at."""
    for _ in range(TRIES):
        found = await api.get(path_of(ref), Custom)
        others = [one for one in found.metadata.finalizers if one != RESTORE]
        patch = {"metadata": {"resourceVersion": found.metadata.resource_version, "finalizers": others}}
        try:
            await api.patch(path_of(ref), patch, Custom)
        except Conflict:
            continue
        return
    raise ClusterError(f"{ref} is changed by somebody again and again: its finalizer {RESTORE} is still there")


async def _point_to(api: Api, service: Service) -> None:
    """Made where it is not there: a KEDA that runs already does not make one."""
    where: Json = {"namespace": service.namespace, "name": service.name, "port": service.port}
    try:
        await api.patch(f"{PATH}/{NAME}", {"spec": {"service": where, "caBundle": None}}, ApiService)
    except NotFound:
        await registered(api, service, "", take_over=True)


@asynccontextmanager
async def nobody_leading(claims: Sequence[tuple[Led, Claim]]) -> AsyncIterator[None]:
    """Every Lease is ours for the length of the block, so that neither a KEDA nor one of our daemons leads meanwhile;
    then all are given up. Raises `ManifestError` where one leads."""
    held: list[Claim] = []
    try:
        for led, claim in claims:
            await _take(led, claim)
            held.append(claim)
        yield
    finally:
        for claim in held:
            claim.drop()
            await claim.release()


async def _take(led: Led, claim: Claim) -> None:
    """As soon as it is free. Who renews it leads: he is not waited for."""
    await claim.look()
    while (left := claim.until_free()) > 0:
        pause = min(LOOK, left + TICK)
        await asyncio.sleep(pause)
        await claim.look()
        if claim.until_free() > left - pause / 2:  # it does not run out: the record has changed
            raise ManifestError({lease_of(led): leads(claim.holder, led)})
    try:
        await claim.take()
    except Conflict:
        raise ManifestError({lease_of(led): leads("somebody else", led)}) from None


async def carried_out(api: Api, wanted: Sequence[Deed], claims: Sequence[Claim]) -> AsyncIterator[Deed]:
    """Each, when it is written. Nothing is written while one of the claims is not ours. Raises `ClusterError`; what was
    not written then is found again by the next time."""

    def fence() -> None:
        for claim in claims:
            claim.fence()

    fenced = api.fenced(fence)
    for deed in wanted:
        for claim in claims:
            if claim.remaining() < claim.terms.seconds / 2:
                await claim.renew()
        await done(fenced, deed)
        yield deed


def leads(holder: str, led: Led) -> str:
    """Why nothing can be given back."""
    return f"{holder} leads by it; stop it first: {stopping(led)}"


def lease_of(led: Led) -> str:
    return f"Lease {led.namespace}/{LEASE}"


def _ref(one: Custom) -> Ref:
    return Ref(OBJECT, one.metadata.namespace, one.metadata.name)
