"""AWS STS: keys for an hour, by acting as a role. The role believes either a token that the platform keeps in a file,
or keys that one has already. KEDA's order: for a role of a TriggerAuthentication the file first, then the keys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlencode
from xml.etree import ElementTree

from scaler.errors import AnswerError, LoginError, SourceBusy, SourceError
from scaler.sdk.identity.asking import Told, file_of, left, tell
from scaler.sdk.signing import Request
from scaler.sdk.sigv4 import Keys, Place, signed

WHO = "AWS STS"
VERSION = "2011-06-15"
SESSION = "event-scaler"
OLD = frozenset(("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"))
"""What STS says of keys that may have been replaced meanwhile."""

PASSING = frozenset(("Throttling", "ThrottlingException", "RequestLimitExceeded", "IDPCommunicationError"))
"""What STS says with HTTP 400, and is no refusal: it is asked too much, or cannot ask whoever issued the token."""

_CODE = re.compile(r"[A-Za-z.]{1,60}")
_FORM = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")


class KeySource(Protocol):
    """Where keys come from. `keys` raises `SourceError`; `refused` is told that these, or the last ones, were not
    accepted."""

    async def keys(self) -> Keys: ...

    def refused(self, keys: Keys | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Sts:
    """The service, and the name under which a role's use is written into the account's log."""

    endpoint: str
    region: str
    session: str = SESSION

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Sts":
        """The region's own, or the one that the environment names."""
        region = region_of(environment)
        given = environment.get("AWS_ENDPOINT_URL_STS") or environment.get("AWS_ENDPOINT_URL")
        host = endpoint("sts", region) if region else "https://sts.amazonaws.com"
        session = environment.get("AWS_ROLE_SESSION_NAME") or SESSION
        return cls((given or host).rstrip("/"), region or "us-east-1", session)

    def request(self, action: str, **fields: str) -> Request:
        form = {"Action": action, "Version": VERSION, "RoleSessionName": self.session, **fields}
        return Request("POST", f"{self.endpoint}/", headers=(_FORM,), body=urlencode(form).encode())


def region_of(environment: Mapping[str, str]) -> str:
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or ""


def endpoint(service: str, region: str) -> str:
    """The URL of a service in a region, China's have a domain of their own."""
    return f"https://{service}.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """The role believes the issuer of a token (IRSA). The file is read anew each time: the kubelet replaces it."""

    role: str
    token_file: str
    sts: Sts

    async def ask(self) -> tuple[Keys, float]:
        """The keys and for how many seconds they are good. Raises `SourceError`."""
        token = await file_of(self.token_file, "the AWS identity's token file")
        request = self.sts.request("AssumeRoleWithWebIdentity", RoleArn=self.role, WebIdentityToken=token)
        return _keys(await tell(request, WHO), f"to let the daemon's token act as {self.role}")


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """The role believes whom `own` keys belong to, who may have to know its external id."""

    role: str
    own: KeySource
    sts: Sts
    external_id: str = field(default="", repr=False)

    async def ask(self) -> tuple[Keys, float]:
        fields = {"RoleArn": self.role} | ({"ExternalId": self.external_id} if self.external_id else {})
        request, place = self.sts.request("AssumeRole", **fields), Place(self.sts.region, "sts")
        keys = await self.own.keys()
        told = await tell(signed(request, keys, place, datetime.now(UTC)), WHO)
        if code_in(told.body) in OLD:
            self.own.refused(keys)
        return _keys(told, f"to let the daemon's keys act as {self.role}")


@dataclass(frozen=True, slots=True)
class Either:
    """The file, and where the role does not believe it, the keys."""

    first: WebIdentity
    second: AssumedRole

    async def ask(self) -> tuple[Keys, float]:
        try:
            return await self.first.ask()
        except LoginError as refusal:
            try:
                return await self.second.ask()
            except LoginError as error:
                raise LoginError(f"{refusal}, and as for its keys: {error}") from None
            except SourceBusy as error:
                raise SourceBusy(f"{refusal}, and as for its keys: {error}", retry_after=error.retry_after) from None
            except SourceError as error:  # it may pass
                raise SourceError(f"{refusal}, and as for its keys: {error}") from None


def _keys(told: Told, what: str) -> tuple[Keys, float]:
    if told.status != 200:
        code = code_in(told.body)
        raise (
            SourceError(f"{WHO} cannot answer at the moment ({code})") if code in PASSING else told.refusal(what, code)
        )
    found = {name: _text(told.body, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")}
    if not all(found.values()):
        raise AnswerError(f"the answer of {WHO} holds no keys")
    keys = Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    return keys, left(found["Expiration"], datetime.now(UTC), WHO)


def code_in(body: bytes) -> str:
    """AWS's word for what is wrong (`AccessDenied`), where the answer has one."""
    code = _text(body, "Code")
    return code if _CODE.fullmatch(code) else ""


def _text(body: bytes, name: str) -> str:
    """Of the first element of that name in any namespace."""
    try:
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, RecursionError):
        return ""
    return next((one.text or "" for one in root.iterfind(f".//{{*}}{name}")), "").strip()
