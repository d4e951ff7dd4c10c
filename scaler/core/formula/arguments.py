"""What a builtin may be called with, as far as that is known before it is computed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from scaler.core.formula.bounds import FormulaError, Meter
from scaler.core.formula.operations import Value
from scaler.core.formula.types import Kind, Type

Types = Sequence[Type]
Values = Sequence[Value]


class Function(NamedTuple):
    """`yields` is told the arguments' types and raises `FormulaError` where the call makes no sense."""

    yields: Callable[[Types], Type]
    run: Callable[[Values, Meter], Value]


def expect(count: int, given: Types) -> None:
    if len(given) != count:
        raise FormulaError(f"takes {count} argument{'s' * (count != 1)}, not {len(given)}")


def takes(*accepted: Callable[[Type], bool]) -> Callable[[Types], None]:
    """One argument for each, of that kind or unknown."""

    def check(given: Types) -> None:
        expect(len(accepted), given)
        for one, good in zip(given, accepted, strict=True):
            if not (one.unknown or good(one)):
                raise FormulaError(f"cannot take {one}")

    return check


def yields(check: Callable[[Types], None], result: Type | None = None) -> Callable[[Types], Type]:
    """`None`: what the first argument is."""

    def rule(given: Types) -> Type:
        check(given)
        return given[0].bare if result is None else result

    return rule


def number(one: Type) -> bool:
    return one.number


def whole_number(one: Type) -> bool:
    return one.kind is Kind.INT


def a_list(one: Type) -> bool:
    return one.list
