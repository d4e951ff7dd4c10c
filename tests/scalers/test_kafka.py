"""Kafka, against real brokers; what may be written, as far as it is the type's own. The arithmetic: `test_kafka_lag`;
logins as values: `test_kafka_auth`; bad times: `test_kafka_faults`."""

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scaler.declare import load
from scaler.errors import AnswerError, LoginError, SourceError
from scalers._kafka import KafkaCluster
from scalers._kafka_lag import Progress
from scalers._kafka_protocol import BrokerConnection
from scalers._kafka_round import Offsets
from scalers.kafka import Kafka
from tests.rig.certificates import Authority
from tests.rig.kafka import Kafka as Broker
from tests.rig.oauth import TokenEndpoint
from tests.rig.secured_kafka import USERS, SecuredKafka

WRONG = "not-the-password"


def scaler(where: str, group: str, topic: str = "", auth: Mapping[str, str] | None = None, **given: str) -> Kafka:
    metadata = {"bootstrapServers": where, "consumerGroup": group, "topic": topic} | given
    loaded = load(Kafka, metadata, auth or {}, {})
    assert loaded.value is not None, loaded.problems
    return loaded.value


async def ask(*scalers: Kafka) -> list[Progress | SourceError]:
    """The answers of one batch; all must have the same source."""
    [source] = {one.source() for one in scalers}
    async with source.open() as connection:
        return [*await connection.fetch([one.ask() for one in scalers])]


async def lag(one: Kafka) -> float:
    [answer] = await ask(one)
    assert isinstance(answer, Progress), answer
    return one.read(answer).counted


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name for topics and groups of the test's own."""
    return "".join(sign if sign.isalnum() else "-" for sign in request.node.name)[:80]


# What may be written


def problems(**given: str) -> Mapping[str, str]:
    base = {"bootstrapServers": "kafka:9092", "consumerGroup": "g", "topic": "t"}
    return load(Kafka, {key: value for key, value in (base | given).items() if value}, {}, {}).problems


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"bootstrapServers": "", "consumerGroup": ""}, {"bootstrapServers", "consumerGroup"}),
        ({"bootstrapServers": "http://kafka:9092"}, {"bootstrapServers"}),
        ({"bootstrapServers": "kafka:port"}, {"bootstrapServers"}),
        ({"bootstrapServers": "kafka:99999"}, {"bootstrapServers"}),
        ({"bootstrapServers": ","}, {"bootstrapServers"}),
        ({"lagThreshold": "0"}, {"lagThreshold"}),
        ({"lagThreshold": "-1"}, {"lagThreshold"}),
        ({"lagThreshold": "1.5"}, {"lagThreshold"}),
        ({"activationLagThreshold": "-1"}, {"activationLagThreshold"}),
        ({"offsetResetPolicy": "none"}, {"offsetResetPolicy"}),
        ({"partitionLimitation": "1-"}, {"partitionLimitation"}),
        ({"version": "latest"}, {"version"}),
        ({"allowIdleConsumers": "true", "limitToPartitionsWithLag": "true"}, {"allowIdleConsumers"}),
        (
            {"limitToPartitionsWithLag": "true", "ensureEvenDistributionOfPartitions": "true"},
            {"limitToPartitionsWithLag"},
        ),
        ({"topic": "", "limitToPartitionsWithLag": "true"}, {"topic"}),
        ({"topic": "", "ensureEvenDistributionOfPartitions": "true"}, {"topic"}),
        ({"topic": "", "fullMetadata": "false"}, {"topic"}),
        (
            {"lagThreshold": "0", "activationLagThreshold": "x", "tls": "maybe", "unsafeSsl": "perhaps"},
            {"lagThreshold", "activationLagThreshold", "tls", "unsafeSsl"},
        ),
        (
            {
                "bootstrapServers": "kafka:port",
                "topic": "",
                "allowIdleConsumers": "true",
                "limitToPartitionsWithLag": "true",
                "version": "4",
                "sasl": "scram_sha512",
            },
            {"bootstrapServers", "topic", "allowIdleConsumers", "version", "username", "password"},
        ),
    ],
)
def test_what_is_refused(given: dict[str, str], named: set[str]) -> None:
    assert problems(**given).keys() == named


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"bootstrapServers": "kafka, 10.0.0.1:9092, [::1]:9092, [::1]"},
        {"allowIdleConsumers": "true", "ensureEvenDistributionOfPartitions": "true"},
        {"allowIdleConsumers": "false", "limitToPartitionsWithLag": "true"},
        {"fullMetadata": "false", "version": "3.9.0"},
        {"topic": "", "partitionLimitation": "1,2,10-12"},
    ],
)
def test_what_is_accepted(given: dict[str, str]) -> None:
    assert not problems(**given)


