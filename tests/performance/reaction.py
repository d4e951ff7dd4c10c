"""From producing to the start of the worker: the daemon as a process of its own (`scaler run --standalone`) on a folder
of 51 ScaledObjects with a polling interval of 1 s, each on a topic and a group of its own, of one real Kafka broker;
the same on consumers of one real NATS server.

Records are produced to one object after another, in two rounds, at random moments (seeded, 0.3 s apart on average). A
sample goes from just before the producer is told to send, to the time that the worker's first act, `date`, wrote down;
both by the wall clock of this machine. After a round the groups catch up, and all workloads go back to zero. The first
object warms up and is not among the samples. The daemon's cores are its own process's, without the workers."""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.request import urlopen

import yaml
from aiokafka import AIOKafkaProducer

from tests.performance import scene
from tests.performance.figure import Aim, Figure
from tests.rig import cache
from tests.rig.kafka import Kafka, kafka
from tests.rig.nats import Nats, nats
from tests.rig.nats_client import Client, connect
from tests.rig.process import Server, free_ports, running

ROOT = Path(__file__).parent.parent.parent
COUNT = 51
ROUNDS = 2
GAP = 0.6
GLANCE = 0.02
REST = 5.0
PATIENCE = 30.0
MOST = Aim(1.2, "p99")


class Broker(Protocol):
    """What both brokers can do: something for the worker of an object, everything done, and the trigger for it."""

    async def send(self, index: int) -> None: ...

    async def work_off(self, indices: Sequence[int], count: int) -> None: ...

    def trigger(self, index: int) -> Mapping[str, Any]: ...


class KafkaTopics:
    """A topic of one partition and a group for each object."""

    def __init__(self, kafka: Kafka, producer: AIOKafkaProducer) -> None:
        self._kafka, self._producer = kafka, producer

    async def send(self, index: int) -> None:
        await self._producer.send_and_wait(_stream(index), b"x", partition=0)

    async def work_off(self, indices: Sequence[int], count: int) -> None:
        await scene.commit(self._kafka, {_group(index): _stream(index) for index in indices}, 1, count)

    def trigger(self, index: int) -> Mapping[str, Any]:
        where = {"bootstrapServers": self._kafka.bootstrap, "topic": _stream(index), "consumerGroup": _group(index)}
        return {"type": "kafka", "metadata": {**where, "lagThreshold": "10"}}


class NatsStreams:
    """A stream and a durable consumer for each object."""

    def __init__(self, nats: Nats, client: Client) -> None:
        self._nats, self._client = nats, client

    async def send(self, index: int) -> None:
        await self._client.store(_stream(index), b"x")

    async def work_off(self, indices: Sequence[int], count: int) -> None:
        for index in indices:
            await self._nats.pull(_stream(index), _group(index), count)

    def trigger(self, index: int) -> Mapping[str, Any]:
        where = {"natsServerMonitoringEndpoint": self._nats.monitoring, "account": "$G"}
        queue = {"stream": _stream(index), "consumer": _group(index), "lagThreshold": "10"}
        return {"type": "nats-jetstream", "metadata": {**where, **queue}}


def measure() -> list[Figure]:
    return [*_figures("kafka", _on_kafka), *_figures("nats-jetstream", _on_nats)]


def _figures(type_: str, broker: Callable[[], AbstractAsyncContextManager[Broker]]) -> list[Figure]:
    """One broker that is not to be had does not hinder the other."""
    what = f"reaction, {type_} polled each second"
    try:
        delays, cores = asyncio.run(_measured(broker))
    except cache.Unavailable as reason:
        return [Figure(what, problem=f"not measured here: {reason}")]
    load = f"the daemon took {cores:.3f} cores for {COUNT} objects"
    return [Figure(what, "s", tuple(delays), MOST, load)]


@asynccontextmanager
async def _on_kafka() -> AsyncIterator[Broker]:
    with kafka() as server:
        await scene.create_topics(server, map(_stream, range(COUNT)), 1)
        await scene.commit(server, {_group(index): _stream(index) for index in range(COUNT)}, 1, 0)
        producer = AIOKafkaProducer(bootstrap_servers=server.bootstrap, acks="all")
        await producer.start()
        try:
            for index in range(COUNT):
                await producer.partitions_for(_stream(index))
            yield KafkaTopics(server, producer)
        finally:
            await producer.stop()


