"""What a decision asks of the API server: where Kubernetes knowledge meets the decision. Pure, so its tests are tables;
sending is `writer.py`'s. What differs from what was seen becomes a step, and nothing else: where all is as it should be
there is none."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from scaler.core.conditions import refused
from scaler.core.model import ConditionType, Decision, Event, Mode, Why
from scaler.errors import ClusterError
from scaler.kubernetes.difference import patch_of as hpa_patch
from scaler.kubernetes.hpa import Owner, hpa_of
from scaler.kubernetes.objects import Custom, Hpa, Meta
from scaler.kubernetes.ownership import Adopt, Blocked, Create, Keep, claim, cleared, ours
from scaler.kubernetes.status import Facts, condition_of, patch_of, served_before, status_of
from scaler.kubernetes.targets import Resource
from scaler.manifests.watched import Ref, Watched

Json = dict[str, Any]

RESTORE = "event-scaler.dev/restore"
"""The one finalizer of ours: only where the object wants its target's first count back."""

OURS = frozenset((Why.ACTIVATED, Why.FORCED, Why.DEACTIVATED, Why.RAISED_TO_MINIMUM, Why.PAUSED_AT))
"""The moves that the HPA leaves to us (KEDA behaviour 3.4): from and to rest, up to the minimum, a pause's number."""

_MOVES = ("ScaledObjectReady", "KEDAScaleTargetActivated", "KEDAScaleTargetDeactivated")


@dataclass(frozen=True, slots=True)
class Scale:
    """Write a number of replicas, if there are still `before`."""

    resource: Resource
    namespace: str
    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class CreateHpa:
    manifest: Json


@dataclass(frozen=True, slots=True)
class PatchHpa:
    namespace: str
    name: str
    patch: Json


@dataclass(frozen=True, slots=True)
class DeleteHpa:
    hpa: Meta


@dataclass(frozen=True, slots=True)
class SetFinalizers:
    """The object's finalizers from now on, if it is still the one that was seen."""

    ref: Ref
    seen: Meta
    finalizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PatchStatus:
    """A merge patch, empty where the status is right. `hurry`: somebody waits for it."""

    ref: Ref
    patch: Json
    hurry: bool


@dataclass(frozen=True, slots=True)
class Post:
    """Events about the object, in this order."""

    ref: Ref
    events: tuple[Event, ...]


Step = Scale | CreateHpa | PatchHpa | DeleteHpa | SetFinalizers | PatchStatus | Post


@dataclass(frozen=True, slots=True)
class Seen:
    """What is there: the object, what it says to an HPA of its own, the resource of its target, the HPAs that could
    matter, and how many replicas the target wants, where a cache knows. `fresh`: nothing has been said of this
    generation yet. `first`: the object that has the target, where that is another one, because it was there before.
    `remark` stands beside "ready"; `held`: no number is to be written now."""

    found: Custom
    owner: Owner
    resource: Resource
    hpas: tuple[Hpa, ...] = ()
    wanted: int | None = None
    fresh: bool = False
    first: str = ""
    remark: str = ""
    held: bool = False


def steps(watched: Watched, seen: Seen, decision: Decision) -> tuple[Step, ...]:
    """In the order in which they are to be taken."""
    if watched.spec.mode is Mode.OBSERVE:
        return ()
    spec = watched.spec
    if seen.first:
        return (*_own_gone(seen), *_told(watched, seen, _blocked(seen, decision, _second(watched, seen.first)), None))
    if spec.mode is Mode.DIRECT:
        return _alone(watched, seen, decision)
    claimed = claim(spec, seen.owner, among=seen.hpas)
    if isinstance(claimed, Blocked):
        return tuple(_told(watched, seen, _blocked(seen, decision, claimed), None))
    scale = _scale(watched, seen, decision)
    if spec.pause.full:
        moves, hpa, resting = (*_hpa_gone(claimed), *scale), None, False
    else:
        moves = (*scale, *_hpa_there(watched, seen, claimed))
        hpa = None if isinstance(claimed, Create) else claimed.hpa
        resting = seen.wanted == 0 and not scale
    return (*moves, *_finalizer(watched, seen), *_told(watched, seen, decision, hpa, resting=resting))


