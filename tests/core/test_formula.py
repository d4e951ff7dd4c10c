"""The language of formulas: what comes of each part of it, what is refused and in which words, how much is too much.
That all of it is as the reference has it is `test_formula_reference`'s."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from scaler.core import formula
from scaler.core.formula import FormulaError, TooLarge, Unsupported
from scaler.core.formula.bounds import NESTING, NODES, SIZE, STEPS, TEXT
from scaler.core.formula.grammar import FUNCTIONS, PREDICATES
from tests.core.formulas import INPUTS, LEFT_OUT, NAMES, OF_KEDAS_DOCUMENTATION, TOO_LARGE


def value(text: str) -> Any:
    return formula.expression(text, NAMES).value(INPUTS)


def refusal(text: str) -> str:
    with pytest.raises(FormulaError) as refused:
        value(text)
    return str(refused.value)


def kind_and(found: Any) -> tuple[type, Any]:
    """1, 1.0 and True are equal to Python."""
    return type(found), found


# -------------------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0x1F + 0b101 + 0o17 + 1_000", 1051),
        (".5 + 1. + 1e2", 101.5),
        ("a", 3.0),
        ("5 / 2", 2.5),
        ("6 / 3", 2.0),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("7 % -3", 1),
        ("2 ** 3", 8.0),
        ("2 ^ 3", 8.0),
        ("-2 ** 2", -4.0),
        ("2 ** 3 ** 2", 512.0),
        ("1 + 2 * 3", 7),
        ("1 + 2.5", 3.5),
        ("1 / 0", math.inf),
        ("-1 / 0", -math.inf),
        ("10 ** 400", math.inf),
        ("0 ** -1", math.inf),
        ("9223372036854775807 + 1", -(2**63)),
        ("1 < 2 < 3", True),
        ("3 > 2 > 2", False),
        ("[1] == [1.0]", True),
        ("not true or true", True),
        ("!(a > 5) && b < 0", True),
        ("3 in [1, 2, 3]", True),
        ("a not in 1..2", True),
        ("a > 1 ? 5 : 0", 5),
        ("a > 5 ? 1 : b > 0 ? 2 : 4", 4),
        ("true ?: false", True),
        ("if a > 5 { 1 } else if b < 0 { 2 } else { 3 }", 2),
        ("lost ?? 4", 4),
        ("lost ?? lost ?? 2", 2),
        ("lost == nil", True),
        ("let x = a; let y = x * 2; y + 1", 7.0),
        ("(1; 2)", 2),
        ("1..3", [1, 2, 3]),
        ("3..1", []),
        ("[1, 2, 3][-1]", 3),
        ("[1, 2, 3][1:]", [2, 3]),
        ("[1, 2, 3][:-1]", [1, 2]),
        ("first([])", None),
        ("first([])?.[0]", None),
        ("[3, 1, 2] | sort('desc') | first()", 3),
    ],
)
def test_values(text: str, expected: object) -> None:
    assert kind_and(value(text)) == kind_and(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all([1, 2], # > 0)", True),
        ("any([1, 2], {# > 1})", True),
        ("none([1, 2], # > 5)", True),
        ("one([1, 2], # == 1)", True),
        ("filter(1..5, # % 2 == 0)", [2, 4]),
        ("map(1..3, # * #index)", [0, 2, 6]),
        ("find([1, 2, 3], # > 1)", 2),
        ("find([1], # > 1)", None),
        ("findIndex([1, 2], # > 1)", 1),
        ("findLast([1, 2, 3], # < 3)", 2),
        ("findLastIndex([1, 2, 3], # < 3)", 1),
        ("count([1, 2, 3], # > 1)", 2),
        ("count([true, false])", 1),
        ("sum([1, 2.5])", 3.5),
        ("sum(1..3, # * 2)", 12),
        ("reduce(1..5, #acc * #)", 120),
        ("reduce([], #acc + #, 7)", 7),
        ("sortBy([3, 1, 2], -#)", [3, 2, 1]),
        ("sortBy([3, 1, 2], #, 'desc')", [3, 2, 1]),
        ("sort([3, 1.5, 2])", [1.5, 2, 3]),
        ("reverse(1..3)", [3, 2, 1]),
        ("uniq([1, 1.0, 2, true])", [1, 2, True]),
        ("flatten([1, [2, [3]]])", [1, 2, 3]),
        ("concat([1], 2..3)", [1, 2, 3]),
        ("first([4, 5])", 4),
        ("last([4, 5])", 5),
        ("get([4], 7)", None),
        ("take(1..9, 2)", [1, 2]),
        ("len(1..9)", 9),
        ("max(1, [5, 2], 3)", 5),
        ("min([a, b, c])", -7.5),
        ("mean(1, 2)", 1.5),
        ("median([1, 5, 3])", 3.0),
        ("abs(b)", 7.5),
        ("ceil(1.2)", 2.0),
        ("floor(-1.2)", -2.0),
        ("round(2.5)", 3.0),
        ("round(-2.5)", -3.0),
        ("round(0.49999999999999994)", 0.0),
        ("int(-2.7)", -2),
        ("float(1)", 1.0),
        ("bitand(6, 3)", 2),
        ("bitor(6, 3)", 7),
        ("bitxor(6, 3)", 5),
        ("bitnand(6, 3)", 4),
        ("bitnot(5)", -6),
        ("bitshl(1, 63)", -(2**63)),
        ("bitshr(-16, 2)", -4),
        ("bitushr(-1, 60)", 15),
        ("map([[1, 2], [3]], sum(#))", [3, 3]),
        ("filter([1, 2, 3], any([2, 3], # > 2))", [1, 2, 3]),
    ],
)
def test_builtins(text: str, expected: object) -> None:
    assert kind_and(value(text)) == kind_and(expected)


def test_what_is_not_a_number_yet_a_float() -> None:
    assert math.isnan(value("0 / 0"))
    assert math.isnan(value("(-8) ** 0.5"))


def test_a_predicate_sees_its_own_list_again_when_the_inner_one_has_ended() -> None:
    assert value("map([1, 2], {let inner = sum(map([10], # * 2)); # + inner})") == [21, 22]


def test_what_is_not_needed_is_not_computed() -> None:
    assert value("true or lost > 1") is True
    assert value("false and lost > 1") is False
    assert value("a > 1 ? 1 : lost + 1") == 1
    assert value("a ?? (lost + 1)") == 3.0


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "its end is not expected there, there should be a value"),
        ("a +", "its end is not expected there, there should be a value"),
        ("a b", "'b' is not expected there"),
        ("(a", "its end is not expected there, there should be )"),
        ("a ? b", "its end is not expected there, there should be :"),
        ("a @ b", "'@' has no meaning in a formula"),
        ("1x", "'1x' is no number"),
        ("9223372036854775808", "'9223372036854775808' is too large a number"),
        ("a /* b", "a comment has no end"),
        ("a ?? b + 1", "?? and + cannot be mixed, put one of them in brackets"),
        ("a not b", "'b' is not expected there, behind a not"),
        ("unknown", "unknown name unknown"),
        ("max", "max is a function, it needs its arguments in brackets"),
        ("what(1)", "there is no function what"),
        ("a(1)", "a is an input and cannot be called"),
        ("let a = 1; a", "cannot redeclare a"),
        ("a % 2", "% does not go with float and int"),
        ("true + 1", "+ does not go with bool and int"),
        ("-true", "- does not go with bool"),
        ("not a", "not does not go with float"),
        ("a ? 1 : 2", "a condition must be true or false, not float"),
        ("a in b", "in does not go with float and float"),
        ("a[0]", "float has no elements"),
        ("[1][a]", "an index is no float"),
        ("[1][5]", "there is no element 5 in a list of 1"),
        ("lost + 1", "+ does not go with nil and int"),
        ("7 % 0", "% by zero"),
        ("abs()", "abs takes 1 argument, not 0"),
        ("abs(true)", "abs cannot take bool"),
        ("take([1], -1)", "take needs to be told how many"),
        ("bitshl(1, -1)", "bitshl cannot shift by a negative number"),
        ("filter([1], 1)", "filter needs a predicate that is true or false, not int"),
        ("map(a, #)", "map takes a list, not float"),
        ("reduce([], #acc)", "reduce of nothing needs an initial value"),
        ("filter([1], #index > 0)", "there is no #index here"),
        ('sort([1], "up")', 'sort has "asc" or "desc" as its order'),
        ("max([true])", "max cannot take bool"),
    ],
)
def test_refusals(text: str, sentence: str) -> None:
    assert refusal(text) == sentence


def test_a_name_that_no_formula_can_hold_is_named() -> None:
    with pytest.raises(FormulaError, match=r"unknown name my \(a trigger is called 'my-queue'"):
        formula.check("my-queue + 1", ("my-queue",))


@pytest.mark.parametrize("text", LEFT_OUT)
def test_what_is_left_out_is_refused_by_name(text: str) -> None:
    with pytest.raises(Unsupported) as refused:
        value(text)
    assert any(word in str(refused.value) for word in ("support", "there is no"))


@pytest.mark.parametrize("text", TOO_LARGE, ids=range(len(TOO_LARGE)))
def test_too_much_is_refused(text: str) -> None:
    with pytest.raises(TooLarge):
        value(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 " + " " * TEXT, TEXT),
        ("[" + "1, " * NODES + "]", NODES),
        ("(" * (NESTING + 1) + "1", NESTING),
        (f"1..{SIZE + 1}", SIZE),
        ("sum(map(1..1000, sum(map(1..1000, #))))", STEPS),
    ],
)
def test_the_refusal_says_how_much_there_may_be(text: str, number: int) -> None:
    assert str(number) in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        " " * (TEXT - 1) + "1",
        "[" + "1, " * (NODES - 2) + "1]",
        "(" * (NESTING - 1) + "1" + ")" * (NESTING - 1),
        f"len(1..{SIZE})",
    ],
    ids=["text", "nodes", "nesting", "size"],
)
def test_as_much_as_there_may_be(text: str) -> None:
    assert value(text) is not None


def test_brackets_within_each_other_do_not_double_the_work() -> None:
    """`a ?: b` computes its left side twice."""
    text = "a > 1"
    for _ in range(40):
        text = f"({text} ?: true)"
    with pytest.raises(TooLarge):
        value(text)


def test_lists_may_nest_as_deep_as_there_are_steps_for() -> None:
    """Comparing them does not go deeper than Python can."""
    nested = "reduce(1..900, [#acc], [])"
    assert value(f"{nested} == {nested}") is True
    with pytest.raises(TooLarge, match="nest"):
        value(f"max({nested}, 1)")


# ------------------------------------------------------------------------------------------------- the documentation

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "formulas.md"
ROW = re.compile(r"\| `([^`]+)` \| `([^`]+)` \|$", re.M)
SHOWN = [(text.replace("\\|", "|"), shown) for text, shown in ROW.findall(DOCUMENTATION.read_text())]


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_what_the_documentation_shows(text: str, shown: str) -> None:
    assert str(value(text)).lower() == shown


def test_the_documentation_shows_all_functions_and_bounds() -> None:
    said = DOCUMENTATION.read_text()
    assert len(SHOWN) > 20
    assert {name for name in FUNCTIONS | PREDICATES.keys() if not re.search(rf"\b{name}\b", said)} == set()
    for bound in (TEXT, NODES, NESTING, SIZE):
        assert f"| {bound} |" in said
    assert f"| {STEPS:,} |" in said


# -------------------------------------------------------------------------------------------------- as a scaler has it


@pytest.mark.parametrize("text", OF_KEDAS_DOCUMENTATION)
def test_the_examples_of_kedas_documentation(text: str) -> None:
    names = ("trig_one", "trig_two", "trig_three")
    formula.check(text, names)
    assert isinstance(formula.compiled(text, names).run(dict.fromkeys(names, 4.0)), float)


@pytest.mark.parametrize(
    ("text", "number"),
    [("a > 1 ? 5 : 0", 5.0), ("float(a) * 2", 6.0), ("lost ?? 2", 2.0), ("lost ?? nil", None), ("nil ?? lost", None)],
)
def test_the_outcome_is_a_float_or_nothing(text: str, number: float | None) -> None:
    assert kind_and(formula.compiled(text, NAMES).run(INPUTS)) == kind_and(number)


@pytest.mark.parametrize("text", ["a > 1", "[a]", "nil", "a > 1 ? true : false", "first([true])", "float(a) > 1"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(FormulaError):
        formula.check(text, NAMES)


def test_it_is_computed_once_when_it_is_checked() -> None:
    formula.check("a == -1 ? 1 : first(5..1)", ("a",))
    with pytest.raises(FormulaError, match="no element 3"):
        formula.check("a == -1 ? [1][3] : 1", ("a",))


def test_it_knows_which_inputs_it_looks_at() -> None:
    assert formula.compiled("a > 1 ? b : 0", NAMES).names == {"a", "b"}


def test_equal_formulas_are_compiled_once() -> None:
    assert formula.compiled("a + 1", NAMES) is formula.compiled("a + 1", NAMES)
