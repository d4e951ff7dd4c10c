"""GJSON paths (github.com/tidwall/gjson, SYNTAX.md) over decoded JSON, as far as they lead to a number: keys with
escapes and wildcards, indexes, `#`, queries, pipes, and the modifiers that rearrange. What is left out is refused.

Written here because the bindings that are to be had crash the whole process on deep documents and long paths, and hang
on wildcards (pygjson 0.0.10): a path is a tenant's text, and a document is a stranger's."""

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

MISSING = object()
LONGEST_PATH = 512
LONGEST_KEY = 1024
"""A wildcard is not tried on longer keys."""

Order = Callable[[Any, Any], bool]
_ORDERS: dict[str, Order] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDER = re.compile(r"[!=<>%]+")
_MODIFIER = re.compile(r"@(\w+)(?=[.|]|\Z)[.|]?")
_LEFT_OUT = re.compile(r"\A(?:\[|\{|!|\.\.)|[.|](?:\[|\{|!)|#\[|[=<>%]\s*~|(?:\A|[.|])@\w+:")


def _flattened(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [one for part in value for one in (part if isinstance(part, list) else [part])]


def _values(value: Any) -> Any:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else MISSING


_MODIFIERS: dict[str, Callable[[Any], Any]] = {
    "this": lambda value: value,
    "reverse": lambda value: value[::-1] if isinstance(value, list) else value,
    "flatten": _flattened,
    "keys": lambda value: list(value) if isinstance(value, dict) else MISSING,
    "values": _values,
}


class Query(NamedTuple):
    """`#(path order value)`."""

    path: str
    order: str
    value: str


def problem(path: str) -> str:
    """What is wrong with a path, or nothing."""
    if len(path) > LONGEST_PATH:
        return f"must not be longer than {LONGEST_PATH} characters"
    if path[-1:] in (".", "|") and path[-2:-1] != "\\":
        return "must not end with a separator"
    unknown = [name for name in re.findall(r"(?:\A|[.|])@(\w+)", path) if name not in _MODIFIERS]
    if unknown or _LEFT_OUT.search(path):
        modifiers = ", ".join(f"@{name}" for name in _MODIFIERS)
        return f"must have no multipath, literal, #[…], ~, nor a modifier other than {modifiers}"
    return ""


def get(value: Any, path: str) -> Any:
    """What stands at the path, or `MISSING`."""
    while path and value is not MISSING:
        if found := _MODIFIER.match(path):
            modify = _MODIFIERS.get(found[1])
            value, path = modify(value) if modify else MISSING, path[found.end() :]
        elif isinstance(value, dict):
            value, path = _in_object(value, path)
        elif isinstance(value, list):
            value, path = _in_list(value, path)
        else:
            return MISSING
    return value


def _in_object(value: dict[str, Any], path: str) -> tuple[Any, str]:
    step, separator, rest = _step(path)
    if not any(sign in ("*", "?") for _, sign in _signs(step)):
        return value.get("".join(escaped or sign for escaped, sign in _signs(step)), MISSING), rest
    inner, rest = _until_pipe(rest) if separator == "." else ("", rest)
    members = (get(one, inner) for key, one in value.items() if _like(key, step))
    return next((found for found in members if found is not MISSING), MISSING), rest


def _step(path: str) -> tuple[str, str, str]:
    """The first step of a path, escapes and all, what separates it, and the rest."""
    index = 0
    while index < len(path) and path[index] not in ".|":
        index += 2 if path[index] == "\\" else 1
    return path[:index], path[index : index + 1], path[index + 1 :]


def _signs(pattern: str) -> Iterator[tuple[str, str]]:
    """(an escaped sign, nothing) or (nothing, a sign that may mean something)."""
    signs = iter(pattern)
    for sign in signs:
        yield (next(signs, ""), "") if sign == "\\" else ("", sign)


def _like(text: str, pattern: str) -> bool:
    """`*` is any text, `?` any sign. Goes back to the last star alone, so that no pattern can hang."""
    wanted = list(_signs(pattern))
    at, step, star, resume = 0, 0, -1, 0
    while at < len(text) <= LONGEST_KEY:
        escaped, sign = wanted[step] if step < len(wanted) else ("", "")
        if sign == "*":
            star, resume, step = step, at, step + 1
        elif sign == "?" or text[at] in (escaped, sign):
            at, step = at + 1, step + 1
        elif star >= 0:
            resume += 1
            at, step = resume, star + 1
        else:
            return False
    return at == len(text) and all(sign == "*" for _, sign in wanted[step:])


def _in_list(value: list[Any], path: str) -> tuple[Any, str]:
    if path.startswith("#("):
        return _selected(value, path)
    if path.startswith("#."):
        step, rest = _until_pipe(path[2:])
        return _each(value, step), rest
    step, _, rest = _step(path)
    if step == "#":
        return len(value), rest
    at = int(step) if step.isdecimal() and step.isascii() and len(step) < 10 else len(value)
    return (value[at] if at < len(value) else MISSING), rest


def _each(value: list[Any], path: str) -> list[Any]:
    return [found for one in value if (found := get(one, path)) is not MISSING]


def _selected(value: list[Any], path: str) -> tuple[Any, str]:
    """`#(…)` is the first that matches, `#(…)#` is all of them."""
    end = _closing(path, 1)
    query, rest = _query(path[2:end]), path[end + 1 :]
    every, rest = rest.startswith("#"), rest.removeprefix("#")
    if end < 0 or (rest and rest[0] not in ".|"):
        return MISSING, ""
    step, rest = _until_pipe(rest[1:]) if rest.startswith(".") else ("", rest[1:])
    matching = (one for one in value if _matches(one, query))
    return (_each(list(matching), step) if every else get(next(matching, MISSING), step)), rest


def _closing(path: str, opening: int) -> int:
    """Where the parenthesis at `opening` is closed; -1 where it is not."""
    depth, index, quoted = 0, opening, False
    while index < len(path):
        sign = path[index]
        quoted ^= sign == '"'
        if not quoted and sign in "()":
            depth += 1 if sign == "(" else -1
            if depth == 0:
                return index
        index += 2 if sign == "\\" else 1
    return -1


def _until_pipe(path: str) -> tuple[str, str]:
    """What is asked of each element, and behind the pipe what is asked of all of them together."""
    index = 0
    while index < len(path) and path[index] != "|":
        if path[index] == "(" and path[index - 1 : index] == "#":
            index = max(_closing(path, index), index)
        index += 2 if path[index] == "\\" else 1
    return path[:index], path[index + 1 :]


def _query(text: str) -> Query:
    depth = 0
    for index, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and (found := _ORDER.match(text, index)) and text[index - 1 : index] != "\\":
            value = text[found.end() :].strip()
            if len(value) > 1 and value[0] == value[-1] == '"':
                value = value[1:-1].replace('\\"', '"')
            return Query(text[:index].strip(), found[0], value)
    return Query(text.strip(), "", "")


def _matches(element: Any, query: Query) -> bool:
    inside = isinstance(element, dict | list)
    if inside != bool(query.path):
        return False
    found = get(element, query.path)
    if found is MISSING or not query.order:
        return found is not MISSING
    if isinstance(found, str) and query.order in ("%", "!%"):
        return _like(found, query.value) == (query.order == "%")
    order = _ORDERS.get(query.order)
    return order is not None and _compared(found, order, query.value)


def _compared(found: Any, order: Order, wanted: str) -> bool:
    if isinstance(found, bool):
        return wanted in ("true", "false") and order(found, wanted == "true")
    if isinstance(found, int | float):
        try:
            return order(found, float(wanted))
        except ValueError:
            return False
    return isinstance(found, str) and order(found, wanted)
