"""apache-kafka, where it is not as kafka: several topics, what does not exist, all topics of a cluster, its logins."""

from collections.abc import Mapping

import pytest
from aiokafka import AIOKafkaConsumer

from scaler.declare import load
from scaler.errors import AnswerError, SourceError
from scaler.sdk import Keys, Lasting, Tls
from scalers._kafka_lag import Progress
from scalers._kafka_login import Password
from scalers._kafka_msk import Msk
from scalers._kafka_round import Offsets
from scalers.apache_kafka import ApacheKafka
from scalers.kafka import Kafka
from tests.rig.kafka import Kafka as Broker

USER = {"username": "me", "password": "hush"}
AWS = {"awsAccessKeyID": "AKIA", "awsSecretAccessKey": "hush"}


def scaler(where: str = "kafka:9092", auth: Mapping[str, str] | None = None, **given: str) -> ApacheKafka:
    metadata = {"bootstrapServers": where, "consumerGroup": "billing"} | given
    loaded = load(ApacheKafka, metadata, auth or {}, {})
    assert loaded.value is not None, loaded.problems
    return loaded.value


def problems(auth: Mapping[str, str] | None = None, **given: str) -> Mapping[str, str]:
    metadata = {"bootstrapServers": "kafka:9092", "consumerGroup": "g", "topic": "t"} | given
    return load(ApacheKafka, metadata, auth or {}, {}).problems


async def ask(one: ApacheKafka) -> Progress | SourceError:
    async with one.source().open() as connection:
        [answer] = await connection.fetch([one.ask()])
        return answer


def test_what_is_asked_and_how_it_is_called() -> None:
    several = scaler(topic="orders, refunds", partitionLimitation="0-2")
    assert several.ask() == Offsets("billing", ("orders", "refunds"), frozenset({0, 1, 2}), loose=True)
    assert several.label() == "kafka-orders,refunds"
    every = scaler(partitionLimitation="0")
    assert every.ask() == Offsets("billing", (), frozenset({0}), loose=True)
    assert every.label() == "kafka-billing-topics"


@pytest.mark.parametrize(
    ("auth", "given", "named"),
    [
        ({}, {"sasl": "gssapi"}, {"sasl"}),
        ({}, {"sasl": "oauthbearer"}, {"sasl"}),
        ({}, {"sasl": "scram_sha256"}, {"username", "password"}),
        ({}, {"sasl": "aws_msk_iam"}, {"tls", "awsRegion", *AWS}),
        ({"cert": "C"}, {"tls": "enable"}, {"key"}),
        ({}, {"topic": "", "limitToPartitionsWithLag": "true"}, {"topic"}),
        ({}, {"limitToPartitionsWithLag": "true", "allowIdleConsumers": "true"}, {"allowIdleConsumers"}),
        ({}, {"lagThreshold": "0"}, {"lagThreshold"}),
    ],
)
def test_what_is_refused(auth: dict[str, str], given: dict[str, str], named: set[str]) -> None:
    assert problems(auth, **given).keys() == named


def test_logins() -> None:
    assert scaler().source().login is None
    assert scaler(auth=USER, sasl="scram_sha512").source().login == Password("SCRAM-SHA-512", "me", "hush")
    assert scaler(auth=USER | {"sasl": "plaintext"}).source().login == Password("PLAIN", "me", "hush")
    msk = scaler(auth=AWS, sasl="aws_msk_iam", tls="enable", awsRegion="eu-west-1").source()
    assert (msk.login, msk.tls) == (Msk("eu-west-1", Lasting(Keys("AKIA", "hush"))), Tls())
    assert scaler(auth={"tls": "enable"}, tls="disable").source().tls is None, "metadata goes first, as in KEDA"


def test_it_shares_the_connections_of_kafka() -> None:
    other = load(Kafka, {"bootstrapServers": "kafka:9092", "consumerGroup": "g", "topic": "t"}, {}, {}).value
    assert other is not None
    assert scaler().source() == other.source()


async def test_topics_that_do_not_exist_count_for_nothing(kafka: Broker) -> None:
    for number, count in enumerate((5, 7)):
        await kafka.create_topic(f"several-{number}", 2)
        await kafka.produce(f"several-{number}", count, partition=0)
    await kafka.commit("several", {("several-0", 0): 1, ("several-0", 1): 0, ("several-1", 0): 3})
    both = scaler(kafka.bootstrap, consumerGroup="several", topic="several-0,several-nowhere,several-1")
    answer = await ask(both)
    assert isinstance(answer, Progress), answer
    assert both.read(answer).counted == 4 + 0 + 4 + 1
    neither = await ask(scaler(kafka.bootstrap, consumerGroup="several", topic="several-nowhere"))
    assert isinstance(neither, AnswerError)


async def test_without_topics_all_of_the_cluster_count_while_there_are_members(kafka: Broker) -> None:
    await kafka.create_topic("everywhere", 2)
    await kafka.create_topic("unread", 3)
    await kafka.produce("everywhere", 6)
    await kafka.commit("everybody", {("everywhere", 0): 1, ("everywhere", 1): 3})
    every = scaler(kafka.bootstrap, consumerGroup="everybody")
    assert str(await ask(every)) == "group everybody has no active members; name its topics with topic"
    consumer = AIOKafkaConsumer(
        "everywhere", bootstrap_servers=kafka.bootstrap, group_id="everybody", enable_auto_commit=False
    )
    await consumer.start()
    try:
        answer = await ask(every)
    finally:
        await consumer.stop()
    assert isinstance(answer, Progress), answer
    lags = {(at.topic, at.partition): (at.end, at.committed) for at in answer.partitions}
    assert lags["everywhere", 0] == (3, 1)
    assert lags["everywhere", 1] == (3, 3)
    assert lags["unread", 2] == (0, None)
