"""What stands between a cluster of KEDA's and this daemon: from what was found there to findings, each a sentence with
what to do about it. Pure; reading the cluster is `survey.py`'s. Of manifests and HPAs it says what the daemon would."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from scaler.core.model import Mode, Spec
from scaler.kubernetes.changes import OBJECT, SCALED, manifest_of
from scaler.kubernetes.chores import AUTHENTICATIONS, KEDA_FINALIZER
from scaler.kubernetes.handover.helm import POLICY, Described, Release, kept, kept_by_helm, release_of
from scaler.kubernetes.hpa import owner_of
from scaler.kubernetes.objects import Custom, Hpa
from scaler.kubernetes.ownership import Blocked, Workload, claim, cleared, workload_of
from scaler.kubernetes.reach.registration import NAME as API_SERVICE
from scaler.kubernetes.reach.registration import ApiService
from scaler.kubernetes.world import aim_of
from scaler.manifests import annotations
from scaler.manifests.bind import Find, examine

LEASE = "operator.keda.sh"
ADMISSION = "keda-admission"
PART_OF, KEDA = "app.kubernetes.io/part-of", "keda-operator"
KEDAS_SERVICES = frozenset(("keda-operator-metrics-apiserver", "keda-metrics-apiserver"))
"""What KEDA's chart and KEDA's manifests call the Service of its metrics."""


class Severity(StrEnum):
    """A problem stands in the way; a warning is to be known before; a note is how it should be."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`remedy` is a command, or what else is to be done; empty where there is nothing to do."""

    severity: Severity
    about: str
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Led:
    """One of the Leases by which KEDA and we lead; `renewed` while it was looked at."""

    namespace: str
    holder: str = ""
    renewed: bool = False
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who checks objects of our kinds before they are written: a Service, whether it is there, and whether anybody is
    behind it. `strict`: where nobody answers, nothing can be written. `ours`: it was installed with the daemon."""

    configuration: str
    service: str
    exists: bool = False
    answered: bool = False
    strict: bool = False
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What there is in a cluster. `definitions` are of our kinds, by name; `objects` by kind; `services` those that our
    daemons serve the metrics API by, as (namespace, name)."""

    definitions: Mapping[str, Described] = field(default_factory=dict)
    objects: Mapping[str, Sequence[Custom]] = field(default_factory=dict)
    hpas: Sequence[Hpa] = ()
    api_service: ApiService | None = None
    services: frozenset[tuple[str, str]] = frozenset()
    webhooks: Sequence[Webhook] = ()
    leases: Sequence[Led] = ()


def findings(found: Found, find: Find) -> tuple[Finding, ...]:
    """Everything, in the order of severity."""
    told = (
        *_leases(found.leases),
        *_definitions(found.definitions),
        *_api_service(found),
        *_webhooks(found.webhooks),
        *_unserved(found, find),
        *_contested(found),
        *_leaving(found),
    )
    return tuple(sorted(told, key=lambda one: tuple(Severity).index(one.severity)))


def ready(told: Iterable[Finding]) -> bool:
    return not any(one.severity is Severity.PROBLEM for one in told)


# ------------------------------------------------------------------------------------------------------------ who leads


def _leases(leases: Sequence[Led]) -> Iterator[Finding]:
    for one in leases:
        about = f"Lease {one.namespace}/{LEASE}"
        if one.ours:
            does = "leads by it" if one.renewed else "led by it, and renews it no more"
            yield Finding(Severity.NOTE, about, f"{one.holder}, an event-scaler, {does}")
        elif one.renewed:
            sentence = f"{one.holder} leads by it: a KEDA scales this cluster"
            yield Finding(Severity.PROBLEM, about, sentence, stopping(one))
        else:
            who = f"{one.holder} does not renew it any more" if one.holder else "nobody holds it"
            sentence = f"{who}; a daemon in the namespace {one.namespace} takes it, and keeps a KEDA there waiting"
            yield Finding(Severity.NOTE, about, sentence)


def stopping(one: Led) -> str:
    """How whoever leads is stopped."""
    return f"kubectl -n {one.namespace} scale deployment {'event-scaler' if one.ours else KEDA} --replicas 0"


# ----------------------------------------------------------------------------------------------------- definitions


