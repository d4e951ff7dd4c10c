"""Formulas, as text: noise, tokens in any order, pieces of two good ones, and good ones."""

import contextlib

from scaler.core import formula
from scaler.core.formula import FormulaError
from tests.core.formulas import NAMES
from tests.core.test_formula_properties import outcome, texts
from tests.fuzz.room import Room


def tried(text: str) -> None:
    """Twice as it is written, and once as a manifest has it; all that may come of it is a value or one sentence."""
    assert repr(outcome(text)) == repr(outcome(text))
    with contextlib.suppress(FormulaError):
        formula.check(text, NAMES)


ROOM = Room("formula", texts, tried, memory=4 * 2**20)
