"""Google Cloud: the ways to an access token, after Google's public descriptions: a signed statement of a service
account (RFC 7523), a user's refresh token, a foreign token exchanged (RFC 8693: workload identity federation), the
metadata service."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from scaler.errors import AnswerError
from scaler.sdk.identity.asking import Told, file_of, left, lifetime, tell
from scaler.sdk.signing import Params, Request

TOKEN_URL = "https://oauth2.googleapis.com/token"
LOGIN = "Google's token endpoint"
METADATA = "Google's metadata service"
METADATA_HOST = "metadata.google.internal"
HOUR = 3600
SOON = 2.0
"""Seconds: outside of Google nobody answers under that name."""

_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS = "urn:ietf:params:oauth:token-type:access_token"
_FORM = ("Content-Type", "application/x-www-form-urlencoded")


class Grant(Protocol):
    """How a token is had: the token, and for how many seconds it is good; and of which project the identity is, or
    nothing. Both raise `SourceError`."""

    async def ask(self) -> tuple[str, float]: ...

    async def project(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service account's key signs who it is."""

    email: str
    key: str = field(repr=False)
    key_id: str
    token_url: str
    scope: str
    project_id: str = ""
    own: bool = False

    @classmethod
    def of(cls, content: Mapping[str, Any], scope: str, *, own: bool = False) -> "ServiceAccount":
        """`own` is for a key that is the daemon's. Raises `ValueError` with a sentence that quotes none of it."""
        email, key = _text(content, "client_email"), _text(content, "private_key")
        url = str(content.get("token_uri") or TOKEN_URL)
        key_id, project = (str(content.get(name, "")) for name in ("private_key_id", "project_id"))
        made = cls(email, key, key_id, url, scope, project, own)
        made._private()
        return made

    async def ask(self) -> tuple[str, float]:
        form = {"grant_type": _JWT, "assertion": self.assertion(int(time.time()))}
        return await _granted(self.token_url, form, "a token for the service account", own=self.own)

    async def project(self) -> str:
        return self.project_id

    def assertion(self, now: int) -> str:
        """A signed statement, good for an hour from then (seconds since the epoch)."""
        head = {"alg": "RS256", "typ": "JWT"} | ({"kid": self.key_id} if self.key_id else {})
        claims = {"iss": self.email, "scope": self.scope, "aud": self.token_url, "iat": now, "exp": now + HOUR}
        text = f"{_part(json.dumps(head).encode())}.{_part(json.dumps(claims).encode())}"
        return f"{text}.{_part(self._private().sign(text.encode(), PKCS1v15(), hashes.SHA256()))}"

    def _private(self) -> RSAPrivateKey:
        try:
            key = load_pem_private_key(self.key.encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if isinstance(key, RSAPrivateKey):
            return key
        raise ValueError("must have a private_key that is an RSA key in PEM")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A user who logged in once (`gcloud auth application-default login`)."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    project_id: str = ""

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "RefreshToken":
        client, secret, token = (_text(content, name) for name in ("client_id", "client_secret", "refresh_token"))
        return cls(client, secret, token, str(content.get("quota_project_id", "")))

    async def ask(self) -> tuple[str, float]:
        form = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
        }
        return await _granted(TOKEN_URL, form, "a token for the user")

    async def project(self) -> str:
        return self.project_id


@dataclass(frozen=True, slots=True)
class Federated:
    """A token of somebody whom Google was told to believe, kept in a file; then, where one is named, a service account
    in whose name to go on. Tokens from a command or a URL are not offered."""

    audience: str
    token_type: str
    token_url: str
    file: str
    field_name: str
    impersonation_url: str
    scope: str

    @classmethod
    def of(cls, content: Mapping[str, Any], scope: str) -> "Federated":
        source = _part_of(content, "credential_source")
        if not source.get("file"):
            raise ValueError("must have a credential_source that is a file")
        form = _part_of(source, "format")
        return cls(
            _text(content, "audience"),
            _text(content, "subject_token_type"),
            _text(content, "token_url"),
            str(source["file"]),
            str(form.get("subject_token_field_name", "")) if form.get("type") == "json" else "",
            str(content.get("service_account_impersonation_url") or ""),
            scope,
        )

    async def ask(self) -> tuple[str, float]:
        form = {
            "grant_type": _EXCHANGE,
            "audience": self.audience,
            "scope": self.scope,
            "requested_token_type": _ACCESS,
            "subject_token": await self._subject(),
            "subject_token_type": self.token_type,
        }
        token, seconds = await _granted(self.token_url, form, "to exchange the identity's token")
        return await self._impersonated(token) if self.impersonation_url else (token, seconds)

    async def project(self) -> str:
        return ""

    async def _subject(self) -> str:
        text = await file_of(self.file, "the identity's token file")
        if not self.field_name:
            return text
        try:
            return str(json.loads(text)[self.field_name])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise AnswerError(f"the identity's token file {self.file} holds no {self.field_name}") from None

    async def _impersonated(self, token: str) -> tuple[str, float]:
        headers = (("Authorization", f"Bearer {token}"), ("Content-Type", "application/json"))
        body = json.dumps({"scope": [self.scope], "lifetime": f"{HOUR}s"}).encode()
        told = await tell(Request("POST", self.impersonation_url, headers=headers, body=body), LOGIN)
        if told.status != 200:
            raise told.refusal("to go on in the service account's name")
        content = told.json()
        return told.text(content, "accessToken"), left(told.text(content, "expireTime"), datetime.now(UTC), LOGIN)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What GKE (workload identity), GCE and Cloud Run say of whoever asks from there."""

    host: str
    scope: str

    async def ask(self) -> tuple[str, float]:
        scopes = (("scopes", self.scope),)
        return _token_in(await self._get("instance/service-accounts/default/token", scopes), "a token")

    async def project(self) -> str:
        told = await self._get("project/project-id")
        if told.status != 200:
            raise told.refusal("to name the project")
        return told.body.decode(errors="replace").strip()

    async def _get(self, path: str, params: Params = ()) -> Told:
        url = f"http://{self.host}/computeMetadata/v1/{path}"
        return await tell(Request("GET", url, params, (("Metadata-Flavor", "Google"),)), METADATA, timeout=SOON)


async def _granted(url: str, form: Mapping[str, str], what: str, *, own: bool = True) -> tuple[str, float]:
    request = Request("POST", url, headers=(_FORM,), body=urlencode(form, quote_via=quote).encode())
    return _token_in(await tell(request, LOGIN, own=own), what)


def _token_in(told: Told, what: str) -> tuple[str, float]:
    if told.status != 200:
        raise told.refusal(what)
    content = told.json()
    return told.text(content, "access_token"), lifetime(content, told.who)


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"must have {name}")
    return value


def _part_of(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, dict) else {}


def _part(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
