"""What is had for a time: asked for once, renewed before its end, and used up where that fails. In virtual time."""

import asyncio

import pytest

from scaler.errors import SourceError
from scaler.sdk.kept import CALM, PAUSE, Kept

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class Giver:
    """Gives numbered tokens that last for `lifetime`; every one takes `takes` seconds; raises while it is `broken`."""

    def __init__(self, lifetime: float = 100.0, takes: float = 0.0) -> None:
        self.lifetime, self.takes, self.broken, self.asked = lifetime, takes, False, 0

    async def ask(self) -> tuple[str, float]:
        self.asked += 1
        if self.takes:
            await asyncio.sleep(self.takes)
        if self.broken:
            raise SourceError("out of tokens")
        return f"token {self.asked}", self.lifetime


async def test_it_is_kept_and_renewed_before_it_ends() -> None:
    giver, kept = Giver(), Kept[str](early=30)
    assert [await kept.get(giver.ask) for _ in range(3)] == ["token 1"] * 3
    await asyncio.sleep(69.9)
    assert await kept.get(giver.ask) == "token 1"
    await asyncio.sleep(0.2)
    assert await kept.get(giver.ask) == "token 2"
    assert giver.asked == 2


async def test_who_wants_it_together_asks_once() -> None:
    giver, kept = Giver(takes=1.0), Kept[str]()
    assert set(await asyncio.gather(*(kept.get(giver.ask) for _ in range(20)))) == {"token 1"}
    assert giver.asked == 1


async def test_during_a_renewal_the_old_one_is_given() -> None:
    giver, kept = Giver(takes=5.0), Kept[str](early=30)
    await kept.get(giver.ask)
    await asyncio.sleep(80)
    renewal = asyncio.create_task(kept.get(giver.ask))
    await asyncio.sleep(0)
    assert await kept.get(giver.ask) == "token 1"
    assert await renewal == "token 1", "nobody waits long for what he does not need yet"
    await asyncio.sleep(5)
    assert (await kept.get(giver.ask), giver.asked) == ("token 2", 2)


async def test_a_renewal_that_fails_takes_nothing_away_until_the_end() -> None:
    giver, kept = Giver(lifetime=100), Kept[str](early=30)
    await kept.get(giver.ask)
    giver.broken = True
    await asyncio.sleep(75)
    assert await kept.get(giver.ask) == "token 1"
    assert await kept.get(giver.ask) == "token 1"
    assert giver.asked == 2, "others do not try at the same moment"
    await asyncio.sleep(20)
    assert await kept.get(giver.ask) == "token 1"
    await asyncio.sleep(6)
    with pytest.raises(SourceError, match="out of tokens"):
        await kept.get(giver.ask)
    giver.broken = False
    await asyncio.sleep(PAUSE)
    assert await kept.get(giver.ask) == "token 5"


async def test_a_first_failure_is_everybodys_for_a_moment() -> None:
    giver, kept = Giver(), Kept[str]()
    giver.broken = True
    for _ in range(3):
        with pytest.raises(SourceError):
            await kept.get(giver.ask)
    assert giver.asked == 1
    kept.forget()
    with pytest.raises(SourceError):
        await kept.get(giver.ask)
    assert giver.asked == 1, "being refused does not hurry it"


async def test_what_was_refused_is_not_given_again() -> None:
    giver, kept = Giver(), Kept[str]()
    await kept.get(giver.ask)
    kept.forget()
    assert await kept.get(giver.ask) == "token 2"


async def test_what_ends_at_once_is_kept_for_a_second() -> None:
    giver, kept = Giver(lifetime=-5), Kept[str]()
    assert [await kept.get(giver.ask) for _ in range(3)] == ["token 1"] * 3
    await asyncio.sleep(1)
    assert await kept.get(giver.ask) == "token 2"


async def test_who_gives_up_leaves_the_question_to_the_next() -> None:
    giver, kept = Giver(takes=10), Kept[str]()
    first = asyncio.create_task(kept.get(giver.ask))
    await asyncio.sleep(1)
    second = asyncio.create_task(kept.get(giver.ask))
    await asyncio.sleep(1)
    first.cancel()
    assert await second == "token 1"


async def test_who_waits_less_than_it_takes_has_it_the_next_time() -> None:
    giver, kept = Giver(takes=4), Kept[str]()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await kept.get(giver.ask)
    async with asyncio.timeout(1.5):
        assert await kept.get(giver.ask) == "token 1"
    assert giver.asked == 1


async def test_a_renewal_goes_on_when_he_who_began_it_gives_up() -> None:
    giver, kept = Giver(lifetime=100, takes=4), Kept[str](early=30)
    await kept.get(giver.ask)
    await asyncio.sleep(80)
    async with asyncio.timeout(1.5):
        assert await kept.get(giver.ask) == "token 1"
    await asyncio.sleep(3.1)
    async with asyncio.timeout(0.1):
        assert await kept.get(giver.ask) == "token 2"
    assert giver.asked == 2


async def test_a_refusal_of_the_one_before_changes_nothing() -> None:
    giver, kept = Giver(), Kept[str]()
    old = await kept.get(giver.ask)
    kept.forget(old)
    await kept.get(giver.ask)
    await asyncio.sleep(CALM)
    kept.forget(old)
    assert await kept.get(giver.ask) == "token 2"
    kept.forget("token 2")
    assert await kept.get(giver.ask) == "token 3"


async def test_who_refuses_everything_does_not_cost_a_question_each_time() -> None:
    giver, kept = Giver(), Kept[str]()
    for _ in range(20):
        kept.forget(await kept.get(giver.ask))
        await asyncio.sleep(1)
    assert giver.asked == 3


async def test_it_is_not_seen() -> None:
    kept = Kept[str]()
    await kept.get(Giver().ask)
    assert "token" not in repr(kept)
