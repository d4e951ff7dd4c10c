"""The Http source: one pooled client for a base URL with its credentials. Any status but 2xx is an error *here*, so
that no scaler can take an error page for zero. Signing stands in `signing.py`; what an answer means, in the scaler."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

import aiohttp
from yarl import URL

from scaler.errors import AnswerError, LoginError, SourceBusy, SourceError
from scaler.sdk.addresses import REFUSED, MetadataAddress
from scaler.sdk.sessions import http_session as http_session  # others have it from here
from scaler.sdk.signing import Anonymous, Request, Signer, whole
from scaler.sdk.source import Parallel, Source
from scaler.sdk.tls import Tls
from scaler.sdk.ways import default_timeout, proxy_for

MOST_BYTES = 16 * 1024 * 1024
MOST_REDIRECTS = 5

LONGEST_REST = 3600.0
"""Seconds of patience that a server may ask for; who asks for more is asked again all the same."""

_REDIRECTS = (301, 302, 303, 307, 308)
_X509_EXPIRED, _X509_OTHER_NAME = 10, (62, 64)


@dataclass(frozen=True, slots=True)
class Get:
    """A GET of `path` (appended to the base URL) with its own query parameters and headers."""

    path: str = ""
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """A POST of `body` to `path`."""

    path: str = ""
    body: bytes = field(default=b"", repr=False)
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


Query = Get | Post


@dataclass(frozen=True, slots=True)
class Reply:
    """A 2xx answer."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The decoded body; raises `AnswerError` when it is not JSON, or nested so deeply that it means harm."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise AnswerError("the answer is not JSON") from None


@dataclass(frozen=True, repr=False)
class Http(Source[Query, Reply]):
    """`base` is a URL without credentials in it; at most 64 requests are under way at once, each for `timeout` seconds
    with all that belongs to it (a token, a redirect)."""

    how: ClassVar[Parallel] = Parallel(64)

    base: str
    auth: Signer = field(default=Anonymous())
    tls: Tls = field(default=Tls())
    timeout: float = field(default_factory=default_timeout)

    def __str__(self) -> str:
        return shown(self.base)

    def __repr__(self) -> str:
        return f"Http({self})"

    def patience(self) -> float:
        return self.timeout + 0.5  # the request's own limit speaks first: its sentence is the better one

    @asynccontextmanager
    async def open(self) -> AsyncIterator["HttpConnection"]:
        async with http_session(self.tls, self.how.limit) as opened:
            yield HttpConnection(self, opened)


