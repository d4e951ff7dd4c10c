"""The builtins that compute something for each element of a list. What is predicated is a compiled part that reads the
frame's scope; each pass costs as many steps as it has nodes."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from scaler.core.formula.bounds import FormulaError
from scaler.core.formula.frame import Frame, Run, Scope
from scaler.core.formula.lists import ordered
from scaler.core.formula.operations import Value, add, truth, word
from scaler.core.formula.types import ANY, BOOL, INT, LIST, UNKNOWN, Type, list_of


class Predicate(NamedTuple):
    """`of` gives the list, `each` is computed for its elements (none: they stand for themselves), `cost` is its
    steps."""

    of: Run
    each: Run | None
    cost: int

    def passes(self, frame: Frame) -> Iterator[tuple[Scope, Value]]:
        """The scope at each element, and what comes of it there."""
        found = self.items(frame)
        return self.over(frame, found, range(len(found)))

    def items(self, frame: Frame) -> list[Value]:
        found = self.of(frame)
        if type(found) is not list:
            raise FormulaError(f"there should be a list, not {word(found)}")
        return found

    def over(
        self, frame: Frame, found: list[Value], places: Iterable[int], acc: Value = None
    ) -> Iterator[tuple[Scope, Value]]:
        outer, scope = frame.scope, Scope()
        scope.acc = acc
        for place in places:
            frame.meter.spend(self.cost)
            scope.index, scope.item = place, found[place]
            frame.scope = scope
            value = scope.item if self.each is None else self.each(frame)
            frame.scope = outer
            yield scope, value


Loop = Callable[[Frame, Predicate], Value]


def _all(frame: Frame, predicate: Predicate) -> Value:
    return all(truth(value) for _, value in predicate.passes(frame))


def _none(frame: Frame, predicate: Predicate) -> Value:
    return not _any(frame, predicate)


def _any(frame: Frame, predicate: Predicate) -> Value:
    return any(truth(value) for _, value in predicate.passes(frame))


def _one(frame: Frame, predicate: Predicate) -> Value:
    return _count(frame, predicate) == 1


def _finding(*, last: bool, index: bool) -> Loop:
    """Nil where there is none."""

    def run(frame: Frame, predicate: Predicate) -> Value:
        found = predicate.items(frame)
        places = range(len(found))
        for scope, value in predicate.over(frame, found, reversed(places) if last else places):
            if truth(value):
                return scope.index if index else scope.item
        return None

    return run


def _filter(frame: Frame, predicate: Predicate) -> Value:
    found = [scope.item for scope, value in predicate.passes(frame) if truth(value)]
    frame.meter.made(len(found))
    return found


def _map(frame: Frame, predicate: Predicate) -> Value:
    found = [value for _, value in predicate.passes(frame)]
    frame.meter.made(len(found))
    return found


def _count(frame: Frame, predicate: Predicate) -> Value:
    return sum(truth(value) for _, value in predicate.passes(frame))


def _sum(frame: Frame, predicate: Predicate) -> Value:
    total: Value = 0
    for _, value in predicate.passes(frame):
        total = add(value, total)
    return total


def reduced(frame: Frame, predicate: Predicate, initial: Run | None) -> Value:
    """Without an initial value the first element is it."""
    found = predicate.items(frame)
    if initial is None and not found:
        raise FormulaError("reduce of nothing needs an initial value")
    acc = found[0] if initial is None else initial(frame)
    for scope, value in predicate.over(frame, found, range(initial is None, len(found)), acc):
        acc = scope.acc = value
    return acc


def sorted_by(frame: Frame, predicate: Predicate, *, descending: bool) -> Value:
    passes = [(scope.item, value) for scope, value in predicate.passes(frame)]
    values, keys = [item for item, _ in passes], [key for _, key in passes]
    return ordered(values, keys, descending=descending, meter=frame.meter)


LOOPS: dict[str, Loop] = {
    "all": _all,
    "none": _none,
    "any": _any,
    "one": _one,
    "filter": _filter,
    "map": _map,
    "count": _count,
    "sum": _sum,
    "find": _finding(last=False, index=False),
    "findIndex": _finding(last=False, index=True),
    "findLast": _finding(last=True, index=False),
    "findLastIndex": _finding(last=True, index=True),
}

TRUTHS = LOOPS.keys() - {"map", "sum"}
"""Those whose predicate says whether something is so."""


def yields(name: str, of: Type, each: Type | None) -> Type:
    """What comes of it; `of` is the list's type, `each` the predicate's, where there is one."""
    match name:
        case "all" | "none" | "any" | "one":
            return BOOL
        case "count" | "findIndex" | "findLastIndex":
            return INT
        case "filter":
            return LIST if of.unknown else list_of(of.element)
        case "map":
            return list_of(each or UNKNOWN)
        case "sum" if each is not None:
            return each.bare
        case "find" | "findLast" | "sum":
            return UNKNOWN if of.unknown else of.element
        case "reduce":
            return each or ANY
        case _:
            return of
