"""What of JSON Schema 2020-12 our schemas use, as a judge for tests: enough to say whether a document is marked."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_ONLY_SAID = {
    "description",
    "default",
    "title",
    "format",
    "deprecated",
    "deprecationMessage",
    "errorMessage",
    "$schema",
}


def complaints(schema: Mapping[str, Any], document: Any) -> list[str]:
    """What is wrong with a document, as `path: keyword`."""
    return [f"{path}: {keyword}" for path, keyword in _judge(schema, document, schema, "")]


def _judge(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for keyword, rule in schema.items():
        if keyword in _ONLY_SAID or keyword.startswith("x-") or keyword in ("$defs", "then"):
            continue
        yield from _RULES[keyword](schema, rule, value, root, path)


def _ok(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> bool:
    return not [*_judge(schema, value, root, "")]


def _say(failed: bool, path: str, keyword: str) -> Iterator[tuple[str, str]]:
    if failed:
        yield path, keyword


def _type(_: Any, rule: str, value: Any, __: Any, path: str) -> Iterator[tuple[str, str]]:
    right = isinstance(value, _TYPES[rule]) and (rule == "boolean" or not isinstance(value, bool))
    return _say(not right, path, "type")


def _properties(_: Any, rule: Mapping[str, Any], value: Any, root: Any, path: str) -> Iterator[tuple[str, str]]:
    for name, sub in rule.items() if isinstance(value, dict) else ():
        if name in value:
            yield from _judge(sub, value[name], root, f"{path}.{name}")


def _additional(schema: Any, rule: Any, value: Any, root: Any, path: str) -> Iterator[tuple[str, str]]:
    for name in value if isinstance(value, dict) else ():
        if name not in schema.get("properties", {}):
            yield from (
                [(f"{path}.{name}", "unknown")] if rule is False else _judge(rule, value[name], root, f"{path}.{name}")
            )


def _required(_: Any, rule: list[str], value: Any, __: Any, path: str) -> Iterator[tuple[str, str]]:
    for name in rule if isinstance(value, dict) else ():
        yield from _say(name not in value, f"{path}.{name}", "required")


def _items(_: Any, rule: Any, value: Any, root: Any, path: str) -> Iterator[tuple[str, str]]:
    for index, one in enumerate(value if isinstance(value, list) else ()):
        yield from _judge(rule, one, root, f"{path}[{index}]")


def _all_of(_: Any, rule: list[Any], value: Any, root: Any, path: str) -> Iterator[tuple[str, str]]:
    for one in rule:
        yield from _judge(one, value, root, path)


def _if(schema: Any, rule: Any, value: Any, root: Any, path: str) -> Iterator[tuple[str, str]]:
    if _ok(rule, value, root):
        yield from _judge(schema["then"], value, root, path)


def _ref(_: Any, rule: str, value: Any, root: Any, path: str) -> Iterator[tuple[str, str]]:
    return _judge(root["$defs"][rule.removeprefix("#/$defs/")], value, root, path)


_RULES: dict[str, Any] = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "required": _required,
    "items": _items,
    "allOf": _all_of,
    "if": _if,
    "$ref": _ref,
    "anyOf": lambda _, rule, value, root, path: _say(not any(_ok(one, value, root) for one in rule), path, "anyOf"),
    "not": lambda _, rule, value, root, path: _say(_ok(rule, value, root), path, "not"),
    "enum": lambda _, rule, value, root, path: _say(value not in rule, path, "enum"),
    "const": lambda _, rule, value, root, path: _say(value != rule, path, "const"),
    "pattern": lambda _, rule, value, root, path: _say(
        isinstance(value, str) and not re.search(rule, value), path, "pattern"
    ),
    "minLength": lambda _, rule, value, root, path: _say(
        isinstance(value, str) and len(value) < rule, path, "minLength"
    ),
    "minItems": lambda _, rule, value, root, path: _say(
        isinstance(value, list) and len(value) < rule, path, "minItems"
    ),
    "minimum": lambda _, rule, value, root, path: _say(isinstance(value, int) and value < rule, path, "minimum"),
    "maximum": lambda _, rule, value, root, path: _say(isinstance(value, int) and value > rule, path, "maximum"),
    "exclusiveMinimum": lambda _, rule, value, root, path: _say(
        isinstance(value, int) and value <= rule, path, "above"
    ),
}
