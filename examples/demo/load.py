"""Bursts and pauses: what gives the demo's workers something to do. One producer for each broker; the shape of the load
is the same for all."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from tests.rig.azurite import Azurite
from tests.rig.kafka import Kafka
from tests.rig.nats import Nats

Send = Callable[[int], Awaitable[None]]

BURSTS = (30, 120, 10, 60)
PAUSE = 15.0
"""Seconds after a burst has been sent: long enough to be worked off, and for the workers to go."""


async def bursts(send: Send) -> None:
    """For ever: a burst, spread over a few seconds, then quiet."""
    while True:
        for size in BURSTS:
            for part in _parts(size):
                await send(part)
                await asyncio.sleep(random.uniform(0.1, 0.5))
            await asyncio.sleep(PAUSE)


def _parts(size: int) -> list[int]:
    return [10] * (size // 10) + ([size % 10] if size % 10 else [])


async def nats(server: Nats) -> Send:
    await server.create_stream("orders")
    await server.create_consumer("orders", "workers")

    async def send(count: int) -> None:
        await server.publish("orders", count)

    return send


async def kafka(server: Kafka) -> Send:
    await server.create_topic("orders", 8)

    async def send(count: int) -> None:
        await server.produce("orders", count)

    return send


async def azure_queue(server: Azurite) -> Send:
    await server.create_queue("orders")

    async def send(count: int) -> None:
        await server.send("orders", count)

    return send
