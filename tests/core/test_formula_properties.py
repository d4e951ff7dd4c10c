"""What must hold for every text: it is refused in one sentence or computed within its bounds, and twice the same."""

import math
import tracemalloc
from random import Random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scaler.core import formula
from scaler.core.formula import FormulaError
from tests.core.formulas import INPUTS, NAMES, TOO_LARGE, Writer, written

SOUP = (
    *("a", "b", "lost", "1", "2.5", "0x1F", "nil", "true", "#", "#acc", "#index", "x", "'asc'", "`", '"'),
    *("+", "-", "*", "/", "%", "**", "^", "..", "<", ">=", "==", "!=", "in", "not", "and", "||", "??", "?", ":", "?."),
    *("(", ")", "[", "]", "{", "}", ",", ";", "|", ".", "::", "let", "=", "if", "else", "//", "/*", "*/"),
    *(
        "map(",
        "filter(",
        "reduce(",
        "count(",
        "sum(",
        "sort(",
        "sortBy(",
        "max(",
        "mean(",
        "flatten(",
        "1..9",
        "concat(",
    ),
)

pieces = st.lists(st.sampled_from(SOUP), max_size=40).map(" ".join)
spliced = st.tuples(st.sampled_from(written()), st.sampled_from(written()), st.floats(0, 1), st.floats(0, 1)).map(
    lambda two: two[0][: int(len(two[0]) * two[2])] + two[1][int(len(two[1]) * two[3]) :]
)
sensible = st.integers(0, 2**32).map(lambda seed: Writer(Random(seed)).formula())
texts = st.one_of(st.text(max_size=60), pieces, spliced, sensible)


def outcome(text: str) -> Any:
    try:
        return formula.expression(text, NAMES).value(INPUTS)
    except FormulaError as refused:
        sentence = str(refused)
        assert sentence
        assert "\n" not in sentence
        return refused.__class__, sentence


def proved(examples: int) -> settings:
    return settings(derandomize=True, max_examples=examples, deadline=None, database=None)


@proved(1000)
@given(texts)
def test_nothing_crashes_and_twice_is_the_same(text: str) -> None:
    assert repr(outcome(text)) == repr(outcome(text))


@proved(200)
@given(sensible, st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 1e9))
def test_numbers_make_numbers(text: str, a: float, b: float) -> None:
    """What is compiled as a number yields one, or refuses."""
    try:
        program = formula.compiled(text, ("a", "b", "c"))
        number = program.run({"a": a, "b": b, "c": 0.0})
    except FormulaError:
        return
    assert number is None or isinstance(number, float)


@proved(100)
@example(TOO_LARGE[1])
@example(TOO_LARGE[2])
@example("reduce(1..1000, concat(#acc, #acc), [1])")
@example("reduce(1..50, [#acc, #acc], []) | flatten() | len()")
@example("let x = 1..1000; [x, x, x, x, x, x, x, x, x, x] | map(map(#, [#, #, #]))")
@given(texts)
def test_memory_is_bounded(text: str) -> None:
    outcome("1")
    tracemalloc.start()
    try:
        outcome(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20


@proved(100)
@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_floats_are_those_of_python(a: float, b: float) -> None:
    program = formula.expression("[a + b, a - b, a * b, a / (b == 0 ? 1 : b), -a, a < b]", ("a", "b"))
    assert program.value({"a": a, "b": b}) == [a + b, a - b, a * b, a / (b or 1), -a, a < b]


@proved(100)
@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_have_64_bits(a: int, b: int) -> None:
    def text(number: int) -> str:
        return str(number) if number >= 0 else f"({number + 1} - 1)"

    found = formula.expression(f"[{text(a)} + {text(b)}, {text(a)} * {text(b)}, {text(a)} - {text(b)}]", ()).value({})
    assert found == [(one + 2**63) % 2**64 - 2**63 for one in (a + b, a * b, a - b)]


@proved(100)
@given(st.floats(-1e6, 1e6))
def test_rounding_is_away_from_zero(a: float) -> None:
    program = formula.expression("[round(a), floor(a), ceil(a), int(a)]", ("a",))
    half_up = math.floor(abs(a)) + (abs(a) - math.floor(abs(a)) >= 0.5)
    assert program.value({"a": a}) == [math.copysign(half_up, a), math.floor(a), math.ceil(a), math.trunc(a)]
