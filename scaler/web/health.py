"""/healthz: the event loop answers (when the line ends, so does the process). /readyz: what there was at the start is
served, or why it is not yet, in a sentence."""

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
