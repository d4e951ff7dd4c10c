"""What may be written about TLS and logins, and which source it makes. Whether brokers agree: `test_kafka`."""

import sys
from collections.abc import Mapping
from typing import Any

import pytest

from scaler.declare import UNRESOLVED, load
from scaler.errors import SourceError
from scaler.sdk import ClientCredentials, Keys, Lasting, Tls, role_keys
from scalers._kafka_kerberos import Kerberos
from scalers._kafka_login import OAuth, Password
from scalers._kafka_msk import Msk
from scalers.kafka import Kafka

BASE = {"bootstrapServers": "a:9092,b:9092", "consumerGroup": "billing", "topic": "orders"}
USER = {"username": "me", "password": "hush"}
OAUTH = USER | {"oauthTokenEndpointUri": "https://id.example/token"}
KERBEROS = {"username": "me", "realm": "EXAMPLE", "kerberosConfig": "[libdefaults]"}
AWS = {"awsAccessKeyID": "AKIA", "awsSecretAccessKey": "hush"}
ROLE = "arn:aws:iam::123456789012:role/kafka"
AMAZONS = "b-1.shop.abc.c2.kafka.eu-west-1.amazonaws.com:9098"
MSK = {"sasl": "oauthbearer", "saslTokenProvider": "aws_msk_iam"}
Given = Mapping[str, str]


def kafka(metadata: Given | None = None, auth: Given | None = None) -> Kafka:
    loaded = load(Kafka, BASE | dict(metadata or {}), auth or {}, {})
    assert loaded.value is not None, loaded.problems
    return loaded.value


def problems(metadata: Given, auth: Any) -> Mapping[str, str]:
    return load(Kafka, BASE | dict(metadata), auth, {}).problems


@pytest.mark.parametrize(
    ("metadata", "auth", "login"),
    [
        ({}, {}, None),
        ({"sasl": "none"}, USER, None),
        ({"sasl": "plaintext"}, USER, Password("PLAIN", "me", "hush")),
        ({"sasl": "scram_sha256"}, USER, Password("SCRAM-SHA-256", "me", "hush")),
        ({}, {"sasl": "scram_sha512"} | USER, Password("SCRAM-SHA-512", "me", "hush")),
        (
            {"sasl": "oauthbearer"},
            OAUTH | {"scopes": "a, b", "oauthExtensions": "k=v,l=w"},
            OAuth(ClientCredentials("https://id.example/token", "me", "hush", ("a", "b")), (("k", "v"), ("l", "w"))),
        ),
        (
            {"sasl": "oauthbearer", "saslTokenProvider": "bearer"},
            OAUTH,
            OAuth(ClientCredentials("https://id.example/token", "me", "hush")),
        ),
        (
            {"sasl": "gssapi"},
            KERBEROS | {"password": "hush"},
            Kerberos("me", "EXAMPLE", "[libdefaults]", password="hush"),
        ),
        (
            {"sasl": "gssapi"},
            KERBEROS | {"keytab": "BQI=", "kerberosServiceName": "broker", "kerberosDisableFAST": "true"},
            Kerberos("me", "EXAMPLE", "[libdefaults]", keytab="BQI=", service="broker"),
        ),
        (
            MSK | {"tls": "enable", "awsRegion": "eu-west-1"},
            AWS | {"awsSessionToken": "hush too"},
            Msk("eu-west-1", Lasting(Keys("AKIA", "hush", "hush too"))),
        ),
        (
            MSK | {"tls": "enable", "awsRegion": "eu-west-1", "bootstrapServers": AMAZONS},
            {
                "podIdentity": "aws",
                "identityRoleArn": ROLE,
                "identityExternalId": "hush",
                "daemonIdentity": '{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "hush"}',
            },
            Msk(
                "eu-west-1",
                role_keys({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "hush"}, ROLE, "hush"),
                own=True,
            ),
        ),
    ],
)
def test_the_login_that_is_made(metadata: Given, auth: Given, login: Any) -> None:
    made = kafka(metadata, auth)
    assert made.source().login == login
    assert "hush" not in f"{made!r} {made.source()!r} {made.source()}"


