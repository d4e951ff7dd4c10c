"""What a formula is refused for, and how much of everything it may have: it is written by somebody who need not be
trusted, and is computed between two metrics of everybody else."""

TEXT = 4096
"""Characters."""

NODES = 1000
"""Names, numbers, operators, calls … that a formula is made of."""

NESTING = 50
"""Brackets, branches and declarations within each other."""

DEPTH = 200
"""Operations whose operand is an operation whose operand is … (a chain of additions nests to its left)."""

STEPS = 10_000
"""What one computation may take: each pass through a predicate costs as many as the predicate has nodes, each list as
many as it has elements. About 5 ms, and as memory less than 1 MiB."""

SIZE = 1000
"""Elements of a list."""


class FormulaError(ValueError):
    """A formula that cannot be compiled, or computed from these values. The text is one sentence."""


class Unsupported(FormulaError):
    """A part of the language that is left out here: the inputs are numbers, and the core has no clock."""


class TooLarge(FormulaError):
    """More of something than is allowed."""


class Meter:
    """How many steps are left of a computation. All memory that it takes is paid in steps as well."""

    __slots__ = ("_left",)

    def __init__(self, steps: int = STEPS) -> None:
        self._left = steps

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooLarge(f"it takes more than {STEPS} steps")

    def made(self, elements: int) -> None:
        """A list of that size is about to be made, or looked through."""
        if elements > SIZE:
            raise TooLarge(f"a list of it has more than {SIZE} elements")
        self.spend(elements)
