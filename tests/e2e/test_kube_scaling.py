"""0 → N → 0 on a real control plane: the daemon takes the first step and the last, the real HPA all between them, by
the numbers that the API server gets from the daemon."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer

from tests.e2e.kube_daemon import METRICS
from tests.e2e.kube_history import counted
from tests.e2e.kube_objects import Object
from tests.e2e.kube_scene import Scene
from tests.rig.azurite import Azurite
from tests.rig.kafka import Kafka

GROUP = "workers"
NAMED = "scaledobject.keda.sh%2Fname%3D"


async def asked(scene: Scene, name: str, metric: str) -> str:
    """The value that everybody gets who asks the API server, as kubectl does."""
    where = f"{METRICS}/namespaces/{scene.namespace}/{metric}?labelSelector={NAMED}{name}"
    said = await scene.cluster.kubectl("get", "--raw", where)
    assert said.code == 0, said.err
    [item] = json.loads(said.out)["items"]
    return str(item["value"])


async def metrics_of(scene: Scene, name: str) -> list[str]:
    """As its HPA asks for them."""
    hpa = await scene.hpa(f"keda-hpa-{name}")
    return [one["external"]["metric"]["name"] for one in hpa["spec"]["metrics"]]


def up(replicas: list[int], to: int) -> bool:
    """From none by way of one to that, and never back; what is sent message by message may be read in between."""
    steps = replicas[: replicas.index(to) + 1]
    return steps[:2] == [0, 1] and steps == sorted(steps)


async def moved_twice(scene: Scene) -> None:
    """By the daemon, with two writes that were accepted at once; the rest is the HPA's."""
    await scene.daemon.until(lambda: len(scene.scalings("worker")) == 2, "the daemon has written twice")
    assert [one.code for one in scene.scalings("worker")] == [200, 200]


class Consumer:
    """Reads records and commits how far it is, when it is told to."""

    def __init__(self, client: AIOKafkaConsumer) -> None:
        self._client = client

    async def work_off(self, count: int) -> None:
        """All of them in one commit: nobody sees half of it."""
        while count > 0:
            batches = await self._client.getmany(timeout_ms=1000, max_records=count)
            count -= sum(map(len, batches.values()))
        await self._client.commit()


@asynccontextmanager
async def consumer(kafka: Kafka, topic: str) -> AsyncIterator[Consumer]:
    client = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap,
        group_id=GROUP,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await client.start()
    try:
        yield Consumer(client)
    finally:
        await client.stop()


async def test_kafka_lag(scene: Scene, kafka: Kafka) -> None:
    topic = f"orders-{scene.namespace}"
    await kafka.create_topic(topic, 4)
    metadata = {
        "bootstrapServers": kafka.bootstrap,
        "consumerGroup": GROUP,
        "topic": topic,
        "lagThreshold": "10",
        "offsetResetPolicy": "earliest",
    }
    await scene.pair("worker", {"type": "kafka", "metadata": metadata})
    await scene.ready("worker")
    metric = f"s0-kafka-{topic}"
    assert await metrics_of(scene, "worker") == [metric]
    async with counted(scene, "worker") as replicas, consumer(kafka, topic) as worker:
        await kafka.produce(topic, 40)
        await scene.replicas("worker", 4)
        assert await asked(scene, "worker", metric) == "40"
        await worker.work_off(20)
        await scene.replicas("worker", 2)
        assert await asked(scene, "worker", metric) == "20"
        await worker.work_off(15)
        await scene.replicas("worker", 1)
        await worker.work_off(5)
        await scene.replicas("worker", 0)
        assert await asked(scene, "worker", metric) == "0"
        await scene.daemon.until(lambda: replicas[-1] == 0, "the watch has told it too")
    assert up(replicas, 4)
    assert replicas[replicas.index(4) :] == [4, 2, 1, 0]
    await moved_twice(scene)
    told = await scene.events("worker", "KEDAScaleTargetActivated", "KEDAScaleTargetDeactivated")
    assert [reason for reason, _ in told if reason.endswith("ctivated")] == [
        "KEDAScaleTargetActivated",
        "KEDAScaleTargetDeactivated",
    ]


async def add_login(scene: Scene, connection: str) -> None:
    """A Secret with Azurite's connection string, and who refers to it."""
    data = {"connection": base64.b64encode(connection.encode()).decode()}
    secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "storage"}, "data": data}
    await scene.add(secret)
    reference = {"parameter": "connection", "name": "storage", "key": "connection"}
    await scene.add(
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "TriggerAuthentication",
            "metadata": {"name": "login"},
            "spec": {"secretTargetRef": [reference]},
        }
    )


