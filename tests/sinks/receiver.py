"""A server on loopback that takes CloudEvents over HTTP in either mode and keeps them. It answers as it is told, so
that tests see what becomes of events that it does not take."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aiohttp import web

Json = dict[str, Any]


@dataclass(frozen=True)
class Received:
    """One request: its attributes without the prefix of the headers, decoded, and its data."""

    attributes: Mapping[str, str]
    data: Json
    content_type: str
    headers: Mapping[str, str]

    @property
    def what(self) -> tuple[str, str]:
        """(type, subject)"""
        return self.attributes["type"], self.attributes["subject"]


class Receiver:
    """`answers` are for one request each: a status, or "hang"; then it takes everything. `refused` are those that it
    did not take."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: deque[int | str] = deque()
        self.always: int | str = 202
        self.received: list[Received] = []
        self.refused: list[Received] = []
        self.headers: dict[str, str] = {}
        self._arrived = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        one = await _read(request)
        answer = self.answers.popleft() if self.answers else self.always
        (self.received if answer in range(200, 300) else self.refused).append(one)
        self._arrived.set()
        if answer == "hang":
            await asyncio.sleep(3600)
        assert isinstance(answer, int)
        return web.Response(status=answer, headers=self.headers)

    async def until(self, received: int = 0, refused: int = 0) -> list[Received]:
        """What was taken, as soon as there are so many of both."""
        while len(self.received) < received or len(self.refused) < refused:
            self._arrived.clear()
            await self._arrived.wait()
        return self.received

    @property
    def types(self) -> list[str]:
        return [one.attributes["type"] for one in self.received]


async def _read(request: web.Request) -> Received:
    body = await request.read()
    named = {name.lower(): value for name, value in request.headers.items()}
    content_type = named.get("content-type", "")
    if content_type.startswith("application/cloudevents"):
        whole = json.loads(body)
        one = whole[0] if isinstance(whole, list) else whole
        attributes = {name: value for name, value in one.items() if name != "data"}
        return Received(attributes, one["data"], content_type, named)
    attributes = {name.removeprefix("ce-"): unquote(value) for name, value in named.items() if name.startswith("ce-")}
    return Received(attributes, json.loads(body), content_type, named)


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """On that port, or on any; whoever still waits for an answer gets none any more."""
    made = Receiver()
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
    try:
        yield made
    finally:
        await runner.cleanup()
