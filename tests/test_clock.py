"""The clock, with a wall clock that is set and a machine that sleeps."""

import time

import pytest

from scaler.clock import FOLLOW, Clock

EPOCH = 1_700_000_000.0


class Machine:
    """What the system's clocks say."""

    def __init__(self) -> None:
        self.wall = EPOCH
        self.steady = 50.0
        self.clock = Clock(lambda: self.wall, lambda: self.steady)

    def after(self, seconds: float) -> float:
        """What the clock says so much later."""
        self.wall += seconds
        self.steady += seconds
        return self.clock()


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_it_starts_with_the_wall_clock(machine: Machine) -> None:
    assert machine.clock() == EPOCH


def test_it_goes_on_with_the_steady_one(machine: Machine) -> None:
    assert [machine.after(seconds) - EPOCH for seconds in (1, 0, 60, 3600)] == pytest.approx([1, 1, 61, 3661])


def test_sleep_of_the_machine_counts(machine: Machine) -> None:
    """CLOCK_BOOTTIME goes on while the machine sleeps, as the wall clock does."""
    assert machine.after(8 * 3600) == pytest.approx(EPOCH + 8 * 3600)


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_an_hours_step_is_followed_by_a_second_a_minute(machine: Machine, step: float) -> None:
    machine.wall += step
    assert machine.clock() == EPOCH
    sign = step / abs(step)
    assert machine.after(60) == pytest.approx(EPOCH + 60 + sign)
    assert machine.after(600) == pytest.approx(EPOCH + 660 + sign * 11)


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_it_arrives_and_stays(machine: Machine, step: float) -> None:
    machine.wall += step
    for _ in range(100):
        machine.after(3600)
    assert machine.clock() == pytest.approx(machine.wall)
    assert machine.after(10) == pytest.approx(machine.wall)


def test_a_small_drift_is_followed_at_once(machine: Machine) -> None:
    machine.wall += 0.001
    assert machine.after(1) == pytest.approx(EPOCH + 1.001, abs=1e-6)


@pytest.mark.parametrize("often", [1, 7, 600])
def test_how_often_it_is_asked_makes_no_difference(machine: Machine, often: int) -> None:
    machine.wall -= 3600
    for _ in range(often):
        machine.after(600 / often)
    assert machine.clock() == pytest.approx(EPOCH + 600 - 600 * FOLLOW)


def test_it_never_goes_backwards(machine: Machine) -> None:
    said = [machine.clock()]
    for step in (-86_400.0, 5.0, -1.0, 3600.0, -1e9):
        machine.wall += step
        said += [machine.after(seconds) for seconds in (0, 0.001, 1, 30)]
    assert said == sorted(said)


def test_it_asks_the_system_where_nobody_says_otherwise() -> None:
    assert Clock()() == pytest.approx(time.time(), abs=1)
