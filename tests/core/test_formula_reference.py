"""Every formula against expr-lang's own implementation: an equal value, or an equal refusal. What is refused here and
not there stands in lists of its own."""

import math
from pathlib import Path
from random import Random
from typing import Any

import pytest

from scaler.core import formula
from scaler.core.formula import FormulaError, TooLarge, Unsupported
from tests.core.formulas import (
    INPUTS,
    LEFT_OUT,
    NAMES,
    OF_KEDAS_DOCUMENTATION,
    OTHERWISE,
    TOO_LARGE,
    Writer,
    written,
)
from tests.rig.expr import Inputs, Outcome, computed

GENERATED = 3000
SEED = 20261129


class Refused:
    """In the place of a value."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def __repr__(self) -> str:
        return f"refused: {self.sentence}"


def ours(text: str, inputs: Inputs) -> Any:
    try:
        return formula.expression(text, tuple(inputs)).value(inputs)
    except FormulaError as error:
        return Refused(str(error))


def equal(text: str, one: Any, other: Any) -> bool:
    """Of one kind and one value. Two things are let pass: the last bits of a power, and which of 1 and 1.0 comes first
    when more than a dozen are sorted."""
    if isinstance(one, Refused) or isinstance(other, Refused):
        return isinstance(one, Refused) and isinstance(other, Refused)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(equal(text, a, b) for a, b in zip(one, other, strict=True))
    if type(one) is not type(other) and not ("sort" in text and {type(one), type(other)} == {int, float}):
        return False
    if isinstance(one, float) and isinstance(other, float):
        close = ("**" in text or "^" in text) and math.isclose(one, other, rel_tol=1e-13)
        return one == other or close or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


def differences(program: Path, questions: list[tuple[str, Inputs]]) -> list[str]:
    found = []
    for (text, inputs), theirs in zip(questions, computed(program, questions), strict=True):
        mine = ours(text, inputs)
        reference = Refused(theirs.refused) if theirs.refused else theirs.value
        if not equal(text, mine, reference):
            found.append(f"{text}\n    here:  {mine!r}\n    there: {reference!r}")
    return found


def test_those_that_were_written_by_hand(expr: Path) -> None:
    texts = written()
    assert len(texts) > 300
    found = differences(expr, [(text, INPUTS) for text in texts])
    assert not found, "\n".join(found)


def test_those_that_were_generated(expr: Path) -> None:
    random = Random(SEED)
    questions: list[tuple[str, Inputs]] = []
    for _ in range(GENERATED):
        inputs = {name: random.choice((0.0, 1.0, -1.0, 2.5, 100.0, -0.125, 1e6)) for name in ("a", "b", "c")}
        questions.append((Writer(random).formula(), inputs))
    found = differences(expr, questions)
    assert not found, "\n".join(found)
    computable = sum(not isinstance(ours(text, inputs), Refused) for text, inputs in questions)
    assert computable > GENERATED // 2, "most of them are to make sense"


@pytest.mark.parametrize("value", [-1.0, 0.0, 4.0, 1e7])
def test_the_examples_of_the_documentation_as_keda_casts_them(expr: Path, value: float) -> None:
    inputs = {"trig_one": value, "trig_two": 1.0, "trig_three": 7.25}
    for text, theirs in zip(OF_KEDAS_DOCUMENTATION, _cast(expr, inputs), strict=True):
        assert formula.compiled(text, tuple(inputs)).run(inputs) == theirs.value, text


def _cast(expr: Path, inputs: Inputs) -> list[Outcome]:
    return computed(expr, [(formula.cast(text), inputs) for text in OF_KEDAS_DOCUMENTATION])


def test_a_cast_formula_yields_a_number_nil_or_nothing_there_as_well(expr: Path) -> None:
    texts = [text for text in written() if formula.cast(text) != text]
    for text, theirs in zip(texts, computed(expr, [(formula.cast(text), INPUTS) for text in texts]), strict=True):
        try:
            mine: Any = formula.compiled(text, NAMES).run(INPUTS)
        except FormulaError as error:
            mine = Refused(str(error))
        reference = Refused(theirs.refused) if theirs.refused else theirs.value
        assert equal(text, mine, reference), (text, mine, reference)


def test_what_is_left_out_is_there_in_the_reference(expr: Path) -> None:
    for text, theirs in zip(LEFT_OUT, _plain(expr, LEFT_OUT), strict=True):
        assert not theirs.refused or "unsupported" in theirs.refused, (text, theirs)
        with pytest.raises(Unsupported):
            formula.expression(text, NAMES).value(INPUTS)


def test_what_is_too_much_here_is_not_there(expr: Path) -> None:
    for text, theirs in zip(TOO_LARGE, _plain(expr, TOO_LARGE), strict=True):
        assert not theirs.refused, (text[:60], theirs)
        with pytest.raises(TooLarge):
            formula.expression(text, NAMES).value(INPUTS)


def test_what_differs_is_known(expr: Path) -> None:
    found = differences(expr, [(text, INPUTS) for text in OTHERWISE])
    assert len(found) == len(OTHERWISE), found


def _plain(expr: Path, texts: tuple[str, ...]) -> list[Outcome]:
    return computed(expr, [(text, INPUTS) for text in texts])
