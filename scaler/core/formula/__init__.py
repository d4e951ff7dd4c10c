"""scalingModifiers' language: expr-lang (v1.17) as far as it works on numbers. A formula's text is compiled once to
closures and then computed with the triggers' values; what it may have of text, depth, steps and memory is bounded, and
it sees nothing but its inputs.

`lexer` cuts the text into tokens, `parser` makes nodes of them (`syntax`) by the `grammar`, `compiler` checks their
`types` and makes a function of each, out of `parts`; `operations`, `builtins` and `predicates` are what those functions
call, on a `frame`. `bounds` says what is refused, and how much is too much."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from scaler.core.formula.bounds import FormulaError, TooLarge, Unsupported
from scaler.core.formula.compiler import Compiler
from scaler.core.formula.frame import Code, Frame, Run
from scaler.core.formula.operations import Value, floating, word
from scaler.core.formula.parser import parse

PROBE = -1.0
"""What each input is when a formula is checked, as with KEDA."""

KEPT = 16_384
"""Compiled formulas that are kept: more than objects that one daemon serves."""


@dataclass(frozen=True, slots=True)
class Formula:
    """`names` are the inputs that it looks at."""

    names: frozenset[str]
    compute: Run

    def run(self, values: Mapping[str, float | None]) -> float | None:
        """A number, perhaps not a finite one, or nil. Raises `FormulaError`."""
        number = self.value(values)
        if number is None:
            return None
        if type(number) not in (int, float):
            raise FormulaError(f"it yields {word(number)}, not a number")
        return floating(number)

    def value(self, values: Mapping[str, float | None]) -> Value:
        """Whatever it yields."""
        return self.compute(Frame(values))


@lru_cache(maxsize=KEPT)
def compiled(text: str, names: tuple[str, ...]) -> Formula:
    """A formula whose outcome is a number, over inputs of those names. Raises `FormulaError`."""
    try:
        code, used = _code(cast(text), names)
    except FormulaError as error:
        raise FormulaError(_said(text, names) or str(error)) from None
    if not (code.type.number or code.type.unknown):
        raise FormulaError(f"it yields {code.type}, not a number")
    return Formula(used, code.run)


def _said(text: str, names: tuple[str, ...]) -> str:
    """What is wrong with it as it is written, without what the cast puts around it; empty where it is the cast."""
    try:
        code, _ = _code(text, names)
    except FormulaError as error:
        return str(error)
    fits = code.type.number or code.type.unknown
    return "" if fits else f"it yields {code.type}, not a number"


def expression(text: str, names: tuple[str, ...]) -> Formula:
    """One of any outcome, as it is written."""
    code, used = _code(text, names)
    return Formula(used, code.run)


def check(text: str, names: tuple[str, ...]) -> None:
    """Compile, and compute once with -1 everywhere. Raises `FormulaError`."""
    compiled(text, names).run(dict.fromkeys(names, PROBE))


def cast(text: str) -> str:
    """Made a float if it is not one (a choice between 5 and 0 is an int), exactly as KEDA does it: by its text."""
    if text.startswith("float("):
        return text
    if "??" in text:
        return f"let _kedaCompositeResult = ({text}); _kedaCompositeResult == nil ? nil : float(_kedaCompositeResult)"
    return f"float({text})"


def _code(text: str, names: tuple[str, ...]) -> tuple[Code, frozenset[str]]:
    known = frozenset(names)
    compiler = Compiler(known)
    code = compiler.code(parse(text, known))
    return code, frozenset(compiler.used)


__all__ = ["Formula", "FormulaError", "TooLarge", "Unsupported", "cast", "check", "compiled", "expression"]
