"""Operators on values, as Go computes them: 64 bits that wrap, floats that become infinite instead of raising. Whatever
does not fit together raises `FormulaError`."""

import math
from collections.abc import Callable
from typing import TypeAlias

from scaler.core.formula.bounds import FormulaError, Meter

Value: TypeAlias = "int | float | bool | list[Value] | None"
Number: TypeAlias = "int | float"

_WORDS = {int: "int", float: "float", bool: "bool", list: "a list", type(None): "nil"}


def word(value: Value) -> str:
    """What kind of value it is, for sentences."""
    return _WORDS[type(value)]


def wrapped(number: int) -> int:
    """As 64 bits hold it."""
    return number if -(2**63) <= number < 2**63 else (number + 2**63) % 2**64 - 2**63


def whole(value: Value, what: str) -> int:
    """A whole number; a float is cut."""
    if type(value) is int:
        return value
    if type(value) is float:
        return cut(value)
    raise FormulaError(f"{what} is {word(value)}, not a number")


def cut(value: float) -> int:
    """Go's result beyond 64 bits depends on the machine; here there is none."""
    if not -(2.0**63) <= value < 2.0**63:
        raise FormulaError("a number is too large to be an int")
    return int(value)


def floating(value: Value) -> float:
    if type(value) is int or type(value) is float:
        return float(value)
    raise FormulaError(f"{word(value)} cannot be made a float")


def truth(value: Value) -> bool:
    if type(value) is bool:
        return value
    raise FormulaError(f"there should be true or false, not {word(value)}")


# --------------------------------------------------------------------------------------------------------- arithmetic


def negative(value: Value) -> Value:
    if type(value) is float:
        return -value
    if type(value) is int:
        return wrapped(-value)
    raise FormulaError(f"there is no negative of {word(value)}")


def add(left: Value, right: Value) -> Value:
    if type(left) is int and type(right) is int:
        return wrapped(left + right)
    a, b = _floats("+", left, right)
    return a + b


def subtract(left: Value, right: Value) -> Value:
    if type(left) is int and type(right) is int:
        return wrapped(left - right)
    a, b = _floats("-", left, right)
    return a - b


def multiply(left: Value, right: Value) -> Value:
    if type(left) is int and type(right) is int:
        return wrapped(left * right)
    a, b = _floats("*", left, right)
    return a * b


def divide(left: Value, right: Value) -> float:
    """Always a float."""
    a, b = _floats("/", left, right)
    if b:
        return a / b
    if not a or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def modulo(left: Value, right: Value) -> int:
    """With the sign of the left one; whole numbers only."""
    if type(left) is not int or type(right) is not int:
        raise FormulaError(f"% needs whole numbers, not {word(left)} and {word(right)}")
    if not right:
        raise FormulaError("% by zero")
    remainder = abs(left) % abs(right)
    return remainder if left >= 0 else -remainder


def power(left: Value, right: Value) -> float:
    """Always a float, perhaps an infinite one."""
    a, b = floating(left), floating(right)
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and _odd(b) else math.inf
    except ValueError:
        if a:
            return math.nan  # a root of a negative number
        return math.copysign(math.inf, a) if _odd(b) else math.inf


def _odd(number: float) -> bool:
    return math.fmod(number, 2.0) in (1.0, -1.0)


def _floats(operator: str, left: Value, right: Value) -> tuple[float, float]:
    if type(left) in (int, float) and type(right) in (int, float):
        return float(left), float(right)  # type: ignore[arg-type]  # the check above
    raise FormulaError(f"{operator} does not go with {word(left)} and {word(right)}")


# --------------------------------------------------------------------------------------------------------- comparison


def less(left: Value, right: Value) -> bool:
    a, b = _ordered("<", left, right)
    return a < b


def more(left: Value, right: Value) -> bool:
    a, b = _ordered(">", left, right)
    return a > b


def at_most(left: Value, right: Value) -> bool:
    a, b = _ordered("<=", left, right)
    return a <= b


def at_least(left: Value, right: Value) -> bool:
    a, b = _ordered(">=", left, right)
    return a >= b


def _ordered(operator: str, left: Value, right: Value) -> tuple[Number, Number]:
    if type(left) is int and type(right) is int:
        return left, right
    return _floats(operator, left, right)


def equal(left: Value, right: Value, meter: Meter) -> bool:
    """Lists by their elements, numbers by their values; what is of different kinds is not equal. Without recursion: a
    list may nest as deep as a computation has steps."""
    waiting = [(left, right)]
    while waiting:
        a, b = waiting.pop()
        if type(a) is list and type(b) is list:
            if len(a) != len(b):
                return False
            meter.spend(len(a))
            waiting.extend(zip(a, b, strict=True))
        elif not _same(a, b):
            return False
    return True


def _same(left: Value, right: Value) -> bool:
    if type(left) is type(right):
        return left == right
    if type(left) in (int, float) and type(right) in (int, float):
        return float(left) == float(right)  # type: ignore[arg-type]  # the check above
    return False


def contains(needle: Value, among: Value, meter: Meter) -> bool:
    """`in`; nothing is in nil."""
    if among is None:
        return False
    if type(among) is not list:
        raise FormulaError(f"nothing can be in {word(among)}")
    meter.spend(len(among))
    return any(equal(one, needle, meter) for one in among)


# -------------------------------------------------------------------------------------------------------------- lists


def spread(first: Value, last: Value, meter: Meter) -> list[Value]:
    """`first..last`, both included; empty where the last is before the first."""
    low, high = whole(first, "the start of a range"), whole(last, "the end of a range")
    meter.made(max(0, high - low + 1))
    return list(range(low, high + 1))


def element(of: Value, index: Value) -> Value:
    """Negative indexes count from the end."""
    if type(of) is not list:
        raise FormulaError(f"{word(of)} has no elements")
    at = whole(index, "an index")
    if not -len(of) <= at < len(of):
        raise FormulaError(f"there is no element {at} in a list of {len(of)}")
    return of[at]


def part(of: Value, start: Value, stop: Value, meter: Meter) -> list[Value]:
    """`of[start:stop]`, as much of it as there is; `None` is an end that was not given."""
    if type(of) is not list:
        raise FormulaError(f"{word(of)} has no elements")
    found = of[whole(start, "an index") : whole(stop, "an index")]
    meter.made(len(found))
    return found


ARITHMETIC: dict[str, Callable[[Value, Value], Value]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
    "**": power,
    "^": power,
    "<": less,
    ">": more,
    "<=": at_most,
    ">=": at_least,
}
