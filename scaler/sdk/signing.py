"""How an HTTP request shows who is asking: signers as frozen values, so that they are part of a source's identity. What
they need (a token) they fetch as the session that they are handed would, and keep until shortly before it expires."""

import asyncio
import base64
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote_plus

import aiohttp

from scaler.errors import AnswerError, LoginError, SourceError
from scaler.sdk.addresses import REFUSED, MetadataAddress
from scaler.sdk.kept import Kept
from scaler.sdk.sessions import another
from scaler.sdk.ways import proxy_for

Params = tuple[tuple[str, str], ...]

LARGEST_TOKEN = 1024 * 1024
"""Bytes of a token endpoint's answer."""

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Request:
    """What is about to be sent; a signer returns it with what it adds."""

    method: str
    url: str
    params: Params = ()
    headers: Params = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def adding(self, *, headers: Params = (), params: Params = ()) -> "Request":
        return replace(self, headers=(*self.headers, *headers), params=(*self.params, *params))


class Signer(Protocol):
    """Adds what proves identity to a request; raises `SourceError` when it cannot. `refused` is told when a server did
    not accept it (HTTP 401), so that what is kept is not shown again; by the `request` as it was signed, where that is
    at hand: another one may have been had meanwhile."""

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request: ...

    def refused(self, request: Request | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nothing to show."""

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request:
        return request

    def refused(self, request: Request | None = None) -> None:
        """Nothing is kept."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Headers and query parameters that hold the secret itself: an API key, a bearer token, a custom header."""

    headers: Params = field(default=(), repr=False)
    params: Params = field(default=(), repr=False)

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request:
        return request.adding(headers=self.headers, params=self.params)

    def refused(self, request: Request | None = None) -> None:
        """Nothing is kept."""


def bearer(token: str) -> Fixed:
    """RFC 6750."""
    return Fixed((("Authorization", f"Bearer {token}"),))


def basic(username: str, password: str) -> Fixed:
    """RFC 7617."""
    return Fixed((("Authorization", f"Basic {_pair(username, password)}"),))


def bearer_of(request: Request | None) -> str | None:
    """The token that a signed request shows, where it shows one."""
    shown = dict(request.headers).get("Authorization", "") if request else ""
    return shown.removeprefix("Bearer ") if shown.startswith("Bearer ") else None


def _pair(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Several:
    """Several ways at once, in order (an API key beside basic authentication)."""

    signers: tuple[Signer, ...]

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request:
        for signer in self.signers:
            request = await signer.sign(session, request)
        return request

    def refused(self, request: Request | None = None) -> None:
        for signer in self.signers:
            signer.refused(request)


@dataclass(slots=True)
class _Learned:
    """How the token endpoint wants to be shown the secret."""

    in_form: bool = False


@dataclass(frozen=True)
class ClientCredentials:
    """OAuth 2 client credentials (RFC 6749 4.4), proven by `client_secret` or by a signed token in a file that somebody
    else keeps fresh (RFC 7523: `assertion_file`), which is read anew for each renewal."""

    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ()
    endpoint_params: Params = field(default=(), repr=False)
    timeout: float = 3.0
    assertion_file: str = ""
    _kept: Kept[str] = field(default_factory=Kept, init=False, repr=False, compare=False, hash=False)
    _learned: _Learned = field(default_factory=_Learned, init=False, repr=False, compare=False, hash=False)

    async def sign(self, session: aiohttp.ClientSession, request: Request) -> Request:
        return request.adding(headers=(("Authorization", f"Bearer {await self.token(session)}"),))

    def refused(self, request: Request | None = None) -> None:
        self._kept.forget(bearer_of(request))

    async def token(self, session: aiohttp.ClientSession) -> str:
        """A token, asked for anew 30 s before the one at hand expires, over a session of its own that is like this one:
        others wait for it, too. Raises `SourceError`."""
        return await self._kept.get(partial(self._asked, another(session)))

    async def _asked(self, opened: Callable[[], aiohttp.ClientSession]) -> tuple[str, float]:
        try:
            async with asyncio.timeout(self.timeout):
                async with opened() as session:
                    return await self._ask(session)
        except TimeoutError:
            raise SourceError(f"the token endpoint did not answer in {self.timeout:g} s") from None
        except aiohttp.ClientSSLError:
            raise SourceError("the TLS certificate of the token endpoint is not trusted") from None
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(getattr(error, "os_error", None), MetadataAddress):
                raise SourceError(f"the token endpoint {REFUSED}") from None
            raise SourceError("the token endpoint cannot be reached") from None
        except ValueError:
            raise SourceError("the token endpoint cannot be asked with these settings") from None

    async def _ask(self, session: aiohttp.ClientSession) -> tuple[str, float]:
        """The secret is shown in a header or in the form; whichever a server took is tried first the next time."""
        status, answer = 0, b""
        for in_form in self._ways():
            headers, form = await self._request(in_form=in_form)
            async with session.post(
                self.token_url, data=form, headers=headers, allow_redirects=False, proxy=proxy_for(self.token_url)
            ) as reply:
                status, answer = reply.status, await whole(reply, LARGEST_TOKEN)
            if status == 200:
                self._learned.in_form = in_form
                return _token_in(answer)
        sentence = f"the token endpoint answers with HTTP {status}"
        if status in (400, 401, 403):
            raise LoginError(f"{sentence}, the client is not accepted")
        raise SourceError(sentence) if status == 429 or status >= 500 else AnswerError(sentence)

    def _ways(self) -> Iterator[bool]:
        yield self._learned.in_form or not self.client_secret
        if self.client_secret:
            yield not self._learned.in_form

    async def _request(self, *, in_form: bool) -> tuple[dict[str, str], list[tuple[str, str]]]:
        form = [("grant_type", "client_credentials"), *self.endpoint_params]
        if self.scopes:
            form.append(("scope", " ".join(self.scopes)))
        if self.client_secret and not in_form:
            pair = _pair(quote_plus(self.client_id), quote_plus(self.client_secret))
            return {"Authorization": f"Basic {pair}"}, form
        form.append(("client_id", self.client_id))
        if self.client_secret:
            form.append(("client_secret", self.client_secret))
        if self.assertion_file:
            form += [("client_assertion_type", ASSERTION), ("client_assertion", await self._assertion())]
        return {}, form

    async def _assertion(self) -> str:
        try:
            return (await asyncio.to_thread(Path(self.assertion_file).read_text, encoding="ascii")).strip()
        except (OSError, ValueError):
            raise SourceError(f"the identity's token file {self.assertion_file} cannot be read") from None


def _token_in(answer: bytes) -> tuple[str, float]:
    try:
        content: Any = json.loads(answer)
        token, lifetime = content["access_token"], float(content.get("expires_in", 300))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise AnswerError("the token endpoint's answer holds no access_token") from None
    if not (isinstance(token, str) and token) or math.isnan(lifetime):
        raise AnswerError("the token endpoint's answer holds no access_token")
    return token, lifetime


async def whole(reply: aiohttp.ClientResponse, most: int) -> bytes:
    """The body, which may not be larger than `most` bytes. Raises `AnswerError`."""
    parts, size = [], 0
    async for part in reply.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > most:
            raise AnswerError(f"the answer has more than {most // 1024 // 1024} MiB")
    return b"".join(parts)
