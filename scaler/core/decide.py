"""One decision for a ScaledObject: what was seen and read goes in, everything that is to be done and said comes out as
data. The order is the line's: fallback, activity, course, conditions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from scaler.core import conditions, fallback, policy
from scaler.core.activity import Activity, activity
from scaler.core.course import Course, course
from scaler.core.fallback import Input
from scaler.core.model import (
    Advice,
    Change,
    Decision,
    Event,
    Failure,
    Failures,
    Metric,
    Mode,
    Note,
    Reading,
    Spec,
    State,
    Target,
    Why,
)

_READY = {"True": True, "False": False}


def decide(spec: Spec, target: Target, readings: Sequence[Reading], state: State, now: float) -> Decision:
    """Equal arguments give an equal decision. `state` is the one of the decision before."""
    inputs, failures = fallback.inputs(spec, target, readings, state, now)
    seen = activity(spec, inputs)
    observed = _observed(spec, target.wanted, state, now)
    taken = course(spec, target, seen, observed, now)
    said = conditions.conditions(spec, seen, cooling=taken.cooling)
    ready = _READY.get(said[0].status)
    return Decision(
        replicas=taken.replicas,
        why=_why(taken.trail),
        trail=taken.trail,
        metrics=tuple([_metric(one, now) for one in inputs]),
        conditions=said,
        events=(*conditions.events(spec, seen, state, ready=ready is True), *_moves(spec, target, seen, taken, state)),
        state=_remembered(spec, target, taken, observed, now, failures=failures, seen=seen, ready=ready),
        again=taken.again if taken.again is not None and taken.again > now else None,
    )


def _why(trail: tuple[Note, ...]) -> Why:
    """The last rule that changed the number, or the last that spoke."""
    for note in reversed(trail):
        if note.before != note.after:
            return note.rule
    return trail[-1].rule


def _metric(one: Input, now: float) -> Metric:
    """What the metrics API answers: never below zero (KEDA behaviour 3.5)."""
    if one.reading is None:
        return Metric(one.goal.metric, at=now, problem=Why.LEFT_TO_HPA.value)
    if isinstance(one.reading, Failure):
        return Metric(one.goal.metric, at=one.reading.at, problem=one.reading.problem)
    return Metric(one.goal.metric, max(0.0, one.reading.value), one.reading.at, fallback=one.fallback is not None)


def _moves(spec: Spec, target: Target, seen: Activity, taken: Course, state: State) -> Iterator[Event]:
    """Said once: not again while the step that was decided has not been seen to happen."""
    if taken.replicas is None or not taken.moving or (state.moving and state.seen == target.wanted):
        return
    if seen.active:
        yield conditions.activated(spec, seen, target.wanted, taken.replicas)
    else:
        yield conditions.deactivated(spec, target.wanted, taken.replicas)


# ------------------------------------------------------------------------------------------------- what is remembered


def _observed(spec: Spec, wanted: int, state: State, now: float) -> State:
    """The state with what the workload did since. At first sight the windows are seeded with what is there, so that a
    restart never scales down at once (contract 2.4)."""
    if state.seen is None:
        seed = (Advice(wanted, now),)
        original = wanted if state.original_replicas is None else state.original_replicas
        return replace(state, highest=seed, lowest=seed, original_replicas=original)
    if state.seen == wanted or (spec.mode is not Mode.DIRECT and 0 in (state.seen, wanted)):
        return state
    change = Change(wanted - state.seen, now if state.at is None else state.at)
    return replace(state, changes=policy.remembered(spec, state.changes, change))


def _remembered(
    spec: Spec,
    target: Target,
    taken: Course,
    state: State,
    now: float,
    *,
    failures: tuple[Failures, ...],
    seen: Activity,
    ready: bool | None,
) -> State:
    advised = taken.advised or state
    return State(
        last_active=now if taken.fresh else state.last_active,
        failures=failures,
        highest=advised.highest,
        lowest=advised.lowest,
        changes=state.changes,
        proposals=advised.proposals,
        seen=target.wanted,
        original_replicas=state.original_replicas,
        paused_at=_paused_at(spec, target.wanted, state),
        ready=ready,
        active=seen.active,
        fallback=seen.falling_back,
        paused=conditions.paused(spec),
        at=now,
        moving=taken.moving,
    )


def _paused_at(spec: Spec, wanted: int, state: State) -> int | None:
    """The number of `paused-replicas` once it was seen to be reached."""
    number = spec.pause.replicas if spec.pause.full else None
    return number if number in (wanted, state.paused_at) else None
