"""The plain listener: one aiohttp application on one address, for the length of a block. What its pages say stands in
their own files; TLS is not its business."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from scaler.errors import SettingsError

log = logging.getLogger(__name__)

GRACE = 2.0
"""Seconds that requests under way have when the block ends."""


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
            why = error.strerror or "it cannot be bound"
            raise SettingsError({"listen": f"{host}:{port} cannot be listened on ({why.lower()})"}) from None
        bound = runner.addresses[0]
        log.info("listening", extra={"address": f"{bound[0]}:{bound[1]}"})
        yield str(bound[0]), int(bound[1])
    finally:
        await asyncio.shield(runner.cleanup())
