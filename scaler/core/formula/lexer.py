"""From a formula's text to its tokens, as expr-lang cuts it. What they mean together is `parser`'s."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from scaler.core.formula.bounds import FormulaError

WORDS = frozenset(
    ("not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"),
)
"""Words that are operators."""


class Kind(Enum):
    NUMBER = "number"
    NAME = "name"
    TEXT = "text"
    OPERATOR = "operator"
    BRACKET = "bracket"
    END = "end"


class Token(NamedTuple):
    kind: Kind
    value: str

    def __str__(self) -> str:
        return "its end" if self.kind is Kind.END else f"{self.value!r}"


END = Token(Kind.END, "")

_SPACE = re.compile(
    r"[\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|//[^\n]*|/\*.*?\*/", re.DOTALL
)
_TOKENS = (
    (Kind.NUMBER, re.compile(r"0[xX][0-9a-fA-F_]*|0[oO][0-7_]*|0[bB][01_]*")),
    (Kind.NUMBER, re.compile(r"\.?[0-9][0-9_]*(?:\.(?!\.)[0-9_]*)?(?:[eE][+-]?[0-9_]*)?")),
    (Kind.TEXT, re.compile(r"[bB]?\"(?:[^\"\\\n]|\\.)*\"|[bB]?'(?:[^'\\\n]|\\.)*'|`(?:[^`]|``)*`")),
    (Kind.NAME, re.compile(r"[\w$]+")),
    (Kind.BRACKET, re.compile(r"[()\[\]{}]")),
    (Kind.OPERATOR, re.compile(r"\|\|?|::?|\?[.?]?|\.\.?|##?|[&!=*<>][&=*]?|[,;%+\-^/]")),
)
_AFTER_NUMBER = re.compile(r"[\w$]|\.(?!\.)")


def tokens(text: str) -> Iterator[Token]:
    """The last one is `END`. Raises `FormulaError`."""
    at = 0
    while (at := _skipped(text, at)) < len(text):
        token, at = _next(text, at)
        yield token
    yield END


def _skipped(text: str, at: int) -> int:
    while (found := _SPACE.match(text, at)) is not None:
        at = found.end()
    if text.startswith("/*", at):
        raise FormulaError("a comment has no end")
    return at


def _next(text: str, at: int) -> tuple[Token, int]:
    for kind, pattern in _TOKENS:
        found = pattern.match(text, at)
        if found is None:
            continue
        value, end = found[0], found.end()
        if kind is Kind.NUMBER and _AFTER_NUMBER.match(text, end):
            raise FormulaError(f"{value + text[end]!r} is no number")
        if kind is Kind.NAME and value in WORDS:
            kind = Kind.OPERATOR
        return Token(kind, value), end
    raise FormulaError(f"{text[at]!r} has no meaning in a formula")