class HttpConnection:
    """Requests over one pool. A status, a time-out or a broken answer belongs to its own query, never to the others."""

    def __init__(self, source: Http, session: aiohttp.ClientSession) -> None:
        self._source = source
        self._session = session

    async def fetch(self, queries: Sequence[Query]) -> Sequence[Reply | SourceError]:
        return [await self._one(query) for query in queries]

    async def _one(self, query: Query) -> Reply | SourceError:
        url = self._url(query)
        try:
            async with asyncio.timeout(self._source.timeout):
                return await self._request(url, query)
        except SourceError as error:
            return error
        except TimeoutError:
            return SourceError(f"{shown(url)} did not answer in {self._source.timeout:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return SourceError(what_failed(shown(url), error))

    def _url(self, query: Query) -> str:
        base = self._source.base
        return base.rstrip("/") + query.path if query.path else base

    async def _request(self, url: str, query: Query) -> Reply:
        method, body = ("POST", query.body) if isinstance(query, Post) else ("GET", b"")
        plain = Request(method, url, query.params, query.headers, body)
        signed = await self._source.auth.sign(self._session, plain)
        return await _followed(self._session, signed, lambda reply: self._read(signed, reply))

    async def _read(self, request: Request, reply: aiohttp.ClientResponse) -> Reply:
        if reply.status == 401:
            self._source.auth.refused(request)
        if not 200 <= reply.status < 300:
            raise refused(shown(request.url), reply.status, reply.headers.get("Retry-After", ""))
        return Reply(await whole(reply, MOST_BYTES), reply.status, tuple(reply.headers.items()))


async def _followed(
    session: aiohttp.ClientSession,
    request: Request,
    read: Callable[[aiohttp.ClientResponse], Awaitable[Reply]],
    *,
    leaves: bool = True,
) -> Reply:
    """What `read` makes of the answer at the end of all redirects. Credentials are shown to the server that they are
    for, and not to another host or port that it points at; with `leaves` off, such a one is not asked at all."""
    first, method, here = request.url, request.method, URL(request.url)
    for _ in range(MOST_REDIRECTS + 1):
        async with session.request(
            method,
            here,
            params=request.params,
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
            proxy=proxy_for(here),
        ) as reply:
            if reply.status not in _REDIRECTS or method != "GET" or "Location" not in reply.headers:
                return await read(reply)
            there = here.join(URL(reply.headers["Location"]))
        if not leaves and not _stays(here, there):
            raise AnswerError(f"{shown(first)} points at another host, to which its credentials are not shown")
        request = replace(request, params=()) if _stays(here, there) else Request(method, str(there))
        here = there
    raise AnswerError(f"{shown(first)} redirects more than {MOST_REDIRECTS} times")


async def once(
    request: Request,
    *,
    auth: Signer = Anonymous(),  # noqa: B008  # a frozen value
    tls: Tls = Tls(),  # noqa: B008  # as above
    timeout: float = 5.0,
    also: Container[int] = (),
    own: bool = False,
) -> Reply:
    """One request over a connection of its own, for what is asked every few minutes. Any status but 2xx and those in
    `also` is an error: `LoginError`, `SourceBusy`, plain `SourceError` for 429 and 5xx, else `AnswerError`. Redirects
    are followed on the same host only; `own` as for `http_session`."""
    where = shown(request.url)

    async def read(reply: aiohttp.ClientResponse) -> Reply:
        if not (200 <= reply.status < 300 or reply.status in also):
            problem = refused(where, reply.status, reply.headers.get("Retry-After", ""))
            passing = type(problem) is AnswerError and (reply.status == 429 or reply.status >= 500)
            raise SourceError(str(problem)) if passing else problem
        return Reply(await whole(reply, MOST_BYTES), reply.status, tuple(reply.headers.items()))

    try:
        async with asyncio.timeout(timeout), http_session(tls, 1, own=own) as session:
            return await _followed(session, await auth.sign(session, request), read, leaves=False)
    except TimeoutError:
        raise SourceError(f"{where} did not answer in {timeout:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise SourceError(what_failed(where, error)) from None


def _stays(here: URL, there: URL) -> bool:
    """The same origin, or the same host's TLS where both are on the ports that go without saying."""
    secured = here.scheme == "http" and there.scheme == "https" and here.is_default_port() and there.is_default_port()
    return here.host == there.host and (secured or (here.scheme, here.port) == (there.scheme, there.port))


def refused(where: str, status: int, retry_after: str = "") -> SourceError:
    """The error for a status that is not 2xx; 429 and 503 with `Retry-After` (RFC 9110 10.2.3) ask for patience, 401
    and 403 for another login."""
    sentence = f"{where} answers with HTTP {status}"
    if status in (401, 403):
        return LoginError(f"{sentence}, the credentials are not accepted")
    if status in (429, 503) and (seconds := _seconds(retry_after)) is not None:
        return SourceBusy(sentence, retry_after=min(seconds, LONGEST_REST))
    return AnswerError(sentence)


def _seconds(retry_after: str) -> float | None:
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def what_failed(where: str, error: BaseException) -> str:
    """What went wrong on the way, in our words: a client's own message may hold a URL with its secrets."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"the TLS certificate of {where} {_mistrust(error.certificate_error)}"
        case ssl.SSLError():
            return f"{where} does not speak TLS as it should, or wants a client certificate"
        case aiohttp.ClientConnectorDNSError():
            return f"the host name of {where} cannot be resolved"
        case aiohttp.ClientConnectorError(os_error=MetadataAddress()):
            return f"{where} {REFUSED}"
        case aiohttp.ClientConnectorError():
            return f"{where} cannot be reached"
        case aiohttp.InvalidURL():
            return f"{where} is not a URL that can be asked, or redirects to one"
        case aiohttp.ClientError() | OSError():
            return f"{where} broke off its answer, or it is no HTTP server"
    return f"{where} cannot be asked, a header or the URL holds what may not stand there"


def _mistrust(error: BaseException) -> str:
    code = getattr(error, "verify_code", 0)
    if code == _X509_EXPIRED:
        return "has expired"
    return "is for another name" if code in _X509_OTHER_NAME else "is not trusted"


def shown(url: str) -> str:
    """The URL without credentials and query: those may be secrets."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("?")[0].rpartition("@")[2]
    return f"{scheme}://{host}" if rest else url.partition("?")[0].rpartition("@")[2]
