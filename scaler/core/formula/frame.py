"""What a computation works with while it runs, and a compiled part of a formula: a function of that."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from scaler.core.formula.bounds import Meter
from scaler.core.formula.operations import Value
from scaler.core.formula.types import Type


class Scope:
    """Where a predicate is in its list: `#`, `#index`, `#acc`."""

    __slots__ = ("acc", "index", "item")

    def __init__(self) -> None:
        self.item: Value = None
        self.index = 0
        self.acc: Value = None


class Frame:
    __slots__ = ("inputs", "meter", "scope", "variables")

    def __init__(self, inputs: Mapping[str, Value]) -> None:
        self.inputs = inputs
        self.meter = Meter()
        self.scope = Scope()
        self.variables: dict[str, Value] = {}


Run = Callable[[Frame], Value]


class Code(NamedTuple):
    """A compiled part: what it yields, as far as is known, and how."""

    type: Type
    run: Run
