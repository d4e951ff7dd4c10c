"""The timetable, with a wall clock that can be set."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

import pytest

from scaler.engine.agenda import Agenda, Slot
from scaler.engine.timetable import TICK, Timetable, phase, width
from tests.engine.conftest import EPOCH

virtual = pytest.mark.looptime

Clock = Callable[[], float]


class Rung(Agenda[str]):
    """An agenda that notes when it was rung, and how late."""

    def __init__(self) -> None:
        super().__init__()
        self.rings: list[tuple[float, Slot]] = []
        self.lateness: list[float] = []
        self.thrice = asyncio.Event()

    def ring(self, slot: Slot, now: float, late: float = 0.0) -> None:
        self.rings.append((asyncio.get_running_loop().time(), slot))
        self.lateness.append(late)
        if len(self.rings) == 3:
            self.thrice.set()
        super().ring(slot, now, late)

    def at(self, slot: Slot) -> list[float]:
        return [moment for moment, rung in self.rings if rung == slot]


class Wall:
    """The wall clock: the loop's time and whatever somebody set it by."""

    def __init__(self) -> None:
        self.set_by = 0.0

    def __call__(self) -> float:
        return EPOCH + asyncio.get_running_loop().time() + self.set_by


class Zone(tzinfo):
    """UTC, but when APScheduler asks for the present (`datetime.now(zone)`) it is given the wall clock of the test."""

    def __init__(self, wall: Wall) -> None:
        self._wall = wall

    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, when: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, when: datetime | None) -> str:
        return "test"

    def fromutc(self, when: datetime) -> datetime:
        present = abs(when.replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(minutes=1)
        return (datetime.fromtimestamp(self._wall(), UTC) if present else when).replace(tzinfo=self)


@pytest.fixture
def agenda() -> Rung:
    return Rung()


@pytest.fixture
def wall() -> Wall:
    return Wall()


@asynccontextmanager
async def running(agenda: Rung, clock: Clock, wall: Wall) -> AsyncIterator[Timetable]:
    timetable = Timetable(agenda, clock, wall=wall, steady=asyncio.get_running_loop().time)
    timetable._scheduler.timezone = Zone(wall)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(timetable.run())
        yield timetable
        task.cancel()


def close(*moments: float) -> list[object]:
    return [pytest.approx(moment, abs=0.01) for moment in moments]


@virtual
async def test_each_slot_rings_at_its_phase_of_the_interval(agenda: Rung, clock: Clock, wall: Wall) -> None:
    early, late, quick, each = Slot(30.0, 0), Slot(30.0, 123), Slot(10.0, 99), Slot(1.0, 37)
    for key, slot in (("a", early), ("b", late), ("c", quick), ("d", each)):
        agenda.put(key, slot)
    async with running(agenda, clock, wall):
        await asyncio.sleep(65)
    assert agenda.at(early) == close(0, 30, 60)
    assert agenda.at(late) == close(12.3, 42.3)
    assert agenda.at(quick) == close(9.9, 19.9, 29.9, 39.9, 49.9, 59.9)
    assert agenda.at(each) == close(*(second + 0.37 for second in range(65)))
    assert max(agenda.lateness) < 0.01


@virtual
async def test_a_slot_rings_once_for_all_its_keys(agenda: Rung, clock: Clock, wall: Wall) -> None:
    for number in range(100):
        agenda.put(f"k{number}", Slot(30.0, 5))
    async with running(agenda, clock, wall):
        await asyncio.sleep(40)
    assert len(agenda.rings) == 2


@virtual
async def test_slots_come_and_go_with_the_agenda(agenda: Rung, clock: Clock, wall: Wall) -> None:
    async with running(agenda, clock, wall):
        await asyncio.sleep(10)
        agenda.put("a", Slot(10.0, 50))
        await asyncio.sleep(20)
        assert agenda.at(Slot(10.0, 50)) == close(15, 25)
        agenda.put("a", Slot(20.0, 30))
        await asyncio.sleep(20)
        assert agenda.at(Slot(20.0, 30)) == close(43)
        agenda.drop("a")
        await asyncio.sleep(60)
        assert len(agenda.rings) == 3


@virtual
async def test_newcomers_are_swept_in(agenda: Rung, clock: Clock, wall: Wall) -> None:
    for number in range(100):
        agenda.sweep_in(f"k{number}", Slot(3600.0, number), first=False)
    async with running(agenda, clock, wall):
        keys = aiter(agenda)
        moments = [(await anext(keys), asyncio.get_running_loop().time()) for _ in range(100)]
    assert moments[-1][1] == pytest.approx(5, abs=2 * TICK)


@virtual
@pytest.mark.parametrize("step", [-3600.0, 3600.0, -1.0, 1.0])
async def test_a_wall_clock_that_is_set_silences_nobody(agenda: Rung, clock: Clock, wall: Wall, step: float) -> None:
    slot = Slot(30.0, 70)
    agenda.put("a", slot)
    async with running(agenda, clock, wall):
        await asyncio.sleep(50)
        wall.set_by = step
        await asyncio.sleep(70)
    rings = agenda.at(slot)
    assert max(after - before for before, after in pairwise(rings)) <= 31.2
    assert len(rings) == pytest.approx(4, abs=1)
    assert all(round(EPOCH + step + moment - 7, 2) % 30 <= TICK for moment in rings[-2:])


@virtual
async def test_a_ring_that_comes_late_says_so(agenda: Rung, clock: Clock, wall: Wall) -> None:
    agenda.put("a", Slot(30.0, 0))
    async with running(agenda, clock, wall):
        await asyncio.sleep(40)
        wall.set_by = 0.4  # less than a step: the clocks have come apart a little
        await asyncio.sleep(30)
    assert agenda.lateness[-1] == pytest.approx(0.4, abs=0.05)


async def test_it_rings_in_real_time() -> None:
    agenda = Rung()
    slot = Slot(0.2, 1)
    agenda.put("a", slot)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(Timetable(agenda, lambda: EPOCH).run())
        await agenda.thrice.wait()
        task.cancel()
    assert {rung for _, rung in agenda.rings} == {slot}


async def test_it_leaves_nothing_behind() -> None:
    agenda = Rung()
    agenda.put("a", Slot(0.2, 0))
    task = asyncio.ensure_future(Timetable(agenda, lambda: EPOCH).run())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.3)
    assert len(agenda.rings) <= 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_equal_identities_have_one_phase_and_others_spread() -> None:
    assert phase("kafka:9092", 30) == phase("kafka:9092", 30)
    phases = [phase(f"http://server/{number}", 30) for number in range(3000)]
    assert (min(phases) >= 0, max(phases) < 300) == (True, True)
    assert max(phases.count(one) for one in set(phases)) < 30


def test_a_phase_is_the_same_in_every_process() -> None:
    assert phase("kafka:9092", 30) == 152


def test_short_intervals_have_as_many_phases_but_none_shorter_than_a_hundredth_of_a_second() -> None:
    assert [width(interval) for interval in (300, 10, 5, 1, 0.05)] == [0.1, 0.1, 0.05, 0.01, 0.01]
    phases = {phase(f"http://server/{number}", 1) for number in range(3000)}
    assert phases == set(range(100))
    assert phase("anything", 0.005) == 0
