"""AWS Secrets Manager and STS, against moto, which is told to check signatures, keys and rights as AWS does. What moto
cannot be made to say comes from a server of a few lines, in Amazon's documented words."""

from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from scaler.credentials.aws_secrets_manager import ROOM, fetch
from scaler.credentials.blocks import AwsSecretManager
from scaler.credentials.store import Per, Tools
from scaler.errors import CredentialError, LoginError, ScalerError, SourceError
from scaler.sdk.sigv4 import Keys
from tests.credentials.tools import SHOP, tools
from tests.rig.moto import ACCOUNT, MAY_READ, REGION, Moto
from tests.sdk.identity.services import Service, service

AT = "spec.awsSecretManager"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reader"
ONE = {"parameter": "connection", "name": "connection"}


def ref(key: str) -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": "aws", "key": key}}}


WRITTEN = {"accessKey": ref("id"), "accessSecretKey": ref("secret"), "accessToken": ref("token")}


def block(*secrets: dict[str, str], **more: Any) -> AwsSecretManager:
    written = {"credentials": WRITTEN, "region": REGION, "secrets": list(secrets) or [ONE]}
    return AwsSecretManager.model_validate({**written, **more})


def acting(role: dict[str, str], *secrets: dict[str, str]) -> AwsSecretManager:
    return block(*secrets, credentials=None, podIdentity={"provider": "aws", **role})


def secret(keys: Keys) -> dict[tuple[str, str], dict[str, str]]:
    return {("Secret", "aws"): {"id": keys.access_key, "secret": f"{keys.secret_key}\n", "token": keys.token}}


def own(keys: Keys) -> dict[str, str]:
    """Of a daemon that has keys."""
    return {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}


async def failing(given: AwsSecretManager, with_: Tools) -> ScalerError:
    with pytest.raises(ScalerError) as raised:
        await fetch(given, AT, with_)
    assert "hush" not in str(raised.value)
    return raised.value


# ------------------------------------------------------------------------------------------------ a service that checks


@pytest.fixture
def unique() -> str:
    """A name that no other test has."""
    return f"t{token_hex(4)}"


async def test_an_access_key_reads_secrets(moto: Moto, unique: str) -> None:
    first = await moto.put(f"{unique}/connection", "hush 1")
    await moto.put(f"{unique}/connection", "hush 2")
    await moto.put(f"{unique}/both", '{"user": "me", "port": 5432, "rate": 1.50, "tls": true}')
    keys = await moto.user(unique, *MAY_READ)
    given = block(
        {"parameter": "connection", "name": f"{unique}/connection"},
        {"parameter": "before", "name": f"{unique}/connection", "versionStage": "AWSPREVIOUS"},
        {"parameter": "first", "name": f"{unique}/connection", "versionId": first},
        *({"parameter": one, "name": f"{unique}/both", "secretKey": one} for one in ("user", "port", "rate", "tls")),
    )
    found = await fetch(given, AT, tools(data=secret(keys), environment=moto.environment))
    assert found.values == {
        "connection": "hush 2",
        "before": "hush 1",
        "first": "hush 1",
        "user": "me",
        "port": "5432",
        "rate": "1.50",
        "tls": "true",
    }
    assert found.until is None


async def test_a_role_is_acted_as_and_its_keys_are_kept(moto: Moto, unique: str) -> None:
    """The daemon may do nothing but become the role."""
    await moto.put(f"{unique}/connection", "hush")
    daemon, role = await moto.user(unique, "sts:AssumeRole"), await moto.role(unique, *MAY_READ)
    chosen = {"parameter": "connection", "name": f"{unique}/connection"}
    memory: dict[str, Any] = {}
    there = {**moto.environment, **own(daemon)}
    for _ in range(2):
        found = await fetch(acting({"roleArn": role}, chosen), AT, tools(environment=there, memory=memory))
        assert found.values == {"connection": "hush"}
    kept = await memory["identity"].keys()
    assert kept.access_key.startswith("ASIA")
    assert kept == await memory["identity"].keys()
    error = await failing(acting({}, chosen), tools(environment=there))
    assert "does not give secret" in str(error), "by itself it may not"


