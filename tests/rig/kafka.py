"""Apache Kafka: one real broker, or three. What tests do to it; nothing of how it is started.

`with kafka() as broker: ...` is the life of the servers. The handle's methods set a scene (topics, records, committed
offsets, dead brokers); it is no client library. Logins and TLS: `secured_kafka`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.rig.brokers import Broker, started
from tests.rig.process import connections

MOMENT = 0.02
LIMIT = 30.0


class Kafka:
    """A running Kafka. A topic is not made by asking for it: an unknown one is an error."""

    def __init__(self, brokers: tuple[Broker, ...]) -> None:
        self.brokers = brokers

    @property
    def bootstrap(self) -> str:
        return ",".join(broker.address for broker in self.brokers)

    async def kill(self) -> None:
        """All brokers, without a goodbye."""
        for broker in self.brokers:
            await broker.kill()

    async def start(self) -> None:
        """Those that are down, again: on the same ports with the same data; returns when they answer."""
        dead = [broker.server for broker in self.brokers if broker.server.pid is None]
        for server in dead:
            server.launch()
        for server in dead:
            await asyncio.to_thread(server.wait)

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Killed for the length of the block; the next test finds it up again."""
        await self.kill()
        try:
            yield
        finally:
            await self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """For the length of the block connections stay and nothing is answered."""
        try:
            for broker in self.brokers:
                broker.freeze()
            yield
        finally:
            for broker in self.brokers:
                broker.thaw()

    def connections(self, pid: int | None = None) -> int:
        """Established connections to the client ports: of one process, or of everybody but the brokers themselves."""
        own = [broker.server.pid for broker in self.brokers if broker.server.pid is not None]
        return connections(self.ports, pid=pid, without=own)

    @property
    def ports(self) -> set[int]:
        return {broker.port for broker in self.brokers}

    async def create_topic(self, name: str, partitions: int = 1, *, replicas: int | None = None) -> None:
        """Returns when every partition has a leader; `replicas` is every broker unless it is said."""
        async with self.admin() as admin:
            await admin.create_topics([NewTopic(name, partitions, replicas or len(self.brokers))])
            async with asyncio.timeout(LIMIT):
                while not await self._led(admin, name, partitions):  # noqa: ASYNC110 - the event is the broker's
                    await asyncio.sleep(MOMENT)

    async def delete_topic(self, name: str) -> None:
        async with self.admin() as admin:
            await admin.delete_topics([name])

    async def produce(self, topic: str, count: int, partition: int | None = None, value: bytes = b"x") -> None:
        """`count` records into one partition, or spread evenly over all of them."""
        async with self._producer() as producer:
            chosen = sorted(await producer.partitions_for(topic)) if partition is None else [partition]
            sent = [await producer.send(topic, value, partition=chosen[i % len(chosen)]) for i in range(count)]
            await asyncio.gather(*sent)

    async def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commit {(topic, partition): offset} for a group without members; a TopicPartition is such a tuple."""
        chosen = {TopicPartition(*where): offset for where, offset in offsets.items()}
        async with self._consumer(group) as consumer:
            consumer.assign(list(chosen))
            await consumer.commit(chosen)

    async def committed(self, group: str, topic: str, partition: int = 0) -> int | None:
        where = TopicPartition(topic, partition)
        async with self._consumer(group) as consumer:
            consumer.assign([where])
            offset: int | None = await consumer.committed(where)
            return offset

    async def end_offsets(self, topic: str) -> dict[int, int]:
        async with self._producer() as producer:
            numbers = await producer.partitions_for(topic)
        async with self._consumer(None) as consumer:
            ends = await consumer.end_offsets([TopicPartition(topic, number) for number in numbers])
            return {where.partition: offset for where, offset in ends.items()}

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """aiokafka's admin client, for what the methods here do not do."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=2)
        try:
            await producer.start()
            yield producer
        finally:
            await producer.stop()

    @asynccontextmanager
    async def _consumer(self, group: str | None) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False)
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()

    async def _led(self, admin: AIOKafkaAdminClient, topic: str, partitions: int) -> bool:
        [described] = await admin.describe_topics([topic])
        led = [p for p in described["partitions"] if p["error_code"] == 0 and p["leader"] >= 0]
        return described["error_code"] == 0 and len(led) == partitions


@contextmanager
def kafka(*, brokers: int = 1) -> Iterator[Kafka]:
    """A Kafka without logins. The first broker is the controller too: in a cluster it is not the one to kill."""
    with started(brokers) as made:
        yield Kafka(made)


@contextmanager
def kafka_cluster() -> Iterator[Kafka]:
    """Three brokers, everything on all of them: any may go but the first, the controller."""
    with kafka(brokers=3) as made:
        yield made
