"""The agenda, rung by hand."""

import asyncio
from collections.abc import Iterable
from zlib import crc32

import pytest

from scaler.engine.agenda import PER_PASS, Agenda, Slot

pytestmark = pytest.mark.looptime

HALF_MINUTE = Slot(30.0, 0)


class Served:
    """Takes keys from an agenda, as the loop does; `busy` are those whose serving has not ended."""

    def __init__(self, agenda: Agenda[str]) -> None:
        self.agenda = agenda
        self.keys = aiter(agenda)
        self.busy: list[str] = []

    async def due(self) -> list[str]:
        """All that is due now, in order; serving them begins."""
        before = len(self.busy)
        try:
            async with asyncio.timeout(0.001):
                async for key in self.keys:
                    self.busy.append(key)
        except TimeoutError:
            self.keys = aiter(self.agenda)
        return self.busy[before:]

    async def serve(self, now: float) -> list[str]:
        """All that is due now, begun and ended."""
        found = await self.due()
        self.end(now)
        return found

    def end(self, now: float) -> None:
        for key in self.busy:
            self.agenda.done(key, now)
        self.busy = []


@pytest.fixture
def agenda() -> Agenda[str]:
    return Agenda()


@pytest.fixture
def served(agenda: Agenda[str]) -> Served:
    return Served(agenda)


def put(agenda: Agenda[str], keys: Iterable[str], slot: Slot = HALF_MINUTE) -> None:
    for key in keys:
        agenda.put(key, slot)


# --------------------------------------------------------------------------------------------------------- who is due


async def test_a_new_key_is_due_at_once(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "a")
    assert await served.serve(0) == ["a"]
    assert await served.serve(1) == []


async def test_a_slot_rings_its_own_keys(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "ab")
    put(agenda, "c", Slot(30.0, 70))
    await served.serve(0)
    agenda.ring(HALF_MINUTE, 30)
    assert await served.serve(30) == ["a", "b"]
    agenda.ring(Slot(30.0, 70), 37)
    assert await served.serve(37) == ["c"]


async def test_a_slot_that_nobody_is_in_rings_unheard(agenda: Agenda[str], served: Served) -> None:
    agenda.ring(HALF_MINUTE, 0)
    assert await served.serve(0) == []


async def test_a_poke_makes_due_between_two_rings(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "ab")
    await served.serve(0)
    agenda.poke("b")
    agenda.poke("b")
    agenda.poke("unknown")
    assert await served.serve(12) == ["b"]


async def test_a_key_that_moves_to_another_slot_leaves_the_first(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "a")
    assert agenda.slots == {HALF_MINUTE}
    put(agenda, "a", Slot(10.0, 3))
    assert (agenda.slots, len(agenda)) == (frozenset({Slot(10.0, 3)}), 1)
    await served.serve(0)
    agenda.ring(HALF_MINUTE, 30)
    assert await served.serve(30) == []
    agenda.ring(Slot(10.0, 3), 30.3)
    assert await served.serve(30.3) == ["a"]


async def test_the_slots_are_the_same_object_until_they_change(agenda: Agenda[str]) -> None:
    put(agenda, "a")
    slots = agenda.slots
    put(agenda, "b")
    assert agenda.slots is slots
    agenda.drop("a")
    assert agenda.slots is slots
    agenda.drop("b")
    assert agenda.slots == frozenset()


async def test_iterating_waits_for_the_next_key(agenda: Agenda[str]) -> None:
    async def later() -> None:
        await asyncio.sleep(60)
        agenda.put("a", HALF_MINUTE)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(later())
        assert await anext(aiter(agenda)) == "a"
        assert asyncio.get_running_loop().time() == 60


# ------------------------------------------------------------------------------------------------------------- overlap


async def test_a_key_is_handed_out_once_at_a_time(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "a")
    await served.due()
    agenda.poke("a")
    agenda.poke("a")
    assert await served.due() == []
    served.end(2)
    assert await served.serve(2) == ["a"]
    assert await served.serve(2) == []


async def test_rung_while_it_is_served_is_a_skipped_round(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "ab")
    assert await served.serve(0) == ["a", "b"]
    agenda.ring(HALF_MINUTE, 30)
    await served.due()
    agenda.ring(HALF_MINUTE, 60)
    agenda.ring(HALF_MINUTE, 90)
    assert agenda.skipped == {"a": 2, "b": 2}
    served.end(95)
    assert await served.serve(95) == ["a", "b"]
    assert agenda.skipped == {"a": 2, "b": 2}


async def test_poked_while_it_is_served_is_no_skipped_round(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "a")
    await served.due()
    agenda.poke("a")
    assert agenda.skipped["a"] == 0


