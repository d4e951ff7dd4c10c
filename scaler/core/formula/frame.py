"""What a computation works with while it runs. A compiled part of a formula is a function of a `Frame`."""

from collections.abc import Callable, Mapping

from scaler.core.formula.bounds import Meter
from scaler.core.formula.operations import Value


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
