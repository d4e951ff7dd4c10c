"""A few thousand inputs for each room, and that a room would notice what it looks for."""

import re

import pytest
from hypothesis import strategies as st

from tests.fuzz.room import Room, run
from tests.fuzz.rooms import rooms

INPUTS = 2000


@pytest.mark.timeout(120)
@pytest.mark.parametrize("room", rooms().values(), ids=lambda room: room.name)
def test_nothing_crashes_hangs_or_grows(room: Room) -> None:
    assert run(room, INPUTS).inputs >= INPUTS


def _crash(number: int) -> None:
    assert number < 100


def _grow(number: int) -> None:
    assert len(bytes(number * 1000)) == number * 1000


@pytest.mark.parametrize(("tried", "shown"), [(_crash, "assert 100 < 100"), (_grow, "takes")])
def test_a_crash_or_too_much_memory_is_found(tried: object, shown: str) -> None:
    room = Room("bad", st.integers(0, 10_000), tried, memory=2**20)  # type: ignore[arg-type]  # one of the two above
    with pytest.raises(AssertionError, match=re.escape(shown)):
        run(room, 500)
