"""What of CEL our rules use, as a judge for tests: `has`, `size`, comparisons, `&&`, `||`, `!` and `? :`. Stricter than
an API server in one thing: looking into a field that is not there fails, also where another operand would decide."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_FIELD = re.compile(r"\bself((?:\.\w+)+)")
_CHOICE = re.compile(r"(has\([^)]*\)) \? (\S+) : ([^)]+)")
_WORDS = (("&&", " and "), ("||", " or "), ("!=", "<>"), ("!", " not "), ("<>", "!="))


def refusals(schema: Mapping[str, Any], value: Any) -> Iterator[str]:
    """The messages of all rules in a schema that an object breaks."""
    if isinstance(value, Mapping):
        for rule in schema.get("x-kubernetes-validations", ()):
            if not holds(rule["rule"], value):
                yield rule["message"]
        for name, sub in schema.get("properties", {}).items():
            if name in value:
                yield from refusals(sub, value[name])
    for one in value if isinstance(value, list) else ():
        yield from refusals(schema["items"], one)


def holds(rule: str, value: Mapping[str, Any]) -> bool:
    """Whether an object keeps to a rule."""
    expression = _CHOICE.sub(r"(\2 if \1 else \3)", rule)
    for cel, python in _WORDS:
        expression = expression.replace(cel, python)
    expression = _FIELD.sub(lambda found: f"get({found[1].strip('.').split('.')!r})", expression)
    expression = expression.replace("has(get(", "has((")
    names = {"get": lambda path: _get(value, path), "has": lambda path: _has(value, path), "size": len}
    return bool(eval(expression.strip(), {"__builtins__": {}}, names))  # our own rules, in a test


def _get(value: Any, path: list[str]) -> Any:
    for step in path:
        value = value[step]
    return value


def _has(value: Any, path: list[str]) -> bool:
    return path[-1] in _get(value, path[:-1])
