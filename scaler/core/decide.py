"""One decision for a ScaledObject: what was seen and read goes in, everything that is to be done and said comes out as
data. The order is the line's: fallback, formula, activity, course, conditions."""

from collections.abc import Sequence
from dataclasses import replace

from scaler.core import conditions, fallback, policy
from scaler.core.activity import Activity, activity
from scaler.core.composite import composite
from scaler.core.course import Course, course
from scaler.core.fallback import Input
from scaler.core.model import (
    Advice,
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


def decide(spec: Spec, target: Target, readings: Sequence[Reading], state: State, now: float) -> Decision:
    """Equal arguments give an equal decision. `state` is the one of the decision before."""
    inputs, failures = fallback.inputs(spec, target, readings, state, now)
    made = composite(spec, target, inputs, now)
    seen = activity(spec, inputs, made)
    if made is not None and isinstance(made.reading, Failure) and made.reading in seen.failing:
        failures = (*failures, fallback.counted(made.reading, state))
    observed = _observed(spec, target.wanted, state, now)
    taken = course(spec, target, seen, observed, now)
    return Decision(
        replicas=taken.replicas,
        why=_why(taken.trail),
        trail=taken.trail,
        metrics=tuple([_metric(one, seen.awake, now) for one in seen.read]),
        conditions=conditions.conditions(spec, seen, cooling=taken.cooling),
        events=_events(spec, target, seen, taken, state),
        state=_remembered(spec, target, taken, observed, now, failures=failures, seen=seen),
        again=taken.again if taken.again is not None and taken.again > now else None,
    )


def _why(trail: tuple[Note, ...]) -> Why:
    """The last rule that changed the number, or the last that spoke."""
    for note in reversed(trail):
        if note.before != note.after:
            return note.rule
    return trail[-1].rule


def _metric(one: Input, active: tuple[str, ...], now: float) -> Metric:
    """What the metrics API answers: never below zero (KEDA behaviour 3.5)."""
    name, reading = one.goal.metric, one.reading
    if reading is None and one.fallback is not None:
        return Metric(name, at=one.fallback.at, problem=one.fallback.problem, fallback=True)
    if reading is None:
        return Metric(name, at=now, problem=Why.LEFT_TO_HPA.value, active=name in active)
    if isinstance(reading, Failure):
        return Metric(name, at=reading.at, problem=reading.problem)
    return Metric(name, max(0.0, reading.value), reading.at, "", one.fallback is not None, name in active)


def _events(spec: Spec, target: Target, seen: Activity, taken: Course, state: State) -> tuple[Event, ...]:
    """A step from or to rest is told once: not again while it has not been seen to happen."""
    found = conditions.events(spec, seen, state)
    if taken.moving and taken.replicas is not None and not (state.moving and state.seen == target.wanted):
        told = conditions.activated if seen.active else conditions.deactivated
        found.append(told(spec, seen, target.wanted, taken.replicas))
    return tuple(found)


# ------------------------------------------------------------------------------------------------- what is remembered


def _observed(spec: Spec, wanted: int, state: State, now: float) -> State:
    """The state with what the workload did since. At first sight, and in another mode, the windows are seeded with what
    is there, so that neither a restart nor a switch scales down at once (contract 2.4). What changed, changed when the
    last decision was made. The HPA does not count steps from and to zero, which are KEDA's; direct mode takes them
    itself and does."""
    if state.seen is None or state.mode not in (None, spec.mode):
        seed = (Advice(wanted, now),)
        original = wanted if state.original_replicas is None else state.original_replicas
        return replace(state, highest=seed, lowest=seed, changes=(), proposals=(), original_replicas=original)
    if state.seen == wanted or (spec.mode is not Mode.DIRECT and 0 in (state.seen, wanted)):
        return state
    changes = policy.remembered(spec, state.changes, wanted - state.seen, now if state.at is None else state.at)
    return replace(state, changes=changes) if changes or state.changes else state


def _remembered(
    spec: Spec,
    target: Target,
    taken: Course,
    state: State,
    now: float,
    *,
    failures: tuple[Failures, ...],
    seen: Activity,
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
        ready=conditions.ready(spec, seen),
        active=seen.active,
        fallback=seen.falling_back,
        paused=conditions.paused(spec),
        at=now,
        moving=taken.moving,
        mode=spec.mode,
    )


def _paused_at(spec: Spec, wanted: int, state: State) -> int | None:
    """The number of `paused-replicas` once it was seen to be reached."""
    number = spec.pause.replicas if spec.pause.full else None
    return number if number in (wanted, state.paused_at) else None
