"""The listeners: one aiohttp application on one address, for the length of a block; plain, or with TLS as `tls.py` has
it. What their pages say stands in files of their own."""

import errno
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ssl import SSLContext
from typing import Any

from aiohttp import web

from scaler.errors import SettingsError
from scaler.web.tls import Certificates, Contexts

log = logging.getLogger(__name__)

GRACE = 2.0
"""Seconds that requests under way have when the block ends."""

AS_API_SERVER = {
    "keepalive_timeout": 120.0,
    "max_line_size": 16_384,
    "max_field_size": 65_536,
    "max_headers": 1024,
    "auto_decompress": False,
}
"""Of a listener behind kube-apiserver: it keeps unused connections for 90 s, and whoever closes first must not be us,
or a request that is just sent is lost; a user in many groups comes with as many headers. It compresses nothing that it
sends, so that what does not seem large is not."""

_REASONS = {
    errno.EADDRINUSE: "another program listens there",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "it takes a privilege to listen there",
}

Listening = AbstractAsyncContextManager[tuple[str, int]]


def listening(host: str, port: int, routes: Iterable[web.RouteDef]) -> Listening:
    """Serve `routes`; gives the bound address (port 0 takes a free one). Raises `SettingsError` when it is taken."""
    return _listening(host, port, routes, None, {})


def listening_tls(
    host: str,
    port: int,
    routes: Iterable[web.RouteDef],
    certificates: Callable[[], Certificates],
    *,
    asking: bool = True,
) -> Listening:
    """The same over TLS; every handshake takes the `certificates` of its moment, and asks for the client's if it is
    `asking`."""
    return _listening(host, port, routes, Contexts(certificates, asking=asking).outer, AS_API_SERVER)


@asynccontextmanager
async def _listening(
    host: str, port: int, routes: Iterable[web.RouteDef], context: SSLContext | None, limits: dict[str, Any]
) -> AsyncIterator[tuple[str, int]]:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE, **limits)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, ssl_context=context).start()
        except OSError as error:
            raise SettingsError({"listen": f"{_shown(host, port)} cannot be listened on: {_reason(error)}"}) from None
        bound = runner.addresses[0]
        log.info("listening", extra={"address": _shown(*bound[:2])})
        yield bound[0], bound[1]
    finally:
        await runner.cleanup()


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "there is no host of that name"
    return _REASONS.get(error.errno or 0, "the system refuses it")
