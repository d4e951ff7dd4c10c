"""HTTP requests, counted for whom they were made."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from scaler.engine.cluster import Gone
from scaler.engine.traffic import Traffic
from scaler.errors import SourceError
from scaler.sdk.exchanges import Exchange, _heard
from scaler.sdk.source import Parallel, Source, Together
from tests.engine.scene import Scene, ref, scene, trigger

ONE = [Exchange(200, 0.1)]


@dataclass(frozen=True)
class Speaking(Source[str, Any]):
    """Answers, and has exchanged something over HTTP for each query; a query that is a number fails with it."""

    how: ClassVar[Together | Parallel] = Parallel(64)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Speaking"]:
        yield self

    async def fetch(self, queries: Sequence[str]) -> Sequence[Any]:
        await asyncio.sleep(0.5)
        answers: list[Any] = []
        for query in queries:
            heard = _heard.get()
            assert heard is not None
            heard.append(Exchange(int(query) if query.isdecimal() else 200, 0.5))
            answers.append(SourceError(f"HTTP {query}") if query.isdecimal() else 10)
        return answers


@dataclass(frozen=True)
class SpeakingTogether(Speaking):
    how: ClassVar[Together | Parallel] = Together()


def test_each_request_is_counted_for_its_trigger() -> None:
    traffic, bound = Traffic(), trigger(Speaking(), "q")
    traffic.heard(ref("a"), bound, [Exchange(200, 0.1), Exchange(200, 0.2), Exchange(500, 0.3)])
    found = [(name, whose.type, whose.metric, whose.status, count) for name, whose, count in traffic.requests()]
    assert found == [(("default", "a"), "plain", "s0-q", 200, 2), (("default", "a"), "plain", "s0-q", 500, 1)]
    assert [(kind.status, held.count) for kind, held in traffic.durations_by_kind()] == [(200, 2), (500, 1)]
    assert list(traffic.durations()) == []


def test_in_detail_durations_are_each_triggers() -> None:
    traffic = Traffic(detailed=True)
    for name in ("a", "b"):
        traffic.heard(ref(name), trigger(Speaking(), "q"), ONE)
    assert [(name, held.count) for name, _, held in traffic.durations()] == [
        (("default", "a"), 1),
        (("default", "b"), 1),
    ]
    assert list(traffic.durations_by_kind()) == []


def test_of_metrics_that_are_gone_nothing_is_kept() -> None:
    traffic = Traffic(detailed=True)
    for query in ("q", "r"):
        traffic.heard(ref("a"), trigger(Speaking(), query), ONE)
    traffic.only(ref("a"), {"s0-r"})
    assert [whose.metric for _, whose, _ in traffic.requests()] == ["s0-r"]
    assert [whose.metric for _, whose, _ in traffic.durations()] == ["s0-r"]
    traffic.only(ref("b"), set())
    traffic.forget(ref("a"))
    assert list(traffic.requests()) == []
    assert list(traffic.durations()) == []


@pytest.mark.looptime
@pytest.mark.parametrize("source", [Speaking(), SpeakingTogether()])
async def test_the_line_counts_what_was_asked_for_each_object(source: Speaking) -> None:
    async with scene() as stage:
        stage.add("a", trigger(source, "q"))
        stage.add("b", trigger(source, "404"))
        await swept_in(stage)
        found = {(name[1], whose.status): count for name, whose, count in stage.board.traffic.requests()}
        assert found.keys() >= {("a", 200), ("b", 404)}
        before = sum(count for _, _, count in stage.board.traffic.requests())
        await stage.settled(10)
        await stage.ring()
        assert sum(count for _, _, count in stage.board.traffic.requests()) > before


@pytest.mark.looptime
async def test_an_answer_that_was_there_already_is_no_request() -> None:
    async with scene() as stage:
        stage.add("a", trigger(Speaking(), "q"), trigger(Speaking(), "r", index=1))
        await swept_in(stage)
        before = sum(count for _, _, count in stage.board.traffic.requests())
        assert before == 2
        await stage.loop.refresh(ref("a"), "s0-q")
        assert sum(count for _, _, count in stage.board.traffic.requests()) == before


@pytest.mark.looptime
async def test_an_object_that_is_gone_takes_its_counts_along() -> None:
    async with scene() as stage:
        stage.add("a", trigger(Speaking(), "q"))
        await swept_in(stage)
        assert list(stage.board.traffic.requests())
        stage.board.drop(ref("a"))
        assert list(stage.board.traffic.requests()) == []


async def swept_in(stage: Scene) -> None:
    """Objects of such sources get their first turn one after the other."""
    await stage.settled()
    while stage.agenda.sweeping:
        stage.agenda.sweep(stage.clock())
        await stage.settled()


def test_objects_of_one_name_are_shown_as_one_and_go_one_by_one() -> None:
    object_, job = ref("a"), ref("a")._replace(kind="ScaledJob")
    traffic, bound = Traffic(detailed=True), trigger(Speaking(), "q")
    traffic.heard(object_, bound, [Exchange(200, 0.1)])
    traffic.heard(job, bound, [Exchange(200, 0.2), Exchange(500, 0.3)])
    assert [(name, whose.status, count) for name, whose, count in traffic.requests()] == [
        (("default", "a"), 200, 2),
        (("default", "a"), 500, 1),
    ]
    told = [(whose.status, held.count, round(held.total, 3)) for _, whose, held in traffic.durations()]
    assert told == [(200, 2, 0.3), (500, 1, 0.3)]
    again = [(whose.status, held.count) for _, whose, held in traffic.durations()]
    assert again == [(200, 2), (500, 1)], "showing adds nothing"
    traffic.only(job, ())
    traffic.forget(job)
    assert [count for _, _, count in traffic.requests()] == [1]
    assert [held.count for _, _, held in traffic.durations()] == [1]


@pytest.mark.looptime
async def test_an_object_that_goes_while_it_is_asked_for_gets_no_counts_back() -> None:
    async with scene() as stage:
        stage.add("a", trigger(SpeakingTogether(), "q"))
        await stage.settled(0.2)
        stage.agenda.poke(ref("a"))
        stage.agenda.sweep(stage.clock())
        await stage.settled(0.2)
        stage.cluster.changes.put_nowait(Gone(ref("a")))
        await stage.settled(2)
        assert list(stage.board.traffic.requests()) == []
