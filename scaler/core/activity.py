"""Whether an object is active, and what keeps it from being known (KEDA behaviour 3.3)."""

from typing import NamedTuple

from scaler.core.fallback import Input
from scaler.core.model import Failure, Spec, Value


class Activity(NamedTuple):
    """`by` are the metrics that are active; `failing` could not be read and have no fallback in force."""

    inputs: tuple[Input, ...]
    active: bool
    forced: bool
    by: tuple[str, ...]
    failing: tuple[Failure, ...]

    @property
    def falling_back(self) -> bool:
        return any(one.fallback is not None for one in self.inputs)


def activity(spec: Spec, inputs: tuple[Input, ...]) -> Activity:
    """One active trigger is enough, and force is as good as one. Usage of cpu and memory says nothing; an object that
    has nothing else is active."""
    by = tuple(one.goal.metric for one in inputs if _active(one))
    failing = tuple(one.reading for one in inputs if isinstance(one.reading, Failure))
    only_usage = not failing and bool(inputs) and all(one.goal.resource for one in inputs)
    if only_usage:
        by = tuple(one.goal.metric for one in inputs)
    return Activity(inputs, bool(by) or spec.force, spec.force, by, failing)


def _active(one: Input) -> bool:
    """The number as it was read, not as it is published: a negative one is below an activation of 0."""
    if one.goal.resource or not isinstance(one.reading, Value):
        return False
    active = one.reading.active
    return one.reading.value > one.goal.activation if active is None else active
