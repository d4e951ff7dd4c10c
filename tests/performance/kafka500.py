"""500 kafka triggers on 500 groups of one real broker (50 topics of three partitions, ten groups on each), through the
real line; the cluster is in memory.

- CPU and time of a round in which all 500 are due at once, ten rounds rung by hand;
- connections of this process to the broker: the most that were seen in five more rounds, looked at every 5 ms (which
  costs CPU, so those rounds are not among the measured)."""

import asyncio
import os
from time import perf_counter, process_time

from scaler import catalog
from scaler.manifests.watched import Manifest
from tests.performance import scene
from tests.performance.figure import Aim, Figure
from tests.performance.line import HandClock, Line, run, running, scaled_object
from tests.rig.kafka import Kafka, kafka

COUNT = 500
TOPICS = 50
PARTITIONS = 3
INTERVAL = 30.0
ROUNDS = 10
LOOKED_AT = 5
GLANCE = 0.005


def measure() -> list[Figure]:
    with kafka() as broker:
        return run(_measured(broker))


async def _measured(broker: Kafka) -> list[Figure]:
    await scene.create_topics(broker, {_topic(index) for index in range(TOPICS)}, PARTITIONS)
    await scene.commit(broker, {_group(index): _topic(index) for index in range(COUNT)}, PARTITIONS, 0)
    clock = HandClock()
    async with running([_manifest(broker, index) for index in range(COUNT)], catalog.find, clock) as line:
        await line.agenda.everybody()
        line.check()
        spent, took = [], []
        for _ in range(ROUNDS):
            began, at = process_time(), perf_counter()
            await line.round(clock, INTERVAL)
            spent.append((process_time() - began) * 1000)
            took.append((perf_counter() - at) * 1000)
        open_ = await _connections(line, clock, broker)
        line.check()
    return [
        Figure("500 kafka groups: connections", "", open_, Aim(len(broker.brokers) + 1, "max"), "to one broker"),
        Figure("500 kafka groups: CPU of a round", "ms CPU", tuple(spent)),
        Figure("500 kafka groups: length of a round", "ms", tuple(took), note="from the ring to the last decision"),
    ]


async def _connections(line: Line, clock: HandClock, broker: Kafka) -> tuple[float, ...]:
    seen: list[float] = []

    async def look() -> None:
        while True:
            seen.append(broker.connections(os.getpid()))
            await asyncio.sleep(GLANCE)

    looking = asyncio.create_task(look())
    for _ in range(LOOKED_AT):
        await line.round(clock, INTERVAL)
    looking.cancel()
    return tuple(seen)


def _topic(index: int) -> str:
    return f"orders-{index % TOPICS}"


def _group(index: int) -> str:
    return f"workers-{index}"


def _manifest(broker: Kafka, index: int) -> Manifest:
    metadata = {
        "bootstrapServers": broker.bootstrap,
        "consumerGroup": _group(index),
        "topic": _topic(index),
        "lagThreshold": "10",
    }
    return scaled_object(f"worker-{index}", "kafka", metadata, pollingInterval=int(INTERVAL))
