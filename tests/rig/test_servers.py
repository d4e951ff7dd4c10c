"""Each server starts, answers a real question, and leaves nothing behind."""

import asyncio
import base64
import os
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import AbstractTokenProvider
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)

import tests.rig.azurite
import tests.rig.kafka
import tests.rig.moto
import tests.rig.nats
from scaler.sdk.sigv4 import Keys
from tests.rig.azurite import Azurite
from tests.rig.certificates import Authority
from tests.rig.kafka import Kafka
from tests.rig.moto import AwsRefusal, Moto
from tests.rig.nats import Nats
from tests.rig.oauth import TokenEndpoint, unsigned_token
from tests.rig.process import Server
from tests.rig.secured_kafka import USERS, SecuredKafka

PASSWORDS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class Token(AbstractTokenProvider):  # type: ignore[misc]
    """A token that was had before."""

    def __init__(self, value: str) -> None:
        self.value = value

    async def token(self) -> str:
        return self.value


def _left_nothing(server: Server, pid: int | None) -> bool:
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)
    return not server.log.parent.exists()


@asynccontextmanager
async def _reader(where: str, group: str | None = None, **security: Any) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=where, group_id=group, enable_auto_commit=False, **security)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _end(where: str, topic: str, **security: Any) -> int:
    async with _reader(where, **security) as consumer:
        ends = await consumer.end_offsets([TopicPartition(topic, 0)])
        return int(ends[TopicPartition(topic, 0)])


def _login(mechanism: str, user: str = "scaler", password: str | None = None) -> dict[str, Any]:
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": user,
        "sasl_plain_password": password or USERS[user],
    }


def _token(value: str) -> dict[str, Any]:
    return _login("OAUTHBEARER") | {"sasl_oauth_token_provider": Token(value)}


async def _refusal(where: str, token: str) -> bytes:
    """What the broker says against a token, in its own protocol: aiokafka takes that for a welcome."""
    host, _, port = where.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        await _call(reader, writer, 17, 1, struct.pack(">h", 11) + b"OAUTHBEARER")
        words = f"n,,\x01auth=Bearer {token}\x01\x01".encode()
        answer = await _call(reader, writer, 36, 0, struct.pack(">i", len(words)) + words)
    finally:
        writer.close()
        await writer.wait_closed()
    return answer[8:]


