"""How a line looks, who may speak, and that a change is said once."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from scaler.logs import Changes, Json, Lines, configure, served

log = logging.getLogger("scaler.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """`configure` is for a whole process: what it changed is put back."""
    names = ("scaler", "aiokafka", "azure", "apscheduler", "asyncio")
    root = logging.getLogger()
    before = (root.handlers[:], root.level, [logging.getLogger(name).level for name in names])
    yield
    root.handlers[:], levels = before[0], before[2]
    root.setLevel(before[1])
    for name, level in zip(names, levels, strict=True):
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def text(stream: io.StringIO) -> str:
    """What was said, without the times."""
    return "\n".join(line.partition(" ")[2] for line in stream.getvalue().splitlines())


def fields(stream: io.StringIO) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stream.getvalue())
    return found


# --------------------------------------------------------------------------------------------------------------- text


def test_a_line(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    log.info("0→1 a trigger became active", extra={"trigger": "s0-kafka-orders", "value": 250})
    assert text(stream) == "INFO 0→1 a trigger became active trigger=s0-kafka-orders value=250"


def test_the_time_is_utc_with_milliseconds() -> None:
    record = logging.makeLogRecord({"created": 1_700_000_000.25, "levelname": "INFO", "msg": "hello"})
    assert Lines().format(record) == "2023-11-14T22:13:20.250Z INFO hello"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("two words", '"two words"'),
        ('quo"ted', r'"quo\"ted"'),
        ("a=b", '"a=b"'),
        ("two\nlines", r'"two\nlines"'),
        ("ünïcode", "ünïcode"),
        (None, "None"),
    ],
)
def test_a_value_is_quoted_where_it_must_be(value: object, shown: str) -> None:
    record = logging.makeLogRecord({"created": 0, "levelname": "INFO", "msg": "hello", "key": value})
    assert Lines().format(record).endswith(f"INFO hello key={shown}")


def test_a_traceback_follows(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    try:
        raise ZeroDivisionError("oops")
    except ZeroDivisionError:
        log.exception("a bug")
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("ERROR a bug")
    assert (rest[0], rest[-1]) == ("Traceback (most recent call last):", "ZeroDivisionError: oops")


# --------------------------------------------------------------------------------------------------------------- json


def test_a_json_line(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    log.warning("no answer", extra={"metric": "s0-x", "value": 2.5, "path": object})
    found = fields(stream)
    assert (found["level"], found["message"], found["metric"], found["value"]) == ("warning", "no answer", "s0-x", 2.5)
    assert found["path"] == "<class 'object'>"
    assert found["time"].endswith("Z")
    assert len(stream.getvalue().splitlines()) == 1


def test_a_json_line_holds_its_traceback() -> None:
    try:
        raise ZeroDivisionError("oops")
    except ZeroDivisionError as error:
        raised = (type(error), error, error.__traceback__)
    record = logging.makeLogRecord({"levelname": "ERROR", "msg": "two\nlines", "exc_info": raised})
    line = Json().format(record)
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("ZeroDivisionError: oops")
    assert json.loads(line)["message"] == "two\nlines"


# ------------------------------------------------------------------------------------------------------- the object


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_object_that_is_served_is_named(stream: io.StringIO, form: str) -> None:
    configure("info", form, stream)
    token = served.set("shop/orders")
    try:
        log.info("hello")
    finally:
        served.reset(token)
    assert "shop/orders" in stream.getvalue()
    log.info("hello")
    assert stream.getvalue().count("object") == 1


def test_what_is_said_of_another_object_names_that_one(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    token = served.set("shop/orders")
    try:
        log.info("hello", extra={"object": "shop/other"})
    finally:
        served.reset(token)
    assert fields(stream)["object"] == "shop/other"


# ------------------------------------------------------------------------------------------------------ who may speak


def test_the_level_is_the_daemons_own(stream: io.StringIO) -> None:
    configure("debug", "text", stream)
    log.debug("fine")
    logging.getLogger("somebody").info("chatter")
    logging.getLogger("somebody").warning("a warning")
    logging.getLogger("aiokafka.client").warning("noise")
    logging.getLogger("apscheduler.scheduler").warning("noise")
    assert text(stream).splitlines() == ["DEBUG fine", "WARNING a warning"]


def test_configuring_again_replaces(stream: io.StringIO) -> None:
    other = io.StringIO()
    configure("info", "text", other)
    configure("warning", "text", stream)
    log.info("unheard")
    log.warning("heard")
    assert (other.getvalue(), text(stream)) == ("", "WARNING heard")


# ------------------------------------------------------------------------------------------------------------ changes


def test_a_fact_is_news_once() -> None:
    changes = Changes()
    assert [changes.news("a", fact) for fact in ("x", "x", "y", "y", "x")] == [True, False, True, False, True]


def test_that_nothing_is_so_is_news_after_something_was() -> None:
    changes = Changes()
    assert not changes.news("a", None)
    assert changes.news("a", "x")
    assert changes.news("a", None)
    assert not changes.news("a", None)


def test_keys_are_told_apart() -> None:
    changes = Changes()
    assert changes.news(("orders", "problem"), "x")
    assert changes.news(("others", "problem"), "x")


def test_what_was_forgotten_is_news_again() -> None:
    changes = Changes()
    changes.news("a", "x")
    changes.forget("a")
    changes.forget("a")
    assert changes.news("a", "x")
