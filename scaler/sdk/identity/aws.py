"""AWS: who the daemon is, and whom it acts as. Its own keys come from its environment in the order in which Amazon's
clients look: an access key, a web identity (IRSA), container credentials (EKS Pod Identity), the instance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import aiohttp

from scaler.errors import LoginError
from scaler.sdk.identity.aws_ambient import IMDS, Container, Instance
from scaler.sdk.identity.aws_sts import AssumedRole, Either, KeySource, Sts, WebIdentity
from scaler.sdk.kept import Kept
from scaler.sdk.signing import Request
from scaler.sdk.sigv4 import Keys, Place, signed

EARLY = 300.0
"""Seconds before their end at which keys are asked for anew: what is signed with them is to be good for a while."""


class Way(Protocol):
    """How temporary keys are had: the keys, and for how many seconds they are good. Raises `SourceError`."""

    async def ask(self) -> tuple[Keys, float]: ...


@dataclass(frozen=True, slots=True)
class Lasting:
    """Keys without an end that is known."""

    given: Keys

    async def keys(self) -> Keys:
        return self.given

    def refused(self, keys: Keys | None = None) -> None:
        """There are no others."""


@dataclass(frozen=True)
class Temporary:
    """Keys that are renewed before they end."""

    way: Way
    _kept: Kept[Keys] = field(default_factory=partial(Kept, EARLY), init=False, repr=False, compare=False, hash=False)

    async def keys(self) -> Keys:
        return await self._kept.get(self.way.ask)

    def refused(self, keys: Keys | None = None) -> None:
        self._kept.forget(keys)


@dataclass(frozen=True, slots=True)
class Nobody:
    """The daemon runs where it is nobody."""

    async def keys(self) -> Keys:
        raise LoginError("the daemon has no AWS identity: no keys, no role and no agent in its environment")

    def refused(self, keys: Keys | None = None) -> None:
        """There are none."""


@dataclass(frozen=True, slots=True)
class SigV4:
    """A `Signer`: AWS Signature Version 4 with whatever keys there are at the moment."""

    source: KeySource
    place: Place

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request:
        return signed(request, await self.source.keys(), self.place, datetime.now(UTC))

    def refused(self, request: Request | None = None) -> None:
        """Keys stand by their name alone in what is signed: whose it was is not looked for, `Kept` is in no hurry."""
        self.source.refused()


def daemon_keys(environment: Mapping[str, str]) -> KeySource:
    """The daemon's own, by the variables of `variables.AWS`."""
    known = environment.get
    access, secret = known("AWS_ACCESS_KEY_ID"), known("AWS_SECRET_ACCESS_KEY")
    if access and secret:
        return Lasting(Keys(access, secret, known("AWS_SESSION_TOKEN") or ""))
    role, file = known("AWS_ROLE_ARN"), known("AWS_WEB_IDENTITY_TOKEN_FILE")
    if role and file:
        return Temporary(WebIdentity(role, file, Sts.of(environment)))
    if container := Container.of(environment):
        return Temporary(container)
    if (known("AWS_EC2_METADATA_DISABLED") or "").lower() == "true":
        return Nobody()
    return Temporary(Instance((known("AWS_EC2_METADATA_SERVICE_ENDPOINT") or IMDS).rstrip("/")))


def role_keys(environment: Mapping[str, str], role: str, external_id: str = "") -> KeySource:
    """Those of a role that believes the daemon; without a role the daemon's own."""
    own = daemon_keys(environment)
    if not role:
        return own
    assumed = AssumedRole(role, own, Sts.of(environment), external_id)
    file = environment.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    return Temporary(Either(WebIdentity(role, file, assumed.sts), assumed) if file else assumed)
