"""Setting a scene on a real Kafka for hundreds of topics and groups at once; the rig's own methods open a client for
each. One broker, so it leads and coordinates everything."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.admin import NewTopic
from aiokafka.conn import create_conn
from aiokafka.protocol.commit import OffsetCommitRequest

from tests.rig.kafka import Kafka

PAUSE = 0.05
PATIENCE = 30.0


async def create_topics(kafka: Kafka, names: Iterable[str], partitions: int) -> None:
    """Returns when they were made; their leaders may follow a moment later."""
    async with kafka.admin() as admin:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])


async def commit(kafka: Kafka, topics: Mapping[str, str], partitions: int, offset: int) -> None:
    """The same offset in all partitions of a topic, for each group without members: {group: topic}."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a fresh broker is no coordinator yet, and that is said
    [broker] = kafka.brokers
    group, topic = next(iter(topics.items()))
    await kafka.commit(group, {(topic, 0): offset})  # makes the broker a coordinator, and waits until it is one
    connection = await create_conn("127.0.0.1", broker.port)
    rows = [(number, offset, "") for number in range(partitions)]
    try:
        async with asyncio.timeout(PATIENCE):
            for group, topic in topics.items():
                request = OffsetCommitRequest(group, -1, "", -1, [(topic, rows)])
                while _refused(await connection.send(request)):  # noqa: ASYNC110 - the event is the broker's
                    await asyncio.sleep(PAUSE)
    finally:
        connection.close()


def _refused(answer: Any) -> bool:
    return any(code for _, rows in answer.topics for _, code in rows)
