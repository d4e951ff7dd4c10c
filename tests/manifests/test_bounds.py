"""How much a manifest may hold, and that finding out is quick."""

from typing import Any

import pytest

from scaler.manifests.bounds import DEPTH, PARAMETERS, PARTS, TRIGGERS, TYPES, beyond


def holding(triggers: Any) -> dict[str, Any]:
    return {"spec": {"triggers": triggers}}


def deep(levels: int) -> Any:
    body: Any = "end"
    for _ in range(levels):
        body = {"a": body}
    return body


CRON = {"type": "cron", "metadata": {"start": "0 8 * * *"}}


@pytest.mark.parametrize(
    "body",
    [
        {},
        None,
        "text",
        {"spec": None},
        {"spec": []},
        holding(None),
        holding("x"),
        holding([1, None, "x", {"type": ["a"]}, {"metadata": []}]),
        holding([CRON] * TRIGGERS),
        holding([{"type": str(number)} for number in range(TYPES)]),
        holding([{"metadata": dict.fromkeys(map(str, range(PARAMETERS)), "")}]),
        {"a": list(range(PARTS - 1))},
        deep(DEPTH),
    ],
)
def test_enough(body: Any) -> None:
    assert beyond(body) == {}


@pytest.mark.parametrize(
    ("body", "path", "says"),
    [
        (holding([CRON] * (TRIGGERS + 1)), "spec.triggers", "501 triggers are more than the 500"),
        (holding([CRON] * 10_000), "spec.triggers", "10000 triggers are more than the 500"),
        (
            holding([{"type": str(number)} for number in range(TYPES + 1)]),
            "spec.triggers",
            "51 different types are more",
        ),
        (
            holding([{"metadata": dict.fromkeys(map(str, range(PARAMETERS // 2 + 1)), "")}] * 2),
            "spec.triggers",
            "2002 parameters are more than the 2000",
        ),
        ({"a": list(range(PARTS))}, "", "has more than 100000 fields"),
        (deep(DEPTH + 1), "", "is nested more than 64 deep"),
    ],
)
def test_too_much(body: Any, path: str, says: str) -> None:
    [(where, sentence)] = beyond(body).items()
    assert where == path
    assert says in sentence


def test_what_aliases_repeat_is_counted_and_not_walked_to_the_end() -> None:
    """Thirty levels of a hundred each would never end."""
    body: Any = ["x"] * 100
    for _ in range(30):
        body = [body] * 100
    assert "more than 100000 fields" in beyond(body)[""]
