"""How text becomes a value: KEDA's rules (KEDA behaviour 3.15) as tables."""

import pytest
from pydantic_core import PydanticCustomError

from scaler.declare import kinds
from scaler.declare.kinds import SCALARS, Kind, shown

REFUSED = PydanticCustomError
URL_QUERY = Kind("URL query", kinds.url_pairs)
DURATION = Kind("duration", kinds.duration)
LIST = Kind("list", kinds.listed)
PAIRS = Kind("key=value list", kinds.pairs)
RANGES = Kind("list of numbers and ranges", kinds.ranges)


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_what_go_calls_true(text: str) -> None:
    assert kinds.flag(text) is True


@pytest.mark.parametrize("text", ["0", "f", "F", "FALSE", "false", "False"])
def test_what_go_calls_false(text: str) -> None:
    assert kinds.flag(text) is False


@pytest.mark.parametrize("text", ["yes", "no", "on", "tRUE", "fALSE", "2", "01", "y"])
def test_what_go_calls_no_bool(text: str) -> None:
    with pytest.raises(REFUSED, match="must be true or false"):
        kinds.flag(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("5", 5),
        ("-17", -17),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_a_whole_number_as_in_json(text: str, value: int) -> None:
    assert kinds.integer(text) == value


@pytest.mark.parametrize("text", ["5.0", "007", "+5", "0x10", "1e3", "1_000", "five", "5 5", "٣", "--1", "-", "5\n"])
def test_no_whole_number_of_json(text: str) -> None:
    with pytest.raises(REFUSED, match="must be a whole number"):
        kinds.integer(text)


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809", "9" * 5000])
def test_a_whole_number_that_is_too_large(text: str) -> None:
    with pytest.raises(REFUSED, match="must fit into 64 bits"):
        kinds.integer(text)


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0.0), ("5", 5.0), ("5.0", 5.0), ("-0.25", -0.25), ("1e3", 1000.0), ("2.5E-1", 0.25)]
)
def test_a_number_as_in_json(text: str, value: float) -> None:
    assert kinds.number(text) == value


@pytest.mark.parametrize("text", [".5", "5.", "05", "+5", "0x1p4", "NaN", "Infinity", "inf", "1,5", "1e", "٣.٥", "5\n"])
def test_no_number_of_json(text: str) -> None:
    with pytest.raises(REFUSED, match="must be a number"):
        kinds.number(text)


def test_a_number_that_no_float_holds() -> None:
    with pytest.raises(REFUSED, match="must be a number of ordinary size"):
        kinds.number("1e999")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1500", 1.5),
        ("0", 0.0),
        ("30s", 30.0),
        ("1m30s", 90.0),
        ("2h45m", 9900.0),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("1.s", 1.0),
        ("300ms", 0.3),
        ("10us", 1e-5),
        ("10µs", 1e-5),
        ("10μs", 1e-5),
        ("5ns", 5e-9),
        ("+5s", 5.0),
        ("1s1s", 2.0),
    ],
)
def test_a_duration_is_gos_or_bare_milliseconds(text: str, seconds: float) -> None:
    assert kinds.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["-1", "-5s", "-1m30s"])
def test_a_negative_duration_is_refused(text: str) -> None:
    with pytest.raises(REFUSED, match="must not be negative"):
        kinds.duration(text)


@pytest.mark.parametrize("text", ["5d", "s", "1m30", "1.5", "5 s", "1m 30s", "5S", "٣s", ".s", "--5s", "five"])
def test_no_duration(text: str) -> None:
    with pytest.raises(REFUSED, match="must be a duration"):
        kinds.duration(text)


@pytest.mark.parametrize("text", ["9" * 400, "9" * 400 + "s", "9" * 4500, "2562048h"])
def test_a_duration_that_go_cannot_hold(text: str) -> None:
    with pytest.raises(REFUSED, match="must"):
        kinds.duration(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a", ("a",)), ("a,b", ("a", "b")), (" a , b ,", ("a", "b")), (",", ()), ("a b,c", ("a b", "c"))],
)
def test_a_list_is_separated_by_commas(text: str, parts: tuple[str, ...]) -> None:
    assert kinds.listed(text) == parts


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1", (1,)),
        ("1,2,10-12", (1, 2, 10, 11, 12)),
        ("3-3", (3,)),
        (" 1 - 2 , 5", (1, 2, 5)),
        ("0-1,0-1", (0, 1, 0, 1)),
    ],
)
def test_ranges_are_spelled_out(text: str, numbers: tuple[int, ...]) -> None:
    assert kinds.ranges(text) == numbers


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1-b", "whole number"),
        ("1-2-3", "whole number"),
        ("-5", "whole number"),
        ("1-", "whole number"),
        ("5-3", "ends before it begins"),
        ("0-1000000000", "more than 100,000 numbers"),
    ],
)
def test_ranges_that_are_none(text: str, sentence: str) -> None:
    with pytest.raises(REFUSED, match=sentence):
        kinds.ranges(text)


def test_pairs() -> None:
    assert kinds.pairs("a=1, b = 2,c=") == (("a", "1"), ("b", "2"), ("c", ""))


@pytest.mark.parametrize("text", ["a", "a=1,b", "=1", "a=1,", ","])
def test_pairs_that_are_none(text: str) -> None:
    with pytest.raises(REFUSED, match="must be pairs"):
        kinds.pairs(text)


def test_a_url_query_is_decoded() -> None:
    assert kinds.url_pairs("a=1&b=x%20y&a=2&c=") == (("a", "1"), ("b", "x y"), ("a", "2"), ("c", ""))


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (SCALARS[bool], True, "true"),
        (SCALARS[bool], False, "false"),
        (SCALARS[int], 10, "10"),
        (SCALARS[float], 10.0, "10"),
        (SCALARS[float], 0.25, "0.25"),
        (SCALARS[float], 1234567.0, "1234567"),
        (SCALARS[str], "as it is", "as it is"),
        (DURATION, 300.0, "300s"),
        (DURATION, 0.05, "0.05s"),
        (DURATION, 0.0, "0s"),
        (DURATION, 1234567.0, "1234567s"),
        (LIST, ("a", "b"), "a,b"),
        (RANGES, (1, 2, 3), "1,2,3"),
        (PAIRS, (("a", "1"), ("b", "2")), "a=1,b=2"),
        (URL_QUERY, (("a", "1"), ("b", "x y")), "a=1&b=x+y"),
    ],
)
def test_a_default_is_shown_as_it_would_be_written(kind: Kind, value: object, text: str) -> None:
    assert shown(value, kind) == text
    assert kind.read(text) == value
