"""The page /metrics, in the format that its reader asks for."""

import asyncio
from collections.abc import Iterable

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from scaler.web.telemetry.collector import BoardCollector, Told


def routes(told: Told) -> Iterable[web.RouteDef]:
    """A registry of its own: the board, this process, its garbage collector."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(BoardCollector(told))

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(",".join(request.headers.getall("Accept", ())))
        response = web.Response(body=await asyncio.to_thread(encode, registry), headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    return (web.get("/metrics", metrics),)
