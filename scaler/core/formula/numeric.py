"""Builtins that work on single numbers: rounding, conversion, bits."""

import math
from collections.abc import Callable

from scaler.core.formula.arguments import Function, Values, number, takes, whole_number, yields
from scaler.core.formula.bounds import FormulaError, Meter
from scaler.core.formula.operations import Value, floating, whole, word, wrapped
from scaler.core.formula.types import FLOAT, INT


def _abs(given: Values, _: Meter) -> Value:
    [value] = given
    if type(value) is int:
        return wrapped(abs(value))
    if type(value) is float:
        return abs(value)
    raise FormulaError(f"cannot take {word(value)}")


def _rounded(how: Callable[[float], float]) -> Callable[[Values, Meter], Value]:
    """A float in any case, with its sign even where it is 0; what is no finite number stays as it is."""

    def run(given: Values, _: Meter) -> Value:
        value = floating(given[0])
        return math.copysign(how(value), value) if math.isfinite(value) else value

    return run


def _half_away(value: float) -> float:
    """2.5 is 3 and -2.5 is -3."""
    below = math.floor(abs(value))
    return below + (abs(value) - below >= 0.5)


def _to_int(given: Values, _: Meter) -> Value:
    return whole(given[0], "what int takes")


def _to_float(given: Values, _: Meter) -> Value:
    return floating(given[0])


def _bits(how: Callable[[int, int], int]) -> Callable[[Values, Meter], Value]:
    def run(given: Values, _: Meter) -> Value:
        one, other = given
        if type(one) is not int or type(other) is not int:
            raise FormulaError("takes whole numbers only")
        return wrapped(how(one, other))

    return run


def _shift(how: Callable[[int, int], int]) -> Callable[[int, int], int]:
    def run(one: int, by: int) -> int:
        if by < 0:
            raise FormulaError("cannot shift by a negative number")
        return how(one, min(by, 64))

    return run


def _bitnot(given: Values, _: Meter) -> Value:
    if type(given[0]) is not int:
        raise FormulaError("takes whole numbers only")
    return ~given[0]


ROUNDS = yields(takes(number), FLOAT)
BITS = yields(takes(whole_number, whole_number), INT)

NUMERIC: dict[str, Function] = {
    "abs": Function(yields(takes(number)), _abs),
    "ceil": Function(ROUNDS, _rounded(math.ceil)),
    "floor": Function(ROUNDS, _rounded(math.floor)),
    "round": Function(ROUNDS, _rounded(_half_away)),
    "int": Function(yields(takes(number), INT), _to_int),
    "float": Function(yields(takes(number), FLOAT), _to_float),
    "bitand": Function(BITS, _bits(lambda one, other: one & other)),
    "bitor": Function(BITS, _bits(lambda one, other: one | other)),
    "bitxor": Function(BITS, _bits(lambda one, other: one ^ other)),
    "bitnand": Function(BITS, _bits(lambda one, other: one & ~other)),
    "bitshl": Function(BITS, _bits(_shift(lambda one, by: one << by))),
    "bitshr": Function(BITS, _bits(_shift(lambda one, by: one >> by))),
    "bitushr": Function(BITS, _bits(_shift(lambda one, by: (one % 2**64) >> by))),
    "bitnot": Function(yields(takes(whole_number), INT), _bitnot),
}
