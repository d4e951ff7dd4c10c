"""The plain listener: one aiohttp application on one address, for the length of a block. What its pages say stands in
their own files; TLS is not its business."""

import errno
import logging
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from scaler.errors import SettingsError

log = logging.getLogger(__name__)

GRACE = 2.0
"""Seconds that requests under way have when the block ends."""

_REASONS = {
    errno.EADDRINUSE: "another program listens there",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "it takes a privilege to listen there",
}


@asynccontextmanager
async def listening(host: str, port: int, routes: Iterable[web.RouteDef]) -> AsyncIterator[tuple[str, int]]:
    """Serve `routes`; gives the bound address (port 0 takes a free one). Raises `SettingsError` when it is taken."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
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
