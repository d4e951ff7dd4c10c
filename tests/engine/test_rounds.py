"""Rounds, told after the fact to whoever follows."""

import asyncio

import pytest

from scaler.core.model import Why
from scaler.engine.cluster import Gone
from scaler.engine.rounds import MOST, Round, Rounds
from scaler.errors import ClusterError
from tests.engine.scene import EPOCH, Scene, ref, scene, trigger
from tests.engine.sources import Batch, Server

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def taken(rounds: Rounds) -> list[Round]:
    async with asyncio.timeout(1):
        return list(await rounds.taken())


async def test_a_round_with_all_its_moments() -> None:
    rounds, server = Rounds(), Server(answers={"q": 35}, takes=2.0)
    async with scene(rounds=rounds) as stage:
        stage.add("a", trigger(Batch(server=server), "q"))
        await stage.settled(3)
        [one] = await taken(rounds)
        assert (one.watched.ref, one.decision.why, one.changes) == (ref("a"), Why.ACTIVATED, True)
        assert (one.began, one.read, one.seen, one.decided) == (EPOCH, EPOCH + 2, EPOCH + 2, EPOCH + 2)
        assert one.took == {"s0-q": 2.0}
        assert one.applied is not None
        assert (one.applied.began, one.applied.ended, one.applied.problem) == (EPOCH + 2, EPOCH + 2, "")


async def test_a_round_in_which_nothing_happens_changes_nothing() -> None:
    rounds, server = Rounds(), Server(answers={"q": 0})
    async with scene(rounds=rounds) as stage:
        stage.add("a", trigger(Batch(server=server), "q"))
        await stage.settled()
        await taken(rounds)
        await stage.settled(10)
        await stage.ring()
        [one] = await taken(rounds)
        assert not one.changes


async def test_a_write_that_fails_is_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = Rounds()
    async with scene(rounds=rounds) as stage:

        async def refused(*_: object) -> None:
            raise ClusterError("no")

        monkeypatch.setattr(stage.cluster, "apply", refused)
        stage.add("a", trigger(Batch(server=Server(answers={"q": 35})), "q"))
        await stage.settled()
        [one] = await taken(rounds)
        assert one.applied is not None
        assert one.applied.problem == "ClusterError"


async def test_a_decision_that_was_overtaken_has_no_write() -> None:
    rounds = Rounds()
    async with scene(rounds=rounds) as stage:
        stage.add("a", trigger(Batch(server=Server(answers={"q": 35})), "q"))
        await stage.settled()
        [one] = await taken(rounds)
        rounds.decided(one)
        rounds.decided(one)
        [overtaken] = await taken(rounds)
        assert overtaken is one


async def test_of_too_many_the_oldest_are_given_up() -> None:
    rounds = Rounds()
    async with scene(rounds=rounds) as stage:
        await _one(stage)
        [one] = await taken(rounds)
        for _ in range(MOST + 11):
            rounds.decided(one)
        assert len(await taken(rounds)) == MOST
        assert rounds.missed == 10


async def test_while_nobody_follows_there_are_none() -> None:
    async with scene() as stage:
        await _one(stage)
        assert stage.replicas("a") == 4


async def _one(stage: Scene) -> None:
    stage.add("a", trigger(Batch(server=Server(answers={"q": 35})), "q"))
    await stage.settled()


async def test_a_write_belongs_to_the_decision_that_it_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a later one is made meanwhile."""
    rounds, server = Rounds(), Server(answers={"q": 10})
    async with scene(rounds=rounds, metric_max_age=0.5) as stage:

        async def slowly(*_: object) -> None:
            await asyncio.sleep(3)

        monkeypatch.setattr(stage.cluster, "apply", slowly)
        stage.add("a", trigger(Batch(server=server), "q"), interval=60.0)
        await stage.settled()
        server.answers["q"] = 20
        await stage.loop.refresh(ref("a"), "s0-q")
        await stage.settled(10)
        first, second = await taken(rounds)
        assert [one.decision.replicas for one in (first, second)] == [1, 2]
        assert first.applied is not None
        assert second.applied is not None
        assert (first.applied.began, first.applied.ended) == (EPOCH, EPOCH + 3)
        assert (second.applied.began, second.applied.ended) == (EPOCH + 3, EPOCH + 6)


async def test_of_an_object_that_goes_nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = Rounds()
    async with scene(rounds=rounds) as stage:

        async def slowly(*_: object) -> None:
            await asyncio.sleep(3)

        monkeypatch.setattr(stage.cluster, "apply", slowly)
        await _one(stage)
        stage.cluster.changes.put_nowait(Gone(ref("a")))
        await stage.settled()
        [one] = await taken(rounds)
        assert one.applied is None
        await stage.settled(5)
        assert not rounds._open
        assert not rounds._writing
