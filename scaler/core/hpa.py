"""Replicas for a running workload: ratios, tolerance, windows, policies, in the order and the arithmetic of Kubernetes'
HPA, bit for bit (contract 2.3 to 2.5).

Direct mode differs in five ways (architecture 7). Two are in `policy.py`: (a) unwritten policies hold nothing back,
(b) policies can leave zero. Here: (c) a `Value` is asked at most every 15 s; (e) the tolerance leaves the wanted count
alone, so the average is compared over those wanted, and a metric above its target never lowers the count (nor one below
it raises it) only because few (or many) are ready. (d), to zero, is `decide`'s."""

from collections.abc import Sequence
from typing import NamedTuple

from scaler.core import policy, ratio, resource, window
from scaler.core.fallback import Input
from scaler.core.model import Advice, Change, MetricType, Note, Proposal, Spec, State, Target, Value, Why
from scaler.core.policy import Regime
from scaler.core.quantity import milli_of
from scaler.core.window import Queue

SETTLE = 15.0


class Advised(NamedTuple):
    """How many replicas the metrics lead to and why, what to remember of it, and until when something holds it back.
    `None` where only the cluster's HPA can know."""

    replicas: int | None
    trail: tuple[Note, ...]
    highest: Queue
    lowest: Queue
    proposals: tuple[Proposal, ...]
    until: float | None = None


class Asked(NamedTuple):
    """What one metric asks for; `None` where that cannot be known. `exact` is the same without tolerance; `until` is
    set where an earlier answer still holds."""

    by: Input
    replicas: int | None
    exact: int | None = None
    proposal: Proposal | None = None
    until: float | None = None


class Steady(NamedTuple):
    """A count held by the windows, and the windows with the new advice in them."""

    replicas: int
    highest: Queue
    lowest: Queue
    note: Note | None


class Limited(NamedTuple):
    """A count held by policies and bounds."""

    replicas: int
    note: Note | None = None


def advise(spec: Spec, target: Target, inputs: Sequence[Input], state: State, now: float) -> Advised:
    """Outside the bounds, to the bound at once and without a look at the metrics (contract 2.4); else what they ask."""
    low, high, wanted = max(1, spec.minimum), spec.maximum, target.wanted
    if wanted > high:
        return _unasked(state, high, Note(Why.LOWERED_TO_MAXIMUM, wanted, high))
    if wanted < low:
        return _unasked(state, low, Note(Why.RAISED_TO_MINIMUM, wanted, low))
    return compute(spec, target, inputs, state, now)


def compute(spec: Spec, target: Target, inputs: Sequence[Input], state: State, now: float) -> Advised:
    """What the metrics ask for, held by windows, policies and bounds. Some unknown: up is possible, down is not."""
    wanted, rules = target.wanted, policy.regime(spec)
    asked = [ask(one, target, rules, state, now) for one in inputs]
    best, silent = _best(asked), _silent(asked)
    if silent and silent.reading is None:
        return _unasked(state, None, Note(Why.LEFT_TO_HPA, wanted, wanted, silent.goal.metric))
    if best is None or best.replicas is None:
        return _unasked(state, wanted, Note(Why.NO_READING, wanted, wanted, silent.goal.metric if silent else ""))
    if silent and best.replicas < wanted:
        return _unasked(state, wanted, Note(Why.UNKNOWN, best.replicas, wanted, silent.goal.metric))
    steady = stabilized(wanted, best.replicas, rules, state, now)
    limited = limited_to(wanted, steady.replicas, rules, state.changes, now)
    trail = [Note(Why.UNKNOWN, wanted, wanted, silent.goal.metric)] if silent else []
    trail.append(_asking(best, wanted))
    trail.extend([note for note in (steady.note, limited.note) if note])
    proposals = tuple([one.proposal for one in asked if one.proposal]) if rules.direct else ()
    return Advised(limited.replicas, tuple(trail), steady.highest, steady.lowest, proposals, _until(trail))


def _unasked(state: State, replicas: int | None, note: Note) -> Advised:
    return Advised(replicas, (note,), state.highest, state.lowest, state.proposals)


def _best(asked: Sequence[Asked]) -> Asked | None:
    """The metric that asks for most; a 0 gives way to whatever follows, as in the HPA."""
    best: Asked | None = None
    for one in asked:
        if one.replicas is not None and (best is None or not best.replicas or one.replicas > best.replicas):
            best = one
    return best


def _silent(asked: Sequence[Asked]) -> Input | None:
    """A metric of which nothing is known; one that only the HPA reads before others."""
    silent: Input | None = None
    for one in asked:
        if one.replicas is None and (silent is None or one.by.reading is None):
            silent = one.by
    return silent


def _until(trail: Sequence[Note]) -> float | None:
    """When the first of the rules that hold something back lets go."""
    until: float | None = None
    for note in trail:
        if note.until is not None and (until is None or note.until < until):
            until = note.until
    return until