@pytest.mark.parametrize(
    ("metadata", "auth", "tls"),
    [
        ({}, {"ca": "CA"}, None),
        ({"tls": "disable"}, {}, None),
        ({"tls": "enable"}, {}, Tls()),
        ({}, {"tls": "enable", "ca": "CA"}, Tls(ca="CA")),
        ({"tls": "enable", "unsafeSsl": "true"}, {}, Tls(verify=False)),
        (
            {"tls": "enable"},
            {"ca": "CA", "cert": "C", "key": "K", "keyPassword": "P"},
            Tls(ca="CA", cert="C", key="K", password="P"),
        ),
    ],
)
def test_the_trust_that_is_made(metadata: Given, auth: Given, tls: Tls | None) -> None:
    assert kafka(metadata, auth).source().tls == tls


@pytest.mark.parametrize(
    ("metadata", "auth", "named"),
    [
        ({"sasl": "plaintext"}, {}, {"username", "password"}),
        ({"sasl": "scram_sha256"}, {"username": "me"}, {"password"}),
        ({"sasl": "oauthbearer"}, USER, {"oauthTokenEndpointUri"}),
        ({"sasl": "oauthbearer"}, OAUTH | {"oauthExtensions": "nonsense"}, {"oauthExtensions"}),
        ({"sasl": "gssapi"}, {"password": "hush"}, {"username", "realm", "kerberosConfig"}),
        ({"sasl": "gssapi"}, KERBEROS, {"password"}),
        ({"sasl": "gssapi"}, KERBEROS | {"password": "hush", "keytab": "BQI="}, {"password"}),
        (MSK, {}, {"awsRegion", "awsAccessKeyID", "awsSecretAccessKey", "tls"}),
        (MSK | {"tls": "enable", "awsRegion": "x"}, {"podIdentity": "gcp"}, {"podIdentity", *AWS}),
        (MSK | {"tls": "enable", "awsRegion": "x"}, {"podIdentity": "aws"}, {"bootstrapServers"}),
        (
            MSK | {"tls": "enable", "awsRegion": "x", "bootstrapServers": f"{AMAZONS},attacker.example:9098"},
            {"podIdentity": "aws-eks"},
            {"bootstrapServers"},
        ),
        ({"sasl": "aws_msk_iam"}, {}, {"sasl"}),
        ({"tls": "enable"}, {"cert": "C"}, {"key"}),
        ({"tls": "enable"}, {"key": "K"}, {"cert"}),
        ({"tls": "enable"}, {"tls": "enable"}, {"tls"}),
        ({"sasl": "plaintext"}, USER | {"sasl": "plaintext"}, {"sasl"}),
        ({"tls": "yes"}, {}, {"tls"}),
    ],
)
def test_what_does_not_go_together(metadata: Given, auth: Given, named: set[str]) -> None:
    found = problems(metadata, auth)
    assert found.keys() == named
    assert "hush" not in str(found)


def test_nothing_is_missing_that_may_still_come() -> None:
    for metadata in ({"sasl": "plaintext"}, {"sasl": "gssapi"}, {"tls": "enable"}, MSK | {"awsRegion": "eu-west-1"}):
        assert not problems(metadata, UNRESOLVED)


def test_a_secret_is_part_of_what_is_shared() -> None:
    plain = {"sasl": "plaintext"}
    assert kafka(plain, USER).source() == kafka(plain, USER).source()
    assert kafka(plain, USER).source() != kafka(plain, USER | {"password": "other"}).source()
    assert kafka({}, {}).source() == kafka({"bootstrapServers": "b:9092, a:9092"}, {}).source()
    assert len({kafka(plain, OAUTH).source(), kafka(plain, OAUTH).source()}) == 1


async def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", None)
    with pytest.raises(SourceError, match=r"pip install 'event-scaler\[kafka-gssapi\]'"):
        async with kafka({"sasl": "gssapi"}, KERBEROS | {"password": "hush"}).source().open():
            pass