@asynccontextmanager
async def _on_nats() -> AsyncIterator[Broker]:
    with nats() as server:
        for index in range(COUNT):
            await server.create_stream(_stream(index))
            await server.create_consumer(_stream(index), _group(index))
        async with connect(server.url) as client:
            yield NatsStreams(server, client)


async def _measured(start: Callable[[], AbstractAsyncContextManager[Broker]]) -> tuple[list[float], float]:
    """The delays, and how many cores the daemon kept busy meanwhile."""
    chance = random.Random(1)
    found: list[float] = []
    with tempfile.TemporaryDirectory(prefix="event-scaler-bench-") as place:
        async with start() as broker:
            folder, stamps = _lay_out(Path(place), broker)
            daemon = _daemon(folder, Path(place, "daemon.log"))
            with running(daemon):
                began, spent = time.monotonic(), _cpu(daemon)
                for number in range(1, ROUNDS + 1):
                    found += await _round(broker, stamps, number, chance)
                cores = (_cpu(daemon) - spent) / (time.monotonic() - began)
    return found, cores


def _lay_out(place: Path, broker: Broker) -> tuple[Path, Path]:
    """The folder of manifests, and the one for what the workers write."""
    folder, stamps = place / "manifests", place / "stamps"
    folder.mkdir()
    stamps.mkdir()
    for index in range(COUNT):
        text = yaml.safe_dump_all(_manifests(index, broker.trigger(index), stamps / str(index)))
        (folder / f"{index}.yaml").write_text(text, encoding="utf-8")
    return folder, stamps


async def _round(broker: Broker, stamps: Path, number: int, chance: random.Random) -> list[float]:
    """One record for each object; in the end all is worked off, and everybody at zero again."""
    await broker.send(0)
    await _stamp(stamps / "0", number)
    async with asyncio.TaskGroup() as tasks:
        delays = []
        for index in chance.sample(range(1, COUNT), COUNT - 1):
            await asyncio.sleep(chance.uniform(0, GAP))
            began = time.time()
            await broker.send(index)
            delays.append(tasks.create_task(_delay(began, stamps / str(index), number)))
    await broker.work_off(range(COUNT), number)
    await asyncio.sleep(REST)
    return [delay.result() for delay in delays]


async def _delay(began: float, file: Path, number: int) -> float:
    return await _stamp(file, number) - began


async def _stamp(file: Path, number: int) -> float:
    """When the worker of this object was started, for this time."""
    async with asyncio.timeout(PATIENCE):
        while len(lines := _lines(file)) < number:  # noqa: ASYNC110 - the event is another process's
            await asyncio.sleep(GLANCE)
    return float(lines[number - 1])


def _lines(file: Path) -> list[str]:
    """Those that are written to their end."""
    return file.read_text().split("\n")[:-1] if file.exists() else []


def _daemon(folder: Path, log: Path) -> Server:
    [port] = free_ports(1)
    command = [sys.executable, "-m", "scaler", "run", "--standalone", str(folder), "--listen", f"127.0.0.1:{port}"]
    return Server(command, log=log, ready=partial(_answers, port), environment={"PYTHONPATH": str(ROOT)})


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _cpu(daemon: Server) -> float:
    """Seconds of CPU that the process itself has used, without its workers."""
    fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _manifests(index: int, trigger: Mapping[str, Any], stamps: Path) -> list[Mapping[str, Any]]:
    """The object and its workload, whose workers write down when they begin and then do nothing."""
    name = f"worker-{index}"
    command = ["sh", "-c", f"date +%s.%N >> {stamps}; exec sleep 600"]
    return [
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": name},
            "spec": {
                "scaleTargetRef": {"name": name},
                "pollingInterval": 1,
                "cooldownPeriod": 1,
                "maxReplicaCount": 1,
                "triggers": [dict(trigger)],
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "worker", "image": "not-used-here", "command": command}]},
                },
            },
        },
    ]


def _stream(index: int) -> str:
    return f"orders-{index}"


def _group(index: int) -> str:
    return f"workers-{index}"
