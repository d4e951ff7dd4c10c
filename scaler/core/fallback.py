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


def inputs(
    spec: Spec, target: Target, readings: Sequence[Reading], state: State, now: float
) -> tuple[tuple[Input, ...], tuple[Failures, ...]]:
    """Something for each goal, in their order, and the failures to remember."""
    read = {reading.metric: reading for reading in readings}
    found: list[Input] = []
    failures: list[Failures] = []
    for goal in spec.goals:
        reading = _sound(spec, goal, read.get(goal.metric), now)
        if isinstance(reading, Failure):
            failures.append(_counted(reading, state))
            instead = _substitute(spec, target, goal, failures[-1].count, now)
            found.append(Input(goal, instead, reading) if instead else Input(goal, reading))
        else:
            found.append(Input(goal, reading))
    return tuple(found), tuple(failures)


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


def _substitute(spec: Spec, target: Target, goal: Goal, failures: int, now: float) -> Value | None:
    """The fallback in force counts as active, so that it wakes a workload that is at zero (KEDA behaviour 1.3)."""
    if spec.fallback is None or failures <= spec.fallback.threshold:
        return None
    value = _value(spec.fallback, target, goal)
    return None if value is None else Value(goal.metric, value, True, now)


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
