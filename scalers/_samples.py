"""Prometheus' text format, as far as one sample by its name and labels. Lines of other names are not looked at."""

import re

from scaler.sdk import AnswerError

_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*([=!~]+)\s*"((?:[^"\\]|\\.)*)"\s*(?:,\s*|(?=\}))')
_BLANK = re.compile(r"\s*")
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


def first(page: str, location: str) -> float | None:
    """The value of the first sample that the selector means, `None` where there is none. Raises `AnswerError`."""
    name, wanted = selector(location)
    plain = [value for value in wanted.values() if not set(value) & set('\\"\n')]
    try:
        for line in page.split("\n"):
            if not (line.startswith(name) and all(value in line for value in plain)):
                continue
            if line[len(name) : len(name) + 1] in ("{", " ", "\t"):
                labels, end = _labels(line, len(name))
                if wanted.items() <= {label: value for label, _, value in labels}.items():
                    return float(line[end:].split()[0])
    except (ValueError, IndexError):
        raise AnswerError(f"the samples of {name} in the answer are not in Prometheus' text format") from None
    return None


def selector(location: str) -> tuple[str, dict[str, str]]:
    """The name and the labels in `name{label="value"}`. Raises `ValueError`."""
    found = _NAME.match(location)
    labels, end = _labels(location, found.end() if found else 0)
    if location[end:].strip():
        raise ValueError('must be a selector such as name{label="value"}')
    if any(order != "=" for _, order, _ in labels):
        raise ValueError("must select by label=value alone")
    wanted = {label: value for label, _, value in labels}
    name = wanted.pop("__name__", "") or (found[1] if found else "")
    if not name:
        raise ValueError("must name the metric")
    return name, wanted


def _labels(text: str, at: int) -> tuple[list[tuple[str, str, str]], int]:
    """What stands in braces at this place, if they are there, as (label, order, value), and where it ends."""
    labels: list[tuple[str, str, str]] = []
    if text[at : at + 1] != "{":
        return labels, at
    at = _BLANK.match(text, at + 1).end()  # type: ignore[union-attr]  # nothing but blanks always matches
    while text[at : at + 1] != "}":
        if not (found := _LABEL.match(text, at)):
            raise ValueError('must have its labels as {label="value"}')
        value = re.sub(r"\\.", lambda escape: _ESCAPES.get(escape[0], escape[0]), found[3])
        labels.append((found[1], found[2], value))
        at = found.end()
    return labels, at + 1
