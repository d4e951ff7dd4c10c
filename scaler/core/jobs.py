"""One decision for a ScaledJob: how many Jobs are made now (KEDA behaviour 2.1). A Job ends by itself, none is ever
taken away here. What a Job is, which have ended and which are pending is an adapter's to see; the words stand in
`job_conditions`."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from scaler.core import fallback, job_conditions
from scaler.core.fallback import Input
from scaler.core.model import (
    Calculation,
    Decision,
    Failure,
    Failures,
    JobRules,
    Jobs,
    Metric,
    Note,
    Reading,
    Spec,
    State,
    Strategy,
    Target,
    Value,
    Why,
)


class Entry(NamedTuple):
    """What one active trigger asks for: its number, and for how many Jobs that is (a fraction, within the ceiling)."""

    metric: str
    queue: float
    jobs: float


class Demand(NamedTuple):
    """What all triggers ask for together. `queue` is rounded up to whole pieces of work, `jobs` to whole Jobs; `by` are
    the metrics that made it."""

    queue: int = 0
    jobs: int = 0
    by: tuple[str, ...] = ()


def decide(spec: Spec, target: Target, readings: Sequence[Reading], state: State, now: float) -> Decision:
    """As `core.decide.decide`, for an object that makes Jobs. `create` counts from the Jobs that `target` has: whoever
    applies the decision must not have made more meanwhile."""
    rules, jobs = spec.jobs or JobRules(), target.jobs or Jobs()
    inputs, failures = fallback.inputs(spec, target, readings, state, now)
    demand = demanded(rules.calculation, entries(spec, inputs))
    active = bool(demand.by) or spec.minimum > 0
    create = 0 if spec.pause.full else created(spec, rules, jobs, demand)
    failing = tuple(one.reading for one in inputs if isinstance(one.reading, Failure))
    seen = job_conditions.Seen(active=active, failing=failing)
    trail = _trail(spec, jobs, create, demand, seen, blind=len(failing) == len(inputs))
    return Decision(
        replicas=jobs.running + create,
        why=trail[0].rule,
        trail=trail,
        metrics=tuple(_metric(one) for one in inputs),
        conditions=job_conditions.conditions(spec, seen),
        events=tuple(job_conditions.events(spec, seen, state)),
        state=_remembered(spec, jobs, seen, state, failures, now),
        create=create,
    )


# ------------------------------------------------------------------------------------------------ what is asked for


def entries(spec: Spec, inputs: Iterable[Input]) -> list[Entry]:
    """One for each trigger that is active. Has it several metrics, the first one's value is its queue, the mean of
    their targets its target (KEDA makes an empty queue of each of the others, which spoils an average)."""
    triggers: dict[str, list[Input]] = {}
    for one in inputs:
        triggers.setdefault(one.goal.metric.partition("-")[0], []).append(one)
    found = []
    for metrics in triggers.values():
        goal, reading = metrics[0].goal, metrics[0].reading
        if isinstance(reading, Value) and any(_active(one) for one in metrics):
            aim = sum(one.goal.target for one in metrics) / len(metrics)
            jobs = min(reading.value / aim, float(room(spec))) if aim > 0 else 0.0
            found.append(Entry(goal.metric, reading.value, jobs))
    return found


def demanded(calculation: Calculation, active: Sequence[Entry]) -> Demand:
    """Of several triggers one number, in four ways. With `max` an active trigger whose queue is empty is not heard;
    with `min` only where there is no other."""
    if calculation in (Calculation.MAX, Calculation.MIN):
        active = [one for one in active if one.queue > 0] or (active if calculation is Calculation.MIN else [])
    if not active:
        return Demand()
    queue, jobs = _CALCULATIONS[calculation](active)
    return Demand(math.ceil(queue), math.ceil(jobs), tuple(one.metric for one in active))


Pair = tuple[float, float]


def _largest(active: Sequence[Entry]) -> Pair:
    """By the number itself, not by the Jobs that it is for."""
    return max(active, key=lambda one: one.queue)[1:]


def _smallest(active: Sequence[Entry]) -> Pair:
    return min(active, key=lambda one: one.queue)[1:]


def _average(active: Sequence[Entry]) -> Pair:
    queue, jobs = _sum(active)
    return queue / len(active), jobs / len(active)


def _sum(active: Sequence[Entry]) -> Pair:
    return sum(one.queue for one in active), sum(one.jobs for one in active)


_CALCULATIONS: Mapping[Calculation, Callable[[Sequence[Entry]], Pair]] = {
    Calculation.MAX: _largest,
    Calculation.MIN: _smallest,
    Calculation.AVG: _average,
    Calculation.SUM: _sum,
}


# --------------------------------------------------------------------------------------------------- what is made


def room(spec: Spec) -> int:
    """Jobs that there may be beside the minimum."""
    return max(0, spec.maximum - spec.minimum)


class Ask(NamedTuple):
    """What a strategy looks at: the demand, the Jobs beyond the minimum that have not ended (`spare`), the pending
    ones, and how many there may be beyond the minimum (`room`)."""

    queue: int
    jobs: int
    spare: int
    pending: int
    room: int


def created(spec: Spec, rules: JobRules, jobs: Jobs, demand: Demand) -> int:
    """First the minimum, then what the strategy says; never more than the ceiling leaves room for."""
    spare = jobs.running - spec.minimum
    if spare < 0:
        return -spare
    ask = Ask(demand.queue, min(demand.jobs, room(spec)), spare, jobs.pending, room(spec))
    return max(0, min(_STRATEGIES[rules.strategy](rules, ask), ask.room - ask.spare))


def _default(_: JobRules, ask: Ask) -> int:
    """Each Job that has not ended stands for a piece of work that is still counted."""
    return min(ask.queue, ask.jobs - ask.spare)


def _custom(rules: JobRules, ask: Ask) -> int:
    taken = max(-_WIDE, min(_WIDE, ask.spare * rules.share))
    return min(ask.queue, ask.jobs - rules.deduction - int(taken))


def _accurate(_: JobRules, ask: Ask) -> int:
    """What a Job has begun with is no longer counted."""
    if ask.jobs + ask.spare - ask.pending > ask.room:
        return min(ask.queue, ask.room - ask.spare)
    return min(ask.queue, ask.jobs - ask.pending)


def _eager(_: JobRules, ask: Ask) -> int:
    """As many as there may be, whatever the length of the queue."""
    return min(ask.room - ask.spare - ask.pending, ask.jobs)


_WIDE = 2.0**53
_STRATEGIES: Mapping[Strategy, Callable[[JobRules, Ask], int]] = {
    Strategy.DEFAULT: _default,
    Strategy.CUSTOM: _custom,
    Strategy.ACCURATE: _accurate,
    Strategy.EAGER: _eager,
}


# ----------------------------------------------------------------------------------------------------- what is said


def _trail(
    spec: Spec, jobs: Jobs, create: int, demand: Demand, seen: job_conditions.Seen, *, blind: bool
) -> tuple[Note, ...]:
    """The first note is the reason."""
    before, after, by = jobs.running, jobs.running + create, ";".join(demand.by)
    full = Note(Why.AT_MAXIMUM, after, after, by)
    if spec.pause.full:
        rule = Why.PAUSED
    elif create:
        rule = Why.RAISED_TO_MINIMUM if before < spec.minimum else Why.MORE_JOBS
    elif blind:
        rule = Why.NO_READING
    elif demand.by:
        rule = Why.AT_MAXIMUM if after >= max(spec.minimum, spec.maximum) else Why.ENOUGH_JOBS
    else:
        rule = Why.RESTING
    crowded = rule is Why.MORE_JOBS and after >= spec.maximum and demand.queue > create
    return (Note(rule, before, after, by), full) if crowded else (Note(rule, before, after, by),)


def _metric(one: Input) -> Metric:
    """No metrics API answers it: it is for the status and for who looks."""
    name, reading = one.goal.metric, one.reading
    if isinstance(reading, Value):
        return Metric(name, max(0.0, reading.value), reading.at, active=_active(one))
    return Metric(name, at=reading.at if reading else 0.0, problem=reading.problem if reading else "was not read")


def _active(one: Input) -> bool:
    """The number as it was read: a negative one is below an activation of 0."""
    if not isinstance(one.reading, Value):
        return False
    return one.reading.value > one.goal.activation if one.reading.active is None else one.reading.active


def _remembered(
    spec: Spec, jobs: Jobs, seen: job_conditions.Seen, state: State, failures: tuple[Failures, ...], now: float
) -> State:
    return State(
        last_active=now if seen.active and not spec.pause.full else state.last_active,
        failures=failures,
        seen=jobs.running,
        ready=job_conditions.ready(spec, seen),
        active=seen.active,
        paused=spec.pause.full,
        at=now,
        mode=spec.mode,
    )