async def test_a_token_becomes_a_role(moto: Moto, unique: str, tmp_path: Path) -> None:
    """IRSA; moto does not read the token, and to ask with it takes no signature."""
    await moto.put(f"{unique}/connection", "hush")
    (tmp_path / "token").write_text("projected by the kubelet")
    there = {
        **moto.environment,
        "AWS_ROLE_ARN": await moto.role(unique, *MAY_READ),
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
    }
    given, memory = acting({}, {"parameter": "c", "name": f"{unique}/connection"}), dict[str, Any]()
    async with moto.unchecked():
        await fetch(given, AT, tools(environment=there, memory=memory))
    found = await fetch(given, AT, tools(environment=there, memory=memory))
    assert found.values == {"c": "hush"}


@pytest.mark.parametrize("identity", [{"provider": "aws", "identityOwner": "workload"}, {"provider": "aws-eks"}])
async def test_the_workloads_role(moto: Moto, unique: str, identity: dict[str, str]) -> None:
    await moto.put(f"{unique}/connection", "hush")
    daemon, role = await moto.user(unique, "sts:AssumeRole"), await moto.role(unique, *MAY_READ)
    data = {("Identity", SHOP.workload): {"eks.amazonaws.com/role-arn": role}}
    given = block({"parameter": "c", "name": f"{unique}/connection"}, credentials=None, podIdentity=identity)
    assert ROOM.per(given) is Per.WORKLOAD
    found = await fetch(given, AT, tools(data=data, environment={**moto.environment, **own(daemon)}))
    assert found.values == {"c": "hush"}


async def test_keys_that_are_not_accepted(moto: Moto, unique: str) -> None:
    keys = await moto.user(unique, *MAY_READ)
    wrong = Keys(keys.access_key, "hush")
    error = await failing(block(), tools(data=secret(wrong), environment=moto.environment))
    assert isinstance(error, LoginError)
    assert str(error).startswith(f"AWS Secrets Manager in {REGION} does not accept the keys (")


async def test_a_secret_that_is_not_there_is_named(moto: Moto, unique: str) -> None:
    await moto.put(f"{unique}/a", "x")
    keys = await moto.user(unique, *MAY_READ)
    given = block({"parameter": "a", "name": f"{unique}/a"}, {"parameter": "b", "name": "no/such"})
    error = await failing(given, tools(data=secret(keys), environment=moto.environment))
    assert str(error) == f"{AT}.secrets[1].name: there is no secret no/such in {REGION}"


async def test_a_secret_that_is_no_text(moto: Moto, unique: str) -> None:
    await moto.put_bytes(f"{unique}/bytes", "/////w==")
    keys = await moto.user(unique, *MAY_READ)
    given = block({"parameter": "a", "name": f"{unique}/bytes"})
    error = await failing(given, tools(data=secret(keys), environment=moto.environment))
    assert str(error) == f"{AT}.secrets[0].name: secret {unique}/bytes holds no text"


# -------------------------------------------------------------------------------------------- whatever else may be said

KEYS = Keys("AKIA", "hush")


@pytest.fixture
async def aws() -> AsyncIterator[Service]:
    async with service() as made:
        made.says["/"] = 200, {"SecretString": '{"key": "hush", "list": [], "none": null}'}
        yield made


def there(aws: Service, data: Any = None, **more: Any) -> Tools:
    known = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.url, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    return tools(data=secret(KEYS) if data is None else data, environment=known, **more)


async def test_one_secret_is_asked_for_once(aws: Service) -> None:
    chosen = [{**ONE, "parameter": one, "secretKey": "key"} for one in ("a", "b", "c")]
    assert (await fetch(block(*chosen), AT, there(aws))).values == {"a": "hush", "b": "hush", "c": "hush"}
    [asked] = aws.asked
    assert asked.body == b'{"SecretId": "connection"}'
    assert asked.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"


async def test_the_token_of_a_temporary_key_goes_along(aws: Service) -> None:
    keys = Keys("ASIA", "hush", "token of an hour")
    await fetch(block({**ONE, "secretKey": "key"}), AT, there(aws, secret(keys)))
    [asked] = aws.asked
    assert asked.headers["X-Amz-Security-Token"] == "token of an hour"