def test_the_settings_that_need_a_topic_are_named() -> None:
    found = problems(topic="", limitToPartitionsWithLag="true", fullMetadata="false")
    assert found == {"topic": "is required for limitToPartitionsWithLag and fullMetadata=false"}


def test_what_is_asked_and_how_it_is_called() -> None:
    one = scaler("kafka:9092", "billing", "orders", partitionLimitation="3,1-2")
    assert one.ask() == Offsets("billing", ("orders",), frozenset({1, 2, 3}))
    assert one.label() == "kafka-orders"
    every = scaler("kafka:9092", "billing", partitionLimitation="3,1-2")
    assert every.ask() == Offsets("billing"), "without topic there is nothing to limit"
    assert every.label() == "kafka-billing-topics"


# What is read


async def test_lag_is_exact_right_after_produce_and_commit(kafka: Broker, name: str) -> None:
    one = scaler(kafka.bootstrap, name, name, lagThreshold="10", activationLagThreshold="29")
    await kafka.create_topic(name, 3)
    async with one.source().open() as connection:

        async def seen() -> tuple[float, bool]:
            [answer] = await connection.fetch([one.ask()])
            assert isinstance(answer, Progress), answer
            return one.read(answer).counted, one.active(answer)

        assert await seen() == (3, False), "nothing committed: 1 for each partition"
        for number in range(3):
            await kafka.commit(name, {(name, number): 0})
        assert await seen() == (0, False)
        await kafka.produce(name, 20, partition=0)
        assert await seen() == (20, False)
        await kafka.produce(name, 10, partition=1)
        assert await seen() == (30, True)
        await kafka.produce(name, 10, partition=1)
        assert await seen() == (30, True), "three partitions keep three replicas busy"
        await kafka.commit(name, {(name, 0): 20, (name, 1): 19})
        assert await seen() == (1, False)


async def test_the_reset_policy_is_for_partitions_without_offset(kafka: Broker, name: str) -> None:
    await kafka.create_topic(name, 2)
    await kafka.produce(name, 14)
    cases: tuple[tuple[int, dict[str, Any]], ...] = (
        (2, {}),
        (14, {"offsetResetPolicy": "earliest"}),
        (0, {"offsetResetPolicy": "earliest", "scaleToZeroOnInvalidOffset": "true"}),
        (7, {"offsetResetPolicy": "earliest", "partitionLimitation": "1"}),
    )
    for expected, given in cases:
        assert await lag(scaler(kafka.bootstrap, name, name, **given)) == expected


async def test_persistent_lag_is_left_out_from_the_second_reading(kafka: Broker, name: str) -> None:
    one = scaler(kafka.bootstrap, name, name, excludePersistentLag="true")
    await kafka.create_topic(name, 2)
    await kafka.produce(name, 10)
    await kafka.commit(name, {(name, 0): 1, (name, 1): 1})
    async with one.source().open() as connection:
        [first] = await connection.fetch([one.ask()])
        await kafka.commit(name, {(name, 1): 2})
        [second] = await connection.fetch([one.ask()])
    assert isinstance(first, Progress)
    assert isinstance(second, Progress)
    assert one.compare(first, None).counted == 8
    assert one.compare(second, first).counted == 3
    assert one.compare(second, first).ready == 7
    assert one.active(second)


async def test_without_topic_all_topics_of_the_group_count(kafka: Broker, name: str) -> None:
    for number in range(3):
        await kafka.create_topic(f"{name}-{number}", 2)
        await kafka.produce(f"{name}-{number}", 8)
    await kafka.commit(name, {(f"{name}-0", 0): 1, (f"{name}-2", 0): 2, (f"{name}-2", 1): 4})
    every = scaler(kafka.bootstrap, name)
    [answer] = await ask(every)
    assert isinstance(answer, Progress), answer
    assert {at.topic for at in answer.partitions} == {f"{name}-0", f"{name}-2"}
    assert every.read(answer).counted == 3 + 1 + 2
    [none] = await ask(scaler(kafka.bootstrap, f"{name}-other"))
    assert isinstance(none, AnswerError)


