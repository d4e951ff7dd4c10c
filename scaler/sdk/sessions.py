"""Pools of connections, as all of our clients over HTTP have them: what an installation says of TLS is heeded, nothing
is remembered between requests, and URLs that a person chose are kept from metadata addresses. What is asked over them
is not known here."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp

from scaler.sdk.addresses import METADATA_ALLOWED, MetadataAddress, guarded_socket, is_metadata
from scaler.sdk.exchanges import noted
from scaler.sdk.tls import Tls
from scaler.sdk.ways import WAYS

KEEP_OPEN = 65.0
"""Seconds an unused connection stays: longer than the usual polling intervals, so that TLS is negotiated once."""


@asynccontextmanager
async def http_session(tls: Tls, limit: int, *, own: bool = False) -> AsyncIterator[aiohttp.ClientSession]:
    """A pool of connections that remembers nothing between requests (no cookies, nothing from the environment). `own`
    is for URLs that no person chose: metadata addresses are never kept from those."""
    context = await asyncio.to_thread(tls.context) if tls.given() or WAYS.get().own_tls else True
    async with _session(_Connector(limit, context, guarded=not (own or METADATA_ALLOWED.get()))) as opened:
        yield opened


def another(session: aiohttp.ClientSession) -> Callable[[], aiohttp.ClientSession]:
    """Makes one with the TLS and the guard of this one, for a request that may outlive it; a session that was not made
    here has one as the installation says."""
    made = session.connector
    context, guarded = (
        (made.context, made.guarded) if isinstance(made, _Connector) else (True, not METADATA_ALLOWED.get())
    )
    return lambda: _session(_Connector(1, context, guarded=guarded))


class _Connector(aiohttp.TCPConnector):
    def __init__(self, limit: int, context: ssl.SSLContext | bool, *, guarded: bool) -> None:
        self.context, self.guarded = context, guarded
        super().__init__(
            limit=limit,
            ssl=context,
            socket_factory=guarded_socket if guarded else None,
            **({"keepalive_timeout": KEEP_OPEN} if WAYS.get().keep_alive else {"force_close": True}),
        )


def _session(connector: _Connector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "event-scaler"},
        trace_configs=[noted()],
        timeout=aiohttp.ClientTimeout(total=None),
        trust_env=False,
        middlewares=(_guarded,) if connector.guarded else (),
    )


async def _guarded(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Behind a proxy no socket leads to the host itself: its name is looked up here before the proxy is asked. A name
    that is not known here is the proxy's to judge, and so is one that leads elsewhere a moment later."""
    if request.proxy is not None and await _leads_to_metadata(request.url.raw_host or ""):
        raise aiohttp.ClientConnectorError(request.connection_key, MetadataAddress())
    return await handler(request)


async def _leads_to_metadata(host: str) -> bool:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return is_metadata(host)
    return any(is_metadata(str(where[0])) for *_, where in found)
