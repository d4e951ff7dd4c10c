"""The probes."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from scaler.web import health
from scaler.web.server import listening


class Line:
    """What the probes ask about."""

    problem = ""

    def unready(self) -> str:
        return self.problem


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
async def client(line: Line) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        listening("127.0.0.1", 0, health.routes(line.unready)) as (_, port),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


async def asked(client: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with client.get(path) as reply:
        return reply.status, await reply.text()


async def test_it_is_alive_also_while_it_is_not_ready(client: aiohttp.ClientSession, line: Line) -> None:
    line.problem = "the manifests have not been read yet"
    assert await asked(client, "/healthz") == (200, "ok\n")


async def test_it_is_ready_when_nothing_is_missing(client: aiohttp.ClientSession) -> None:
    assert await asked(client, "/readyz") == (200, "ok\n")


async def test_it_says_why_it_is_not_ready(client: aiohttp.ClientSession, line: Line) -> None:
    line.problem = "3 objects are not bound yet"
    assert await asked(client, "/readyz") == (503, "3 objects are not bound yet\n")
    line.problem = ""
    assert await asked(client, "/readyz") == (200, "ok\n")


async def test_a_probe_may_ask_for_the_head_alone(client: aiohttp.ClientSession, line: Line) -> None:
    line.problem = "3 objects are not bound yet"
    async with client.head("/readyz") as reply:
        assert reply.status == 503


async def test_nothing_can_be_written(client: aiohttp.ClientSession) -> None:
    async with client.post("/healthz") as reply:
        assert reply.status == 405