async def work_off(azurite: Azurite, queue: str, count: int) -> None:
    """Messages that are received still count: they are in work. Deleted ones do not."""
    taken = await azurite.receive(queue, count)
    assert len(taken) == count
    assert await azurite.count(queue) >= count
    await azurite.delete(queue, *taken)


async def test_azure_queue_depth(scene: Scene, azurite: Azurite) -> None:
    queue = f"orders-{scene.namespace}"
    await azurite.create_queue(queue)
    await add_login(scene, azurite.connection_string)
    trigger = {
        "type": "azure-queue",
        "metadata": {"queueName": queue, "queueLength": "5"},
        "authenticationRef": {"name": "login"},
    }
    await scene.pair("worker", trigger)
    await scene.ready("worker")
    [metric] = await metrics_of(scene, "worker")
    assert metric == f"s0-azure-queue-{queue}"
    async with counted(scene, "worker") as replicas:
        await azurite.send(queue, 20)
        await scene.replicas("worker", 4)
        assert await asked(scene, "worker", metric) == "20"
        await work_off(azurite, queue, 9)
        await scene.replicas("worker", 3)
        await work_off(azurite, queue, 7)
        await scene.replicas("worker", 1)
        assert await asked(scene, "worker", metric) == "4"
        await work_off(azurite, queue, 4)
        await scene.replicas("worker", 0)
        await scene.daemon.until(lambda: replicas[-1] == 0, "the watch has told it too")
    assert up(replicas, 4)
    assert up(replicas[::-1], 4), "message by message, numbers between the steps may be read"
    await moved_twice(scene)
    assert azurite.key not in scene.daemon.said()


async def test_a_target_of_type_value_is_a_ratio(scene: Scene) -> None:
    """Twice of what one should have: as many again, and again, as long as it stays so."""
    trigger: dict[str, Any] = {**scene.asks("worker", "10"), "metricType": "Value"}
    await scene.pair("worker", trigger)
    async with counted(scene, "worker") as replicas:
        scene.answers["worker"] = 20
        await scene.replicas("worker", 5)
        scene.answers["worker"] = 4
        await scene.replicas("worker", 1)
        scene.answers["worker"] = 0
        await scene.replicas("worker", 0)
        await scene.daemon.until(lambda: replicas[-1] == 0, "the watch has told it too")
    assert replicas == [0, 1, 2, 4, 5, 2, 1, 0]


async def test_of_two_triggers_the_one_that_wants_more_counts(scene: Scene) -> None:
    await scene.pair("worker", scene.asks("fast", "5"), scene.asks("slow", "10"))
    async with counted(scene, "worker") as replicas:
        scene.answers |= {"fast": 20, "slow": 30}
        await scene.replicas("worker", 4)
        fast, slow = await metrics_of(scene, "worker")
        assert (fast[:3], slow[:3]) == ("s0-", "s1-")
        assert [await asked(scene, "worker", metric) for metric in (fast, slow)] == ["20", "30"]
        scene.answers["fast"] = 0
        await scene.replicas("worker", 3)
        scene.answers["slow"] = 0.5
        await scene.replicas("worker", 1)
        assert await asked(scene, "worker", slow) == "500m"
        scene.answers["slow"] = 0
        await scene.replicas("worker", 0)
        await scene.daemon.until(lambda: replicas[-1] == 0, "the watch has told it too")
    assert replicas == [0, 1, 4, 3, 1, 0]


async def test_cached_metrics_are_those_of_the_last_poll(scene: Scene) -> None:
    """Two objects that are polled rarely: one source is asked when the HPA asks, the other is not."""
    scene.answers |= {"cached": 3, "asked": 3}
    await scene.pair("cached", {**scene.asks("cached"), "useCachedMetrics": True}, pollingInterval=300)
    await scene.pair("asked", pollingInterval=300)
    for name in ("cached", "asked"):
        await scene.ready(name)
        await scene.replicas(name, 1)
    [metric] = await metrics_of(scene, "cached")
    await asyncio.sleep(1)  # both are looked at once more when their HPAs are there
    polled = scene.source.asked["cached"]
    scene.answers |= {"cached": 9, "asked": 9}
    await scene.replicas("asked", 2)
    assert await asked(scene, "asked", metric) == "9"
    await asyncio.sleep(2)
    assert await asked(scene, "cached", metric) == "3"
    assert scene.source.asked["cached"] == polled
    await scene.replicas("cached", 1)
