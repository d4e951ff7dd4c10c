"""Conditions and events of a decision, in KEDA's words and reasons (KEDA behaviour 1.4, 1.6), so that what watches KEDA
objects today goes on working. A condition is said each time, an event only when something changed."""

from collections.abc import Iterator

from scaler.core.activity import Activity
from scaler.core.model import Condition, ConditionType, Event, Failure, Spec, State
from scaler.core.naming import COMPOSITE

_READY = Condition(
    ConditionType.READY, "True", "ScaledObjectReady", "ScaledObject is defined correctly and is ready for scaling"
)
_READY_PAUSED = Condition(ConditionType.READY, "True", "ScaledObjectReady", "ScaledObject is paused")
_ACTIVE = Condition(ConditionType.ACTIVE, "True", "ScalerActive", "Scaling is performed because triggers are active")
_FORCED = Condition(
    ConditionType.ACTIVE,
    "True",
    "ScalerActive",
    "Scaling is performed because activation is being forced by annotation",
)
_INACTIVE = Condition(
    ConditionType.ACTIVE, "False", "ScalerNotActive", "Scaling is not performed because triggers are not active"
)
_COOLING = Condition(
    ConditionType.ACTIVE, "False", "ScalerCooldown", "Scaler cooling down because triggers are not active"
)
_FALLBACK = Condition(
    ConditionType.FALLBACK, "True", "FallbackExists", "At least one trigger is falling back on this scaled object"
)
_NO_FALLBACK = Condition(
    ConditionType.FALLBACK, "False", "NoFallbackFound", "No fallbacks are active on this scaled object"
)
_PAUSED = Condition(ConditionType.PAUSED, "True", "ScaledObjectPaused", "ScaledObject is paused")
_UNPAUSED = Condition(ConditionType.PAUSED, "False", "ScaledObjectUnpaused", "ScaledObject is not paused")


def paused(spec: Spec) -> bool:
    """Also a pause of one direction is a pause to its owner."""
    return spec.pause.full or spec.pause.scale_in or spec.pause.scale_out


def ready(spec: Spec, seen: Activity) -> bool | None:
    """Whether the object does what it should; `None` where only a part of it does. Failures that a fallback still waits
    for leave it ready, as in KEDA; for a formula that cannot be computed nothing waits."""
    if spec.pause.full or not seen.failing:
        return True
    if seen.active:
        return None
    return spec.fallback is not None and all(one.metric != COMPOSITE for one in seen.failing)


def conditions(spec: Spec, seen: Activity, *, cooling: bool) -> tuple[Condition, ...]:
    return _ready(spec, seen), _active(seen, cooling), _fallback(seen), _pause(spec)


def refused(told: tuple[Condition, ...], sentence: str, kind: str = "ScaledObject") -> tuple[Condition, ...]:
    """The object goes on as it was bound before: what its manifest says now cannot be, and its owner waits for it."""
    ready = Condition(ConditionType.READY, "False", f"{kind}CheckFailed", sentence)
    return (ready, *(one for one in told if one.type is not ConditionType.READY))


def _ready(spec: Spec, seen: Activity) -> Condition:
    state = ready(spec, seen)
    if state:
        return _READY_PAUSED if spec.pause.full else _READY
    if state is None:
        sentence = "Some triggers defined in ScaledObject are not working correctly"
        return Condition(ConditionType.READY, "Unknown", "PartialTriggerError", _told(sentence, seen.failing))
    sentence = "Triggers defined in ScaledObject are not working correctly"
    return Condition(ConditionType.READY, "False", "TriggerError", _told(sentence, seen.failing))


def _told(sentence: str, failing: tuple[Failure, ...]) -> str:
    return f"{sentence}: {'; '.join(f'{one.metric}: {one.problem}' for one in failing)}"


def _active(seen: Activity, cooling: bool) -> Condition:
    if seen.active:
        return _FORCED if seen.forced else _ACTIVE
    return _COOLING if cooling else _INACTIVE


def _fallback(seen: Activity) -> Condition:
    return _FALLBACK if seen.falling_back else _NO_FALLBACK


def _pause(spec: Spec) -> Condition:
    return _PAUSED if paused(spec) else _UNPAUSED


# ------------------------------------------------------------------------------------------------------------- events


def events(spec: Spec, seen: Activity, state: State) -> list[Event]:
    """What has changed since the last decision, but for the replicas."""
    found = []
    if state.ready is not True and ready(spec, seen):
        found.append(Event("ScaledObjectReady", "ScaledObject is ready for scaling"))
    if paused(spec) != state.paused:
        found.append(_paused_event(paused(spec)))
    if seen.falling_back != state.fallback:
        found.append(_fallback_event(seen.falling_back))
    if seen.failing or seen.falling_back:
        found.extend(_failures_begun(spec, seen, state))
    return found


def _failures_begun(spec: Spec, seen: Activity, state: State) -> Iterator[Event]:
    """The formula's metric is not told when what it is made from fails: that is told by itself."""
    known = {failures.metric for failures in state.failures}
    reason = "KEDAMetricSourceFailed" if spec.formula else "KEDAScalerFailed"
    for one in seen.read:
        failure = one.fallback or one.reading
        implied = one.goal is spec.composite and failure not in seen.failing
        if isinstance(failure, Failure) and failure.metric not in known and not implied:
            yield Event(reason, f"{failure.metric}: {failure.problem}", warning=True)


def _paused_event(now: bool) -> Event:
    if now:
        return Event("ScaledObjectPaused", "ScaledObject is paused")
    return Event("ScaledObjectUnpaused", "ScaledObject is unpaused")


def _fallback_event(now: bool) -> Event:
    if now:
        return Event("ScaledObjectFallbackActivated", "ScaledObject fallback is active")
    return Event("ScaledObjectFallbackDeactivated", "ScaledObject fallback is no longer active")


def activated(spec: Spec, seen: Activity, before: int, after: int) -> Event:
    """The workload leaves zero or idle."""
    cause = "caused by forced activation annotation" if seen.forced else f"triggered by {';'.join(seen.by)}"
    return Event("KEDAScaleTargetActivated", f"Scaled {_target(spec)} from {before} to {after}, {cause}")


def deactivated(spec: Spec, _: Activity, before: int, after: int) -> Event:
    """The workload goes to zero or idle."""
    return Event("KEDAScaleTargetDeactivated", f"Deactivated {_target(spec)} from {before} to {after}")


def _target(spec: Spec) -> str:
    return f"{spec.target_kind} {spec.name.rpartition('/')[0]}/{spec.target_name}"
