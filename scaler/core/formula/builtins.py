"""The builtins that take values alone: what each may be called with, as far as that is known beforehand, and what it
computes. Those that take a predicate are in `predicates`."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from scaler.core.formula.bounds import FormulaError, Meter, TooLarge
from scaler.core.formula.operations import Value, equal, floating, less, more, whole, word, wrapped
from scaler.core.formula.types import ANY, FLOAT, INT, LIST, UNKNOWN, Kind, Type

NESTED = 100
"""How deep lists in lists are looked into."""

Types = Sequence[Type]
Values = Sequence[Value]


class Function(NamedTuple):
    """`yields` is told the arguments' types and raises `FormulaError` where the call makes no sense."""

    yields: Callable[[Types], Type]
    run: Callable[[Values, Meter], Value]


def _expect(count: int, given: Types) -> None:
    if len(given) != count:
        raise FormulaError(f"takes {count} argument{'s' * (count != 1)}, not {len(given)}")


def _takes(*accepted: Callable[[Type], bool]) -> Callable[[Types], None]:
    """One argument for each, of that kind or unknown."""

    def check(given: Types) -> None:
        _expect(len(accepted), given)
        for one, good in zip(given, accepted, strict=True):
            if not (one.unknown or good(one)):
                raise FormulaError(f"cannot take {one}")

    return check


def _yields(check: Callable[[Types], None], result: Type | None = None) -> Callable[[Types], Type]:
    """`None`: what the first argument is."""

    def rule(given: Types) -> Type:
        check(given)
        return given[0].bare if result is None else result

    return rule


def _number(one: Type) -> bool:
    return one.number


def _int(one: Type) -> bool:
    return one.kind is Kind.INT


def _list(one: Type) -> bool:
    return one.list


# ------------------------------------------------------------------------------------------------------------ numbers


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


# --------------------------------------------------------------------------------------------------------- aggregates


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
    values = sorted(floating(one) for one in _flat(given, meter))
    if not values:
        return 0.0
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _flat(values: Values, meter: Meter, nested: int = 0) -> list[Value]:
    found: list[Value] = []
    for value in _looked_through(values, meter, nested):
        if type(value) is list:
            found.extend(_flat(value, meter, nested + 1))
        else:
            found.append(value)
    return found


# -------------------------------------------------------------------------------------------------------------- lists


def _elements(value: Value, meter: Meter) -> list[Value]:
    if type(value) is not list:
        raise FormulaError(f"cannot take {word(value)}")
    meter.made(len(value))
    return value


def _len(given: Values, _: Meter) -> Value:
    [value] = given
    if type(value) is not list:
        raise FormulaError(f"cannot take {word(value)}")
    return len(value)


def _at(place: int) -> Callable[[Values, Meter], Value]:
    """Nil where there is none."""

    def run(given: Values, _: Meter) -> Value:
        [value] = given
        return value[place] if type(value) is list and value else None

    return run


def _end(given: Types) -> Type:
    _takes(_list)(given)
    return ANY if given[0].unknown else given[0].bare.element


def _known(given: Types) -> Type:
    """Unlike the others, `get` knows what is in a list."""
    _expect(2, given)
    of, index = given
    if of.unknown:
        return UNKNOWN
    if not of.list:
        raise FormulaError(f"cannot take {of}")
    if not (index.unknown or index.kind is Kind.INT):
        raise FormulaError(f"an index is no {index}")
    return of.element


def _get(given: Values, _: Meter) -> Value:
    of, at = given
    if type(of) is not list:
        return None
    index = whole(at, "an index")
    return of[index] if -len(of) <= index < len(of) else None


def _take(given: Values, meter: Meter) -> Value:
    of, count = given
    found = _elements(of, meter)
    if type(count) is not int or count < 0:
        raise FormulaError("needs to be told how many")
    return found[:count]


def _reverse(given: Values, meter: Meter) -> Value:
    return _elements(given[0], meter)[::-1]


def _uniq(given: Values, meter: Meter) -> Value:
    """The first of those that are equal."""
    found: list[Value] = []
    alike: dict[object, list[Value]] = {}
    for value in _elements(given[0], meter):
        key = float(value) if type(value) in (int, float) else type(value)  # type: ignore[arg-type]  # the check
        known = alike.setdefault(key, [])
        meter.spend(len(known))
        if not any(equal(one, value, meter) for one in known):
            known.append(value)
            found.append(value)
    return found


def _concat(given: Values, meter: Meter) -> Value:
    found: list[Value] = []
    for one in given:
        found.extend(_elements(one, meter))
        meter.made(len(found))
    return found


def _concatenated(given: Types) -> Type:
    if not given:
        raise FormulaError("takes at least one argument")
    _takes(*[_list] * len(given))(given)
    return LIST


def _flatten(given: Values, meter: Meter) -> Value:
    found = _flat(_elements(given[0], meter), meter)
    meter.made(len(found))
    return found


def ordered(values: list[Value], keys: list[Value], *, descending: bool, meter: Meter) -> list[Value]:
    """By their keys, equal ones as they were."""
    meter.made(len(values))
    odd = [one for one in keys if type(one) not in (int, float)]
    if odd and len(keys) > 1:
        raise FormulaError(f"cannot sort by {word(odd[0])}")
    order = sorted(range(len(keys)), key=lambda at: keys[at], reverse=descending)  # type: ignore[arg-type,return-value]
    return [values[at] for at in order]


ROUNDS = _yields(_takes(_number), FLOAT)
BITS = _yields(_takes(_int, _int), INT)

FUNCTIONS: dict[str, Function] = {
    "len": Function(_yields(_takes(_list), INT), _len),
    "abs": Function(_yields(_takes(_number)), _abs),
    "ceil": Function(ROUNDS, _rounded(math.ceil)),
    "floor": Function(ROUNDS, _rounded(math.floor)),
    "round": Function(ROUNDS, _rounded(_half_away)),
    "int": Function(_yields(_takes(_number), INT), _to_int),
    "float": Function(_yields(_takes(_number), FLOAT), _to_float),
    "max": Function(_aggregate, _extreme(less)),
    "min": Function(_aggregate, _extreme(more)),
    "mean": Function(_aggregate, _mean),
    "median": Function(_aggregate, _median),
    "first": Function(_end, _at(0)),
    "last": Function(_end, _at(-1)),
    "get": Function(_known, _get),
    "take": Function(_yields(_takes(_list, _int)), _take),
    "reverse": Function(_yields(_takes(_list), LIST), _reverse),
    "uniq": Function(_yields(_takes(_list), LIST), _uniq),
    "concat": Function(_concatenated, _concat),
    "flatten": Function(_yields(_takes(_list), LIST), _flatten),
    "bitand": Function(BITS, _bits(lambda one, other: one & other)),
    "bitor": Function(BITS, _bits(lambda one, other: one | other)),
    "bitxor": Function(BITS, _bits(lambda one, other: one ^ other)),
    "bitnand": Function(BITS, _bits(lambda one, other: one & ~other)),
    "bitshl": Function(BITS, _bits(_shift(lambda one, by: one << by))),
    "bitshr": Function(BITS, _bits(_shift(lambda one, by: one >> by))),
    "bitushr": Function(BITS, _bits(_shift(lambda one, by: (one % 2**64) >> by))),
    "bitnot": Function(_yields(_takes(_int), INT), _bitnot),
}