async def test_an_unknown_topic_fails_nobody_else(kafka: Broker, name: str) -> None:
    await kafka.create_topic(name)
    await kafka.produce(name, 5)
    await kafka.commit(name, {(name, 0): 2})
    known, unknown = scaler(kafka.bootstrap, name, name), scaler(kafka.bootstrap, name, f"{name}-unknown")
    invalid, beyond = (
        scaler(kafka.bootstrap, name, "no/topic"),
        scaler(kafka.bootstrap, name, name, partitionLimitation="7"),
    )
    answers = await ask(known, unknown, known, invalid, beyond)
    assert [known.read(one).counted for one in (answers[0], answers[2]) if isinstance(one, Progress)] == [3, 3]
    assert [str(answers[1]), str(answers[3]), str(answers[4])] == [
        f"topic {name}-unknown does not exist",
        "topic no/topic has no valid name",
        f"topic {name} has none of the partitions in partitionLimitation",
    ]
    async with kafka.admin() as admin:
        assert f"{name}-unknown" not in await admin.list_topics(), "to ask for a topic must not make it"


# How it is asked


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What goes out to the brokers, by kind."""
    counted: Counter[str] = Counter()
    send = BrokerConnection.send

    def counting(self: Any, request: Any, *others: Any) -> Any:
        counted[type(request).__name__] += 1
        return send(self, request, *others)

    monkeypatch.setattr(BrokerConnection, "send", counting)
    return counted


async def test_a_hundred_groups_are_one_connection_to_each_broker(
    kafka_cluster: Broker, name: str, sent: Counter[str]
) -> None:
    for number in range(4):
        await kafka_cluster.create_topic(f"{name}-{number}", 6)
        await kafka_cluster.produce(f"{name}-{number}", 6)
    many = [scaler(kafka_cluster.bootstrap, f"{name}-{n}", f"{name}-{n % 4}") for n in range(100)]
    async with many[0].source().open() as connection:
        await connection.fetch([one.ask() for one in many])
        sent.clear()
        answers = await connection.fetch([one.ask() for one in many])
        assert kafka_cluster.connections(os.getpid()) == 3
    assert {one.source() for one in many} == {many[0].source()}
    assert sent == {"MetadataRequest": 1, "OffsetRequest": 3, "OffsetFetchRequest": 100}
    for one, answer in zip(many, answers, strict=True):
        assert isinstance(answer, Progress), answer
        assert one.read(answer).counted == 6


async def test_a_restarted_broker_is_found_again(kafka: Broker, name: str) -> None:
    one = scaler(kafka.bootstrap, name, name)
    await kafka.create_topic(name)
    await kafka.produce(name, 5)
    await kafka.commit(name, {(name, 0): 1})
    async with one.source().open() as connection:
        [before] = await connection.fetch([one.ask()])
        async with kafka.down():
            with pytest.raises(SourceError, match=f"^kafka broker {kafka.bootstrap} cannot be reached$"):
                await connection.fetch([one.ask()])
        [after] = await connection.fetch([one.ask()])
    assert before == after


async def test_a_frozen_broker_is_given_up_in_time(kafka: Broker, name: str) -> None:
    one = scaler(kafka.bootstrap, name, name)
    await kafka.create_topic(name)
    async with replace(one.source(), timeout=0.5).open() as connection:
        [before] = await connection.fetch([one.ask()])
        with kafka.frozen(), pytest.raises(SourceError, match=f"^kafka broker {kafka.bootstrap} does not answer$"):
            await connection.fetch([one.ask()])
        [after] = await connection.fetch([one.ask()])
    assert before == after


async def test_one_of_three_brokers_goes(kafka_cluster: Broker, name: str) -> None:
    await kafka_cluster.create_topic(name, 6)
    await kafka_cluster.commit(name, {(name, 0): 1})
    await kafka_cluster.produce(name, 12)
    await asyncio.sleep(1)  # until the followers know, too, what counts as committed
    one = scaler(kafka_cluster.bootstrap, name, name, offsetResetPolicy="earliest")
    last = kafka_cluster.brokers[-1]
    async with one.source().open() as connection:
        [before] = await connection.fetch([one.ask()])
        await last.kill()
        try:
            async with asyncio.timeout(30):
                while isinstance((during := (await connection.fetch([one.ask()]))[0]), SourceError):
                    assert str(during) == f"kafka broker {last.address} cannot be reached"
                    await asyncio.sleep(0.1)
        finally:
            await last.start()
    assert isinstance(before, Progress)
    assert [*before.partitions] == [*during.partitions]


# Who asks


def secured(where: str, topic: str, auth: Mapping[str, str], group: str = "", **given: str) -> Kafka:
    return scaler(where, group or topic, topic, auth, **given)


@pytest.fixture
async def shelf(secured_kafka: SecuredKafka, name: str) -> str:
    """A topic with five records, of which the group of the same name has read two."""
    await secured_kafka.create_topic(name)
    await secured_kafka.produce(name, 5)
    await secured_kafka.commit(name, {(name, 0): 2})
    return name


def pem(path: Path) -> str:
    return path.read_text()


async def failure(one: Kafka) -> SourceError:
    with pytest.raises(SourceError) as raised:
        await ask(one)
    return raised.value


async def refusal(one: Kafka) -> str:
    return str(await failure(one))


async def refused_login(one: Kafka) -> str:
    """Where another login could help."""
    problem = await failure(one)
    assert isinstance(problem, LoginError)
    assert problem.reason == "LoginError"
    return str(problem)


@pytest.mark.parametrize("sasl", ["plaintext", "scram_sha256", "scram_sha512"])
async def test_passwords(secured_kafka: SecuredKafka, shelf: str, sasl: str) -> None:
    where, right = secured_kafka.sasl, {"username": "scaler", "password": USERS["scaler"]}
    assert await lag(secured(where, shelf, right, sasl=sasl)) == 3
    over_tls = right | {"ca": pem(secured_kafka.authority.certificate), "tls": "enable"}
    assert await lag(secured(secured_kafka.sasl_tls, shelf, over_tls, sasl=sasl)) == 3
    for wrong in ({"password": WRONG}, {"username": "nobody"}):
        said = await refused_login(secured(where, shelf, right | wrong, sasl=sasl))
        assert said == f"kafka broker {where} refuses the login: wrong user or password"
        assert WRONG not in said


async def test_a_login_that_is_not_offered(secured_kafka: SecuredKafka, shelf: str) -> None:
    user = {"username": "scaler", "password": USERS["scaler"]}
    plain = secured_kafka.bootstrap
    assert (
        await refused_login(secured(plain, shelf, user, sasl="plaintext"))
        == f"kafka broker {plain} asks for no login on this port"
    )
    nameless = await refusal(secured(secured_kafka.sasl, shelf, {}))
    assert nameless == f"kafka broker {secured_kafka.sasl} closed the connection; it may want TLS or a login"


async def test_certificates(secured_kafka: SecuredKafka, shelf: str, tmp_path: Path) -> None:
    where, ca = secured_kafka.tls, {"ca": pem(secured_kafka.authority.certificate), "tls": "enable"}
    own = {"cert": pem(secured_kafka.client.certificate), "key": pem(secured_kafka.client.key)}
    assert await lag(secured(where, shelf, ca | own)) == 3
    locked = secured_kafka.authority.issue("locked", password="open-sesame")
    with_password = {"cert": pem(locked.certificate), "key": pem(locked.key), "keyPassword": "open-sesame"}
    assert await lag(secured(where, shelf, ca | with_password)) == 3
    strange = Authority(tmp_path).issue("scaler")
    for wrong in ({}, {"cert": pem(strange.certificate), "key": pem(strange.key)}):
        said = await refused_login(secured(where, shelf, ca | wrong))
        assert said == f"kafka broker {where} does not speak TLS on this port, or refuses the client's certificate"
        elsewhere = f"{where},{where.replace('127.0.0.1', 'localhost')}"
        assert "none of 2 brokers is of use" in await refused_login(secured(elsewhere, shelf, ca | wrong))
    assert "password is wrong" in await refusal(secured(where, shelf, ca | with_password | {"keyPassword": WRONG}))


async def test_trust(secured_kafka: SecuredKafka, shelf: str) -> None:
    where, user = secured_kafka.sasl_tls, {"username": "scaler", "password": USERS["scaler"], "tls": "enable"}
    unsafe = secured(where, shelf, user, sasl="plaintext", unsafeSsl="true")
    assert await lag(unsafe) == 3
    untrusted = await failure(secured(where, shelf, user, sasl="plaintext"))
    assert str(untrusted) == f"the TLS certificate of kafka broker {where} is not trusted"
    assert not isinstance(untrusted, LoginError), "that is about the broker, not about us"
    assert "CA certificate" in await refusal(secured(where, shelf, user | {"ca": "nonsense"}, sasl="plaintext"))


async def test_tls_where_there_is_none_and_the_other_way_round(secured_kafka: SecuredKafka, shelf: str) -> None:
    user = {"username": "scaler", "password": USERS["scaler"]}
    plain = await failure(secured(secured_kafka.bootstrap, shelf, {"tls": "enable"}))
    assert str(plain).startswith(f"kafka broker {secured_kafka.bootstrap} ")
    assert not isinstance(plain, LoginError)
    said = await refusal(secured(secured_kafka.sasl_tls, shelf, user, sasl="plaintext"))
    assert said == f"kafka broker {secured_kafka.sasl_tls} closed the connection; it may want TLS"


async def test_a_group_that_may_not_be_described(secured_kafka: SecuredKafka, shelf: str) -> None:
    await secured_kafka.deny("stranger", group=f"{shelf}-closed")
    user = {"username": "stranger", "password": USERS["stranger"]}
    allowed, denied, all_topics = (
        secured(secured_kafka.sasl, topic, user, group, sasl="plaintext")
        for group, topic in ((shelf, shelf), (f"{shelf}-closed", shelf), (f"{shelf}-closed", ""))
    )
    answer, *failed = await ask(allowed, denied, all_topics)
    assert isinstance(answer, Progress)
    for one in failed:
        assert isinstance(one, AnswerError)
        assert str(one) == f"group {shelf}-closed may not be described with these credentials"


async def test_a_topic_that_may_not_be_described(secured_kafka: SecuredKafka, shelf: str, name: str) -> None:
    await secured_kafka.create_topic(f"{name}-closed")
    await secured_kafka.deny("stranger", topic=f"{name}-closed")
    user = {"username": "stranger", "password": USERS["stranger"]}
    allowed, denied = (
        secured(secured_kafka.sasl, topic, user, shelf, sasl="plaintext") for topic in (shelf, f"{name}-closed")
    )
    answer, failed = await ask(allowed, denied)
    assert isinstance(answer, Progress)
    assert str(failed) == f"topic {name}-closed may not be described with these credentials"


# Tokens


def with_token(kafka: SecuredKafka, endpoint: TokenEndpoint, shelf: str, **auth: str) -> Kafka:
    own = {"username": endpoint.client, "password": endpoint.secret, "oauthTokenEndpointUri": endpoint.url}
    return secured(kafka.sasl, shelf, own | auth, sasl="oauthbearer")


async def test_tokens(secured_kafka: SecuredKafka, shelf: str, oauth: TokenEndpoint) -> None:
    assert await lag(with_token(secured_kafka, oauth, shelf, scopes="lag,more", oauthExtensions="traceId=7")) == 3
    [request] = oauth.requests
    assert (request.client, request.scope) == ("scaler", "lag more")


async def test_a_token_is_renewed_before_it_ends(
    secured_kafka: SecuredKafka, shelf: str, oauth: TokenEndpoint, sent: Counter[str]
) -> None:
    one = with_token(secured_kafka, oauth, shelf)
    oauth.lifetime = 31.0  # one second before it is asked for anew
    async with one.source().open() as connection:
        await connection.fetch([one.ask()])
        await connection.fetch([one.ask()])
        assert (len(oauth.requests), sent["SaslAuthenticateRequest"]) == (1, 1)
        while len(oauth.requests) < 2:
            [answer] = await connection.fetch([one.ask()])
            assert isinstance(answer, Progress)
        assert sent["SaslAuthenticateRequest"] == 2
        assert secured_kafka.connections(os.getpid()) == 1


async def test_a_token_that_is_refused_is_not_kept(
    secured_kafka: SecuredKafka, shelf: str, oauth: TokenEndpoint
) -> None:
    one = with_token(secured_kafka, oauth, shelf)
    source = one.source()
    oauth.lifetime = -3600.0
    with pytest.raises(LoginError) as raised:
        async with source.open():
            pass
    assert str(raised.value) == f"kafka broker {secured_kafka.sasl} refuses the login: wrong user or token"
    oauth.lifetime = 3600.0
    async with source.open() as connection:
        [answer] = await connection.fetch([one.ask()])
    assert isinstance(answer, Progress)


async def test_a_token_that_is_not_to_be_had(secured_kafka: SecuredKafka, shelf: str, oauth: TokenEndpoint) -> None:
    wrong = await refusal(with_token(secured_kafka, oauth, shelf, password=WRONG))
    assert wrong == "the token endpoint answers with HTTP 401, the client is not accepted"
    nowhere = await refusal(with_token(secured_kafka, oauth, shelf, oauthTokenEndpointUri="http://127.0.0.1:1/token"))
    assert nowhere == "the token endpoint cannot be reached"


def test_the_source_says_where_and_nothing_else() -> None:
    source = KafkaCluster(("a:9092", "b:9092"))
    assert str(source) == "kafka at a:9092, b:9092"