def same(before: Decision, decision: Decision) -> bool:
    """Whether the second asks for no other steps than the first did, where what is seen has not changed: a number that
    moves within its target, and when it was read, are for the metrics API alone."""
    return not decision.events and _asked(before) == _asked(decision)


def _asked(decision: Decision) -> tuple[object, ...]:
    """All that the steps, and the status, take from a decision but its events."""
    state = decision.state
    return (
        decision.replicas,
        decision.why,
        decision.conditions,
        [(metric.name, metric.active) for metric in decision.metrics],
        state.seen,
        state.active,
        None if state.active else state.last_active,
        state.failures,
        state.original_replicas,
    )


def nothing(taken: tuple[Step, ...]) -> bool:
    """Whether all is as it should be."""
    return all(isinstance(step, PatchStatus) and not step.patch for step in taken)


def _alone(watched: Watched, seen: Seen, decision: Decision) -> tuple[Step, ...]:
    """Direct mode: an HPA of ours is gone before anything is written, another's keeps everything from being written."""
    own = cleared(watched.spec, seen.owner, among=seen.hpas)
    if isinstance(own, Blocked):
        return tuple(_told(watched, seen, _blocked(seen, decision, own), None))
    gone = tuple(DeleteHpa(hpa.metadata) for hpa in own)
    scale = () if seen.held else _scale(watched, seen, decision)
    return (*gone, *scale, *_finalizer(watched, seen), *_told(watched, seen, decision, None))


def _scale(watched: Watched, seen: Seen, decision: Decision) -> tuple[Step, ...]:
    """From the number that the decision was made on: where that is no longer so, the write is refused."""
    after = decision.replicas
    before = seen.wanted if decision.state.seen is None else decision.state.seen
    mine = watched.spec.mode is Mode.DIRECT or decision.why in OURS
    if before is None or after in (None, before, seen.wanted) or not mine:
        return ()
    return (Scale(seen.resource, watched.ref.namespace, watched.spec.target_name, before, after),)


def _hpa_there(watched: Watched, seen: Seen, claimed: Create | Keep | Adopt) -> tuple[Step, ...]:
    old = tuple(DeleteHpa(hpa.metadata) for hpa in claimed.remove)
    wanted = hpa_of(watched.spec, seen.owner)
    if isinstance(claimed, Create):
        return (*old, CreateHpa(wanted))
    if claimed.hpa.metadata.deletion_timestamp or (patch := hpa_patch(wanted, claimed.hpa)) is None:
        return old
    return (*old, PatchHpa(watched.ref.namespace, claimed.hpa.metadata.name, patch))


def _hpa_gone(claimed: Create | Keep | Adopt) -> tuple[Step, ...]:
    """What is ours goes; what could only be adopted stays."""
    kept = (claimed.hpa,) if isinstance(claimed, Keep) else ()
    return tuple(DeleteHpa(hpa.metadata) for hpa in (*claimed.remove, *kept) if not hpa.metadata.deletion_timestamp)


def _own_gone(seen: Seen) -> Iterator[Step]:
    mine = (hpa.metadata for hpa in seen.hpas if ours(seen.owner, hpa))
    return (DeleteHpa(one) for one in mine if not one.deletion_timestamp)


def _second(watched: Watched, first: str) -> Blocked:
    """KEDA's webhook would not have let it in (KEDA behaviour 4.2)."""
    workload = f"workload '{watched.spec.target_name}' of type '{watched.spec.target_kind}'"
    return Blocked(f"the {workload} is already managed by the ScaledObject '{first}'")


def _finalizer(watched: Watched, seen: Seen) -> Iterator[Step]:
    """Set and taken away with the wish; nothing is added to an object that is being deleted."""
    advanced, there = seen.found.spec.get("advanced") or {}, seen.found.metadata.finalizers
    wanted = bool(advanced.get("restoreToOriginalReplicaCount"))
    if wanted != (RESTORE in there) and not seen.found.metadata.deletion_timestamp:
        others = tuple(one for one in there if one != RESTORE)
        yield SetFinalizers(watched.ref, seen.found.metadata, (*others, RESTORE) if wanted else others)


