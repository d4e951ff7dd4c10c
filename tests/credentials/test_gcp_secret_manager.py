"""Google Cloud's Secret Manager, against token endpoints and a store that are HTTP servers of a few lines, made from
Google's public API documentation: no emulator of it is to be had here."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from scaler.credentials.blocks import GcpSecretManager
from scaler.credentials.gcp_secret_manager import OVERRIDE, fetch
from scaler.credentials.store import Tools
from scaler.errors import AnswerError, CredentialError, LoginError, ScalerError, SourceError
from tests.credentials.tools import tools
from tests.sdk.identity.services import Service, service

AT = "spec.gcpSecretManager"
REF = {"valueFrom": {"secretKeyRef": {"name": "sa", "key": "key.json"}}}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"
LATEST = "/v1/projects/shop/secrets/connection/versions/latest:access"


def holding(value: bytes) -> tuple[int, Any]:
    return 200, {"name": "projects/1/secrets/x/versions/3", "payload": {"data": base64.b64encode(value).decode()}}


@pytest.fixture
async def google() -> AsyncIterator[Service]:
    """Token endpoint, metadata service and store in one."""
    async with service() as made:
        token = 200, {"access_token": "ya29", "expires_in": 3599}
        made.says = {"/token": token, METADATA: token, LATEST: holding(b"hush 1")}
        yield made


def secret(google: Service, **more: Any) -> dict[tuple[str, str], dict[str, str]]:
    known = {
        "type": "service_account",
        "project_id": "shop",
        "private_key": PEM,
        "client_email": "reader@shop.iam.gserviceaccount.com",
        "token_uri": f"{google.url}/token",
    }
    return {("Secret", "sa"): {"key.json": json.dumps({**known, **more})}}


def block(*secrets: dict[str, str], **more: Any) -> GcpSecretManager:
    chosen = list(secrets) or [{"parameter": "connection", "id": "connection"}]
    return GcpSecretManager.model_validate({"credentials": {"clientSecret": REF}, "secrets": chosen, **more})


def with_(google: Service, data: Any = None, **more: Any) -> Tools:
    known = {OVERRIDE: google.url, "GCE_METADATA_HOST": google.url.removeprefix("http://"), **more.pop("known", {})}
    return tools(data=secret(google) if data is None else data, environment=known, **more)


async def failing(given: GcpSecretManager, tools: Tools) -> ScalerError:
    with pytest.raises(ScalerError) as raised:
        await fetch(given, AT, tools)
    assert "hush" not in str(raised.value)
    assert "PRIVATE" not in str(raised.value)
    return raised.value


async def test_a_service_account_reads_secrets(google: Service) -> None:
    google.says["/v1/projects/shop/secrets/password/versions/7:access"] = holding("ключ".encode())
    given = block(
        {"parameter": "connection", "id": "connection"}, {"parameter": "password", "id": "password", "version": "7"}
    )
    found = await fetch(given, AT, with_(google))
    assert found.values == {"connection": "hush 1", "password": "ключ"}
    assert {asked.headers.get("Authorization") for asked in google.asked[1:]} == {"Bearer ya29"}


async def test_a_token_is_kept_from_fetch_to_fetch(google: Service) -> None:
    memory: dict[str, Any] = {}
    for _ in range(2):
        await fetch(block(), AT, with_(google, memory=memory))
    assert [asked.path for asked in google.asked].count("/token") == 1


async def test_the_daemon_reads_secrets(google: Service) -> None:
    """`podIdentity` gcp: by the metadata service, as on GKE; the project is its own unless the environment says so."""
    google.says["/computeMetadata/v1/project/project-id"] = 200, "shop"
    given = block(credentials=None, podIdentity={"provider": "gcp"})
    assert (await fetch(given, AT, with_(google, {}))).values == {"connection": "hush 1"}
    google.says["/v1/projects/named/secrets/connection/versions/latest:access"] = holding(b"other")
    found = await fetch(given, AT, with_(google, {}, known={"CLOUDSDK_CORE_PROJECT": "named"}))
    assert found.values == {"connection": "other"}


async def test_the_environments_project_helps_a_key_that_names_none(google: Service) -> None:
    found = await fetch(
        block(), AT, with_(google, secret(google, project_id=""), known={"CLOUDSDK_CORE_PROJECT": "shop"})
    )
    assert found.values == {"connection": "hush 1"}
    error = await failing(block(), with_(google, secret(google, project_id="")))
    assert str(error) == f"{AT}: no project is known: neither the credentials nor CLOUDSDK_CORE_PROJECT name one"


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (404, CredentialError, ".secrets[0].id: there is no secret connection with version latest in project shop"),
        (403, CredentialError, ".secrets[0].id: the identity may not read secret connection of project shop"),
        (400, CredentialError, ".secrets[0].version: Google's Secret Manager does not give version latest of secret"),
        (401, LoginError, "Google's Secret Manager does not accept the identity's token"),
        (500, SourceError, "answers with HTTP 500"),
    ],
)
async def test_what_the_store_may_say(google: Service, status: int, kind: type[ScalerError], sentence: str) -> None:
    google.says[LATEST] = status, {"error": {"message": "hush"}}
    error = await failing(block(), with_(google))
    assert type(error) is kind
    assert sentence in str(error)


async def test_all_that_lead_nowhere_are_named(google: Service) -> None:
    given = block(
        {"parameter": "a", "id": "../x"}, {"parameter": "b", "id": "y"}, {"parameter": "c", "id": "connection"}
    )
    said = str(await failing(given, with_(google)))
    assert f"{AT}.secrets[0].id: must have letters" in said
    assert f"{AT}.secrets[1].id: there is no secret y" in said
    assert "secrets[2]" not in said


@pytest.mark.parametrize("answer", [{}, [], {"payload": {"data": "%"}}, {"payload": {"data": "é"}}, {"payload": None}])
async def test_an_answer_without_a_payload(google: Service, answer: Any) -> None:
    google.says[LATEST] = 200, answer
    assert isinstance(await failing(block(), with_(google)), AnswerError)


async def test_a_secret_that_is_no_text(google: Service) -> None:
    google.says[LATEST] = holding(b"\xff\xfe")
    assert str(await failing(block(), with_(google))) == f"{AT}.secrets[0].id: secret connection is not text"


@pytest.mark.parametrize(
    ("data", "more", "sentence"),
    [
        ({}, {}, f"{AT}.credentials.clientSecret: there is no Secret sa"),
        (
            {("Secret", "sa"): {"key.json": "hush"}},
            {},
            f"{AT}.credentials.clientSecret: Secret sa, key key.json must hold a JSON object",
        ),
        ({}, {"credentials": None}, f"{AT}: needs credentials or podIdentity"),
        ({}, {"credentials": None, "podIdentity": {"provider": "aws"}}, f"{AT}.podIdentity.provider: must be gcp here"),
    ],
)
async def test_what_cannot_work(google: Service, data: Any, more: dict[str, Any], sentence: str) -> None:
    error = await failing(block(**more), with_(google, data))
    assert str(error) == sentence
    assert google.asked == []


async def test_a_key_in_a_secret_names_no_file(google: Service) -> None:
    """Otherwise whoever may write Secrets could have any file of the daemon sent anywhere."""
    foreign = {"type": "external_account", "credential_source": {"file": "/etc/passwd"}, "token_url": google.url}
    error = await failing(block(), with_(google, {("Secret", "sa"): {"key.json": json.dumps(foreign)}}))
    assert "must be the key of a service account" in str(error)
    assert google.asked == []
