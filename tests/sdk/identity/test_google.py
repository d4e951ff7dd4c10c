"""Who the daemon is for Google Cloud, and a service account's key: against services made from Google's public
documentation."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from scaler.errors import AnswerError, LoginError, SourceError
from scaler.sdk.identity.google import SCOPE, Daemon, GoogleToken, daemon_token, key_token
from scaler.sdk.identity.google_grants import Metadata
from scaler.sdk.signing import Request
from tests.sdk.identity.services import Service, moment, service

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
TOKEN = {"access_token": "ya29.token", "expires_in": 3599, "token_type": "Bearer"}
EMAIL = "reader@shop.iam.gserviceaccount.com"
PATH = "/computeMetadata/v1/instance/service-accounts/default/token"


def pem(key: Any = KEY) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


@pytest.fixture
async def google() -> AsyncIterator[Service]:
    async with service() as made:
        made.says = {"/token": (200, TOKEN), PATH: (200, TOKEN)}
        yield made


def written(google: Service, **more: Any) -> str:
    """A service account's key, as Google writes it."""
    known = {
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": "k1",
        "private_key": pem(),
        "client_email": EMAIL,
        "token_uri": f"{google.url}/token",
    }
    return json.dumps({**known, **more})


async def failing(token: GoogleToken) -> SourceError:
    with pytest.raises(SourceError) as raised:
        await token.token()
    assert "hush" not in str(raised.value)
    return raised.value


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def test_a_key_signs_who_it_is(google: Service) -> None:
    token = key_token(written(google))
    assert [await token.token() for _ in range(2)] == ["ya29.token"] * 2
    [asked] = google.asked
    assert asked.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, claims, proof = asked.form["assertion"].split(".")
    assert decoded(head) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    said = decoded(claims)
    assert said["exp"] - said["iat"] == 3600
    assert (said["iss"], said["scope"], said["aud"]) == (EMAIL, SCOPE, f"{google.url}/token")
    signature = base64.urlsafe_b64decode(proof + "=" * (-len(proof) % 4))
    KEY.public_key().verify(signature, f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    assert await token.grant.project() == "shop"
    assert pem() not in repr(token)


async def test_a_request_is_signed_with_it(google: Service) -> None:
    token = key_token(written(google))
    signed = await token.sign(None, Request("GET", "https://x"))  # type: ignore[arg-type]  # has one of its own
    assert dict(signed.headers)["Authorization"] == "Bearer ya29.token"
    token.refused()
    await token.token()
    assert len(google.asked) == 2


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"type": "external_account"}, "must be the key of a service account (a JSON object of that type)"),
        ({"type": "authorized_user"}, "must be the key of a service account (a JSON object of that type)"),
        ({"private_key": "hush"}, "must have a private_key that is an RSA key in PEM"),
        ({"private_key": pem(ec.generate_private_key(ec.SECP256R1()))}, "must have a private_key that is an RSA key"),
        ({"private_key": None}, "must have private_key"),
        ({"client_email": ""}, "must have client_email"),
    ],
)
async def test_what_a_secret_must_hold(google: Service, more: dict[str, Any], sentence: str) -> None:
    """Nothing that names files or hosts of its writer's choice."""
    with pytest.raises(ValueError, match=r"must have|must be") as raised:
        key_token(written(google, **more))
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize("text", ["hush", "[]", "", "[" * 100_000])
def test_what_is_no_object(text: str) -> None:
    with pytest.raises(ValueError, match="must hold a JSON object"):
        key_token(text)


async def test_a_refusal(google: Service) -> None:
    google.says["/token"] = 400, {"error": "invalid_grant", "error_description": "hush"}
    error = await failing(key_token(written(google)))
    assert isinstance(error, LoginError)
    assert str(error) == "Google's token endpoint refuses a token for the service account (HTTP 400)"


@pytest.mark.parametrize("answer", [{}, [], {"access_token": ""}, {"access_token": "t", "expires_in": "hush"}])
async def test_an_answer_without_a_token(google: Service, answer: Any) -> None:
    google.says["/token"] = 200, answer
    assert isinstance(await failing(key_token(written(google))), AnswerError)


