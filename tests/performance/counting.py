"""An HTTP server that remembers when it was asked: `python -m tests.performance.counting PORT`. A process of its own,
so that it takes no time from what is measured."""

import json
import sys
import time

from aiohttp import web

stamps: list[float] = []


async def value(request: web.Request) -> web.Response:
    """`/value/7` is 7."""
    stamps.append(time.monotonic())
    return web.json_response({"value": int(request.match_info["number"])})


async def asked(_: web.Request) -> web.Response:
    """When `/value/…` was asked for, by the clock that all processes of a machine share."""
    return web.Response(text=json.dumps(stamps), content_type="application/json")


def main() -> None:
    app = web.Application()
    app.router.add_get("/value/{number}", value)
    app.router.add_get("/asked", asked)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
