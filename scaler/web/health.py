"""/healthz: the event loop answers. /readyz: what there was at start is served. Both say why not, in a sentence."""

from collections.abc import Callable, Iterable

from aiohttp import web


def routes(unready: Callable[[], str]) -> Iterable[web.RouteDef]:
    """`unready` says what is not ready yet; empty when everything is."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reason = unready()
        return web.Response(text=f"{reason or 'ok'}\n", status=503 if reason else 200)

    return (web.get("/healthz", healthz), web.get("/readyz", readyz))
