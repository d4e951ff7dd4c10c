"""The Http source: one pooled client for a base URL with its credentials. Any status but 2xx is an error *here*, so
that no scaler can mistake an error page for zero. Signing stands in `signing.py`; what an answer means, in the scaler."""

import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

import aiohttp

from scaler.errors import AnswerError, SourceBusy, SourceError
from scaler.sdk.signing import Anonymous, Request, Signer
from scaler.sdk.source import Parallel, Source
from scaler.sdk.tls import Tls

MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Get:
    """A GET of `path` (appended to the base URL) with its own query parameters and headers."""

    path: str = ""
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """A POST of `body` to `path`."""

    path: str = ""
    body: bytes = b""
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


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
        """The decoded body; raises `AnswerError` when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise AnswerError("the answer is not JSON") from None


@dataclass(frozen=True)
class Http(Source[Query, Reply]):
    """`base` is a URL without credentials in it; `limit` is how many requests may be under way at once."""

    how: ClassVar[Parallel] = Parallel(64)

    base: str
    auth: Signer = field(default=Anonymous(), repr=False)
    tls: Tls = field(default=Tls(), repr=False)
    timeout: float = 3.0

    def __str__(self) -> str:
        return _shown(self.base)

    def patience(self) -> float:
        return self.timeout + 0.5  # the request's own limit speaks first: its sentence is the better one

    @asynccontextmanager
    async def open(self) -> AsyncIterator["HttpConnection"]:
        connector = aiohttp.TCPConnector(limit=self.how.limit, ssl=self.tls.context() if self.tls.given() else True)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=True, trust_env=False) as session:
            yield HttpConnection(self, session)


class HttpConnection:
    """Requests over one pool. A status, a time-out or a broken answer belongs to its own query, never to the others."""

    def __init__(self, source: Http, session: aiohttp.ClientSession) -> None:
        self._source = source
        self._session = session

    async def fetch(self, queries: Sequence[Query]) -> Sequence[Reply | SourceError]:
        return [await self._one(query) for query in queries]

    async def _one(self, query: Query) -> Reply | SourceError:
        try:
            return await self._request(query)
        except SourceError as error:
            return error
        except TimeoutError:
            return SourceError(f"{self._source} did not answer in {self._source.timeout:g} s")
        except ssl.SSLError:
            return SourceError(f"{self._source} does not speak TLS as it should")
        except aiohttp.ClientSSLError:
            return SourceError(f"the TLS certificate of {self._source} is not trusted")
        except aiohttp.ClientConnectorError:
            return SourceError(f"{self._source} cannot be reached")
        except (aiohttp.ClientError, OSError, ValueError):
            return SourceError(f"{self._source} broke off its answer, or it is no HTTP server")

    async def _request(self, query: Query) -> Reply:
        source = self._source
        method, body = ("POST", query.body) if isinstance(query, Post) else ("GET", b"")
        url = source.base.rstrip("/") + query.path if query.path else source.base
        signed = await source.auth.sign(self._session, Request(method, url, query.params, query.headers, body))
        async with self._session.request(
            method,
            url,
            params=signed.params,
            headers=signed.headers,
            data=body or None,
            timeout=aiohttp.ClientTimeout(total=source.timeout),
        ) as reply:
            if not 200 <= reply.status < 300:
                raise refused(str(source), reply.status, reply.headers.get("Retry-After", ""))
            content = await reply.content.read(MOST_BYTES + 1)
            while content and len(content) <= MOST_BYTES and (more := await reply.content.read(MOST_BYTES)):
                content += more
            if len(content) > MOST_BYTES:
                raise AnswerError(f"{source} answers with more than {MOST_BYTES // 1024 // 1024} MiB")
            return Reply(content, reply.status, tuple(reply.headers.items()))


def refused(where: str, status: int, retry_after: str) -> SourceError:
    """The error for a status that is not 2xx; 429 and 503 with `Retry-After` (RFC 9110 10.2.3) ask for patience."""
    sentence = f"{where} answers with HTTP {status}"
    if status in (401, 403):
        sentence += ", the credentials are not accepted"
    if status in (429, 503) and (seconds := _seconds(retry_after)) is not None:
        return SourceBusy(sentence, retry_after=seconds)
    return AnswerError(sentence)


def _seconds(retry_after: str) -> float | None:
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _shown(url: str) -> str:
    """The URL without credentials and query: those may be secrets."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("?")[0].rpartition("@")[2]
    return f"{scheme}://{host}" if rest else url.partition("?")[0].rpartition("@")[2]