async def test_rung_while_it_waits_to_be_handed_out_is_no_skipped_round(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "a")
    agenda.ring(HALF_MINUTE, 0)
    assert agenda.skipped["a"] == 0
    assert await served.serve(0) == ["a"]


# ------------------------------------------------------------------------------------------------------- half interval


async def test_a_ring_leaves_out_what_was_served_less_than_half_an_interval_ago(
    agenda: Agenda[str], served: Served
) -> None:
    put(agenda, "ab")
    await served.serve(0)
    agenda.poke("a")
    await served.serve(16)
    agenda.ring(HALF_MINUTE, 30)
    assert await served.serve(30) == ["b"]
    agenda.ring(HALF_MINUTE, 60)
    assert await served.serve(60) == ["a", "b"]


async def test_half_an_interval_ago_is_long_enough(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "a")
    await served.serve(15)
    agenda.ring(HALF_MINUTE, 30)
    assert await served.serve(30) == ["a"]


@pytest.mark.parametrize("takes", [1, 14, 16, 29])
async def test_a_slow_source_is_still_asked_each_interval(agenda: Agenda[str], served: Served, takes: float) -> None:
    put(agenda, "a")
    await served.serve(0)
    for moment in (30, 60, 90):
        agenda.ring(HALF_MINUTE, moment)
        assert await served.due() == ["a"]
        served.end(moment + takes)
    assert agenda.skipped["a"] == 0


async def test_what_was_served_late_counts_from_then(agenda: Agenda[str], served: Served) -> None:
    """Rung at 60 while it is served, it is served from 65 on: the next ring asks again."""
    put(agenda, "a")
    await served.serve(0)
    agenda.ring(HALF_MINUTE, 30)
    await served.due()
    agenda.ring(HALF_MINUTE, 60)
    served.end(65)
    assert await served.serve(75) == ["a"]
    agenda.ring(HALF_MINUTE, 90)
    assert await served.serve(90) == ["a"]


# ------------------------------------------------------------------------------------------------------------ lateness


async def test_a_round_is_as_late_as_its_ring(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "a")
    await served.serve(0)
    assert agenda.late == {}
    agenda.ring(HALF_MINUTE, 30.25, 0.25)
    assert agenda.late == {"a": 0.25}
    await served.serve(30.25)
    agenda.ring(HALF_MINUTE, 60, 0)
    assert agenda.late == {"a": 0}


async def test_a_skipped_round_is_as_late_as_it_had_to_wait(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "a")
    await served.serve(0)
    agenda.ring(HALF_MINUTE, 30)
    await served.due()
    agenda.poke("a")
    agenda.ring(HALF_MINUTE, 60.5, 0.5)
    agenda.ring(HALF_MINUTE, 90)
    served.end(95)
    assert agenda.late == {"a": 35}


async def test_who_is_left_out_is_not_late_any_more(agenda: Agenda[str], served: Served) -> None:
    """Another entrance serves it instead: what was late is over."""
    put(agenda, "a")
    await served.serve(0)
    agenda.ring(HALF_MINUTE, 30.25, 0.25)
    await served.serve(30.25)
    agenda.served("a", 50)
    assert agenda.late["a"] == 0
    agenda.ring(HALF_MINUTE, 70, 0.5)
    assert agenda.late["a"] == 0.5
    await served.serve(75)
    agenda.served("a", 80)
    agenda.late["a"] = 0.5
    agenda.ring(HALF_MINUTE, 90, 0.1)
    assert agenda.late["a"] == 0
    agenda.served("gone", 90)
    assert set(agenda.late) == {"a"}


# ---------------------------------------------------------------------------------------------------------------- drop


async def test_a_dropped_key_is_not_due(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "ab")
    agenda.drop("a")
    assert await served.serve(0) == ["b"]
    agenda.ring(HALF_MINUTE, 30)
    assert await served.serve(30) == ["b"]


async def test_dropped_while_it_is_served_it_ends_unheard(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "a")
    await served.due()
    agenda.poke("a")
    agenda.drop("a")
    served.end(3)
    assert await served.serve(3) == []
    assert (len(agenda), agenda.slots, agenda.skipped, agenda.late) == (0, frozenset(), {}, {})


async def test_back_again_while_it_is_served_it_comes_after_done(agenda: Agenda[str], served: Served) -> None:
    put(agenda, "a")
    await served.due()
    agenda.drop("a")
    put(agenda, "a")
    assert await served.due() == []
    served.end(3)
    assert await served.serve(3) == ["a"]


async def test_dropping_what_is_not_there_is_nothing(agenda: Agenda[str]) -> None:
    agenda.drop("a")
    agenda.done("a", 0)
    assert len(agenda) == 0


