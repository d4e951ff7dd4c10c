"""Kafka: how far a consumer group is behind in a topic, or in all of its topics."""

import re
from collections.abc import Iterator

from scaler.sdk import Example, Scaler, param
from scalers._kafka import KafkaCluster
from scalers._kafka_auth import KafkaSecurity
from scalers._kafka_lag import KafkaLag, PartitionProgress, Progress
from scalers._kafka_round import Offsets

_VERSION = re.compile(r"\d+\.\d+\.\d+(\.\d+)?")


class Kafka(KafkaSecurity, KafkaLag, Scaler[Offsets, Progress]):
    full_metadata: bool = param(
        "Accepted and without effect: only the topics that are counted are ever asked for. `false` needs `topic`.",
        default=True,
    )
    version: str = param(
        "Accepted and without effect: the protocol's versions are agreed with each broker.", default=""
    )

    example = Example(
        metadata={
            "bootstrapServers": "kafka.default.svc:9092",
            "consumerGroup": "billing",
            "topic": "orders",
            "lagThreshold": "50",
        },
        answer=Progress((PartitionProgress("orders", 0, 120, 100), PartitionProgress("orders", 1, 75, None))),
        value=21,
    )

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        yield from self.strangers(self.bootstrap_servers)
        if self.version and not _VERSION.fullmatch(self.version):
            yield "version", "must be a version such as 3.9.0"

    def needing_topic(self) -> Iterator[str]:
        yield from super().needing_topic()
        if not self.full_metadata:
            yield "fullMetadata=false"

    def source(self) -> KafkaCluster:
        return KafkaCluster(self.brokers(), self.trust(), self.login())

    def ask(self) -> Offsets:
        if not self.topic:
            return Offsets(self.consumer_group)
        return Offsets(self.consumer_group, (self.topic,), frozenset(self.partition_limitation))

    def label(self) -> str:
        return f"kafka-{self.topic or f'{self.consumer_group}-topics'}"
