"""Whether an object is active, and what keeps it from being known (KEDA behaviour 3.3)."""

from typing import NamedTuple

from scaler.core.fallback import Input
from scaler.core.model import Failure, Goal, Spec, Value


class Activity(NamedTuple):
    """`by` are the metrics that are active; `failing` could not be read and have no fallback in force."""

    inputs: tuple[Input, ...]
    active: bool
    forced: bool
    by: tuple[str, ...]
    failing: tuple[Failure, ...]
    falling_back: bool


def activity(spec: Spec, inputs: tuple[Input, ...]) -> Activity:
    """One active trigger is enough, and force is as good as one. Usage of cpu and memory says nothing; an object that
    has nothing else is active."""
    by: list[str] = []
    failing: list[Failure] = []
    falling_back, only_usage = False, bool(inputs)
    for goal, reading, missing in inputs:
        falling_back = falling_back or missing is not None
        only_usage = only_usage and bool(goal.resource)
        if isinstance(reading, Failure):
            failing.append(reading)
        elif _active(goal, reading):
            by.append(goal.metric)
    if only_usage and not failing:
        by.extend(one.goal.metric for one in inputs)
    return Activity(inputs, bool(by) or spec.force, spec.force, tuple(by), tuple(failing), falling_back)


def _active(goal: Goal, reading: Value | None) -> bool:
    """The number as it was read, not as it is published: a negative one is below an activation of 0."""
    if reading is None or goal.resource:
        return False
    return reading.value > goal.activation if reading.active is None else reading.active