async def _call(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: int, version: int, body: bytes
) -> bytes:
    request = struct.pack(">hhih", key, version, 0, -1) + body
    writer.write(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    return (await reader.readexactly(size))[4:]


def _basic(client: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{client}:{secret}'.encode()).decode()}"}


@pytest.fixture
async def shelf(secured_kafka: SecuredKafka, request: pytest.FixtureRequest) -> str:
    """A topic of the test's own with five records."""
    name = f"shelf-{request.node.name}".replace("[", "-").replace("]", "")
    await secured_kafka.create_topic(name)
    await secured_kafka.produce(name, 5)
    return name


# Kafka


async def test_kafka_keeps_records_and_commits(kafka: Kafka) -> None:
    await kafka.create_topic("kept", 3)
    await kafka.produce("kept", 6)
    await kafka.produce("kept", 4, partition=1)
    await kafka.commit("kept-group", {("kept", 1): 1})
    assert await kafka.end_offsets("kept") == {0: 2, 1: 6, 2: 2}
    assert await kafka.committed("kept-group", "kept", 1) == 1
    assert await kafka.committed("kept-group", "kept", 0) is None


async def test_kafka_comes_back_with_its_data(kafka: Kafka) -> None:
    await kafka.create_topic("survives", 2)
    await kafka.produce("survives", 10)
    await kafka.commit("survivor", {("survives", 0): 3})
    address = kafka.bootstrap
    async with kafka.down():
        with pytest.raises(KafkaConnectionError):
            await kafka.end_offsets("survives")
    assert kafka.bootstrap == address
    assert await kafka.end_offsets("survives") == {0: 5, 1: 5}
    assert await kafka.committed("survivor", "survives", 0) == 3


async def test_a_frozen_kafka_keeps_its_connections(kafka: Kafka) -> None:
    async with kafka.admin() as admin:
        with kafka.frozen():
            assert kafka.connections(os.getpid()) > 0
        await admin.list_topics()


async def test_connections_to_kafka_are_counted(kafka: Kafka) -> None:
    assert kafka.connections() == 0
    async with kafka.admin():
        assert kafka.connections() == kafka.connections(os.getpid()) == 1
    assert kafka.connections() == 0


async def test_kafka_leaves_nothing(kafka: Kafka) -> None:
    with tests.rig.kafka.kafka() as another:
        assert set(another.ports).isdisjoint(kafka.ports)
        server = another.brokers[0].server
        pid = server.pid
    assert _left_nothing(server, pid)


async def test_three_brokers_do_without_one(kafka_cluster: Kafka) -> None:
    await kafka_cluster.create_topic("shared", 6)
    await kafka_cluster.produce("shared", 12)
    last = kafka_cluster.brokers[-1]
    await last.kill()
    try:
        assert await kafka_cluster.end_offsets("shared") == dict.fromkeys(range(6), 2)
    finally:
        await last.start()
    await kafka_cluster.produce("shared", 6)
    assert await kafka_cluster.end_offsets("shared") == dict.fromkeys(range(6), 3)


# Kafka with logins


@pytest.mark.parametrize("mechanism", PASSWORDS)
async def test_a_password_is_asked_for(secured_kafka: SecuredKafka, shelf: str, mechanism: str) -> None:
    assert await _end(secured_kafka.sasl, shelf, **_login(mechanism)) == 5
    with pytest.raises(KafkaConnectionError):
        await _end(secured_kafka.sasl, shelf, **_login(mechanism, password="wrong"))


@pytest.mark.parametrize("mechanism", PASSWORDS)
async def test_passwords_go_over_tls(secured_kafka: SecuredKafka, shelf: str, mechanism: str) -> None:
    known = ssl.create_default_context(cafile=secured_kafka.authority.certificate)
    over_tls = {"security_protocol": "SASL_SSL", "ssl_context": known}
    assert await _end(secured_kafka.sasl_tls, shelf, **_login(mechanism) | over_tls) == 5
    with pytest.raises(KafkaConnectionError):
        await _end(secured_kafka.sasl_tls, shelf, **_login(mechanism, password="wrong") | over_tls)


async def test_a_token_is_believed_until_it_ends(secured_kafka: SecuredKafka, shelf: str, oauth: TokenEndpoint) -> None:
    form = {"grant_type": "client_credentials", "client_id": oauth.client, "client_secret": oauth.secret}
    async with aiohttp.ClientSession() as session, session.post(oauth.url, data=form) as reply:
        token = (await reply.json())["access_token"]
    assert await _end(secured_kafka.sasl, shelf, **_token(token)) == 5
    assert await _refusal(secured_kafka.sasl, token) == b""
    over = unsigned_token("scaler", lifetime=-60)
    assert b"invalid_token" in await _refusal(secured_kafka.sasl, over)


async def test_tls_asks_for_a_known_certificate(secured_kafka: SecuredKafka, shelf: str, tmp_path: Path) -> None:
    strange = Authority(tmp_path).issue("scaler")
    for pair, welcome in ((secured_kafka.client, True), (strange, False)):
        context = ssl.create_default_context(cafile=secured_kafka.authority.certificate)
        context.load_cert_chain(pair.certificate, pair.key)
        if welcome:
            assert await _end(secured_kafka.tls, shelf, security_protocol="SSL", ssl_context=context) == 5
        else:
            with pytest.raises(KafkaConnectionError):
                await _end(secured_kafka.tls, shelf, security_protocol="SSL", ssl_context=context)


async def test_tls_is_refused_by_who_does_not_know_the_authority(secured_kafka: SecuredKafka) -> None:
    with pytest.raises(KafkaConnectionError):
        await _end(
            secured_kafka.sasl_tls,
            "any",
            **_login("PLAIN") | {"security_protocol": "SASL_SSL", "ssl_context": ssl.create_default_context()},
        )


def test_a_key_may_have_a_password(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("locked", password="open sesame")
    context = ssl.create_default_context(cafile=authority.certificate)
    context.load_cert_chain(pair.certificate, pair.key, "open sesame")
    with pytest.raises(ssl.SSLError):
        context.load_cert_chain(pair.certificate, pair.key, "wrong")


async def test_a_group_is_denied_to_one_user(secured_kafka: SecuredKafka, shelf: str) -> None:
    where, group = TopicPartition(shelf, 0), f"{shelf}-group"
    await secured_kafka.commit(group, {(shelf, 0): 2})
    await secured_kafka.deny("stranger", group=group)
    async with _reader(secured_kafka.sasl, group, **_login("PLAIN")) as consumer:
        consumer.assign([where])
        assert await consumer.committed(where) == 2
    async with _reader(secured_kafka.sasl, group, **_login("SCRAM-SHA-256", "stranger")) as consumer:
        consumer.assign([where])
        with pytest.raises(GroupAuthorizationFailedError):
            await consumer.committed(where)


async def test_a_topic_is_denied_to_one_user(secured_kafka: SecuredKafka, shelf: str) -> None:
    await secured_kafka.deny("stranger", topic=shelf)
    assert await _end(secured_kafka.sasl, shelf, **_login("PLAIN")) == 5
    stranger = AIOKafkaAdminClient(bootstrap_servers=secured_kafka.sasl, **_login("PLAIN", "stranger"))
    await stranger.start()
    try:
        [described] = await stranger.describe_topics([shelf])
    finally:
        await stranger.close()
    assert described["error_code"] == TopicAuthorizationFailedError.errno


# The token endpoint


async def test_the_token_endpoint_remembers_who_asked(oauth: TokenEndpoint) -> None:
    async with aiohttp.ClientSession() as session:
        form = {"grant_type": "client_credentials", "scope": "kafka"}
        async with session.post(oauth.url, data=form, headers=_basic(oauth.client, "wrong")) as refused:
            assert refused.status == 401
        async with session.post(oauth.url, data=form, headers=_basic(oauth.client, oauth.secret)) as granted:
            assert (await granted.json())["expires_in"] == oauth.lifetime
    assert [(asked.client, asked.secret, asked.scope) for asked in oauth.requests] == [
        ("scaler", "wrong", "kafka"),
        ("scaler", "scaler-secret", "kafka"),
    ]


# Azurite


async def test_azurite_counts_what_is_hidden(azurite: Azurite) -> None:
    await azurite.create_queue("counted")
    await azurite.send("counted", 4)
    await azurite.send("counted", 2, delay=60)
    taken = await azurite.receive("counted", 3)
    assert len(taken) == 3
    assert await azurite.count("counted") == 6
    await azurite.delete("counted", *taken)
    assert await azurite.count("counted") == 3
    await azurite.clear("counted")
    assert await azurite.count("counted") == 0


async def test_a_queue_that_was_there_is_emptied(azurite: Azurite) -> None:
    await azurite.create_queue("emptied")
    await azurite.send("emptied", 2)
    await azurite.create_queue("emptied")
    assert await azurite.count("emptied") == 0


async def test_azurite_leaves_nothing(azurite: Azurite) -> None:
    with tests.rig.azurite.azurite() as another:
        assert another.queue_endpoint != azurite.queue_endpoint
        pid = another.server.pid
    assert _left_nothing(another.server, pid)


# Moto


async def test_moto_believes_whom_it_knows(moto: Moto) -> None:
    first = await moto.user("somebody", "secretsmanager:*")
    second = await moto.more_keys("somebody")
    assert first != second
    stranger = Moto(moto.port, moto.server, Keys(first.access_key, "wrong"))
    with pytest.raises(AwsRefusal, match="SignatureDoesNotMatch"):
        await stranger.put("a", "b")
    assert await Moto(moto.port, moto.server, second).put("a", "b")
    await moto.take_keys("somebody", second)
    with pytest.raises(AwsRefusal, match=r"InvalidClientTokenId|UnrecognizedClient"):
        await Moto(moto.port, moto.server, second).put("a", "b")


def test_moto_leaves_nothing() -> None:
    with tests.rig.moto.moto() as another:
        pid = another.server.pid
    assert _left_nothing(another.server, pid)


# NATS


async def test_nats_hands_out_what_was_published(nats: Nats) -> None:
    await nats.create_stream("handed")
    await nats.create_consumer("handed", "worker")
    await nats.publish("handed", 3)
    assert await nats.pull("handed", "worker", 2) == [b"x", b"x"]
    assert await nats.pull("handed", "worker", 2) == [b"x"]


async def test_nats_shows_what_is_left(nats: Nats) -> None:
    await nats.create_stream("shown")
    await nats.create_consumer("shown", "worker")
    await nats.publish("shown", 5)
    await nats.pull("shown", "worker", 2, acknowledge=False)
    async with aiohttp.ClientSession() as session, session.get(f"http://{nats.monitoring}/jsz?consumers=true") as reply:
        [account] = (await reply.json())["account_details"]
    [stream] = [stream for stream in account["stream_detail"] if stream["name"] == "shown"]
    [consumer] = stream["consumer_detail"]
    assert (consumer["num_pending"], consumer["num_ack_pending"]) == (3, 2)


def test_nats_leaves_nothing(nats: Nats) -> None:
    with tests.rig.nats.nats() as another:
        assert another.url != nats.url
        pid = another.server.pid
    assert _left_nothing(another.server, pid)
