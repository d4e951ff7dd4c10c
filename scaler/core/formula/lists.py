"""Builtins that work on lists without a predicate. None changes the list that it is given."""

from collections.abc import Callable

from scaler.core.formula.aggregates import flat
from scaler.core.formula.arguments import Function, Types, Values, a_list, expect, takes, whole_number, yields
from scaler.core.formula.bounds import FormulaError, Meter
from scaler.core.formula.operations import Value, equal, whole, word
from scaler.core.formula.types import ANY, INT, LIST, UNKNOWN, Kind, Type


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
    takes(a_list)(given)
    return ANY if given[0].unknown else given[0].bare.element


def _known(given: Types) -> Type:
    """Unlike the others, `get` knows what is in a list."""
    expect(2, given)
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
    takes(*[a_list] * len(given))(given)
    return LIST


def _flatten(given: Values, meter: Meter) -> Value:
    found = flat(_elements(given[0], meter), meter)
    meter.made(len(found))
    return found


def ordered(values: list[Value], keys: list[Value], *, descending: bool, meter: Meter) -> list[Value]:
    """By their keys, equal ones as they were."""
    meter.made(len(values))
    odd = [one for one in keys if type(one) not in (int, float)]
    if odd and len(keys) > 1:
        raise FormulaError(f"cannot sort by {word(odd[0])}")
    # More than one key are numbers, by the check above: what mypy cannot see.
    order = sorted(range(len(keys)), key=lambda at: keys[at], reverse=descending)  # type: ignore[arg-type,return-value]
    return [values[at] for at in order]


LISTS: dict[str, Function] = {
    "len": Function(yields(takes(a_list), INT), _len),
    "first": Function(_end, _at(0)),
    "last": Function(_end, _at(-1)),
    "get": Function(_known, _get),
    "take": Function(yields(takes(a_list, whole_number)), _take),
    "reverse": Function(yields(takes(a_list), LIST), _reverse),
    "uniq": Function(yields(takes(a_list), LIST), _uniq),
    "concat": Function(_concatenated, _concat),
    "flatten": Function(yields(takes(a_list), LIST), _flatten),
}
