"""Delivery in virtual time: what is sent when, tried again when, given up when, and what the source's owner hears."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, cast

import aiohttp
import pytest

from scaler.errors import AnswerError, CredentialError, ScalerError, SourceBusy, SourceError
from scaler.manifests.watched import Ref
from scaler.sinks.counts import Counts, Sent
from scaler.sinks.delivery import AT_ONCE, ATTEMPTS, LONGEST, LONGEST_REST, Delivery, Route
from scaler.sinks.event import Happening
from scaler.sinks.subscription import Subscription
from scaler.sinks.waiting import MOST
from tests.sinks.happenings import happened, ref

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SOURCE = Ref("CloudEventSource", "shop", "audit.trail")
LABELS = Sent("shop", "audit.trail", "http")
SECRET = Ref("Secret", "shop", "key")
DEAD = SourceError("the sink cannot be reached")
NEVER = AnswerError("the sink answers with HTTP 400")


class Sink:
    """Each attempt takes one of `outcomes`, then `always`: an error, seconds to take, or None for success."""

    kind = "http"
    prepares = False

    def __init__(self, *outcomes: Exception | float | None, always: Exception | float | None = None) -> None:
        self.outcomes, self.always = deque(outcomes), always
        self.lacks: ScalerError | None = None
        self.attempts: list[tuple[float, str]] = []
        self.taken: list[str] = []
        self.prepared, self.ended = 0, False

    async def prepare(self) -> None:
        self.prepared += 1
        if self.lacks:
            raise self.lacks

    async def send(self, one: Happening, session: aiohttp.ClientSession) -> None:
        self.attempts.append((asyncio.get_running_loop().time(), one.id))
        outcome = self.outcomes.popleft() if self.outcomes else self.always
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is not None:
            await asyncio.sleep(outcome)
        self.taken.append(one.id)

    def touched(self, ref: Ref) -> bool:
        return ref == SECRET

    def end(self) -> None:
        self.ended = True

    @property
    def rests(self) -> list[float]:
        return [after - before for (before, _), (after, _) in pairwise(self.attempts)]


class Scene:
    def __init__(self, sink: Sink, said: str | None = None, subscription: Subscription | None = None) -> None:
        self.told: list[str] = []
        self.counts = Counts()
        self.route = Route(sink, subscription or Subscription())
        self.delivery = Delivery(SOURCE, self.route, lambda _, why: self.told.append(why), self.counts, said=said)
        self._ids = 0

    def happen(self, *names: str, reason: str = "ScaledObjectReady") -> None:
        for name in names:
            self._ids += 1
            self.delivery.put(happened(reason, to=ref(name), id=f"{name}-{self._ids}"))

    @property
    def counted(self) -> tuple[int, int, int]:
        counts = self.counts
        return counts.emitted[LABELS], counts.failed[LABELS], counts.dropped[LABELS]


@asynccontextmanager
async def delivering(sink: Sink, **more: Any) -> AsyncIterator[Scene]:
    scene = Scene(sink, **more)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scene.delivery.run(cast(aiohttp.ClientSession, None)))
        await asyncio.sleep(0.01)
        yield scene
        running.cancel()


async def test_an_event_is_sent_and_the_owner_hears_once_that_all_is_well() -> None:
    async with delivering(sink := Sink()) as scene:
        scene.happen("orders", "invoices")
        await asyncio.sleep(1)
    assert sink.taken == ["orders-1", "invoices-2"]
    assert scene.told == [""]
    assert scene.counted == (2, 0, 0)


async def test_what_it_does_not_want_is_not_sent() -> None:
    async with delivering(sink := Sink(), subscription=Subscription("billing")) as scene:
        scene.happen("orders")
        await asyncio.sleep(1)
    assert sink.attempts == []


async def test_a_failure_that_passes_is_nobody_s_trouble() -> None:
    async with delivering(sink := Sink(DEAD, DEAD, DEAD, DEAD)) as scene:
        scene.happen("orders")
        await asyncio.sleep(20)
    assert sink.taken == ["orders-1"]
    assert scene.told == [""]
    assert scene.counted == (1, 4, 0)


async def test_rests_grow_up_to_a_minute_and_are_never_equal_for_all() -> None:
    async with delivering(sink := Sink(always=DEAD)) as scene:
        scene.happen("orders")
        await asyncio.sleep(600)
    expected = [0.5, 1, 2, 4, 8, 16, 32, LONGEST_REST, LONGEST_REST]
    for rest, middle in zip(sink.rests, expected, strict=False):
        assert 0.8 * middle <= rest <= 1.2 * middle
    assert len(sink.rests) > len(expected)
    assert sink.rests[:4] != expected[:4]


async def test_after_five_attempts_the_owner_hears_why_and_when_it_is_over() -> None:
    async with delivering(sink := Sink(always=DEAD)) as scene:
        scene.happen("orders")
        await asyncio.sleep(60)
        assert scene.told == ["", str(DEAD)]
        assert len(sink.attempts) > ATTEMPTS
        sink.always = None
        await asyncio.sleep(2 * LONGEST_REST)
        assert sink.taken == ["orders-1"]
        assert scene.told == ["", str(DEAD), ""]


async def test_a_busy_sink_is_left_alone_for_as_long_as_it_asks() -> None:
    async with delivering(sink := Sink(SourceBusy("busy", retry_after=30))) as scene:
        scene.happen("orders")
        await asyncio.sleep(60)
    assert 24 <= sink.rests[0] <= 36


async def test_an_event_that_will_never_be_taken_makes_way_for_the_next() -> None:
    async with delivering(sink := Sink(*[NEVER] * ATTEMPTS)) as scene:
        scene.happen("orders", "orders")
        await asyncio.sleep(30)
    assert sink.taken == ["orders-2"]
    assert scene.told == ["", str(NEVER), ""]
    assert scene.counted == (1, ATTEMPTS, 1)


async def test_a_bug_is_one_event_s_failure(caplog: pytest.LogCaptureFixture) -> None:
    async with delivering(sink := Sink(*[RuntimeError("secret")] * ATTEMPTS)) as scene:
        scene.happen("orders", "orders")
        await asyncio.sleep(30)
    assert sink.taken == ["orders-2"]
    assert "RuntimeError" in scene.told[1]
    assert "secret" not in scene.told[1]
    assert "because of a bug" in caplog.text


async def test_a_sink_that_never_answers_is_given_up_in_time() -> None:
    async with delivering(sink := Sink(3600.0)) as scene:
        scene.happen("orders")
        await asyncio.sleep(LONGEST + 2)
    assert sink.taken == ["orders-1"]
    assert scene.counted == (1, 1, 0)


async def test_a_few_are_sent_at_once_but_never_two_of_one_object() -> None:
    async with delivering(sink := Sink(always=10.0)) as scene:
        scene.happen("orders", "orders", *(f"object-{number}" for number in range(10)))
        await asyncio.sleep(1)
        assert [id for _, id in sink.attempts] == ["orders-1", "object-0-3", "object-1-4", "object-2-5"]
        assert len(sink.attempts) == AT_ONCE
        await asyncio.sleep(10)
        assert sink.attempts[4][1] == "orders-2"


async def test_putting_never_waits_and_too_many_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with delivering(Sink(always=DEAD)) as scene:
        scene.happen(*(f"object-{number}" for number in range(MOST + AT_ONCE + 100)))
        assert len(scene.delivery) == MOST
        await asyncio.sleep(5)
    assert scene.counts.dropped[LABELS] == AT_ONCE + 100
    assert caplog.text.count("the oldest that wait are given up") == 1


async def test_what_is_missing_is_told_before_there_is_an_event() -> None:
    sink = Sink()
    sink.lacks = CredentialError("there is no Secret key")
    async with delivering(sink) as scene:
        assert scene.told == ["there is no Secret key"]
        sink.lacks = None
        scene.delivery.touched(Ref("Secret", "shop", "other"))
        await asyncio.sleep(1)
        assert scene.told == ["there is no Secret key"]
        scene.delivery.touched(SECRET)
        await asyncio.sleep(1)
        assert scene.told == ["there is no Secret key", ""]


async def test_what_cannot_be_told_now_is_looked_at_again() -> None:
    sink = Sink()
    sink.lacks = CredentialError("the API server did not answer in 10 s")
    async with delivering(sink) as scene:
        sink.lacks = None
        await asyncio.sleep(2 * LONGEST_REST)
        assert scene.told[-1] == ""


async def test_a_changed_credential_ends_the_rest() -> None:
    async with delivering(sink := Sink(always=DEAD)) as scene:
        scene.happen("orders")
        await asyncio.sleep(300)
        sink.always = None
        attempts = len(sink.attempts)
        scene.delivery.touched(SECRET)
        await asyncio.sleep(0.1)
        assert (len(sink.attempts), sink.taken) == (attempts + 1, ["orders-1"])


async def test_what_waits_follows_an_edit() -> None:
    async with delivering(Sink(always=DEAD)) as scene:
        scene.happen("orders", "orders")
        await asyncio.sleep(300)
        assert scene.told == ["", str(DEAD)]
        scene.delivery.turn(Route(other := Sink(), Subscription()))
        await asyncio.sleep(1)
        assert other.taken == ["orders-1", "orders-2"]
        assert scene.told == ["", str(DEAD), ""]


async def test_what_another_leader_said_stands_until_it_is_otherwise() -> None:
    async with delivering(Sink(), said="the sink cannot be reached") as scene:
        await asyncio.sleep(1)
        assert scene.told == []
        scene.happen("orders")
        await asyncio.sleep(1)
        assert scene.told == [""]


async def test_what_another_leader_said_is_over_where_a_sink_is_prepared() -> None:
    sink = Sink()
    sink.prepares = True
    async with delivering(sink, said="there is no Secret key") as scene:
        assert scene.told == [""]
        sink.always = NEVER
        scene.happen("orders")
        await asyncio.sleep(60)
        assert scene.told == ["", str(NEVER)]
        scene.delivery.touched(SECRET)
        await asyncio.sleep(1)
        assert scene.told == ["", str(NEVER), ""]


async def test_what_is_said_already_is_not_said_again() -> None:
    async with delivering(Sink(), said="") as scene:
        scene.happen("orders")
        await asyncio.sleep(1)
        assert scene.told == []
