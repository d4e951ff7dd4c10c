"""Services that give out keys and tokens, as HTTP servers of a few lines: what they are asked is kept, what they say is
told. Their words are those of the clouds' public documentation."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.sdk.servers import serving

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    form: Mapping[str, str]
    body: bytes


@dataclass
class Service:
    """`says` is what comes back for a path (or for an STS action): a status and a body; what is not there is 404."""

    url: str = ""
    says: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        form = dict(parse_qsl(body.decode(errors="replace")))
        self.asked.append(Asked(request.method, request.path, dict(request.query), dict(request.headers), form, body))
        status, said = self.says.get(form.get("Action", request.path), (404, b""))
        if isinstance(said, str | bytes):
            return web.Response(status=status, body=said)
        return web.json_response(said, status=status)


@asynccontextmanager
async def service(**says: tuple[int, Any]) -> AsyncIterator[Service]:
    made = Service(says=dict(says))
    async with serving(made.handle) as url:
        made.url = url
        yield made


def moment(lasts: timedelta = HOUR) -> str:
    """So far from now, as clouds write it."""
    return f"{datetime.now(UTC) + lasts:%Y-%m-%dT%H:%M:%SZ}"


def sts_keys(action: str, name: str, lasts: timedelta = HOUR) -> str:
    """STS's answer."""
    return (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>'
        f"<AccessKeyId>{name}</AccessKeyId><SecretAccessKey>hush</SecretAccessKey><SessionToken>hush</SessionToken>"
        f"<Expiration>{moment(lasts)}</Expiration></Credentials></{action}Result></{action}Response>"
    )


def sts_refusal(code: str) -> str:
    return (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>hush</Message></Error></ErrorResponse>"
    )


def ambient_keys(name: str, lasts: timedelta = HOUR) -> dict[str, str]:
    """The answer of an agent or an instance."""
    keys = {"AccessKeyId": name, "SecretAccessKey": "hush", "Token": "hush"}
    return {"Code": "Success", "Type": "AWS-HMAC", **keys, "Expiration": moment(lasts)}
