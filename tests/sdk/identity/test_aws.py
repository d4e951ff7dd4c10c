"""Who the daemon is for AWS and whom it acts as: against services made from Amazon's public documentation. That real
signatures are believed is shown in `tests/credentials/test_aws_secrets_manager.py`."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scaler.errors import AnswerError, LoginError, SourceBusy, SourceError
from scaler.sdk import Keys, KeySource, Lasting, role_keys
from scaler.sdk.identity.aws import EARLY, Temporary, daemon_keys
from scaler.sdk.identity.aws_ambient import ECS, Container, Instance
from scaler.sdk.identity.aws_sts import AssumedRole, Either, Sts, WebIdentity, endpoint
from tests.sdk.identity.services import Service, ambient_keys, service, sts_keys, sts_refusal

ROLE = "arn:aws:iam::123456789012:role/reader"
OWN = {"AWS_ACCESS_KEY_ID": "AKIAOWN", "AWS_SECRET_ACCESS_KEY": "hush"}
BY_TOKEN, BY_KEYS = "AssumeRoleWithWebIdentity", "AssumeRole"


@pytest.fixture
async def sts() -> AsyncIterator[Service]:
    async with service() as made:
        yield made


def environment(sts: Service, file: Path | None = None, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Of a daemon with a token file, where one is given."""
    known = {"AWS_ENDPOINT_URL_STS": sts.url, "AWS_REGION": "eu-west-1", **(more or {})}
    if file is None:
        return known
    file.write_text("the daemon's token\n")
    return {**known, "AWS_WEB_IDENTITY_TOKEN_FILE": str(file), "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/daemon"}


async def failing(source: KeySource) -> SourceError:
    with pytest.raises(SourceError) as raised:
        await source.keys()
    assert "hush" not in str(raised.value)
    return raised.value


# ---------------------------------------------------------------------------------------------------- who the daemon is


@pytest.mark.parametrize(
    ("known", "source"),
    [
        (OWN | {"AWS_SESSION_TOKEN": "t", "AWS_ROLE_ARN": ROLE}, Lasting(Keys("AKIAOWN", "hush", "t"))),
        (
            {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "x"},
            Temporary(WebIdentity(ROLE, "/t", Sts("https://sts.amazonaws.com", "us-east-1"))),
        ),
        (
            {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t"},
            Temporary(Container(f"{ECS}/v2/x", "", "t")),
        ),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/t",
            },
            Temporary(Container("http://169.254.170.23/v1/credentials", "/t")),
        ),
        ({"AWS_ROLE_ARN": ROLE}, Temporary(Instance())),
        ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://imds/"}, Temporary(Instance("http://imds"))),
    ],
)
def test_the_first_that_the_environment_names(known: dict[str, str], source: KeySource) -> None:
    assert daemon_keys(known) == source
    assert hash(daemon_keys(known)) == hash(source)
    assert "hush" not in repr(source)


async def test_nobody() -> None:
    error = await failing(daemon_keys({"AWS_EC2_METADATA_DISABLED": "true"}))
    assert str(error) == "the daemon has no AWS identity: no keys, no role and no agent in its environment"


@pytest.mark.parametrize(
    ("known", "sts"),
    [
        ({}, Sts("https://sts.amazonaws.com", "us-east-1")),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, Sts("https://sts.eu-west-1.amazonaws.com", "eu-west-1")),
        ({"AWS_REGION": "cn-north-1"}, Sts("https://sts.cn-north-1.amazonaws.com.cn", "cn-north-1")),
        ({"AWS_ENDPOINT_URL": "http://aws/"}, Sts("http://aws", "us-east-1")),
        (
            {"AWS_ENDPOINT_URL": "http://aws", "AWS_ENDPOINT_URL_STS": "http://sts", "AWS_ROLE_SESSION_NAME": "me"},
            Sts("http://sts", "us-east-1", "me"),
        ),
    ],
)
def test_where_sts_is(known: dict[str, str], sts: Sts) -> None:
    assert Sts.of(known) == sts
    assert endpoint("secretsmanager", "eu-west-1") == "https://secretsmanager.eu-west-1.amazonaws.com"


# -------------------------------------------------------------------------------------------------------------- a role


async def test_the_daemons_token_becomes_keys(sts: Service, tmp_path: Path) -> None:
    sts.says[BY_TOKEN] = 200, sts_keys(BY_TOKEN, "ASIA1")
    source = daemon_keys(environment(sts, tmp_path / "token"))
    assert (await source.keys(), await source.keys()) == (Keys("ASIA1", "hush", "hush"),) * 2
    [asked] = sts.asked
    assert asked.form == {
        "Action": BY_TOKEN,
        "Version": "2011-06-15",
        "RoleSessionName": "event-scaler",
        "RoleArn": "arn:aws:iam::123456789012:role/daemon",
        "WebIdentityToken": "the daemon's token",
    }
    assert "Authorization" not in asked.headers


