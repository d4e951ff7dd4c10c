"""Apache Kafka, as KEDA's other client sees it: several topics at once, and what does not exist counts for nothing."""

from collections.abc import Iterator

from scaler.sdk import AUTH, ENV, METADATA, Example, Scaler, param
from scalers._kafka import KafkaCluster
from scalers._kafka_auth import PASSWORDS, KafkaAccess
from scalers._kafka_lag import KafkaLag, PartitionProgress, Progress
from scalers._kafka_round import Offsets


class ApacheKafka(KafkaAccess, KafkaLag, Scaler[Offsets, Progress]):
    topic: str = param(
        "Topics whose lag counts, separated by commas; one that does not exist counts for nothing. Without any: every "
        "topic of the cluster, as long as the group has members.",
        default="",
        places=(METADATA, ENV),
    )
    sasl: str = param(
        "How to log in. `gssapi` is not offered by this type, neither here nor in KEDA: use `kafka`.",
        default="none",
        choices=("none", *PASSWORDS, "gssapi", "aws_msk_iam"),
        places=(METADATA, AUTH),
    )

    example = Example(
        metadata={
            "bootstrapServers": "kafka.default.svc:9092",
            "consumerGroup": "billing",
            "topic": "orders,refunds",
            "lagThreshold": "50",
        },
        answer=Progress((PartitionProgress("orders", 0, 120, 100), PartitionProgress("refunds", 0, 75, 70))),
        value=25,
    )

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        yield from self.strangers(self.bootstrap_servers)
        if self.sasl == "gssapi":
            yield "sasl", "gssapi is offered by the type kafka only"

    def topics(self) -> tuple[str, ...]:
        return tuple(topic for part in self.topic.split(",") if (topic := part.strip()))

    def source(self) -> KafkaCluster:
        return KafkaCluster(self.brokers(), self.trust(), self.login())

    def ask(self) -> Offsets:
        return Offsets(self.consumer_group, self.topics(), frozenset(self.partition_limitation), loose=True)

    def label(self) -> str:
        return f"kafka-{','.join(self.topics()) or f'{self.consumer_group}-topics'}"
