"""Amazon MSK's token, against what Amazon's own signer (aws-msk-iam-sasl-signer-python 1.0.2) makes of the same key."""

import base64
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from aiokafka.errors import SaslAuthenticationFailed

from scaler.sdk import Keys, Lasting, SourceError
from scalers._kafka_msk import LIFETIME, STEP, Msk
from scalers._kafka_protocol import BrokerConnection, Brokers

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def decoded(token: str) -> str:
    assert "=" not in token
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()


@pytest.mark.parametrize(
    ("session", "signature"),
    [
        ("", "dab9f15a99c7d71ff98b0babdd071880ab21d00a956cf7fafc732f14a97b5a47"),
        ("to/ken+with=signs", "0204c7626e38561e7fbc691311a6adae453c285ab736ca9b6d9b4012bfef9dc8"),
    ],
)
def test_the_token_is_signed_as_amazon_signs(session: str, signature: str) -> None:
    keys = Keys("AKIAEXAMPLE", "secret/Key+1", session)
    url = urlsplit(decoded(Msk("eu-west-1", Lasting(keys)).token(NOON, keys)))
    fields = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (url.scheme, url.netloc, url.path) == ("https", "kafka.eu-west-1.amazonaws.com", "/")
    assert fields["Action"] == "kafka-cluster:Connect"
    assert fields["X-Amz-Credential"] == "AKIAEXAMPLE/20261123/eu-west-1/kafka-cluster/aws4_request"
    assert fields["X-Amz-Date"] == "20261123T120000Z"
    assert fields["X-Amz-Expires"] == "900"
    assert fields.get("X-Amz-Security-Token", "") == session
    assert fields["X-Amz-Signature"] == signature
    assert fields["User-Agent"] == "event-scaler"


class Rotating:
    """Keys that are others after they were refused."""

    def __init__(self) -> None:
        self.number = 1

    async def keys(self) -> Keys:
        return Keys(f"ASIA{self.number}", "hush", "hush")

    def refused(self, keys: Keys | None = None) -> None:
        self.number += 1


async def test_temporary_keys_are_taken_as_they_come() -> None:
    login = Msk("eu-west-1", Rotating())
    first, again = await login.proof(), await login.proof()
    login.refused()
    other = await login.proof()
    assert "ASIA1" in decoded(first)
    assert "ASIA2" in decoded(other)
    assert decoded(first).partition("X-Amz-Date")[0] == decoded(again).partition("X-Amz-Date")[0]


@pytest.mark.parametrize("refuses", [False, True])
async def test_keys_are_let_go_where_they_are_refused_and_only_there(
    refuses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that cannot be reached, or a connection that ended, says nothing about them."""
    source, error = Rotating(), SaslAuthenticationFailed() if refuses else ConnectionRefusedError()

    async def connect(self: BrokerConnection) -> None:
        raise error

    monkeypatch.setattr(BrokerConnection, "connect", connect)
    brokers = Brokers(("broker:9098",), None, Msk("eu-west-1", source), 1.0)
    for _ in range(2):
        await brokers.renew()
        with pytest.raises(SourceError):
            await brokers.anyone()
    assert source.number == (3 if refuses else 1)


@pytest.mark.parametrize(
    ("host", "amazons"),
    [
        ("b-1.shop.abc123.c2.kafka.eu-west-1.amazonaws.com", True),
        ("B-1.shop.abc123.c2.kafka.eu-west-1.amazonaws.com", True),
        ("boot-abc.c1.kafka-serverless.eu-west-1.amazonaws.com", True),
        ("b-1.shop.abc123.c2.kafka.cn-north-1.amazonaws.com.cn", True),
        ("ec2-192-0-2-1.eu-west-1.compute.amazonaws.com", False),
        ("x.elb.eu-west-1.amazonaws.com", False),
        ("kafka.attacker.example", False),
        ("b-1.kafka.eu-west-1.amazonaws.com.attacker.example", False),
        ("b-1.kafka.eu-west-1.amazonaws.com\n", False),
        ("127.0.0.1", False),
    ],
)
async def test_an_identity_of_the_daemon_is_shown_to_amazons_brokers_alone(
    host: str, amazons: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that the brokers tell of are meant, too."""
    asked: list[str] = []

    async def connect(self: BrokerConnection) -> None:
        asked.append(self.host)
        raise ConnectionRefusedError

    monkeypatch.setattr(BrokerConnection, "connect", connect)
    keys = Lasting(Keys("AKIA", "hush"))
    for own in (True, False):
        brokers = Brokers((), None, Msk("eu-west-1", keys, own), 1.0)
        brokers._known = {1: (host, 9098)}
        with pytest.raises(SourceError) as raised:
            await brokers.anyone()
        assert ("is not one of Amazon MSK" in str(raised.value)) == (own and not amazons)
    assert asked == [host] * (2 if amazons else 1)


async def test_a_token_is_kept_for_a_step_and_replaced_long_before_it_ends() -> None:
    login = Msk("eu-west-1", Lasting(Keys("AKIAEXAMPLE", "secret/Key+1")))
    first, second = await login.proof(), await login.proof()
    stamps = {parse_qs(urlsplit(decoded(one)).query)["X-Amz-Date"][0] for one in (first, second)}
    for stamp in stamps:
        made = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        assert made.timestamp() % STEP == 0
        assert (datetime.now(UTC) - made).total_seconds() < STEP + 1 < LIFETIME / 2
    assert "secret" not in repr(login)
    assert login.settings(first)["sasl_oauth_token_provider"] is not None
