"""One metric's arithmetic: the contract's vectors A (average), B (value) and C1 to C9 (object metrics)."""

import math

import pytest

from scaler.core import ratio
from scaler.core.quantity import MAX64
from scaler.core.ratio import MAX32, Tolerance

USUAL = Tolerance(0.1, 0.1)
NARROW_UP = Tolerance(0.1, 0.01)


@pytest.mark.parametrize(
    ("exists", "samples", "target", "replicas", "shown"),
    [
        pytest.param(1, [MAX64], 1, MAX32, MAX64, id="A1"),
        pytest.param(0, [20000], 5000, 4, 0, id="A3"),
        pytest.param(0, [0], 5000, 0, 0, id="A4"),
        pytest.param(5, [8600], 2867, 3, 1720, id="A6"),
        pytest.param(3, [8600], 2900, 3, 2867, id="A7"),
        pytest.param(3, [8600], 2222, 4, 2867, id="A9"),
        pytest.param(4, [8600], 2200, 4, 2150, id="A10"),
        pytest.param(3, [33001], 10000, 4, 11001, id="A12"),
        pytest.param(3, [27000], 10000, 3, 9000, id="A13"),
        pytest.param(3, [-1], 1000, MAX32, MAX64, id="A15"),
        pytest.param(11, [10000], 1000, 11, 910, id="A16"),
        pytest.param(2, [MAX64, 1], 1000, MAX32, MAX64, id="the sum overflows"),
        pytest.param(2, [4000, 6000], 2000, 5, 5000, id="the samples are added up"),
    ],
)
def test_average(exists: int, samples: list[int], target: int, replicas: int, shown: int) -> None:
    usage = ratio.total(samples)
    assert ratio.average(exists, usage, target, USUAL) == replicas
    assert ratio.shown_average(exists, usage) == shown


@pytest.mark.parametrize(
    ("wanted", "ready", "usage", "target", "tolerance", "replicas"),
    [
        pytest.param(3, 1, 8600, 4400, USUAL, 2, id="B1"),
        pytest.param(3, 3, 8600, 8888, USUAL, 3, id="B3"),
        pytest.param(3, 3, 8900, 8800, NARROW_UP, 4, id="B4"),
        pytest.param(3, 3, 8600, 6666, USUAL, 4, id="B6"),
        pytest.param(4, 4, 8600, 8666, USUAL, 4, id="B7"),
        pytest.param(3, 3, -1000, 1000, USUAL, -3, id="B9"),
        pytest.param(3, 3, 20000, 15000, USUAL, 4, id="C1"),
        pytest.param(3, 1, 50000, 10000, USUAL, 5, id="C3"),
        pytest.param(5, 5, 12000, 20000, USUAL, 3, id="C4"),
        pytest.param(0, 0, 20000, 8000, USUAL, 3, id="at zero the ratio itself"),
        pytest.param(0, 0, 8100, 8000, USUAL, 2, id="at zero without tolerance"),
    ],
)
def test_raw(wanted: int, ready: int, usage: int, target: int, tolerance: Tolerance, replicas: int) -> None:
    assert ratio.raw(wanted, usage / target, wanted, ready, tolerance) == replicas


@pytest.mark.parametrize(
    ("exists", "usage", "target", "tolerance", "replicas"),
    [
        pytest.param(3, 20000, 5000, USUAL, 4, id="C6"),
        pytest.param(5, 6000, 2000, USUAL, 3, id="C7"),
        pytest.param(4, 20208, 5000, NARROW_UP, 5, id="C9"),
    ],
)
def test_object_average(exists: int, usage: int, target: int, tolerance: Tolerance, replicas: int) -> None:
    assert ratio.average(exists, usage, target, tolerance) == replicas


def test_the_average_of_an_object_as_shown() -> None:
    assert ratio.shown_average(3, 20000) == 6667  # C6


def test_a_ratio_has_nothing_to_multiply_where_no_pod_exists() -> None:
    assert ratio.raw(3, 2.0, 0, 0, USUAL) is None
    assert ratio.raw(3, 1.0, 0, 0, USUAL) == 3  # within the tolerance nobody is counted
    assert ratio.raw(3, 2.0, 3, 0, USUAL) == 0


def test_the_ends_of_the_tolerance_belong_to_it() -> None:
    assert ratio.within(1.1, USUAL)
    assert ratio.within(0.9, USUAL)
    assert not ratio.within(math.nextafter(1.1, 2), USUAL)
    assert not ratio.within(math.nan, USUAL)
    assert not ratio.within(math.inf, Tolerance(0.1, 1e300))
