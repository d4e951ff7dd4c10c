"""What was said over HTTP while a question was asked."""

import asyncio

import aiohttp
from aiohttp import web

from scaler.sdk import Get, Http, Tls, http_session
from scaler.sdk.exchanges import hearing
from tests.sdk.servers import saying, serving


async def answering(request: web.Request) -> web.Response:
    if request.path == "/elsewhere":
        raise web.HTTPFound("/there")
    return web.Response(status=int(request.query.get("status", "200")))


async def test_each_request_with_its_status_and_duration() -> None:
    async with serving(answering) as url, Http(url).open() as connection:
        with hearing() as heard:
            await connection.fetch([Get("/a"), Get("/b", (("status", "503"),))])
        assert [one.status for one in heard] == [200, 503]
        assert all(0 < one.seconds < 5 for one in heard)


async def test_a_redirect_is_a_request_of_its_own() -> None:
    async with serving(answering) as url, Http(url).open() as connection:
        with hearing() as heard:
            await connection.fetch([Get("/elsewhere")])
        assert [one.status for one in heard] == [302, 200]


async def test_what_was_not_answered_is_no_exchange() -> None:
    async with saying(b"") as url, Http(url).open() as connection:
        with hearing() as heard:
            await connection.fetch([Get("/a")])
        assert heard == []


async def test_each_hears_his_own_also_what_his_tasks_ask() -> None:
    async with serving(answering) as url, http_session(Tls(), 4) as session:

        async def ask(status: int) -> list[int]:
            with hearing() as heard:
                await asyncio.create_task(_get(session, f"{url}/?status={status}"))
            return [one.status for one in heard]

        assert list(await asyncio.gather(ask(200), ask(404), ask(500))) == [[200], [404], [500]]


async def test_nobody_need_listen() -> None:
    async with serving(answering) as url, http_session(Tls(), 4) as session:
        await _get(session, url)


async def _get(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(url) as reply:
        await reply.read()
