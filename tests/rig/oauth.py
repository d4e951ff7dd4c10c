"""A token endpoint for the client-credentials grant; its tokens are unsigned JWTs, as `secured_kafka` takes them."""

import base64
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

LIFETIME = 300.0


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a client asked with; `client` and `secret` may have come in the form or as basic authentication."""

    client: str
    secret: str = field(repr=False)
    grant: str
    scope: str
    form: tuple[tuple[str, str], ...] = field(repr=False)


class TokenEndpoint:
    """A running endpoint: `requests` is everything that was asked of it; `lifetime` is that of the next token."""

    def __init__(self, client: str, secret: str) -> None:
        self.url = ""
        self.client = client
        self.secret = secret
        self.lifetime = LIFETIME
        self.requests: list[TokenRequest] = []

    async def answer(self, request: web.Request) -> web.Response:
        asked = await _read(request)
        self.requests.append(asked)
        if asked.grant != "client_credentials":
            return _refusal(400, "unsupported_grant_type")
        if asked.client != self.client or not secrets.compare_digest(asked.secret.encode(), self.secret.encode()):
            return _refusal(401, "invalid_client")
        token = unsigned_token(asked.client, lifetime=self.lifetime, scope=asked.scope)
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": int(self.lifetime)})


@asynccontextmanager
async def oauth(client: str = "scaler", secret: str = "scaler-secret") -> AsyncIterator[TokenEndpoint]:
    """The life of an endpoint that knows one client."""
    endpoint = TokenEndpoint(client, secret)
    application = web.Application()
    application.router.add_post("/token", endpoint.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        endpoint.url = f"http://{host}:{port}/token"
        yield endpoint
    finally:
        await runner.cleanup()


def unsigned_token(subject: str, *, lifetime: float = LIFETIME, scope: str = "") -> str:
    """A JWT whose algorithm is "none"; with a negative lifetime it is over already."""
    now = time.time()
    claims = {"sub": subject, "iat": now, "exp": now + lifetime} | ({"scope": scope} if scope else {})
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def _part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


async def _read(request: web.Request) -> TokenRequest:
    form = {name: str(value) for name, value in (await request.post()).items()}
    client, secret = _basic(request.headers.get("Authorization", ""))
    return TokenRequest(
        client=client or form.get("client_id", ""),
        secret=secret or form.get("client_secret", ""),
        grant=form.get("grant_type", ""),
        scope=form.get("scope", ""),
        form=tuple(form.items()),
    )


def _basic(header: str) -> tuple[str, str]:
    kind, _, content = header.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    client, _, secret = base64.b64decode(content).decode().partition(":")
    return client, secret


def _refusal(status: int, error: str) -> web.Response:
    return web.json_response({"error": error}, status=status)
