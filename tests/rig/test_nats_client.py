"""The client says what the server said."""

import json
import time
from urllib.parse import quote

import pytest

from tests.rig.nats import Nats
from tests.rig.nats_client import NACK, NatsError, connect, durable


async def test_work_is_taken_and_acknowledged(nats: Nats) -> None:
    await nats.create_stream("work", "work.>")
    async with connect(nats.url) as client:
        await client.api("CONSUMER.DURABLE.CREATE.work.worker", durable("work", "worker", ack_wait=int(60e9)))
        assert await client.store("work.one", b"1") == 1
        await client.publish("work.two", b"2")
        first = await client.pull("work", "worker")
        assert first is not None
        assert (first.subject, first.data) == ("work.one", b"1")
        await client.acknowledge(first)
        await client.flush()
        left = await client.api("CONSUMER.INFO.work.worker")
    assert (left["num_pending"], left["num_ack_pending"]) == (1, 0)


async def test_what_was_refused_comes_again(nats: Nats) -> None:
    await nats.create_stream("refused")
    await nats.create_consumer("refused", "worker")
    await nats.publish("refused", data=b"again")
    async with connect(nats.url) as client:
        for _ in range(2):
            message = await client.pull("refused", "worker", wait=5)
            assert message is not None
            assert message.data == b"again"
            await client.acknowledge(message, NACK)


async def test_nothing_to_pull_is_none(nats: Nats) -> None:
    await nats.create_stream("empty")
    await nats.create_consumer("empty", "worker")
    async with connect(nats.url) as client:
        assert await client.pull("empty", "worker") is None
        begin = time.monotonic()
        assert await client.pull("empty", "worker", wait=0.2) is None
        assert time.monotonic() - begin >= 0.2


async def test_a_refusal_is_the_servers_own_sentence(nats: Nats) -> None:
    async with connect(nats.url) as client:
        with pytest.raises(NatsError, match=r"^stream not found$"):
            await client.api("STREAM.INFO.nowhere")
        with pytest.raises(NatsError, match=r"^nobody answers on nowhere$"):
            await client.request("nowhere")


async def test_many_at_once_are_all_stored(nats: Nats) -> None:
    await nats.create_stream("many")
    async with connect(nats.url) as client:
        for number in range(500):
            await client.publish("many", json.dumps(number).encode())
        await client.flush()
        assert (await client.api("STREAM.INFO.many"))["state"]["messages"] == 500


async def test_a_login_in_the_address_is_sent(nats: Nats) -> None:
    address = nats.url.replace("://", f"://{quote('a user')}:{quote('p@ss:word')}@")
    async with connect(address) as client:
        await client.flush()
