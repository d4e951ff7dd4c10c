"""What waits for a sink: bounded, in order, one event of an object at a time."""

from scaler.sinks.event import Happening
from scaler.sinks.waiting import MOST, Waiting
from tests.sinks.happenings import happened, ref


def numbered(number: int, name: str = "") -> Happening:
    return happened(id=str(number), to=ref(name or f"object-{number}"))


def taken(waiting: Waiting) -> str:
    one = waiting.take()
    return one.id if one else ""


def test_first_come_first_served() -> None:
    waiting = Waiting()
    for number in range(3):
        assert waiting.put(numbered(number)) is None
    assert [taken(waiting) for _ in range(4)] == ["0", "1", "2", ""]
    assert len(waiting) == 0


def test_events_of_one_object_never_overtake_each_other() -> None:
    waiting = Waiting()
    first, second, other = numbered(0, "orders"), numbered(1, "orders"), numbered(2, "else")
    for one in (first, second, other):
        waiting.put(one)
    assert (waiting.take(), waiting.take(), waiting.take()) == (first, other, None)
    waiting.done(other)
    assert waiting.take() is None
    waiting.done(first)
    assert waiting.take() == second


def test_the_oldest_makes_room() -> None:
    waiting = Waiting()
    for number in range(MOST):
        assert waiting.put(numbered(number)) is None
    given_up = waiting.put(numbered(MOST))
    assert given_up is not None
    assert given_up.id == "0"
    assert (len(waiting), taken(waiting)) == (MOST, "1")