def _definitions(definitions: Mapping[str, Described]) -> Iterator[Finding]:
    if not any(name.startswith("scaledobjects.") for name in definitions):
        sentence = "is not there: there are no ScaledObjects to take over"
        yield Finding(Severity.NOTE, "CustomResourceDefinition scaledobjects.keda.sh", sentence)
    bare: dict[Release, list[str]] = defaultdict(list)
    annotated: dict[Release, list[str]] = defaultdict(list)
    for name, meta in sorted(definitions.items()):
        if (release := release_of(meta)) is not None and not (kept(meta) and kept_by_helm(meta)):
            (annotated if kept(meta) else bare)[release].append(name)
    for release, names in bare.items():
        sentence = f"`helm uninstall {release.name}` deletes {', '.join(names)}, and with them every object of theirs"
        yield Finding(Severity.PROBLEM, _release(release), sentence, release.keeping())
    for release, names in annotated.items():
        sentence = (
            f"{POLICY} was put on {', '.join(names)} by somebody else than Helm: `helm uninstall {release.name}` reads "
            "its own record of the release, and deletes them unless it is in there too"
        )
        yield Finding(Severity.WARNING, _release(release), sentence, release.keeping())


def _release(release: Release) -> str:
    return f"Helm release {release.namespace}/{release.name}"


# ---------------------------------------------------------------------------------------------------- the API server's


def _api_service(found: Found) -> Iterator[Finding]:
    about, registered = f"APIService {API_SERVICE}", found.api_service
    if registered is None:
        yield Finding(Severity.NOTE, about, "is not there: external metrics are answered by nobody")
        return
    answers, kedas = registered.spec.service, registered.metadata.labels.get(PART_OF) == KEDA
    who = f"the Service {answers.namespace}/{answers.name}" if answers else "the API server itself"
    if answers is not None and (answers.namespace, answers.name) in found.services:
        yield Finding(Severity.NOTE, about, "is ours already")
    elif answers is not None and (answers.name in KEDAS_SERVICES or kedas):
        sentence = f"is KEDA's ({who}): the leader takes it over if SCALER_TAKE_OVER_METRICS_API is true"
        yield Finding(Severity.NOTE, about, sentence)
    else:
        sentence = f"belongs to {who}, which is not KEDA's: a cluster has one, and whoever uses its metrics loses them"
        yield Finding(Severity.PROBLEM, about, sentence, "find out whose it is, and which HPAs read its metrics")
    if (release := release_of(registered.metadata)) and not kept(registered.metadata):
        sentence = (
            f"`helm uninstall {release.name}` deletes it, whoever answers by then; the leader makes another within "
            "30 s, where it may (deploy/overlays/in-keda-namespace), and until then no HPA reads a metric"
        )
        yield Finding(Severity.WARNING, about, sentence)


def _webhooks(webhooks: Sequence[Webhook]) -> Iterator[Finding]:
    for one in webhooks:
        about = f"ValidatingWebhookConfiguration {one.configuration}"
        if one.answered:
            checked = "checked by the daemon's" if one.ours else "still checked by KEDA's"
            yield Finding(Severity.NOTE, about, f"objects are {checked} webhook ({one.service})")
            continue
        why = "has nobody behind it" if one.exists else "is gone"
        then = "no object of KEDA's can be written" if one.strict else "every write of one asks there in vain"
        remedy = f"kubectl delete validatingwebhookconfiguration {one.configuration}"
        if one.ours:
            remedy = f"start the daemon whose it is, or {remedy}"
        severity = Severity.WARNING if one.ours and not one.strict else Severity.PROBLEM
        yield Finding(severity, about, f"its Service {one.service} {why}: {then}", remedy)


# ------------------------------------------------------------------------------------------------------------- objects


def _unserved(found: Found, find: Find) -> Iterator[Finding]:
    """What this version would refuse."""
    known = {(kind, *_key(one)) for kind in AUTHENTICATIONS for one in found.objects.get(kind, ())}
    for kind in (*SCALED, *AUTHENTICATIONS):
        for one in found.objects.get(kind, ()):
            if one.metadata.deletion_timestamp:
                continue
            about, examined = named(kind, one), examine(manifest_of(kind, one), find)
            for path, problem in {**examined.problems, **dict(_missing(one, known))}.items():
                yield Finding(Severity.PROBLEM, about, f"{path}: {problem}")
            for path, warning in examined.warnings.items():
                yield Finding(Severity.WARNING, about, f"{path}: {warning}")


