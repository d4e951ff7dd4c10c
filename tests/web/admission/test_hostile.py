"""Whatever is sent, there is an answer: a review's, or one sentence. `python -m tests.fuzz` sends more of it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from scaler.manifests.kinds import SCALED_OBJECT
from tests.web.admission import hostile
from tests.web.admission.reviewing import Said, Served, review, scaled, served


class Running:
    """A webhook whose event loop goes on only while it is asked: hypothesis waits for nobody."""

    def __init__(self, runner: asyncio.Runner, webhook: Served) -> None:
        self._runner, self._webhook = runner, webhook

    def ask(self, content: bytes, kind: Any) -> Said:
        return self._runner.run(self._webhook.ask(content, kind))


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with asyncio.Runner() as runner:
        block = served()
        webhook = runner.run(block.__aenter__())
        yield Running(runner, webhook)
        runner.run(block.__aexit__(None, None, None))


def answered(said: Said) -> None:
    """It is what the API server understands, and may be shown to people."""
    if said.status == 200:
        told = [said.refused] if not said.body["allowed"] else []
        told += said.body.get("warnings", [])
        assert said.body["allowed"] or told
    else:
        assert said.status == 400
        told = [said.error]
    assert all(one and one.isprintable() and len(one) < 10_000 for one in told)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(hostile.reviews())
def test_there_is_always_an_answer(running: Running, sent: tuple[Any, bytes]) -> None:
    answered(running.ask(sent[1], sent[0]))


def test_and_the_next_one_is_answered_as_ever(running: Running) -> None:
    assert running.ask(b'{"a":' * 600_000, SCALED_OBJECT).status == 400
    assert running.ask(b"\x00" * 3_000_000, SCALED_OBJECT).status == 400
    assert running.ask(b'{"apiVersion":"' + b"a" * 3_000_000 + b'"}', SCALED_OBJECT).status == 400
    assert running.ask(msgspec.json.encode(review(scaled())), SCALED_OBJECT).allowed == []
