"""The one metric that a formula makes of the triggers' values (KEDA behaviour 3.9), and what stands in for it. The
formula sees what KEDA's would: each named trigger's value in whole thousandths, and `nil` for one that was given up
where the fallback's behavior says so. Whatever keeps the number from being known is a failure, never zero."""

import math
from collections.abc import Mapping, Sequence

from scaler.core import formula
from scaler.core.fallback import Input, value_of
from scaler.core.formula import Formula, FormulaError
from scaler.core.model import Failure, FallbackBehavior, Goal, Spec, Target, Value, is_number

REASON = "FormulaError"
"""Of a failure that is the formula's own, not that of an input."""


def goals_of(spec: Spec) -> tuple[Goal, ...]:
    """What is compared with a target: with a formula its own metric takes the place of all but the workload's usage."""
    if spec.composite is None:
        return spec.goals
    return (*(goal for goal in spec.goals if goal.resource), spec.composite)


def composite(spec: Spec, target: Target, inputs: Sequence[Input], now: float) -> Input | None:
    """The formula's metric, or what stands in for it; `None` for an object without a formula."""
    goal = spec.composite
    if goal is None:
        return None
    try:
        program = formula.compiled(spec.formula, tuple([name for name, _ in spec.variables]))
    except FormulaError as error:
        return Input(goal, Failure(goal.metric, f"the formula cannot be compiled: {error}", REASON, now))
    read = {one.goal.metric: one for one in inputs}
    used = {name: read[metric] for name, metric in spec.variables if name in program.names}
    given_up = next((one.fallback for one in used.values() if one.fallback), None)
    if given_up and spec.fallback and spec.fallback.behavior is not FallbackBehavior.SCALING_MODIFIERS:
        return _fallback(spec, target, goal, given_up, now)
    reading = _missing(goal, used) or _computed(goal, program, used, now)
    if reading is None:
        return _fallback(spec, target, goal, Failure(goal.metric, "the formula yields nil", REASON, now), now)
    return Input(goal, reading)


def _missing(goal: Goal, used: Mapping[str, Input]) -> Failure | None:
    """One input that cannot be read is enough."""
    failed = [(name, one.reading) for name, one in used.items() if isinstance(one.reading, Failure)]
    if not failed:
        return None
    told = "; ".join(f"{name}: {failure.problem}" for name, failure in failed)
    return Failure(goal.metric, told, failed[0][1].reason, failed[0][1].at)


def _computed(goal: Goal, program: Formula, used: Mapping[str, Input], now: float) -> Value | Failure | None:
    """As old as the oldest of what it is made from; `None` where the formula yields nil."""
    values = {name: one.reading for name, one in used.items() if isinstance(one.reading, Value)}
    seen = {name: thousandths(values[name].value) if name in values else None for name in used}
    try:
        number = program.run(seen)
    except FormulaError as error:
        return Failure(goal.metric, f"the formula cannot be computed: {error}", REASON, now)
    if number is None:
        return None
    if not is_number(number):
        return Failure(goal.metric, "the formula yields no finite number", REASON, now)
    number = thousandths(number)
    return Value(goal.metric, number, number > goal.activation, min((one.at for one in values.values()), default=now))


def _fallback(spec: Spec, target: Target, goal: Goal, failure: Failure, now: float) -> Input:
    """It counts as active as soon as it asks for anybody, whatever the activation: a source that does not answer is no
    reason to rest."""
    value = value_of(spec, target, goal)
    if value is None:
        return Input(goal, Failure(goal.metric, failure.problem, failure.reason, failure.at))
    return Input(goal, Value(goal.metric, value, value > 0, now), failure)


def thousandths(value: float) -> float:
    """As KEDA hands numbers to a formula and takes its own: cut to whole thousandths."""
    scaled = value * 1000
    return math.trunc(scaled) / 1000 if abs(scaled) < 2**53 else value
