"""HTTP servers on loopback that do as a test wants: answer a number, hang, answer garbage or NaN, close in the middle
of an answer. They count what they were asked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class Numbers:
    """`/<name>` answers as `answers[name]` says: a number, or one of the ways to fail."""

    def __init__(self) -> None:
        self.answers: dict[str, float | str] = {}
        self.asked: Counter[str] = Counter()
        self.url = ""
        self.late, self.released = 10.0, asyncio.Event()
        """What "late" answers, and when."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked[name] += 1
        match self.answers.get(name, 0):
            case "hang":
                await asyncio.sleep(3600)
            case "late":
                await self.released.wait()
                return web.json_response({"value": self.late})
            case "garbage":
                return web.Response(text="<html>no number here</html>")
            case "nan":
                return web.Response(text='{"value": "NaN"}')
            case "missing":
                return web.json_response({"other": 1})
            case "error":
                return web.Response(status=500, text='{"value": 0}')
            case "close":
                return await _broken_off(request)
            case answer:
                return web.json_response({"value": answer})
        raise AssertionError("not reached")


async def _broken_off(request: web.Request) -> web.StreamResponse:
    """Says that 1,000 bytes follow, sends a few, and is gone."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"value": 5')
    assert request.transport is not None
    request.transport.close()
    return response


@asynccontextmanager
async def numbers(port: int = 0) -> AsyncIterator[Numbers]:
    """On that port, or on any."""
    made = Numbers()
    app = web.Application()
    app.router.add_get("/{name}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
