"""Azure Event Grid's data plane for one topic, as its public documentation has it ("Publish events to Azure Event Grid
custom topics": POST to /api/events?api-version=2018-01-01, `aeg-sas-key` or a bearer token, a JSON array of at most
1 MB; 200, 400, 401, 404, 413): a fake on the wire, because Microsoft gives out no server to run."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Json = dict[str, Any]

BATCH = "application/cloudevents-batch+json"
LARGEST = 1024 * 1024
REQUIRED = {"id", "source", "type", "specversion"}


class Topic:
    """With the input schema CloudEvents 1.0. `key` may be replaced; `refused` are (status, why)."""

    def __init__(self, key: str) -> None:
        self.key, self.url = key, ""
        self.events: list[Json] = []
        self.arrived = asyncio.Event()
        self.refused: list[tuple[int, str]] = []

    async def publish(self, request: web.Request) -> web.Response:
        if request.query.getall("api-version", []) != ["2018-01-01"]:
            return self._refuse(400, "BadRequest")
        if request.headers.get("aeg-sas-key") != self.key:
            return self._refuse(401, "Unauthorized")
        if request.content_type != BATCH:
            return self._refuse(415, "UnsupportedMediaType")
        body = await request.read()
        if len(body) > LARGEST:
            return self._refuse(413, "PayloadTooLarge")
        events = json.loads(body)
        if not isinstance(events, list) or any(not _is_cloud_event(one) for one in events):
            return self._refuse(400, "BadRequest")
        self.events += events
        self.arrived.set()
        return web.Response()

    def _refuse(self, status: int, code: str) -> web.Response:
        self.refused.append((status, code))
        return web.json_response(
            {"error": {"code": code, "message": "the key is secret", "details": []}}, status=status
        )


def _is_cloud_event(one: Any) -> bool:
    return isinstance(one, dict) and one.keys() >= REQUIRED and one["specversion"] == "1.0"


@asynccontextmanager
async def topic(key: str) -> AsyncIterator[Topic]:
    made = Topic(key)
    app = web.Application(client_max_size=4 * LARGEST)
    app.router.add_post("/api/events", made.publish)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/events"
    try:
        yield made
    finally:
        await runner.cleanup()