# ----------------------------------------------------------------------------------------------------------- the herd


async def test_a_herd_is_handed_out_in_passes(agenda: Agenda[str]) -> None:
    """The event loop comes round after each hundred keys."""
    passes, handed = 0, [0] * 100

    async def tick() -> None:
        nonlocal passes
        while True:
            await asyncio.sleep(0)
            passes += 1

    async with asyncio.TaskGroup() as tasks:
        ticking = tasks.create_task(tick())
        await asyncio.sleep(0)
        put(agenda, (f"k{number}" for number in range(1000)))
        count = 0
        async for _ in agenda:
            handed[passes] += 1
            count += 1
            if count == 1000:
                break
        ticking.cancel()
    assert (sum(handed), max(handed)) == (1000, PER_PASS)


# --------------------------------------------------------------------------------------------------------- sweeping in


async def sweep(moments: Iterable[float], served: Served) -> list[tuple[float, str]]:
    """What each call of `sweep` let in; everything is served in no time."""
    found = []
    for moment in moments:
        served.agenda.sweep(moment)
        found += [(moment, key) for key in await served.serve(moment)]
    return found


def most_in_a_second(entered: list[tuple[float, str]]) -> int:
    moments = [moment for moment, _ in entered]
    return max(sum(1 for other in moments if moment <= other < moment + 0.99) for moment in moments)


def sweep_in(agenda: Agenda[str], count: int, *, interval: float = 30.0, first: Iterable[int] = ()) -> None:
    for number in range(count):
        slot = Slot(interval, crc32(b"%d" % number) % int(interval * 10))
        agenda.sweep_in(f"k{number}", slot, first=number in first)


def ticks(seconds: float, start: float = 0.0) -> list[float]:
    return [start + number / 10 for number in range(int(seconds * 10))]


async def test_a_thousand_keys_are_swept_in_at_nearly_twice_their_steady_rate(
    agenda: Agenda[str], served: Served
) -> None:
    sweep_in(agenda, 1000)
    entered = await sweep(ticks(20), served)
    assert len({key for _, key in entered}) == len(entered) == 1000
    assert most_in_a_second(entered) <= 70
    assert entered[-1][0] == pytest.approx(16.7, abs=0.5)
    assert not agenda.sweeping


async def test_a_pause_is_not_made_up_for(agenda: Agenda[str], served: Served) -> None:
    sweep_in(agenda, 1000)
    entered = await sweep([*ticks(2), *ticks(20, start=9)], served)
    assert most_in_a_second(entered) <= 70


async def test_keys_that_come_one_by_one_keep_the_rate(agenda: Agenda[str], served: Served) -> None:
    entered = []
    for number, moment in enumerate(ticks(22)):
        for one in range(10 * number, min(10 * number + 10, 1000)):
            agenda.sweep_in(f"k{one}", Slot(30.0, one % 300), first=False)
        entered += await sweep([moment], served)
    assert (len(entered), most_in_a_second(entered) <= 70) == (1000, True)


async def test_a_handful_is_in_at_once(agenda: Agenda[str], served: Served) -> None:
    sweep_in(agenda, 5, interval=600)
    assert len(await sweep(ticks(0.5), served)) == 5


async def test_those_that_must_not_wait_come_first(agenda: Agenda[str], served: Served) -> None:
    sweep_in(agenda, 100, first=(70, 80, 90))
    entered = await sweep(ticks(10), served)
    assert [key for _, key in entered[:4]] == ["k70", "k80", "k90", "k0"]


async def test_each_interval_has_its_own_sweep(agenda: Agenda[str], served: Served) -> None:
    sweep_in(agenda, 1000, interval=300)
    agenda.sweep_in("quick", Slot(10.0, 0), first=False)
    assert (0.0, "quick") in await sweep([0.0], served)


async def test_who_waits_to_be_swept_in_does_not_hear_the_ring(agenda: Agenda[str], served: Served) -> None:
    sweep_in(agenda, 50)
    for slot in agenda.slots:
        agenda.ring(slot, 0)
    assert await served.serve(0) == []


async def test_a_poke_lets_in_at_once_and_only_once(agenda: Agenda[str], served: Served) -> None:
    sweep_in(agenda, 50)
    agenda.poke("k40")
    assert await served.serve(0) == ["k40"]
    entered = await sweep(ticks(5), served)
    assert "k40" not in {key for _, key in entered}
    assert len(entered) == 49


async def test_dropped_while_it_waits_it_never_enters(agenda: Agenda[str], served: Served) -> None:
    sweep_in(agenda, 50)
    agenda.drop("k3")
    assert len(await sweep(ticks(5), served)) == 49
    assert not agenda.sweeping
