"""Conditions and events of a ScaledJob's decision, in KEDA's words and reasons (KEDA behaviour 1.6, 2.1). Said of Jobs
that were made, and of those that could not be, is what came of it: by an adapter."""

from collections.abc import Iterator
from typing import NamedTuple

from scaler.core.model import Condition, ConditionType, Event, Failure, Spec, State


class Seen(NamedTuple):
    """`active`: a trigger is, or there is a minimum; `failing` are the triggers that could not be read."""

    active: bool
    failing: tuple[Failure, ...]


_READY = Condition(
    ConditionType.READY, "True", "ScaledJobReady", "ScaledJob is defined correctly and is ready for scaling"
)
_READY_PAUSED = Condition(ConditionType.READY, "True", "ScaledJobReady", "ScaledJob is paused")
_ACTIVE = Condition(ConditionType.ACTIVE, "True", "ScalerActive", "Scaling is performed because triggers are active")
_INACTIVE = Condition(
    ConditionType.ACTIVE, "False", "ScalerNotActive", "Scaling is not performed because triggers are not active"
)
_PAUSED = Condition(ConditionType.PAUSED, "True", "ScaledJobPaused", "ScaledJob is paused")
_UNPAUSED = Condition(ConditionType.PAUSED, "False", "ScaledJobUnpaused", "ScaledJob is not paused")


def ready(spec: Spec, seen: Seen) -> bool | None:
    """Whether the object does what it should; `None` where only a part of it does."""
    if spec.pause.full or not seen.failing:
        return True
    return None if seen.active else False


def conditions(spec: Spec, seen: Seen) -> tuple[Condition, ...]:
    return _ready(spec, seen), _ACTIVE if seen.active else _INACTIVE, _PAUSED if spec.pause.full else _UNPAUSED


def _ready(spec: Spec, seen: Seen) -> Condition:
    state = ready(spec, seen)
    if state:
        return _READY_PAUSED if spec.pause.full else _READY
    told = "; ".join(f"{one.metric}: {one.problem}" for one in seen.failing)
    if state is None:
        sentence = f"Some triggers defined in ScaledJob are not working correctly: {told}"
        return Condition(ConditionType.READY, "Unknown", "PartialTriggerError", sentence)
    sentence = f"Triggers defined in ScaledJob are not working correctly: {told}"
    return Condition(ConditionType.READY, "False", "TriggerError", sentence)


def events(spec: Spec, seen: Seen, state: State) -> Iterator[Event]:
    """What has changed since the last decision, but for the Jobs."""
    if state.ready is not True and ready(spec, seen):
        yield Event("ScaledJobReady", "ScaledJob is ready for scaling")
    if spec.pause.full != state.paused:
        yield _paused(spec.pause.full)
    known = {failures.metric for failures in state.failures}
    for failure in seen.failing:
        if failure.metric not in known:
            yield Event("KEDAScalerFailed", f"{failure.metric}: {failure.problem}", warning=True)
    if seen.active and state.active is not True:
        yield Event("ScaledJobActive", _ACTIVE.message)
    elif state.active and not seen.active:
        yield Event("ScaledJobInactive", _INACTIVE.message)


def _paused(now: bool) -> Event:
    if now:
        return Event("ScaledJobPaused", "ScaledJob is paused")
    return Event("ScaledJobUnpaused", "ScaledJob is unpaused")
