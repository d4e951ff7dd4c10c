"""A source on loopback that gives its number to whoever logs in, by basic authentication or with a key."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class Guarded:
    """`served` counts the answers since it expects this login; the number is 3 for everybody."""

    def __init__(self, user: str, password: str) -> None:
        self.url, self.key = "", "the-right-key"
        self.expect(user, password)

    def expect(self, user: str, password: str) -> None:
        self._login, self.served = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}", 0

    async def handle(self, request: web.Request) -> web.Response:
        headers = request.headers
        if headers.get("Authorization") != self._login and headers.get("X-Key") != self.key:
            return web.Response(status=401)
        self.served += 1
        return web.json_response({"value": 3})


@asynccontextmanager
async def guarded(user: str, password: str) -> AsyncIterator[Guarded]:
    made = Guarded(user, password)
    app = web.Application()
    app.router.add_get("/", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield made
    finally:
        await runner.cleanup()