# ---------------------------------------------------------------------------------------------------- what is said


def _told(
    watched: Watched, seen: Seen, decision: Decision, hpa: Hpa | None, *, resting: bool = False
) -> Iterator[Step]:
    """The status, then the events (KEDA behaviour 1.6)."""
    before = seen.found.status
    decision = _remarked(decision, (*watched.remarks, *((seen.remark,) if seen.remark else ())))
    name = "" if watched.spec.mode is Mode.DIRECT else seen.owner.hpa
    patch = patch_of(before, status_of(watched, decision, before, Facts(seen.resource, name, hpa, resting)))
    yield PatchStatus(watched.ref, patch, hurry=seen.fresh or not before.get("conditions"))
    if events := tuple(_events(watched, before, decision)):
        yield Post(watched.ref, events)


def _remarked(decision: Decision, remarks: tuple[str, ...]) -> Decision:
    """What the owner should know stands behind "ready"; where it is not ready there is enough to read."""
    ready = next((one for one in decision.conditions if one.type is ConditionType.READY), None)
    if not remarks or ready is None or ready.status != "True":
        return decision
    told = replace(ready, message="; ".join((ready.message, *remarks)))
    return replace(decision, conditions=tuple(told if one is ready else one for one in decision.conditions))


def _events(watched: Watched, before: Json, decision: Decision) -> Iterator[Event]:
    """Ready is told when the status turns to it: whoever reads both must not see them differ."""
    ready = any(one.type is ConditionType.READY and one.status == "True" for one in decision.conditions)
    first, full = not served_before(before), watched.spec.pause.full
    if first:
        yield from (Event("KEDAScalersStarted", f"Scaler {one.type} is built") for one in watched.triggers)
        yield from oddities(watched)
    if full and not first and condition_of(before, "Paused").get("status") != "True":
        yield Event("KEDAScalersStopped", "Stopped scalers watch")
    if not full and (first or _stopped(before)):
        yield Event("KEDAScalersStarted", "Started scalers watch")
    if ready and condition_of(before, "Ready").get("status") != "True":
        yield Event("ScaledObjectReady", "ScaledObject is ready for scaling")
    yield from (event for event in decision.events if event.reason != "ScaledObjectReady")


def _stopped(before: Json) -> bool:
    """Paused altogether: in one direction only, the triggers are watched all the same, and Ready says no word of it."""
    paused, ready = condition_of(before, "Paused"), condition_of(before, "Ready")
    told = paused.get("message") or "ScaledObject is paused"
    return paused.get("status") == "True" and ready.get("message", "").startswith(told)


def _blocked(seen: Seen, decision: Decision, by: Blocked) -> Decision:
    """Decided, but not to be done: somebody else scales this workload. The event is posted when that begins."""
    events = tuple(one for one in decision.events if one.reason not in _MOVES)
    known = any(one.get("message") == by.sentence for one in seen.found.status.get("conditions") or ())
    told = () if known else (check_failed(by.sentence),)
    return replace(decision, conditions=refused(decision.conditions, by.sentence), events=(*events, *told))


def oddities(watched: Watched) -> Iterator[Event]:
    """What is odd about the manifest and accepted, deprecated parameters and unknown ones among it."""
    if watched.warnings:
        yield Event("KEDAScalerInfo", "; ".join(watched.warnings))


def scale_failed(decision: Decision, watched: Watched, error: ClusterError) -> Event:
    """A step from or to zero or idle that the cluster did not take."""
    down = decision.why is Why.DEACTIVATED
    reason = "KEDAScaleTargetDeactivationFailed" if down else "KEDAScaleTargetActivationFailed"
    target = f"{watched.spec.target_kind} {watched.ref.namespace}/{watched.spec.target_name}"
    return Event(reason, f"Failed to scale {target}: {error}", warning=True)


def check_failed(sentence: str, kind: str = "ScaledObject") -> Event:
    """An object could not be bound or served, or somebody else scales its workload."""
    return Event(f"{kind}CheckFailed", sentence, warning=True)