# ---------------------------------------------------------------------------------------------------- who the daemon is


def test_what_the_environment_names() -> None:
    assert daemon_token({}).grant == Daemon()
    known = {"GOOGLE_APPLICATION_CREDENTIALS": "/f", "CLOUDSDK_CORE_PROJECT": "p", "GOOGLE_CLOUD_PROJECT": "q"}
    assert daemon_token(known).grant == Daemon("/f", named_project="p")


async def test_the_metadata_service(google: Service) -> None:
    """GKE's workload identity answers the same way."""
    google.says["/computeMetadata/v1/project/project-id"] = 200, "shop"
    token = daemon_token({"GCE_METADATA_HOST": google.url.removeprefix("http://")})
    assert await token.token() == "ya29.token"
    assert await token.grant.project() == "shop"
    assert {asked.headers["Metadata-Flavor"] for asked in google.asked} == {"Google"}
    assert google.asked[0].query == {"scopes": SCOPE}


async def test_a_named_project_goes_first(google: Service) -> None:
    token = daemon_token({"GCE_METADATA_HOST": "127.0.0.1:9", "CLOUDSDK_CORE_PROJECT": "named"})
    assert await token.grant.project() == "named"
    assert str(await failing(token)).startswith("Google's metadata service: http://127.0.0.1:9/")


async def test_a_key_in_a_file(google: Service, tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(written(google))
    token = daemon_token({"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "key.json")})
    assert (await token.token(), await token.grant.project()) == ("ya29.token", "shop")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            '{"type": "hush"}',
            "is of a type that is not known: service_account, external_account and authorized_user are",
        ),
        ("hush", "must hold a JSON object"),
        ('{"type": "authorized_user"}', "must have client_id"),
        (
            '{"type": "external_account", "credential_source": {"executable": {"command": "hush"}}}',
            "must have a credential_source that is a file",
        ),
    ],
)
async def test_a_file_that_cannot_be_used(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "f").write_text(content)
    error = await failing(daemon_token({"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "f")}))
    assert str(error) == f"the file of GOOGLE_APPLICATION_CREDENTIALS {sentence}"


@pytest.mark.parametrize("form", [{}, {"format": {"type": "json", "subject_token_field_name": "access_token"}}])
@pytest.mark.parametrize("impersonates", [False, True])
async def test_a_foreign_token_is_exchanged(
    google: Service, tmp_path: Path, form: dict[str, Any], impersonates: bool
) -> None:
    """Workload identity federation; then, where it is named, in a service account's name."""
    (tmp_path / "token").write_text('{"access_token": "foreign"}' if form else "foreign")
    written = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/pools/p/providers/k8s",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{google.url}/token",
        "credential_source": {"file": str(tmp_path / "token"), **form},
    }
    if impersonates:
        written["service_account_impersonation_url"] = f"{google.url}/sa:generateAccessToken"
    later = moment(timedelta(hours=1))
    google.says["/sa:generateAccessToken"] = 200, {"accessToken": "in its name", "expireTime": later}
    (tmp_path / "adc.json").write_text(json.dumps(written))
    token = daemon_token({"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "adc.json")})
    assert await token.token() == ("in its name" if impersonates else "ya29.token")
    exchange = google.asked[0].form
    assert (exchange["subject_token"], exchange["audience"]) == ("foreign", written["audience"])
    assert exchange["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    if impersonates:
        assert google.asked[1].headers["Authorization"] == "Bearer ya29.token"
        assert json.loads(google.asked[1].body) == {"scope": [SCOPE], "lifetime": "3600s"}
    assert await token.grant.project() == ""


def test_values_are_equal_by_what_they_are_made_from() -> None:
    assert daemon_token({}) == daemon_token({})
    assert hash(daemon_token({})) == hash(daemon_token({}))
    assert daemon_token({}) != daemon_token({"GCE_METADATA_HOST": "x"})
    assert GoogleToken(Metadata("a", "s")) != GoogleToken(Metadata("a", "t"))
