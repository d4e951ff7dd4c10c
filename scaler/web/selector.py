"""Label selectors in a query, in Kubernetes' whole grammar (contract 1.3). Only what one label must be equal to is
asked of them here: nothing is matched."""

import re
from dataclasses import dataclass
from functools import lru_cache

OPERATORS = {"=": "=", "==": "=", "!=": "!=", ">": ">", "<": "<", "in": "in", "notin": "notin"}

_TOKEN = re.compile(r"[ \t\r\n]*(==|!=|[=!(),<>]|[^=!(),<> \t\r\n]+)")
_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_INTEGER = re.compile(r"[0-9]{1,19}")
_SPECIAL = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">", ""))


@dataclass(frozen=True, slots=True)
class Requirement:
    """`operator` is one of = != > < in notin, or `exists` and `!`, which have no values."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[Requirement, ...]:
    """Every requirement; none in an empty text. Raises `ValueError` with a sentence."""
    tokens = _Tokens(text)
    found: list[Requirement] = []
    if tokens.peek():
        found.append(_requirement(tokens))
    while tokens.peek():
        tokens.expect(",")
        found.append(_requirement(tokens))
    return tuple(found)


def equal_to(requirements: tuple[Requirement, ...], key: str) -> str:
    """The value that the label must have, empty when they do not say."""
    for one in requirements:
        if one.key == key and one.operator in ("=", "in") and len(one.values) == 1:
            return one.values[0]
    return ""


class _Tokens:
    """What is left of the text, word by word; the empty word is its end."""

    def __init__(self, text: str) -> None:
        self._left = _TOKEN.findall(text)

    def peek(self) -> str:
        return self._left[0] if self._left else ""

    def next(self) -> str:
        return self._left.pop(0) if self._left else ""

    def expect(self, word: str) -> None:
        if (found := self.next()) != word:
            raise ValueError(f"a label selector has {found!r} where {word!r} should be")


def _requirement(tokens: _Tokens) -> Requirement:
    absent = tokens.peek() == "!"
    if absent:
        tokens.next()
    key = _key(tokens.next())
    if absent or tokens.peek() in ("", ","):
        return Requirement(key, "!" if absent else "exists")
    operator = OPERATORS.get(word := tokens.next())
    if operator is None:
        raise ValueError(f"a label selector has {word!r} where an operator should be")
    values = _values(tokens) if operator in ("in", "notin") else (_word(tokens),)
    if operator in ("<", ">") and not _INTEGER.fullmatch(values[0]):
        raise ValueError(f"a label selector compares {key} with {values[0]!r}, which is not a whole number")
    return Requirement(key, operator, tuple(_value(value) for value in values))


def _values(tokens: _Tokens) -> tuple[str, ...]:
    tokens.expect("(")
    if tokens.peek() == ")":
        raise ValueError("a label selector has an empty set of values")
    values = [_word(tokens)]
    while tokens.peek() == ",":
        tokens.next()
        values.append(_word(tokens))
    tokens.expect(")")
    return tuple(sorted(set(values)))


def _word(tokens: _Tokens) -> str:
    """A value; nothing at all is the empty one."""
    return "" if tokens.peek() in ("", ",", ")") else tokens.next()


def _key(word: str) -> str:
    domain, slash, name = word.rpartition("/")
    good = word not in _SPECIAL and _NAME.fullmatch(name)
    if not good or (slash and (len(domain) > 253 or not _DOMAIN.fullmatch(domain))):
        raise ValueError(f"a label selector has {word!r} where a label's name should be")
    return word


def _value(word: str) -> str:
    if word and not _NAME.fullmatch(word):
        raise ValueError(f"a label selector has {word!r} where a label's value should be")
    return word