def _asking(best: Asked, wanted: int) -> Note:
    count = best.replicas or 0
    if best.until is not None:
        rule = Why.SETTLING
    elif best.by.fallback:
        rule = Why.FALLING_BACK
    elif count != wanted:
        rule = Why.ABOVE_TARGET if count > wanted else Why.BELOW_TARGET
    else:
        rule = Why.STEADY if best.exact in (count, None) else Why.WITHIN_TOLERANCE
    return Note(rule, wanted, count, best.by.goal.metric, best.until)


# ------------------------------------------------------------------------------------------------------- the metrics


def ask(one: Input, target: Target, rules: Regime, state: State, now: float) -> Asked:
    """How many replicas one metric asks for, by itself."""
    goal, reading = one.goal, one.reading
    if not isinstance(reading, Value):
        return Asked(one, None)
    if goal.resource:
        return Asked(one, resource.count(goal, reading.samples, target, rules.tolerance, now))
    usage, aim = milli_of(reading.value), max(1, milli_of(goal.target))
    share = float(usage) / float(aim)
    if goal.kind is not MetricType.VALUE:
        return Asked(one, _average(usage, aim, target, rules), ratio.ceil32(share))
    asked = Asked(one, _raw(share, target, rules), ratio.ceil32(share * target.ready))
    return _settled(asked, target.wanted, state, now) if rules.direct else asked


def _average(usage: int, aim: int, target: Target, rules: Regime) -> int:
    """In direct mode over those wanted: a surge of a rolling update is no capacity, and no reason (contract 2.9.1)."""
    return ratio.average(target.wanted if rules.direct else target.exists, usage, aim, rules.tolerance)


def _raw(share: float, target: Target, rules: Regime) -> int | None:
    """In direct mode never against the metric, which the HPA grants to usage alone."""
    count = ratio.raw(target.wanted, share, target.exists, target.ready, rules.tolerance)
    if count is None or not rules.direct:
        return count
    return max(count, target.wanted) if share > 1.0 else min(count, target.wanted)


def _settled(asked: Asked, wanted: int, state: State, now: float) -> Asked:
    """A `Value` shows what a step did only after a while: within it the latest answer stands. Not at zero, where the
    metric has nobody to be a share of, and not for a fallback, which nobody's step can change."""
    metric = asked.by.goal.metric
    if asked.replicas is None or asked.by.fallback:
        return asked
    last = next((one for one in state.proposals if one.metric == metric), None)
    if last is None or not wanted or not last.at <= now < last.at + SETTLE:
        return asked._replace(proposal=Proposal(metric, asked.replicas, now))
    until = last.at + SETTLE if last.replicas != asked.replicas else None
    return asked._replace(replicas=last.replicas, exact=last.replicas, proposal=last, until=until)


# ------------------------------------------------------------------------------------------- windows, policies, bounds


def stabilized(wanted: int, count: int, rules: Regime, state: State, now: float) -> Steady:
    """Neither below the highest advice of the down window nor above the lowest of the up window. What is remembered is
    the advice itself, not what became of it."""
    highest = window.fresh(state.highest, rules.down.window, now, inclusive=rules.plain)
    lowest = window.fresh(state.lowest, rules.up.window, now)
    most = max(count, highest[0].replicas) if highest else count
    least = min(count, lowest[0].replicas) if lowest else count
    steady = most if rules.plain else min(max(wanted, least), most)
    note = None
    if steady != count:
        up = count > steady
        until = lowest[0].at + rules.up.window if up else highest[0].at + rules.down.window
        note = Note(Why.STABILIZED_UP if up else Why.STABILIZED_DOWN, count, steady, until=until)
    advice = Advice(count, now)
    return Steady(steady, window.pushed_high(highest, advice), window.pushed_low(lowest, advice), note)


def limited_to(wanted: int, count: int, rules: Regime, changes: tuple[Change, ...], now: float) -> Limited:
    """As far as policies and bounds let it go; a count that stays is never clamped."""
    if count > wanted:
        limit = max(policy.up_limit(wanted, rules, changes, now), wanted)
        if count <= min(rules.high, limit):
            return Limited(count)
        if limit >= rules.high:
            return Limited(rules.high, Note(Why.AT_MAXIMUM, count, rules.high))
        return Limited(limit, Note(Why.LIMITED_UP, count, limit, until=policy.relaxed_at(rules.up, changes, now)))
    if count < wanted:
        limit = min(policy.down_limit(wanted, rules, changes, now), wanted)
        if count >= max(rules.low, limit):
            return Limited(count)
        if limit <= rules.low:
            return Limited(rules.low, Note(Why.AT_MINIMUM, count, rules.low))
        return Limited(limit, Note(Why.LIMITED_DOWN, count, limit, until=policy.relaxed_at(rules.down, changes, now)))
    return Limited(count)
