import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.core.quantity import milli, milli_of, parse, render_milli
from tests.core import quantities

MAX64 = 2**63 - 1


@pytest.mark.parametrize(
    ("text", "thousandths"),
    [
        ("0", 0),
        ("8600m", 8600),
        ("8.6", 8600),
        ("1n", 1),
        ("1.0005", 1001),
        ("-8.6005", -8601),
        ("1500u", 2),
        ("2k", 2_000_000),
        ("3M", 3_000_000_000),
        ("1E3", 1_000_000),
        ("1e-3", 1),
        ("1e+2", 100_000),
        ("1Ki", 1_024_000),
        ("128Mi", 134_217_728_000),
        ("1.5Gi", 1_610_612_736_000),
        (".5", 500),
        ("5.", 5000),
        ("+5", 5000),
        ("000", 0),
        ("007", 7000),
    ],
)
def test_a_quantity_in_thousandths(text: str, thousandths: int) -> None:
    assert milli(text) == thousandths


@pytest.mark.parametrize(
    ("text", "thousandths"),
    [
        ("-3.33333333333333333333", -3332),  # the decimal path adds 1 to what it truncated, also below zero
        ("3.33333333333333333333", 3334),
        ("-0.0000000001", 1),
        ("9223372036854775", 9223372036854775000),
        ("9223372036854776", -9223372036854775616),
        ("9223372036854775807", -1000),
        ("1E", 0),
        ("10E", 0),
        ("1e30", 0),
        ("16Ei", -1000),  # capped at 2^63-1, which then wraps
    ],
)
def test_what_does_not_fit_is_wrong_as_in_kubernetes(text: str, thousandths: int) -> None:
    assert milli(text) == thousandths


@pytest.mark.parametrize(
    "text",
    ["", ".", "k", "NaN", "Inf", "1_000", "--1", "1e", "1K", "1ki", " 1", "1 ", "1.2.3", "1e999999999", "\u0661"],
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a quantity|is out of range"):
        milli(text)
    with pytest.raises(ValueError, match=r"is not a quantity|is out of range"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0),
        ("0.05", 50 * 0.001),
        ("9m", 0.009000000000000001),
        ("0.009", 0.009000000000000001),  # stored as 9m
        ("0.1", 0.1),
        ("500u", 0.0005),
        ("1500", 1500.0),
        ("1.5k", 1500.0),
        ("10Mi", 10 * 2.0**20),
        ("-2", -2.0),
        ("1e300", 1e300),
    ],
)
def test_a_quantity_as_the_float_that_kubernetes_compares_by(text: str, value: float) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("thousandths", "text"),
    [
        (8600, "8600m"),
        (9000, "9"),
        (1_500_000, "1500"),
        (1_000_000, "1k"),
        (0, "0"),
        (1, "1m"),
        (123_456_789, "123456789m"),
        (-1500, "-1500m"),
        (9223372036854775000, "9223372036854775"),
        (10**18, "1P"),
    ],
)
def test_thousandths_as_printed(thousandths: int, text: str) -> None:
    assert render_milli(thousandths) == text


@pytest.mark.parametrize(
    ("value", "thousandths"),
    [
        (0.0005, 0),
        (1.001, 1000),  # the product is 1000.9999…, and it is truncated
        (8.6, 8600),
        (-1.0, 0),
        (math.nan, 0),
        (math.inf, 0),
        (-math.inf, 0),
        (9223372036854775.0, 9223372036854775000),
        (1e300, 9223372036854775000),
    ],
)
def test_a_measured_number_is_truncated_and_clamped(value: float, thousandths: int) -> None:
    assert milli_of(value) == thousandths


@settings(derandomize=True, max_examples=200)
@given(st.integers(-MAX64 // 1000, MAX64 // 1000))
def test_what_is_printed_is_read_back(thousandths: int) -> None:
    assert milli(render_milli(thousandths)) == thousandths


@settings(derandomize=True, max_examples=200)
@given(st.floats())
def test_a_published_number_always_fits(value: float) -> None:
    assert 0 <= milli_of(value) <= MAX64
    assert milli(render_milli(milli_of(value))) == milli_of(value)


@settings(derandomize=True, max_examples=1000, deadline=None)
@given(quantities.texts)
def test_whatever_is_written_it_is_a_quantity_or_refused(text: str) -> None:
    quantities.holds(text)


@pytest.mark.parametrize(("text", "value"), [("9" * 400, math.inf), ("-" + "9" * 400, -math.inf)])
def test_what_is_too_large_for_a_float_is_infinite(text: str, value: float) -> None:
    assert parse(text) == value


def test_what_nobody_writes_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse("9" * 10_000_000)