def _missing(one: Custom, known: set[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """KEDA leaves the parameters empty where the authentication is not there, we refuse the trigger."""
    for index, trigger in enumerate(one.spec.get("triggers") or ()):
        reference = trigger.get("authenticationRef") or {}
        kind, name = reference.get("kind") or AUTHENTICATIONS[0], reference.get("name") or ""
        namespace = "" if kind.startswith("Cluster") else one.metadata.namespace
        if name and (kind, namespace, name) not in known:
            yield f"spec.triggers[{index}].authenticationRef", f"there is no {kind} {name}"


def _contested(found: Found) -> Iterator[Finding]:
    """Workloads that somebody else scales as well."""
    sharing: dict[tuple[str, Workload], list[Custom]] = defaultdict(list)
    for one in found.objects.get(OBJECT, ()):
        if not one.metadata.deletion_timestamp:
            sharing[one.metadata.namespace, aim_of(one)].append(one)
    for (namespace, aim), objects in sharing.items():
        first, *others = sorted(objects, key=lambda one: (one.metadata.creation_timestamp or "", one.metadata.name))
        for other in others:
            sentence = f"scales the {aim.kind} {aim.name}, as {first.metadata.name} does, which is older and is served"
            yield Finding(Severity.PROBLEM, named(OBJECT, other), sentence, _deleting(OBJECT, other))
        uids = {one.metadata.uid for one in others}
        about = (hpa for hpa in found.hpas if hpa.metadata.namespace == namespace and _may_matter(hpa, first, uids))
        if (by := _blocked(first, about)) is not None:
            remedy = "delete that HPA, or annotate it with validations.keda.sh/hpa-ownership: 'false' if both are meant"
            yield Finding(Severity.PROBLEM, named(OBJECT, first), by.sentence, remedy)


def _may_matter(hpa: Hpa, one: Custom, others: set[str]) -> bool:
    """By target or by name, and not another object's on the same target: that goes."""
    mine = hpa.metadata.name in (owner_of(one, "").hpa, one.status.get("hpaName"))
    return (mine or workload_of(hpa) == aim_of(one)) and others.isdisjoint(
        owner.uid for owner in hpa.metadata.owner_references
    )


def _blocked(one: Custom, hpas: Iterable[Hpa]) -> Blocked | None:
    notes, reference = one.metadata.annotations, one.spec.get("scaleTargetRef") or {}
    if annotations.observed(notes):
        return None
    kind = f"{reference.get('apiVersion') or 'apps/v1'}.{reference.get('kind') or 'Deployment'}"
    spec = Spec("", (), target_name=str(reference.get("name") or ""), target_kind=kind)
    usage = any(trigger.get("type") in ("cpu", "memory") for trigger in one.spec.get("triggers") or ())
    alone = annotations.mode_of(notes)[0] is Mode.DIRECT and not usage
    judged = (cleared if alone else claim)(spec, owner_of(one, ""), among=hpas)
    return judged if isinstance(judged, Blocked) else None


def _leaving(found: Found) -> Iterator[Finding]:
    """KEDA's finalizer: the leader takes it off, and what waited to be deleted is gone then."""
    bearing = [
        (kind, one)
        for kind, objects in found.objects.items()
        for one in objects
        if KEDA_FINALIZER in one.metadata.finalizers
    ]
    for kind, one in bearing:
        if one.metadata.deletion_timestamp:
            sentence = f"is being deleted and waits for {KEDA_FINALIZER}: when the daemon leads, it goes"
            yield Finding(Severity.WARNING, named(kind, one), sentence)
    if bearing:
        verb = "object has" if len(bearing) == 1 else "objects have"
        sentence = (
            f"{len(bearing)} {verb} {KEDA_FINALIZER}: without a KEDA their deletion waits; the leader takes it off"
        )
        yield Finding(Severity.NOTE, "finalizers", sentence)


def named(kind: str, one: Custom) -> str:
    namespace, name = _key(one)
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _key(one: Custom) -> tuple[str, str]:
    return one.metadata.namespace, one.metadata.name


def _deleting(kind: str, one: Custom) -> str:
    return f"kubectl -n {one.metadata.namespace} delete {kind.lower()} {one.metadata.name}"
