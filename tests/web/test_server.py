"""The plain listener."""

import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web

from scaler.errors import SettingsError
from scaler.web.server import listening


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


async def broken(_: web.Request) -> web.Response:
    raise ZeroDivisionError


PAGES = (web.get("/hello", hello), web.get("/broken", broken))


async def fetched(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}{path}") as reply:
        return reply.status, await reply.text()


async def test_it_serves_its_routes_at_the_address_that_it_tells() -> None:
    async with listening("127.0.0.1", 0, PAGES) as (host, port):
        assert host == "127.0.0.1"
        assert port > 0
        assert await fetched(port, "/hello") == (200, "hello")
        assert (await fetched(port, "/other"))[0] == 404


async def test_it_is_heard_at_its_own_address_only() -> None:
    async with listening("127.0.0.1", 0, PAGES) as (_, port):
        with pytest.raises(OSError, match=r"."):
            await asyncio.open_connection("127.0.0.2", port)


async def test_a_broken_page_is_an_error_of_that_request(caplog: pytest.LogCaptureFixture) -> None:
    async with listening("127.0.0.1", 0, PAGES) as (_, port):
        status, text = await fetched(port, "/broken")
        assert (status, "ZeroDivisionError" in text) == (500, False)
        assert await fetched(port, "/hello") == (200, "hello")
    assert "Error handling request" in caplog.text


async def test_the_address_is_free_again_after_the_block() -> None:
    async with listening("127.0.0.1", 0, PAGES) as (_, port):
        pass
    async with listening("127.0.0.1", port, PAGES) as (_, again):
        assert again == port


async def test_a_request_under_way_is_answered_before_the_block_ends() -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        arrived.set()
        await go_on.wait()
        return web.Response(text="at last")

    async with asyncio.TaskGroup() as tasks:
        async with listening("127.0.0.1", 0, (web.get("/slow", slow),)) as (_, port):
            asked = tasks.create_task(fetched(port, "/slow"))
            await arrived.wait()
            asyncio.get_running_loop().call_later(0.05, go_on.set)
        assert await asked == (200, "at last")


def problem(error: pytest.ExceptionInfo[SettingsError]) -> str:
    assert list(error.value.problems) == ["listen"]
    return error.value.problems["listen"]


async def test_an_address_that_is_taken_is_one_clear_sentence() -> None:
    async with listening("127.0.0.1", 0, PAGES) as (_, port):
        with pytest.raises(SettingsError) as error:
            async with listening("127.0.0.1", port, PAGES):
                pass
        assert problem(error) == f"127.0.0.1:{port} cannot be listened on: another program listens there"


async def test_an_address_of_another_machine_is_one_clear_sentence() -> None:
    with pytest.raises(SettingsError) as error:
        async with listening("192.0.2.1", 0, PAGES):
            pass
    assert problem(error) == "192.0.2.1:0 cannot be listened on: this machine has no such address"


async def test_a_name_that_nobody_has_is_one_clear_sentence() -> None:
    with pytest.raises(SettingsError) as error:
        async with listening("nobody.invalid", 0, PAGES):
            pass
    assert problem(error) == "nobody.invalid:0 cannot be listened on: there is no host of that name"


async def test_an_ipv6_address_is_shown_in_brackets(caplog: pytest.LogCaptureFixture) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with caplog.at_level("INFO", logger="scaler"):
        async with listening("::1", 0, PAGES) as (_, port):
            assert [getattr(record, "address", "") for record in caplog.records] == [f"[::1]:{port}"]
