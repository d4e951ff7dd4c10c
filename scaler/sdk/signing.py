"""How an HTTP request shows who is asking: signers as frozen values, so that they are part of a source's identity. What
they need (a token) they fetch over the session that they are handed and keep until shortly before it expires."""

import base64
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Protocol

import aiohttp

from scaler.errors import AnswerError, SourceError

Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What is about to be sent; a signer returns it with what it adds."""

    method: str
    url: str
    params: Params = ()
    headers: Params = ()
    body: bytes = field(default=b"", repr=False)

    def adding(self, *, headers: Params = (), params: Params = ()) -> "Request":
        return replace(self, headers=(*self.headers, *headers), params=(*self.params, *params))


class Signer(Protocol):
    """Adds what proves identity to a request; raises `SourceError` when it cannot."""

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request: ...


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nothing to show."""

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request:
        return request


@dataclass(frozen=True, slots=True)
class Fixed:
    """Headers and query parameters that hold the secret itself: an API key, a bearer token, a custom header."""

    headers: Params = field(default=(), repr=False)
    params: Params = field(default=(), repr=False)

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request:
        return request.adding(headers=self.headers, params=self.params)


def bearer(token: str) -> Fixed:
    """RFC 6750."""
    return Fixed((("Authorization", f"Bearer {token}"),))


def basic(username: str, password: str) -> Fixed:
    """RFC 7617."""
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return Fixed((("Authorization", f"Basic {pair}"),))


@dataclass(frozen=True, slots=True)
class Several:
    """Several ways at once, in order (an API key beside basic authentication)."""

    signers: tuple[Signer, ...]

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request:
        for signer in self.signers:
            request = await signer.sign(session, request)
        return request


@dataclass(frozen=True)
class ClientCredentials:
    """OAuth 2 client credentials (RFC 6749 4.4)."""

    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ()
    endpoint_params: Params = field(default=(), repr=False)
    timeout: float = 3.0
    _kept: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False, hash=False)

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request:
        return request.adding(headers=(("Authorization", f"Bearer {await self.token(session)}"),))

    async def token(self, session: aiohttp.ClientSession) -> str:
        """A token, asked for anew 30 s before the one at hand expires. Raises `SourceError`."""
        if monotonic() >= self._kept.get("until", 0.0):
            token, lifetime = await self._ask(session)
            self._kept.update(token=token, until=monotonic() + max(lifetime - 30.0, 1.0))
        return str(self._kept["token"])

    async def _ask(self, session: aiohttp.ClientSession) -> tuple[str, float]:
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret}
        if self.scopes:
            form["scope"] = " ".join(self.scopes)
        form.update(self.endpoint_params)
        try:
            timeout = aiohttp.ClientTimeout(total=self.timeout)
            async with session.post(self.token_url, data=form, timeout=timeout) as reply:
                if reply.status != 200:
                    raise AnswerError(f"the token endpoint answers with HTTP {reply.status}")
                answer = await reply.json(content_type=None)
                return str(answer["access_token"]), float(answer.get("expires_in", 300))
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise SourceError("the token endpoint cannot be reached") from None
        except (KeyError, TypeError, ValueError):
            raise AnswerError("the token endpoint's answer holds no access_token") from None
