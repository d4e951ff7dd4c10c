"""Whether an object is active, and what keeps it from being known (KEDA behaviour 3.3)."""

from typing import NamedTuple

from scaler.core.composite import REASON
from scaler.core.fallback import Input
from scaler.core.model import Failure, Goal, Spec, Value


class Activity(NamedTuple):
    """`by` are the metrics that make the object active; `failing` could not be read and have no fallback in force.
    `inputs` are compared with their targets; `read` is everything that is known, `awake` which of it is active."""

    inputs: tuple[Input, ...]
    active: bool
    forced: bool
    by: tuple[str, ...]
    failing: tuple[Failure, ...]
    falling_back: bool
    read: tuple[Input, ...]
    awake: tuple[str, ...]


def activity(spec: Spec, inputs: tuple[Input, ...], composite: Input | None = None) -> Activity:
    """One active trigger is enough, and force is as good as one. Usage of cpu and memory says nothing; an object that
    has nothing else is active. Beside a formula only what it makes of the triggers counts."""
    awake: list[str] = []
    failing: list[Failure] = []
    read = inputs if composite is None else (*inputs, composite)
    falling_back, only_usage = False, bool(inputs) and composite is None
    for goal, reading, missing in read:
        falling_back = falling_back or missing is not None
        only_usage = only_usage and bool(goal.resource)
        if not isinstance(reading, Failure):
            if _active(goal, reading):
                awake.append(goal.metric)
        elif goal is not spec.composite or reading.reason == REASON or not failing:
            failing.append(reading)
    if only_usage and not failing:
        awake.extend(one.goal.metric for one in inputs)
    by, compared = tuple(awake), inputs
    if composite is not None:
        by = tuple(name for name in awake if name == composite.goal.metric)
        compared = (*(one for one in inputs if one.goal.resource), composite)
    return Activity(compared, bool(by) or spec.force, spec.force, by, tuple(failing), falling_back, read, tuple(awake))


def _active(goal: Goal, reading: Value | None) -> bool:
    """The number as it was read, not as it is published: a negative one is below an activation of 0."""
    if reading is None or goal.resource:
        return False
    return reading.value > goal.activation if reading.active is None else reading.active