async def test_keys_are_renewed_with_the_token_that_is_there_then(sts: Service, tmp_path: Path) -> None:
    """The kubelet replaces the file long before the token in it ends."""
    sts.says[BY_TOKEN] = 200, sts_keys(BY_TOKEN, "ASIA1", timedelta(seconds=EARLY - 1))
    source = daemon_keys(environment(sts, tmp_path / "token"))
    assert (await source.keys()).access_key == "ASIA1"
    (tmp_path / "token").write_text("another token")
    sts.says[BY_TOKEN] = 200, sts_keys(BY_TOKEN, "ASIA2")
    source.refused()
    assert (await source.keys()).access_key == "ASIA2"
    assert [asked.form["WebIdentityToken"] for asked in sts.asked] == ["the daemon's token", "another token"]


async def test_keys_act_as_a_role_that_knows_them(sts: Service) -> None:
    sts.says[BY_KEYS] = 200, sts_keys(BY_KEYS, "ASIA1")
    source = role_keys(environment(sts, more=OWN), ROLE, "external")
    assert (await source.keys()).access_key == "ASIA1"
    [asked] = sts.asked
    assert (asked.form["RoleArn"], asked.form["ExternalId"]) == (ROLE, "external")
    assert asked.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAOWN/")
    assert "/eu-west-1/sts/aws4_request" in asked.headers["Authorization"]


async def test_without_a_role_the_daemon_is_itself(sts: Service) -> None:
    assert role_keys(environment(sts, more=OWN), "") == daemon_keys(OWN)


async def test_a_role_that_does_not_believe_the_token_may_believe_the_keys(sts: Service, tmp_path: Path) -> None:
    """As in KEDA: first the token for the role itself, then from role to role."""
    sts.says[BY_TOKEN] = 403, sts_refusal("AccessDenied")
    sts.says[BY_KEYS] = 200, sts_keys(BY_KEYS, "ASIA1")
    source = role_keys(environment(sts, tmp_path / "token", OWN), ROLE)
    assert (await source.keys()).access_key == "ASIA1"
    assert [asked.form["Action"] for asked in sts.asked] == [BY_TOKEN, BY_KEYS]
    assert sts.asked[0].form["RoleArn"] == ROLE


async def test_neither_believed(sts: Service, tmp_path: Path) -> None:
    sts.says[BY_TOKEN] = 403, sts_refusal("AccessDenied")
    sts.says[BY_KEYS] = 403, sts_refusal("AccessDenied")
    error = await failing(role_keys(environment(sts, tmp_path / "token", OWN), ROLE))
    assert isinstance(error, LoginError)
    assert str(error) == (
        f"AWS STS refuses to let the daemon's token act as {ROLE} (AccessDenied), and as for its keys: "
        f"AWS STS refuses to let the daemon's keys act as {ROLE} (AccessDenied)"
    )


async def test_what_passes_is_no_refusal_after_one(sts: Service, tmp_path: Path) -> None:
    sts.says[BY_TOKEN] = 403, sts_refusal("AccessDenied")
    for answer in ((400, sts_refusal("Throttling")), (500, b"")):
        sts.says[BY_KEYS] = answer
        error = await failing(role_keys(environment(sts, tmp_path / "token", OWN), ROLE))
        assert type(error) is SourceError
        assert str(error).startswith(f"AWS STS refuses to let the daemon's token act as {ROLE} (AccessDenied), and as")


async def test_own_keys_that_ended_are_had_anew(sts: Service, tmp_path: Path) -> None:
    """From role to role: STS says which of the two it does not accept."""
    sts.says[BY_TOKEN] = 200, sts_keys(BY_TOKEN, "ASIA1")
    sts.says[BY_KEYS] = 403, sts_refusal("ExpiredToken")
    known = environment(sts, tmp_path / "token")
    source = Temporary(AssumedRole(ROLE, daemon_keys(known), Sts.of(known)))
    await failing(source)
    sts.says[BY_TOKEN] = 200, sts_keys(BY_TOKEN, "ASIA2")
    sts.says[BY_KEYS] = 200, sts_keys(BY_KEYS, "ASIA3")
    assert (await source.way.ask())[0].access_key == "ASIA3"
    assert "Credential=ASIA2/" in sts.asked[-1].headers["Authorization"]


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (
            (400, sts_refusal("hush hush")),
            LoginError,
            f"AWS STS refuses to let the daemon's token act as {ROLE} (HTTP 400)",
        ),
        ((500, b"hush"), SourceError, "AWS STS answers with HTTP 500"),
        ((408, b"hush"), SourceError, "AWS STS answers with HTTP 408"),
        ((400, sts_refusal("Throttling")), SourceError, "AWS STS cannot answer at the moment (Throttling)"),
        (
            (400, sts_refusal("IDPCommunicationError")),
            SourceError,
            "AWS STS cannot answer at the moment (IDPCommunicationError)",
        ),
        ((200, b"<a>"), AnswerError, "the answer of AWS STS holds no keys"),
        ((200, b"<a><AccessKeyId>x</AccessKeyId></a>"), AnswerError, "the answer of AWS STS holds no keys"),
        (
            (200, sts_keys(BY_TOKEN, "ASIA1").replace("<Expiration>", "<Expiration>x")),
            AnswerError,
            "the answer of AWS STS does not say when it expires",
        ),
    ],
)
async def test_what_sts_may_say(
    sts: Service, tmp_path: Path, answer: tuple[int, Any], kind: type[SourceError], sentence: str
) -> None:
    sts.says[BY_TOKEN] = answer
    environment(sts, tmp_path / "token")
    error = await failing(Temporary(WebIdentity(ROLE, str(tmp_path / "token"), Sts(sts.url, "eu-west-1"))))
    assert (type(error), str(error)) == (kind, sentence)