@pytest.mark.parametrize(
    ("word", "kind", "sentence"),
    [
        ("com.amazonaws#ResourceNotFoundException", CredentialError, f"there is no secret connection in {REGION}"),
        ("AccessDeniedException", CredentialError, "does not give secret connection (AccessDeniedException)"),
        ("DecryptionFailure", CredentialError, "does not give secret connection (DecryptionFailure)"),
        ("hush hush", CredentialError, "does not give secret connection (no reason)"),
        ("ExpiredTokenException", LoginError, "does not accept the keys (ExpiredTokenException)"),
        ("UnrecognizedClientException", LoginError, "does not accept the keys (UnrecognizedClientException)"),
        ("ThrottlingException", SourceError, "AWS Secrets Manager is too busy (ThrottlingException)"),
    ],
)
async def test_amazons_words(aws: Service, word: str, kind: type[ScalerError], sentence: str) -> None:
    aws.says["/"] = 400, {"__type": word, "Message": "hush"}
    error = await failing(block(), there(aws))
    assert type(error) is kind
    assert sentence in str(error)


async def test_a_version_that_is_not_there_is_named(aws: Service) -> None:
    aws.says["/"] = 400, {"__type": "ResourceNotFoundException"}
    error = await failing(block({**ONE, "versionStage": "AWSPENDING"}), there(aws))
    assert str(error) == f"{AT}.secrets[0].name: there is no secret connection with version AWSPENDING in {REGION}"


@pytest.mark.parametrize("key", ["other", "list", "none"])
async def test_a_key_that_is_not_there_is_named(aws: Service, key: str) -> None:
    error = await failing(block({**ONE, "secretKey": key}), there(aws))
    assert str(error) == f"{AT}.secrets[0].secretKey: secret connection has no text or number under {key}"


async def test_a_secret_that_is_no_object(aws: Service) -> None:
    aws.says["/"] = 200, {"SecretString": "hush"}
    error = await failing(block({**ONE, "secretKey": "key"}), there(aws))
    assert str(error) == f"{AT}.secrets[0].secretKey: secret connection is not a JSON object"


async def test_a_store_that_is_down_takes_nothing_away(aws: Service) -> None:
    aws.says["/"] = 500, {}
    assert type(await failing(block(), there(aws))) is SourceError


@pytest.mark.parametrize(
    ("more", "data", "sentence"),
    [
        ({}, {}, f"{AT}.credentials.accessKey: there is no Secret aws"),
        ({}, {("Secret", "aws"): {"id": "x"}}, f"{AT}.credentials.accessSecretKey: Secret aws has no key secret"),
        ({"credentials": None}, None, f"{AT}: needs credentials or podIdentity"),
        ({"podIdentity": {"provider": "gcp"}}, None, f"{AT}.podIdentity.provider: must be aws or aws-eks here"),
        ({"region": ""}, None, f"{AT}.region: must be a region such as eu-west-1, or the daemon's (AWS_REGION)"),
        (
            {"region": "eu-west-1.evil.example/#"},
            None,
            f"{AT}.region: must be a region such as eu-west-1, or the daemon's (AWS_REGION)",
        ),
        (
            {"podIdentity": {"provider": "aws-eks"}},
            {("Identity", SHOP.workload): {}},
            f"{AT}.podIdentity: the workload's ServiceAccount has no role in its annotation eks.amazonaws.com/role-arn",
        ),
        (
            {"podIdentity": {"provider": "aws-eks"}},
            {},
            f"{AT}.podIdentity: the workload's role cannot be told: there is no Identity {SHOP.workload}",
        ),
    ],
)
async def test_what_cannot_work(aws: Service, more: dict[str, Any], data: Any, sentence: str) -> None:
    error = await failing(block(**more), there(aws, data))
    assert str(error) == sentence
    assert aws.asked == []


async def test_a_role_that_cannot_be_had_is_named(aws: Service) -> None:
    known = {"AWS_ENDPOINT_URL": aws.url, "AWS_EC2_METADATA_DISABLED": "true"}
    error = await failing(acting({"roleArn": ROLE}), tools(environment=known))
    assert isinstance(error, LoginError)
    assert str(error).startswith("the daemon has no AWS identity")


def test_what_a_fetch_depends_on() -> None:
    assert ROOM.per(block()) is Per.NAMESPACE
    assert ROOM.per(acting({"roleArn": ROLE})) is Per.NAMESPACE
    assert hash(block()) == hash(block())
