"""How much one manifest may hold. Nobody writes more by hand, and whoever generates more would keep a thread of the
daemon busy for seconds: it is refused in one sentence, before anything else of it is looked at."""

from collections.abc import Iterator, Mapping
from typing import Any

TRIGGERS = 500
TYPES = 50
"""Different trigger types in one object."""

PARAMETERS = 2_000
"""Entries of `metadata` in all triggers of one object together."""

PARTS = 100_000
"""Fields and entries of lists; what a YAML document repeats by its aliases is counted each time."""

DEPTH = 64


def beyond(body: Any) -> dict[str, str]:
    """What is too much of a decoded manifest, by path; empty where nothing is."""
    if problem := _too_much(body):
        return {"": problem}
    spec = body.get("spec") if isinstance(body, Mapping) else None
    triggers = spec.get("triggers") if isinstance(spec, Mapping) else None
    counted = dict(_counted(triggers)) if isinstance(triggers, list) else {}
    limits = {"triggers": TRIGGERS, "different types": TYPES, "parameters": PARAMETERS}
    over = ((what, count) for what, count in counted.items() if count > limits[what])
    said = (f"{count} {what} are more than the {limits[what]} that one object may have" for what, count in over)
    return {"spec.triggers": problem} if (problem := next(said, "")) else {}


def _too_much(body: Any) -> str:
    left, waiting = PARTS, [(body, 0)]
    while waiting:
        part, depth = waiting.pop()
        if not isinstance(part, Mapping | list | tuple):
            continue
        left -= len(part)
        if left < 0:
            return f"the manifest has more than {PARTS} fields"
        if depth == DEPTH:
            return f"the manifest is nested more than {DEPTH} deep"
        inner = part.values() if isinstance(part, Mapping) else part
        waiting += [(one, depth + 1) for one in inner]
    return ""


def _counted(triggers: list[Any]) -> Iterator[tuple[str, int]]:
    entries = [one for one in triggers if isinstance(one, Mapping)]
    yield "triggers", len(triggers)
    yield "different types", len({str(one.get("type")) for one in entries})
    metadata = (one.get("metadata") for one in entries)
    yield "parameters", sum(len(one) for one in metadata if isinstance(one, Mapping))
