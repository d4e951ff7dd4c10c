"""KEDA's state machine from and to zero (KEDA behaviour 3.3, 3.4, 3.10, 3.13) around the HPA's arithmetic above it.

Where KEDA does harm it is mended: an unreadable metric never lets anything go down, whatever the fallback, and a pause
of one direction also holds the steps to the bounds."""

from typing import NamedTuple

from scaler.core import hpa, policy
from scaler.core.activity import Activity
from scaler.core.hpa import Advised
from scaler.core.model import Advice, Failure, Mode, Note, Spec, State, Target, Why


class Course(NamedTuple):
    """What is to become of the replicas, and why. `advised` is what the HPA's part wants remembered, `again` when to
    look again (the HPA looks for itself), `fresh` starts the cooldown anew, `moving` goes to or from rest."""

    replicas: int | None
    trail: tuple[Note, ...]
    advised: Advised | None = None
    again: float | None = None
    fresh: bool = False
    cooling: bool = False
    moving: bool = False


def course(spec: Spec, target: Target, seen: Activity, state: State, now: float) -> Course:
    """A full pause comes before everything else, a forced activation is as good as an active trigger."""
    if spec.pause.full:
        return _paused(spec, target, state, now)
    if seen.active:
        return _active(spec, target, seen, state, now)
    return _inactive(spec, target, seen, state, now)


def _paused(spec: Spec, target: Target, state: State, now: float) -> Course:
    """A number is brought about once, and not enforced when somebody moves on from it. The windows start anew: to
    KEDA an unpause is a new HPA."""
    wanted, number = target.wanted, spec.pause.replicas
    seed = (Advice(wanted, now),)
    kept = Advised(None, (), seed, seed, ())
    if number is None:
        return Course(wanted, (Note(Why.PAUSED, wanted, wanted),), kept)
    number = wanted if state.paused_at == number else number
    return Course(number, (Note(Why.PAUSED_AT, wanted, number),), kept)


def _active(spec: Spec, target: Target, seen: Activity, state: State, now: float) -> Course:
    if target.wanted == 0 or (spec.idle is not None and target.wanted < spec.minimum):
        return _activated(spec, target, seen, state, now)
    return _running(spec, target, seen, state, now)


def _activated(spec: Spec, target: Target, seen: Activity, state: State, now: float) -> Course:
    """KEDA's first step is the minimum or 1; direct mode goes in one step to what the metrics ask for."""
    wanted, first = target.wanted, max(1, spec.minimum)
    rule, by = Why.FORCED if seen.forced else Why.ACTIVATED, ";".join(seen.by)
    if spec.pause.scale_out:
        return Course(wanted, (Note(rule, wanted, first, by), Note(Why.PAUSED_OUT, first, wanted)))
    if spec.mode is not Mode.DIRECT:
        return Course(first, (Note(rule, wanted, first, by),), fresh=True, moving=True)
    advised = hpa.compute(spec, target, seen.inputs, state, now)
    number = max(first, advised.replicas or 0)
    trail = (*advised.trail, Note(rule, wanted, number, by))
    return Course(number, trail, advised, advised.until, fresh=True, moving=True)


def _inactive(spec: Spec, target: Target, seen: Activity, state: State, now: float) -> Course:
    wanted, rest = target.wanted, spec.idle or 0
    resting = wanted == 0 if spec.idle is None else wanted <= rest
    if seen.failing and resting:
        blind = all(isinstance(one.reading, Failure) for one in seen.inputs)
        rule = Why.NO_READING if blind else Why.UNKNOWN
        return Course(wanted, (Note(rule, wanted, wanted, seen.failing[0].metric),))
    if seen.failing:
        return _running(spec, target, seen, state, now)
    if spec.idle is None and wanted < spec.minimum:
        return _raised(spec, wanted)
    if resting:
        return Course(wanted, (Note(Why.RESTING, wanted, wanted),))
    if spec.idle is None and spec.minimum > 0:
        return _running(spec, target, seen, state, now)
    return _toward_rest(spec, target, seen, state, now)


def _raised(spec: Spec, wanted: int) -> Course:
    """At once, even when somebody put the workload at zero by hand (KEDA behaviour 3.4)."""
    note = Note(Why.RAISED_TO_MINIMUM, wanted, spec.minimum)
    if spec.pause.scale_out:
        return Course(wanted, (note, Note(Why.PAUSED_OUT, spec.minimum, wanted)))
    return Course(spec.minimum, (note,))


def _running(spec: Spec, target: Target, seen: Activity, state: State, now: float) -> Course:
    """Above zero: the HPA's number, unless the direction is paused. Only a round in which nothing failed starts the
    cooldown anew (KEDA's PartialTriggerError)."""
    wanted, fresh = target.wanted, seen.active and not seen.failing
    advised = hpa.advise(spec, target, seen.inputs, state, now)
    number = advised.replicas
    if number is None or not _blocked(spec, wanted, number):
        again = advised.until if spec.mode is Mode.DIRECT else None
        return Course(number, advised.trail, advised, again, fresh)
    rule = Why.PAUSED_IN if number < wanted else Why.PAUSED_OUT
    return Course(wanted, (*advised.trail, Note(rule, number, wanted)), advised, fresh=fresh)


def _blocked(spec: Spec, wanted: int, number: int) -> bool:
    return (spec.pause.scale_in and number < wanted) or (spec.pause.scale_out and number > wanted)


# ------------------------------------------------------------------------------------------------------------ to rest


def _toward_rest(spec: Spec, target: Target, seen: Activity, state: State, now: float) -> Course:
    """Zero or idle, when nothing has been active for the cooldown. Until then the HPA goes on."""
    rest, wanted = spec.idle or 0, target.wanted
    rule, end = _cooldown(spec, state)
    if now >= end and not spec.pause.scale_in:
        return _rested(spec, wanted, rest, state, now)
    running = _running(spec, target, seen, state, now)
    if spec.pause.scale_in:
        return running._replace(trail=_beside(running, wanted, Note(Why.PAUSED_IN, rest, wanted)))
    again = end if running.again is None else min(end, running.again)
    trail = _beside(running, wanted, Note(rule, rest, wanted, until=end))
    return running._replace(trail=trail, again=again, cooling=True)


def _beside(running: Course, wanted: int, note: Note) -> tuple[Note, ...]:
    """What keeps a workload from its rest is the last word where the number stays, and the first where it changes."""
    return (*running.trail, note) if running.replicas == wanted else (note, *running.trail)


def _cooldown(spec: Spec, state: State) -> tuple[Why, float]:
    if state.last_active is None:
        return Why.INITIAL_COOLING, spec.created + spec.initial_cooldown
    return Why.COOLING, state.last_active + spec.cooldown


def _rested(spec: Spec, wanted: int, rest: int, state: State, now: float) -> Course:
    """In one step, except that direct mode keeps to written scaleDown policies down to 1 (architecture 7 d). `Disabled`
    is no pace: who disables scaling down still expects the rest at the end, as with KEDA."""
    note = Note(Why.DEACTIVATED, wanted, rest)
    rules = policy.regime(spec)
    number = rest
    if rules.direct and not rules.down.disabled and wanted > 1:
        number = max(rest, min(wanted, spec.maximum, policy.down_limit(wanted, rules, state.changes, now)))
    if number == rest:
        return Course(rest, (note,), moving=True)
    until = policy.relaxed_at(rules.down, state.changes, now)
    return Course(number, (note, Note(Why.LIMITED_DOWN, rest, number, until=until)), again=until)
