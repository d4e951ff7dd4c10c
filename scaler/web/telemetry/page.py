"""The page /metrics, in the format that its reader asks for, and made beside the event loop: what makes it, and how
often at a time. What it says is the collector's."""

import asyncio
import gzip
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from scaler.web.telemetry.collector import BoardCollector, Told

LEVEL = 1
"""Of gzip: names repeat so much that more effort gains little."""

_GZIP = re.compile(r"\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?", re.IGNORECASE)
"""One item of Accept-Encoding that allows it; a weight of zero forbids it."""

Encode = Callable[[CollectorRegistry], bytes]


class Pages:
    """Pages of a registry: one is made at a time, however many ask, and all who ask for the same while it is under way
    get that one. Nobody's leaving stops it for the others. The thread is its own, so that a slow page delays nothing
    else that is done in threads, and ends with the page."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._under_way: dict[tuple[str, bool], asyncio.Task[bytes]] = {}
        self._turn = asyncio.Lock()

    async def page(self, encode: Encode, content_type: str, *, compressed: bool) -> bytes:
        """`content_type` is what `encode` makes."""
        kind = content_type, compressed
        if (task := self._under_way.get(kind)) is None:
            task = self._under_way[kind] = asyncio.create_task(self._made(encode, compressed=compressed))
            task.add_done_callback(lambda _: self._under_way.pop(kind))
        return await asyncio.shield(task)

    async def _made(self, encode: Encode, *, compressed: bool) -> bytes:
        def make() -> bytes:
            body = encode(self._registry)
            return gzip.compress(body, LEVEL) if compressed else body

        async with self._turn:
            thread = ThreadPoolExecutor(1, "metrics")
            try:
                return await asyncio.get_running_loop().run_in_executor(thread, make)
            finally:
                thread.shutdown(wait=False)


def routes(told: Told) -> Iterable[web.RouteDef]:
    """A registry of its own: the board, this process, its garbage collector."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(BoardCollector(told))
    pages = Pages(registry)

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(_all(request, hdrs.ACCEPT))
        compressed = any(_GZIP.fullmatch(one) for one in _all(request, hdrs.ACCEPT_ENCODING).split(","))
        headers = {hdrs.CONTENT_TYPE: content_type, hdrs.VARY: "Accept, Accept-Encoding"}
        if compressed:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=await pages.page(encode, content_type, compressed=compressed), headers=headers)

    return (web.get("/metrics", metrics),)


def _all(request: web.Request, header: str) -> str:
    return ",".join(request.headers.getall(header, ()))
