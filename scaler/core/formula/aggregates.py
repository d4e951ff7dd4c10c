"""Builtins that make one number of many, and of lists of them however deep."""

from collections.abc import Callable

from scaler.core.formula.arguments import Function, Types, Values
from scaler.core.formula.bounds import FormulaError, Meter, TooLarge
from scaler.core.formula.operations import Value, floating, less, more, word
from scaler.core.formula.types import ANY, Type

NESTED = 100
"""How deep lists in lists are looked into."""


def _aggregate(given: Types) -> Type:
    """Of numbers alone it is thought to be what the first of them is, whatever it will be."""
    if not given:
        raise FormulaError("takes at least one argument")
    for one in given:
        if one.unknown or one.list:
            return ANY
        if not one.number:
            raise FormulaError(f"cannot take {one}")
    return given[0]


def _extreme(better: Callable[[Value, Value], bool]) -> Callable[[Values, Meter], Value]:
    """`better` says whether the second takes the first one's place. Nothing at all yields nil."""

    def run(given: Values, meter: Meter) -> Value:
        if len(given) == 1 and type(given[0]) in (bool, type(None)):
            return given[0]
        return _best(given, better, meter)

    return run


def _best(values: Values, better: Callable[[Value, Value], bool], meter: Meter, nested: int = 0) -> Value:
    best: Value = None
    for value in _looked_through(values, meter, nested):
        one = _best(value, better, meter, nested + 1) if type(value) is list else value
        if type(one) not in (int, float, type(None)) or (one is None and type(value) is not list):
            raise FormulaError(f"cannot take {word(one)}")
        if one is not None and (best is None or better(best, one)):
            best = one
    return best


def _looked_through(values: Values, meter: Meter, nested: int) -> Values:
    if nested > NESTED:
        raise TooLarge(f"lists nest more than {NESTED} deep")
    meter.spend(len(values))
    return values


def _mean(given: Values, meter: Meter) -> Value:
    count, total = _totalled(given, meter)
    return total / count if count else 0.0


def _totalled(values: Values, meter: Meter, nested: int = 0) -> tuple[int, float]:
    count, total = 0, 0.0
    for value in _looked_through(values, meter, nested):
        if type(value) is list:
            more_, part = _totalled(value, meter, nested + 1)
            count, total = count + more_, total + part
        else:
            count, total = count + 1, total + floating(value)
    return count, total


def _median(given: Values, meter: Meter) -> Value:
    values = sorted(floating(one) for one in flat(given, meter))
    if not values:
        return 0.0
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def flat(values: Values, meter: Meter, nested: int = 0) -> list[Value]:
    found: list[Value] = []
    for value in _looked_through(values, meter, nested):
        if type(value) is list:
            found.extend(flat(value, meter, nested + 1))
        else:
            found.append(value)
    return found


AGGREGATES: dict[str, Function] = {
    "max": Function(_aggregate, _extreme(less)),
    "min": Function(_aggregate, _extreme(more)),
    "mean": Function(_aggregate, _mean),
    "median": Function(_aggregate, _median),
}
