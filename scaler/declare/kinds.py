"""KEDA's value types: how text becomes a value, and nothing else (KEDA behaviour 3.15). Every kind is hashable, so that
what is declared with it can be part of a source's identity."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from pydantic_core import PydanticCustomError

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_LONGEST = 2**63 / 1e9
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


@dataclass(frozen=True, slots=True)
class Kind:
    """How one type of parameter is read from text, under the name that the documentation gives it."""

    name: str
    read: Callable[[str], Any]


def _refused(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("declared", "{sentence}", {"sentence": sentence})


def integer(text: str) -> int:
    """JSON's integer syntax: no leading zero, no fraction, no hexadecimal."""
    if not _INTEGER.match(text):
        raise _refused("must be a whole number")
    if len(text) > 20 or not -(2**63) <= int(text) < 2**63:
        raise _refused("must fit into 64 bits")
    return int(text)


def number(text: str) -> float:
    """JSON's number syntax."""
    if not _NUMBER.match(text):
        raise _refused("must be a number")
    if not math.isfinite(float(text)):
        raise _refused("must be a number of ordinary size")
    return float(text)


def flag(text: str) -> bool:
    """Go's ParseBool."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _refused("must be true or false")


def duration(text: str) -> float:
    """Go's duration syntax (`1m30s`), or a bare whole number of **milliseconds**; seconds as float."""
    if _INTEGER.match(text):
        seconds = integer(text) / 1000
    else:
        sign, rest = (-1.0, text[1:]) if text.startswith("-") else (1.0, text.removeprefix("+"))
        parts = _PART.findall(rest)
        if not parts or "".join(a + b for a, b in parts) != rest:
            raise _refused("must be a duration such as 30s or 1m30s, or a whole number of milliseconds")
        seconds = sign * sum(float(amount) * _UNITS[unit] for amount, unit in parts)
    if seconds < 0:
        raise _refused("must not be negative")
    if seconds >= _LONGEST:
        raise _refused("must be less than 292 years")
    return seconds


def listed(text: str) -> tuple[str, ...]:
    """`a, b` → ('a', 'b'); blanks around the parts do not count, empty parts are dropped."""
    return tuple(part for raw in text.split(",") if (part := raw.strip()))


def ranges(text: str) -> tuple[int, ...]:
    """`1,2,10-12` → (1, 2, 10, 11, 12)."""
    found: list[int] = []
    for part in listed(text):
        first, dash, last = part.partition("-")
        low, high = integer(first.strip()), integer(last.strip()) if dash else integer(first.strip())
        if low > high:
            raise _refused("must not have a range that ends before it begins")
        if high - low > 100_000:
            raise _refused("must not have a range of more than 100,000 numbers")
        found.extend(range(low, high + 1))
    return tuple(found)


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    """`k=v,k2=v2` → (('k', 'v'), ('k2', 'v2'))."""
    found = []
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise _refused("must be pairs such as key=value,key2=value2")
        found.append((key.strip(), value.strip()))
    return tuple(found)


def url_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """`a=b&c=d`, as in a URL's query, decoded."""
    return tuple(parse_qsl(text, keep_blank_values=True))


def _text(text: str) -> str:
    return text


SCALARS: dict[Any, Kind] = {
    str: Kind("text", _text),
    int: Kind("integer", integer),
    float: Kind("number", number),
    bool: Kind("true or false", flag),
}

Duration = Annotated[float, Kind("duration", duration)]
Listed = Annotated[tuple[str, ...], Kind("list", listed)]
Ranges = Annotated[tuple[int, ...], Kind("list of numbers and ranges", ranges)]
Pairs = Annotated[tuple[tuple[str, str], ...], Kind("key=value list", pairs)]
UrlPairs = Annotated[tuple[tuple[str, str], ...], Kind("URL query", url_pairs)]
QuantityText = Annotated[str, Kind("quantity", _text)]


def shown(value: Any, kind: Kind) -> str:
    """A default as a person would write it in a manifest: `kind` reads it back as the same value."""
    if kind.name == "duration" and value is not None:
        return f"{value:.9f}".rstrip("0").rstrip(".") + "s"
    if kind.name == "URL query":
        return urlencode(value)
    if isinstance(value, tuple):
        return ",".join("=".join(map(str, one)) if isinstance(one, tuple) else str(one) for one in value)
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return value if isinstance(value, str) else json.dumps(value)
