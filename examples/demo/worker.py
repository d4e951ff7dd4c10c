"""The process that is scaled: takes one message at a time, works on it, acknowledges it. On SIGTERM it finishes what it
has in hand and ends. It knows nothing of the daemon.

    python -m examples.demo.worker nats|kafka|azure-queue
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

WORK = float(os.environ.get("DEMO_WORK", "0.25"))
"""Seconds that one message takes."""

Done = Callable[[], Awaitable[object]]


@asynccontextmanager
async def nats() -> AsyncIterator[AsyncIterator[Done]]:
    from tests.rig.nats_client import Message, connect

    async with connect(os.environ["NATS_URL"]) as client:

        async def messages() -> AsyncIterator[Done]:
            while True:
                message = await client.pull("orders", "workers", wait=1)
                yield partial(acknowledge, message) if message is not None else _nothing

        async def acknowledge(message: Message) -> None:
            await client.acknowledge(message)
            await client.flush()

        yield messages()


@asynccontextmanager
async def kafka() -> AsyncIterator[AsyncIterator[Done]]:
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(
        "orders",
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP"],
        group_id="workers",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=1,
    )
    await consumer.start()

    async def messages() -> AsyncIterator[Done]:
        while True:
            found = await consumer.getmany(timeout_ms=1000, max_records=1)
            yield consumer.commit if found else _nothing

    try:
        yield messages()
    finally:
        await consumer.stop()


@asynccontextmanager
async def azure_queue() -> AsyncIterator[AsyncIterator[Done]]:
    from azure.storage.queue.aio import QueueClient

    async with QueueClient.from_connection_string(os.environ["AZURE_CONNECTION"], "orders") as queue:

        async def messages() -> AsyncIterator[Done]:
            while True:
                message = await queue.receive_message(visibility_timeout=30)
                if message is None:
                    await asyncio.sleep(0.5)
                    yield _nothing
                else:
                    yield partial(queue.delete_message, message)

        yield messages()


async def _nothing() -> None:
    """There was no message."""


async def work(kind: str) -> None:
    """Until SIGTERM: one message after the other."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    count = 0
    async with {"nats": nats, "kafka": kafka, "azure-queue": azure_queue}[kind]() as messages:
        async for done in messages:
            if done is not _nothing:
                await asyncio.sleep(WORK)
                await done()
                count += 1
                print(f"done {count}", flush=True)
            if told.is_set():
                break


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
