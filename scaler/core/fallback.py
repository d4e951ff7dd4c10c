"""What stands in for a metric that cannot be read (KEDA behaviour 1.3, 3.8). A failed attempt counts once, however many
decisions hear of it; the one that makes the count exceed the threshold brings the fallback into force."""

from collections.abc import Sequence
from typing import NamedTuple

from scaler.core.model import (
    Failure,
    Failures,
    Fallback,
    FallbackBehavior,
    Goal,
    MetricType,
    Mode,
    Reading,
    Spec,
    State,
    Target,
    Value,
    is_number,
)


class Input(NamedTuple):
    """One goal and what is known of it. `fallback` is the failure that the reading stands in for. No reading: only the
    HPA reads this one."""

    goal: Goal
    reading: Reading | None
    fallback: Failure | None = None


class Inputs(NamedTuple):
    """One input for each goal, in their order, and the failures to remember."""

    inputs: tuple[Input, ...]
    failures: tuple[Failures, ...]


def inputs(spec: Spec, target: Target, readings: Sequence[Reading], state: State, now: float) -> Inputs:
    """The readings as the decision uses them: something for each goal."""
    read = {reading.metric: reading for reading in readings}
    found = tuple(_sound(spec, goal, read.get(goal.metric), now) for goal in spec.goals)
    failures = tuple(_counted(reading, state) for reading in found if isinstance(reading, Failure))
    if not failures:
        return Inputs(tuple(map(Input, spec.goals, found)), ())
    counts = {failed.metric: failed.count for failed in failures}
    return Inputs(
        tuple(
            _substituted(spec, target, goal, reading, counts.get(goal.metric, 0), now)
            for goal, reading in zip(spec.goals, found, strict=True)
        ),
        failures,
    )


def _sound(spec: Spec, goal: Goal, reading: Reading | None, now: float) -> Reading | None:
    """A reading that can be worked with, or the failure that it is."""
    if goal.resource and spec.mode is not Mode.DIRECT and not (isinstance(reading, Value) and reading.samples):
        return None
    if reading is None:
        return Failure(goal.metric, "was not read", "NotRead", now)
    if isinstance(reading, Value) and not is_number(reading.value):
        return Failure(goal.metric, "is not a finite number", "AnswerError", reading.at)
    return reading


def _counted(failure: Failure, state: State) -> Failures:
    for known in state.failures:
        if known.metric == failure.metric:
            return known if known.at == failure.at else Failures(failure.metric, known.count + 1, failure.at)
    return Failures(failure.metric, 1, failure.at)


def _substituted(spec: Spec, target: Target, goal: Goal, reading: Reading | None, failures: int, now: float) -> Input:
    """The fallback in force counts as active, so that it wakes a workload that is at zero (KEDA behaviour 1.3)."""
    if not isinstance(reading, Failure) or not spec.fallback or failures <= spec.fallback.threshold:
        return Input(goal, reading)
    value = _value(spec.fallback, target, goal)
    return Input(goal, reading) if value is None else Input(goal, Value(goal.metric, value, True, now), reading)


def _value(fallback: Fallback, target: Target, goal: Goal) -> float | None:
    """The metric's value that leads to the fallback's replicas; `None` where there is no such value: usage of cpu and
    memory never falls back, a `Value` needs somebody ready to be multiplied with."""
    replicas = _replicas(fallback, target.wanted)
    if replicas is None or goal.resource:
        return None
    if goal.kind is not MetricType.VALUE:
        return goal.target * replicas
    return goal.target * replicas / target.ready if target.ready else None


def _replicas(fallback: Fallback, wanted: int) -> int | None:
    """`scalingModifiers` hands the missing metric to the formula; without one there is nothing to hand it to."""
    match fallback.behavior:
        case FallbackBehavior.STATIC:
            return fallback.replicas
        case FallbackBehavior.CURRENT:
            return wanted
        case FallbackBehavior.CURRENT_IF_HIGHER:
            return max(wanted, fallback.replicas)
        case FallbackBehavior.CURRENT_IF_LOWER:
            return min(wanted, fallback.replicas)
        case FallbackBehavior.SCALING_MODIFIERS:
            return None
