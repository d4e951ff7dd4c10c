"""Metadata addresses: known in every dress, and not asked where the daemon is told not to: after names are resolved,
after redirects, by sources, stores and token endpoints alike. Code that has a cloud's identity is exempt."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from scaler.errors import SourceError
from scaler.sdk import ClientCredentials, Get, Http, Post, Request, Tls, http_session
from scaler.sdk.addresses import METADATA_ALLOWED, REFUSED, is_metadata
from scaler.sdk.http import once
from scaler.sdk.ways import WAYS, Proxies, Ways
from tests.sdk.servers import serving

METADATA = "169.254.169.254"


@pytest.mark.parametrize(
    "address",
    [
        METADATA,
        "169.254.170.2",
        "169.254.170.23",
        "169.254.0.1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
    ],
)
def test_metadata_services(address: str) -> None:
    assert is_metadata(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.253.255.255", "100.100.100.201", "::1", "fd00::1", "64:ff9b::a00:1", "name"],
)
def test_others(address: str) -> None:
    assert not is_metadata(address)


@pytest.fixture
def forbidden() -> Iterator[None]:
    token = METADATA_ALLOWED.set(False)
    yield
    METADATA_ALLOWED.reset(token)


async def problem(url: str, query: Any = Get()) -> str:  # noqa: B008  # a frozen value
    async with Http(url, timeout=1.0).open() as connection:
        [answer] = await connection.fetch([query])
    assert isinstance(answer, SourceError)
    return str(answer)


@pytest.mark.usefixtures("forbidden")
@pytest.mark.parametrize(
    "url",
    [
        f"http://{METADATA}/latest/meta-data/iam",
        f"http://user:hush@{METADATA}:80/x?y=hush",
        "http://[fd00:ec2::254]/x",
        "http://[::ffff:169.254.169.254]/x",
        "http://0xa9fea9fe/x",
    ],
)
async def test_a_source_does_not_ask_them(url: str) -> None:
    assert (said := await problem(url)).endswith(REFUSED)
    assert "hush" not in said


@pytest.mark.parametrize("url", ["http://2852039166/x", "http://0251.0376.0251.0376/x"])
async def test_no_source_knows_other_ways_to_write_an_address(url: str) -> None:
    assert "is not a URL that can be asked" in await problem(url)


@pytest.mark.usefixtures("forbidden")
async def test_nor_a_post() -> None:
    assert (await problem(f"http://{METADATA}", Post("/x", b"{}"))).endswith(REFUSED)


class _Lying(AbstractResolver):
    """Every name is a metadata service."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=METADATA, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is held."""


@asynccontextmanager
async def misled() -> AsyncIterator[aiohttp.ClientSession]:
    async with http_session(Tls(), 1) as session:
        assert isinstance(session.connector, aiohttp.TCPConnector)
        session.connector._resolver = _Lying()  # what DNS may answer
        yield session


@pytest.mark.usefixtures("forbidden")
async def test_nor_by_a_name_that_leads_there() -> None:
    """metadata.google.internal is such a name; so is whatever somebody writes into a zone of their own."""
    async with misled() as session:
        with pytest.raises(aiohttp.ClientConnectorError, match="metadata address"):
            await session.get("http://metadata.example/")


@pytest.mark.usefixtures("forbidden")
async def test_nor_for_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiohttp.connector, "DefaultResolver", lambda **_: _Lying())
    async with http_session(Tls(), 1) as session:
        with pytest.raises(SourceError, match=f"the token endpoint {REFUSED[:20]}"):
            await ClientCredentials("http://metadata.example/token", "me", "hush").token(session)


@pytest.mark.usefixtures("forbidden")
async def test_nor_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy would resolve the name, and ask from where it stands."""
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.Response(text="1")

    async def lookup(host: str, *_: Any, **__: Any) -> list[Any]:
        if host == "unknown.example":
            raise socket.gaierror
        where = METADATA if host == "metadata.example" else "192.0.2.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (where, 0))]

    async with serving(proxy) as url:
        ways = WAYS.set(Ways(proxies=Proxies(url, url)))
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
        try:
            for scheme in ("http", "https"):
                assert (await problem(f"{scheme}://metadata.example/x")).endswith(REFUSED)
            async with http_session(Tls(), 1) as session:
                with pytest.raises(SourceError, match=f"the token endpoint {REFUSED[:20]}"):
                    await ClientCredentials("http://metadata.example/token", "me", "hush").token(session)
            assert asked == []
            for host in ("unknown.example", "queue.example"):
                async with Http(f"http://{host}").open() as connection:
                    [answer] = await connection.fetch([Get("/x")])
                    assert not isinstance(answer, SourceError)
        finally:
            WAYS.reset(ways)
    assert asked == ["http://unknown.example/x", "http://queue.example/x"], "what is not known here is the proxy's"


@pytest.mark.usefixtures("forbidden")
async def test_nor_where_a_server_points_at_them() -> None:
    async def handle(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"http://{METADATA}/latest/meta-data/")

    async with serving(handle) as url:
        assert (await problem(url)).endswith(REFUSED)


@pytest.mark.usefixtures("forbidden")
async def test_nor_one_request_of_a_store() -> None:
    with pytest.raises(SourceError, match="metadata address"):
        await once(Request("GET", f"http://{METADATA}/x"), timeout=1.0)


@pytest.mark.usefixtures("forbidden")
async def test_other_addresses_are_asked() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="1")

    async with serving(handle) as url, Http(url).open() as connection:
        [answer] = await connection.fetch([Get()])
        assert not isinstance(answer, SourceError)


async def _guarded(session: aiohttp.ClientSession) -> bool:
    assert isinstance(session.connector, aiohttp.TCPConnector)
    return session.connector._socket_factory is not None  # without a connection: there may be such a service here


async def test_who_may_ask_them() -> None:
    """As with KEDA unless told otherwise; a cloud's identity always. A task has the word of the one that started it."""
    async with http_session(Tls(), 1) as session:
        assert not await _guarded(session)

    async def inside() -> tuple[bool, bool]:
        METADATA_ALLOWED.set(False)

        async def asked() -> tuple[bool, bool]:
            async with http_session(Tls(), 1) as session, http_session(Tls(), 1, own=True) as own:
                return await _guarded(session), await _guarded(own)

        return await asyncio.create_task(asked())

    assert await asyncio.create_task(inside()) == (True, False)
    assert METADATA_ALLOWED.get()