async def test_a_token_file_that_is_not_there(sts: Service, tmp_path: Path) -> None:
    error = await failing(Temporary(WebIdentity(ROLE, str(tmp_path / "x"), Sts(sts.url, "eu-west-1"))))
    assert str(error) == f"the AWS identity's token file {tmp_path / 'x'} cannot be read"
    assert sts.asked == []


async def test_sts_is_not_there() -> None:
    source = Temporary(AssumedRole(ROLE, daemon_keys(OWN), Sts("http://127.0.0.1:9", "eu-west-1")))
    assert str(await failing(source)) == "AWS STS: http://127.0.0.1:9/ cannot be reached"


# ------------------------------------------------------------------------------------------------ an agent, an instance


async def test_an_agent_believes_the_token_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pod's token\n")
    async with service() as agent:
        agent.says["/v1/credentials"] = 200, ambient_keys("ASIA1")
        source = Temporary(Container(f"{agent.url}/v1/credentials", str(tmp_path / "token")))
        assert await source.keys() == Keys("ASIA1", "hush", "hush")
    assert agent.asked[0].headers["Authorization"] == "pod's token"


@pytest.mark.parametrize("url", ["http://example.com/", "http://[::1/", "http://\u2100/"])
async def test_an_agent_elsewhere_is_not_shown_the_token(url: str) -> None:
    error = await failing(Temporary(Container(url, token="hush")))
    assert str(error) == "AWS_CONTAINER_CREDENTIALS_FULL_URI must be an https URL, or an agent's on this node"


async def test_an_agent_that_refuses() -> None:
    async with service() as agent:
        error = await failing(Temporary(Container(f"{agent.url}/x", token="hush")))
    assert str(error) == "the agent that gives out container credentials refuses to give the daemon keys (HTTP 404)"


async def test_an_instance_has_a_role() -> None:
    async with service() as imds:
        imds.says = {
            "/latest/api/token": (200, "session"),
            "/latest/meta-data/iam/security-credentials/": (200, "node\n"),
            "/latest/meta-data/iam/security-credentials/node": (200, ambient_keys("ASIA1")),
        }
        assert (await Temporary(Instance(imds.url)).keys()).access_key == "ASIA1"
    assert [asked.method for asked in imds.asked] == ["PUT", "GET", "GET"]
    assert {asked.headers.get("X-aws-ec2-metadata-token") for asked in imds.asked[1:]} == {"session"}


async def test_an_instance_without_a_role() -> None:
    async with service() as imds:
        imds.says = {"/latest/api/token": (200, "session")}
        error = await failing(Temporary(Instance(imds.url)))
    assert str(error) == "the EC2 instance has no role, and the daemon's environment names no AWS identity"


async def test_no_instance() -> None:
    error = await failing(Temporary(Instance("http://127.0.0.1:9")))
    assert str(error).startswith("the EC2 instance's metadata service (the daemon's environment names no other AWS")


async def test_patience_is_asked_for() -> None:
    async with service() as imds:
        imds.says = {"/latest/api/token": (503, "")}
        error = await failing(Temporary(Instance(imds.url)))
    assert not isinstance(error, SourceBusy | LoginError | AnswerError)


@dataclass(frozen=True)
class Numbered:
    """Gives numbered keys for an hour each."""

    asked: list[int] = field(default_factory=list, compare=False)

    async def ask(self) -> tuple[Keys, float]:
        self.asked.append(len(self.asked))
        return Keys(f"ASIA{self.asked[-1]}", "hush", "hush"), 3600.0


@pytest.mark.looptime
async def test_keys_are_renewed_before_they_end() -> None:
    """Whoever uses the source need not know: what is signed next is signed with the new ones."""
    source = Temporary(Numbered())
    names = []
    for pause in (0, 3600 - EARLY - 1, 2, 3600 - EARLY - 2):
        await asyncio.sleep(pause)
        names.append((await source.keys()).access_key)
    assert names == ["ASIA0", "ASIA0", "ASIA1", "ASIA1"]


def test_values_are_equal_by_what_they_are_made_from() -> None:
    made = [role_keys({"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", **OWN}, ROLE, one) for one in ("a", "a", "b")]
    assert made[0] == made[1] != made[2]
    assert isinstance(made[0], Temporary)
    assert isinstance(made[0].way, Either)
