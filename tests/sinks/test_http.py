"""Events over real sockets: what a receiver gets, and what each way of not taking an event means."""

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from scaler.errors import AnswerError, LoginError, SourceBusy, SourceError
from scaler.sdk.http import http_session
from scaler.sdk.tls import Tls
from scaler.sinks.http import HttpSink
from tests.rig.process import free_ports
from tests.sinks.happenings import ORIGIN, happened
from tests.sinks.receiver import Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with http_session(Tls(), 0) as opened:
        yield opened


async def test_an_event_arrives(receiver: Receiver, session: aiohttp.ClientSession) -> None:
    await HttpSink(receiver.url, ORIGIN).send(happened(), session)
    [one] = receiver.received
    assert one.content_type == "application/json"
    assert one.attributes == {
        "specversion": "1.0",
        "id": "1",
        "source": "/prod/keda/keda",
        "type": "keda.scaledobject.ready.v1",
        "subject": "/prod/shop/scaledobject/orders",
        "time": "2023-11-14T22:13:20.250000Z",
    }
    assert one.data == {"reason": "ScaledObjectReady", "message": "all"}


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_success_is_one(receiver: Receiver, session: aiohttp.ClientSession, status: int) -> None:
    receiver.always = status
    await HttpSink(receiver.url, ORIGIN).send(happened(), session)
    assert receiver.types == ["keda.scaledobject.ready.v1"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, SourceError),
        (307, SourceError),
        (400, AnswerError),
        (401, LoginError),
        (403, LoginError),
        (404, SourceError),
        (413, AnswerError),
        (415, AnswerError),
        (422, AnswerError),
        (429, SourceError),
        (500, SourceError),
        (503, SourceError),
    ],
)
async def test_what_a_status_means(
    receiver: Receiver, session: aiohttp.ClientSession, status: int, error: type[SourceError]
) -> None:
    receiver.always, receiver.headers = status, {"Location": receiver.url}
    with pytest.raises(SourceError) as raised:
        await HttpSink(receiver.url, ORIGIN).send(happened(), session)
    assert type(raised.value) is error
    assert f"HTTP {status}" in str(raised.value)
    assert len(receiver.refused) == 1


async def test_a_busy_receiver_is_heard(receiver: Receiver, session: aiohttp.ClientSession) -> None:
    receiver.always, receiver.headers = 503, {"Retry-After": "17"}
    with pytest.raises(SourceBusy) as raised:
        await HttpSink(receiver.url, ORIGIN).send(happened(), session)
    assert raised.value.retry_after == 17


async def test_a_dead_receiver(session: aiohttp.ClientSession) -> None:
    [port] = free_ports(1)
    with pytest.raises(SourceError, match="cannot be reached"):
        await HttpSink(f"http://127.0.0.1:{port}/", ORIGIN).send(happened(), session)


@pytest.mark.parametrize("uri", ["http://a b/", "http://sink:99999/", "http://" + "a" * 300])
async def test_what_cannot_be_asked(session: aiohttp.ClientSession, uri: str) -> None:
    with pytest.raises(SourceError):
        await HttpSink(uri, ORIGIN).send(happened(), session)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:{}/hunter2", "http://127.0.0.1:{}#hunter2", "http://a b/hunter2"])
async def test_its_path_may_be_a_secret(session: aiohttp.ClientSession, uri: str) -> None:
    [port] = free_ports(1)
    with pytest.raises(SourceError) as raised:
        await HttpSink(uri.format(port), ORIGIN).send(happened(), session)
    assert "hunter" not in str(raised.value)


async def test_credentials_in_the_address_are_used_and_not_told(
    receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    receiver.always = 500
    uri = re.sub("://", "://user:hunter2@", receiver.url) + "/services/hunter4?code=hunter3#hunter5"
    with pytest.raises(SourceError) as raised:
        await HttpSink(uri, ORIGIN).send(happened(), session)
    assert str(raised.value) == f"{receiver.url.removesuffix('/events')} answers with HTTP 500"
    assert receiver.refused[0].headers["authorization"].startswith("Basic ")
