"""Whose the HPAs are that scale an object's workload, and what follows from it (KEDA behaviour 1.5, 4.2). KEDA's
webhook refuses what would make two HPAs fight; the guard here needs none, and the sentences are KEDA's. What is not
ours is neither changed nor deleted, unless the object's own annotation and the HPA's name say so."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from scaler.core.model import Spec
from scaler.kubernetes.hpa import MANAGED_BY_LABEL, MANAGER, OBJECT_LABEL, PART_OF_LABEL, Owner
from scaler.kubernetes.objects import Hpa
from scaler.manifests import annotations


class Workload(NamedTuple):
    """What an HPA scales, within its namespace, by what makes it the same object: the version does not."""

    group: str
    kind: str
    name: str

    @classmethod
    def of(cls, kind: str, name: str) -> "Workload":
        """From `apps/v1.Deployment`, as `Spec.target_kind` has it."""
        version, _, short = kind.rpartition(".")
        return cls(version.rpartition("/")[0], short, name)


@dataclass(frozen=True, slots=True)
class Create:
    """There is none yet. `remove` are ours under other names, to be deleted first: it was renamed."""

    remove: tuple[Hpa, ...] = ()


@dataclass(frozen=True, slots=True)
class Keep:
    """It is ours; what differs is written."""

    hpa: Hpa
    remove: tuple[Hpa, ...] = ()


@dataclass(frozen=True, slots=True)
class Adopt:
    """It becomes ours by writing what differs, the owner too."""

    hpa: Hpa
    remove: tuple[Hpa, ...] = ()


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing is written, neither to an HPA nor to the workload; `sentence` is for the Ready condition."""

    sentence: str


Claim = Create | Keep | Adopt | Blocked


def workload_of(hpa: Hpa) -> Workload:
    """The key by which HPAs are indexed."""
    target = hpa.spec.scale_target_ref
    return Workload(target.api_version.rpartition("/")[0], target.kind, target.name)


def claim(spec: Spec, owner: Owner, *, among: Iterable[Hpa]) -> Claim:
    """What to do about the object's HPA. `among` are those of its namespace that could matter, others do no harm: the
    one of the wanted name, those on the target, those that are ours."""
    hpas, target = sorted(among, key=lambda hpa: hpa.metadata.name), Workload.of(spec.target_kind, spec.target_name)
    named = next((hpa for hpa in hpas if hpa.metadata.name == owner.hpa), None)
    for hpa in hpas:
        tolerated = hpa is named or ours(owner, hpa) or annotations.tolerated(hpa.metadata.annotations)
        if workload_of(hpa) == target and not tolerated:
            return Blocked(fought(_described(spec), owner, hpa))
    old = tuple(hpa for hpa in hpas if hpa is not named and ours(owner, hpa) and not hpa.metadata.deletion_timestamp)
    if named is None:
        return Create(old)
    if ours(owner, named):
        return Keep(named, old)
    refusal = _refusal(spec, owner, named)
    return Blocked(refusal) if refusal else Adopt(named, old)


def cleared(spec: Spec, owner: Owner, *, among: Iterable[Hpa]) -> tuple[Hpa, ...] | Blocked:
    """Where the object is to be scaled without an HPA: those of its own, which go first. Any other on its target, even
    a tolerated or a transferred one, is somebody's: then nothing is written beside it."""
    target, own = Workload.of(spec.target_kind, spec.target_name), []
    for hpa in sorted(among, key=lambda hpa: hpa.metadata.name):
        transferred = annotations.transfers(owner.annotations) and hpa.metadata.name == owner.custom
        if ours(owner, hpa) and not transferred:
            own.append(hpa)
        elif workload_of(hpa) == target:
            its = f"the workload '{spec.target_name}' of type '{spec.target_kind}' is already managed by the hpa"
            return Blocked(f"{its} '{hpa.metadata.name}', which is not this object's own: nothing is written beside it")
    return tuple(own)


def ours(owner: Owner, hpa: Hpa) -> bool:
    """Whether the object controls it, or did so before it was deleted and made anew: then the uid is that of nobody."""
    return controller(owner, hpa) == owner.name


def _refusal(spec: Spec, owner: Owner, hpa: Hpa) -> str:
    """Why the one of the wanted name cannot become ours; empty where it can."""
    if other := controller(owner, hpa):
        return f"the HPA '{owner.hpa}' is already managed by the ScaledObject '{other}'"
    if (its := workload_of(hpa)) != Workload.of(spec.target_kind, spec.target_name):
        return f"the hpa '{owner.hpa}' already exists and scales the {its.kind} '{its.name}'"
    wished = annotations.transfers(owner.annotations) and owner.custom == hpa.metadata.name
    return "" if wished or _lost(owner, hpa) else fought(_described(spec), owner, hpa)


def _described(spec: Spec) -> str:
    return f"workload '{spec.target_name}' of type '{spec.target_kind}'"


def fought(workload: str, owner: Owner, hpa: Hpa) -> str:
    """KEDA's sentence about another HPA on the workload (`workload 'orders' of type 'apps/v1.Deployment'`)."""
    name = hpa.metadata.name
    if annotations.transfers(owner.annotations) and not controller(owner, hpa):
        return (
            f"the existing hpa '{name}' for {workload} must be specified by name in advanced settings "
            "to enable ownership transfer"
        )
    return f"the {workload} is already managed by the hpa '{name}'"


def _lost(owner: Owner, hpa: Hpa) -> bool:
    """Made for this object, by KEDA or by us, and left without an owner (deleted with `--cascade=orphan`, restored from
    a backup). The object's own labels may hide KEDA's (Helm sets `managed-by`); the metrics' selector names it too."""
    if hpa.metadata.owner_references:
        return False
    labels = hpa.metadata.labels
    metrics = (one.get("external", {}).get("metric", {}) for one in hpa.spec.metrics)
    chosen = (metric.get("selector", {}).get("matchLabels", {}) for metric in metrics)
    made = labels.get(MANAGED_BY_LABEL) == MANAGER and labels.get(PART_OF_LABEL) == owner.name
    return made or any(selected.get(OBJECT_LABEL) == owner.name for selected in chosen)


def controller(owner: Owner, hpa: Hpa) -> str:
    """The ScaledObject that controls it, of whatever version; the API server sees to it that there is but one."""
    group = owner.api_version.partition("/")[0]
    controllers = (one for one in hpa.metadata.owner_references if one.controller and one.kind == owner.kind)
    return next((one.name for one in controllers if one.api_version.partition("/")[0] == group), "")
