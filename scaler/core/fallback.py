"""What stands in for a metric that cannot be read (KEDA behaviour 1.3, 3.8). A failed attempt counts once, however many
decisions hear of it; the one that makes the count exceed the threshold brings the fallback into force. Beside a formula
nothing stands in for its inputs, but for what comes of them (`composite`)."""

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
    HPA reads this one; or, with a failure, it has been given up, and the formula has to do without it."""

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
            failures.append(counted(reading, state))
            given_up = _given_up(spec, goal, failures[-1].count)
            found.append(_instead(spec, target, goal, reading, now) if given_up else Input(goal, reading))
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


def _given_up(spec: Spec, goal: Goal, failures: int) -> bool:
    """Usage of cpu and memory never falls back."""
    return spec.fallback is not None and failures > spec.fallback.threshold and not goal.resource


def counted(failure: Failure, state: State) -> Failures:
    for known in state.failures:
        if known.metric == failure.metric:
            return known if known.at == failure.at else Failures(failure.metric, known.count + 1, failure.at)
    return Failures(failure.metric, 1, failure.at)


def _instead(spec: Spec, target: Target, goal: Goal, failure: Failure, now: float) -> Input:
    """The fallback in force counts as active, so that it wakes a workload that is at zero (KEDA behaviour 1.3)."""
    if spec.formula:
        return Input(goal, None, failure)
    handed_on = spec.fallback is None or spec.fallback.behavior is FallbackBehavior.SCALING_MODIFIERS
    value = None if handed_on else value_of(spec, target, goal)
    return Input(goal, failure) if value is None else Input(goal, Value(goal.metric, value, True, now), failure)


def value_of(spec: Spec, target: Target, goal: Goal) -> float | None:
    """The metric's value that leads to the fallback's replicas; `None` where there is no such value: a `Value` needs
    somebody ready to be multiplied with."""
    if spec.fallback is None:
        return None
    replicas = _replicas(spec.fallback, target.wanted)
    if goal.kind is not MetricType.VALUE:
        return goal.target * replicas
    return goal.target * replicas / target.ready if target.ready else None


def _replicas(fallback: Fallback, wanted: int) -> int:
    """`scalingModifiers` hands what is missing to the formula: its own number is for a formula that yields nothing."""
    match fallback.behavior:
        case FallbackBehavior.STATIC | FallbackBehavior.SCALING_MODIFIERS:
            return fallback.replicas
        case FallbackBehavior.CURRENT:
            return wanted
        case FallbackBehavior.CURRENT_IF_HIGHER:
            return max(wanted, fallback.replicas)
        case FallbackBehavior.CURRENT_IF_LOWER:
            return min(wanted, fallback.replicas)
