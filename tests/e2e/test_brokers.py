"""Real brokers, real worker processes: 0 → N → 0, with the numbers of messages and workers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, daemon, deployment, scaled_object, workers
from tests.rig.azurite import Azurite
from tests.rig.kafka import Kafka
from tests.rig.nats import Nats

pytestmark = pytest.mark.timeout(180)

QUICKLY = {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}}


def worker(kind: str, env: Mapping[str, str], work: float = 0.2) -> dict[str, Any]:
    return deployment("worker", "python", "-m", "examples.demo.worker", kind, env={**env, "DEMO_WORK": str(work)})


def done(folder: Path) -> int:
    """Messages that all workers together have worked off, from their log files."""
    logs = (folder / ".scaler" / "logs").glob("*")
    return sum(log.read_text().count("done ") for log in logs if log.is_file())


async def up_and_down(scene: Daemon, expected: int, messages: int, *, exactly: bool) -> None:
    """From the first poll on: N workers in one step, every message worked off, no worker in the end."""
    await scene.start()
    await scene.until(lambda: len(workers(scene.folder)) == expected, f"{expected} workers")
    assert scene.moves("default/orders")[0] == (0, expected)
    await scene.until(lambda: done(scene.folder) >= messages, "every message worked off", 90)
    await scene.until(lambda: not workers(scene.folder), "no workers", 30)
    assert done(scene.folder) == messages if exactly else done(scene.folder) >= messages
    assert scene.moves("default/orders")[-1][1] == 0
    assert await scene.metric("keda_scaler_active", scaledObject="orders") == 0
    assert await scene.stop() == 0


async def test_kafka_lag(kafka: Kafka, tmp_path: Path) -> None:
    await kafka.create_topic("orders", 6)
    await kafka.produce("orders", 40)
    trigger = {
        "type": "kafka",
        "metadata": {
            "bootstrapServers": kafka.bootstrap,
            "consumerGroup": "workers",
            "topic": "orders",
            "lagThreshold": "10",
            "offsetResetPolicy": "earliest",
        },
    }
    async with daemon(tmp_path) as scene:
        scene.write(
            "orders.yaml", scaled_object("orders", trigger, target="worker", advanced=QUICKLY, cooldownPeriod=5)
        )
        scene.write("worker.yaml", worker("kafka", {"KAFKA_BOOTSTRAP": kafka.bootstrap}))
        await up_and_down(scene, expected=4, messages=40, exactly=False)
    ends = await kafka.end_offsets("orders")
    committed = [await kafka.committed("workers", "orders", partition) or 0 for partition in ends]
    assert sum(committed) == sum(ends.values()) == 40


async def test_azure_queue_depth(azurite: Azurite, tmp_path: Path) -> None:
    await azurite.create_queue("orders")
    await azurite.send("orders", 25)
    trigger = {
        "type": "azure-queue",
        "metadata": {"queueName": "orders", "queueLength": "10", "connectionFromEnv": "AZURE_CONNECTION"},
    }
    async with daemon(tmp_path) as scene:
        scene.write("orders.yaml", scaled_object("orders", trigger, target="worker", advanced=QUICKLY))
        scene.write("worker.yaml", worker("azure-queue", {"AZURE_CONNECTION": azurite.connection_string}))
        await up_and_down(scene, expected=3, messages=25, exactly=True)
    assert await azurite.count("orders") == 0


async def test_nats_consumer(nats: Nats, tmp_path: Path) -> None:
    await nats.create_stream("orders")
    await nats.create_consumer("orders", "workers")
    await nats.publish("orders", 100)
    trigger = {
        "type": "nats-jetstream",
        "metadata": {
            "natsServerMonitoringEndpoint": nats.monitoring,
            "account": "$G",
            "stream": "orders",
            "consumer": "workers",
            "lagThreshold": "10",
        },
    }
    try:
        async with daemon(tmp_path) as scene:
            scene.write("orders.yaml", scaled_object("orders", trigger, target="worker", advanced=QUICKLY))
            scene.write("worker.yaml", worker("nats", {"NATS_URL": nats.url}, work=0.1))
            await up_and_down(scene, expected=5, messages=100, exactly=True)
    finally:
        await nats.delete_stream("orders")


async def test_a_broker_that_dies_while_lag_is_high(kafka: Kafka, tmp_path: Path) -> None:
    """Nothing scales down while the lag is unknown; the daemon recovers by itself when the broker is back."""
    await kafka.create_topic("deaths", 1)
    await kafka.produce("deaths", 30)
    trigger = {
        "type": "kafka",
        "metadata": {
            "bootstrapServers": kafka.bootstrap,
            "consumerGroup": "nobody",
            "topic": "deaths",
            "lagThreshold": "10",
            "offsetResetPolicy": "earliest",
            "allowIdleConsumers": "true",
        },
    }
    async with daemon(tmp_path) as scene:
        scene.write("a.yaml", scaled_object("orders", trigger, target="worker", advanced=QUICKLY, cooldownPeriod=1))
        scene.write("b.yaml", deployment("worker", "sleep", "600"))
        await scene.start()
        await scene.until(lambda: len(workers(tmp_path)) == 3, "3 workers")
        before = workers(tmp_path)
        async with kafka.down():
            await scene.until(
                lambda: "cannot be reached" in scene.said() or "Kafka" in scene.said(), "the loss is told"
            )
            await scene.until(_errors(scene, 4), "several failed attempts", 40)
            assert workers(tmp_path) == before
        await scene.until(lambda: "can be read again" in scene.said(), "read again", 60)
        await kafka.produce("deaths", 10)
        await scene.until(lambda: len(workers(tmp_path)) == 4, "one worker more, without a restart")
        assert set(before) < set(workers(tmp_path))


def _errors(scene: Daemon, least: int) -> Any:
    async def so() -> bool:
        count = await scene.metric("keda_scaler_detail_errors_total", scaledObject="orders")
        return count is not None and count >= least

    return so


async def test_a_frozen_broker_delays_nobody_else(kafka: Kafka, tmp_path: Path) -> None:
    """A source that hangs is that object's problem: another object on another source is served in time."""
    await kafka.create_topic("frozen", 1)
    hangs = {
        "type": "kafka",
        "metadata": {"bootstrapServers": kafka.bootstrap, "consumerGroup": "f", "topic": "frozen"},
    }
    works = {
        "type": "cron",
        "metadata": {"timezone": "UTC", "start": "0 0 1 1 *", "end": "* * * * *", "desiredReplicas": "2"},
    }
    async with daemon(tmp_path) as scene:
        scene.write("a.yaml", scaled_object("hangs", hangs), deployment("hangs", "sleep", "600"))
        await scene.start()
        with kafka.frozen():
            scene.write("b.yaml", scaled_object("works", works), deployment("works", "sleep", "600"))
            await scene.until(lambda: len(workers(tmp_path, "works")) == 2, "the healthy object is served", 10)
            await scene.until(lambda: "metric=s0-kafka-frozen" in scene.said(), "the silence is told", 30)
        await scene.until(lambda: "can be read again" in scene.said(), "read again", 30)
