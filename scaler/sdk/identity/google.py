"""Google Cloud: access tokens for whom the daemon is, or for a service account whose key somebody wrote into a Secret.
From a Secret nothing but such a key is taken: other kinds of credentials name files and hosts of their writer's choice,
and would make the daemon send the one to the other."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp

from scaler.errors import LoginError
from scaler.sdk.identity.asking import file_of
from scaler.sdk.identity.google_grants import METADATA_HOST, Federated, Grant, Metadata, RefreshToken, ServiceAccount
from scaler.sdk.kept import Kept
from scaler.sdk.signing import Request, bearer_of

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
EARLY = 60.0
"""Seconds before its end at which a token is asked for anew."""

FILE = "GOOGLE_APPLICATION_CREDENTIALS"
PROJECTS = ("CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT")


@dataclass(frozen=True)
class GoogleToken:
    """A `Signer`: a bearer token that is renewed before it ends."""

    grant: Grant
    _kept: Kept[str] = field(default_factory=partial(Kept, EARLY), init=False, repr=False, compare=False, hash=False)

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request:
        return request.adding(headers=(("Authorization", f"Bearer {await self.token()}"),))

    async def token(self) -> str:
        """Raises `SourceError`."""
        return await self._kept.get(self.grant.ask)

    def refused(self, request: Request | None = None) -> None:
        self._kept.forget(bearer_of(request))


@dataclass(frozen=True, slots=True)
class Daemon:
    """The daemon itself, as Google's clients find out who they are: by a file, else by the metadata service. The file
    is read anew each time."""

    file: str = ""
    metadata_host: str = METADATA_HOST
    named_project: str = ""
    scope: str = SCOPE

    async def ask(self) -> tuple[str, float]:
        return await (await self._grant()).ask()

    async def project(self) -> str:
        """The one that the environment names, or the identity is of; empty where nobody knows."""
        return self.named_project or await (await self._grant()).project()

    async def _grant(self) -> Grant:
        if not self.file:
            return Metadata(self.metadata_host, self.scope)
        text = await file_of(self.file, f"the file of {FILE}")
        try:
            return _grant(_object(text), self.scope)
        except ValueError as problem:
            raise LoginError(f"the file of {FILE} {problem}") from None


def daemon_token(environment: Mapping[str, str], scope: str = SCOPE) -> GoogleToken:
    """The daemon's own, by the variables of `variables.GOOGLE`."""
    project = next((environment[name] for name in PROJECTS if environment.get(name)), "")
    host = environment.get("GCE_METADATA_HOST") or METADATA_HOST
    return GoogleToken(Daemon(environment.get(FILE, ""), host, project, scope))


def key_token(text: str, scope: str = SCOPE) -> GoogleToken:
    """By a service account's key as Google writes it. Raises `ValueError` with a sentence that quotes none of it."""
    content = _object(text)
    if content.get("type") != "service_account":
        raise ValueError("must be the key of a service account (a JSON object of that type)")
    return GoogleToken(ServiceAccount.of(content, scope))


def _grant(content: Mapping[str, Any], scope: str) -> Grant:
    match content.get("type"):
        case "service_account":
            return ServiceAccount.of(content, scope, own=True)
        case "authorized_user":
            return RefreshToken.of(content)
        case "external_account":
            return Federated.of(content, scope)
    raise ValueError("is of a type that is not known: service_account, external_account and authorized_user are")


def _object(text: str) -> Mapping[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict):
        return content
    raise ValueError("must hold a JSON object")
