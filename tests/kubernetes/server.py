"""An API server's manners on loopback: each request is written down and answered by the next of the `replies`."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from scaler.kubernetes.api import Api
from scaler.kubernetes.config import access

Json = dict[str, Any]
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


def answer(body: Any = None, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    async def reply(_: web.Request) -> web.StreamResponse:
        if isinstance(body, bytes):
            return web.Response(body=body, status=status, headers=headers)
        return web.json_response({} if body is None else body, status=status, headers=headers)

    return reply


def refusal(status: int, message: str = "as it is", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer({"kind": "Status", "message": message, "code": status}, status=status, headers=named)


def stream(*parts: bytes | float, cut: bool = False) -> Reply:
    """The bytes as they are, with pauses (seconds, or for ever) between them; `cut` breaks the connection off."""

    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for part in parts:
            if isinstance(part, bytes):
                await response.write(part)
            else:
                await (asyncio.Event().wait() if part == float("inf") else asyncio.sleep(part))
        if cut and request.transport:
            request.transport.abort()
        return response

    return reply


async def silent(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


class Server:
    """`connections` counts those that were ever made."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.received: list[Received] = []
        self.connections: set[object] = set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.connections.add(request.transport)
        body = await request.read()
        headers, query = dict(request.headers), dict(request.query)
        self.received.append(Received(request.method, request.path, query, headers, body))
        return await (self.replies.pop(0) if self.replies else silent)(request)

    @property
    def last(self) -> Received:
        return self.received[-1]


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()


def kubeconfig(folder: Path, server: str, user: Json | None = None, cluster: Json | None = None) -> Path:
    """A file with one context; `user` and `cluster` are what it says of them besides."""
    path = folder / "kubeconfig"
    written = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
    }
    path.write_text(yaml.safe_dump(written))
    return path


@asynccontextmanager
async def client(folder: Path, server: str, **more: Any) -> AsyncIterator[Api]:
    async with Api(await access(kubeconfig(folder, server)), **more) as api:
        yield api
