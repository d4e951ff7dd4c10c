"""/healthz, /livez, /readyz beside the metrics API: open to everybody."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.web.asking import Served, got, served


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as made:
        yield made


@pytest.fixture
async def client(api: Served) -> AsyncIterator[aiohttp.ClientSession]:
    async with api.client() as session:
        yield session


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz/ping", "/livez/ping"])
async def test_a_probe_needs_no_credentials(client: aiohttp.ClientSession, path: str) -> None:
    answer = await got(client, path)
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, "ok", "text/plain; charset=utf-8")


async def test_only_readiness_fails_while_something_is_not_ready(api: Served, client: aiohttp.ClientSession) -> None:
    api.unready = "3 objects are not bound yet"
    assert (await got(client, "/livez")).status == 200
    answer = await got(client, "/readyz")
    assert answer.status == 500
    assert answer.body == "[+]ping ok\n[-]serving failed: 3 objects are not bound yet\nreadyz check failed\n"
    assert (await got(client, "/readyz/serving")).status == 500
    assert (await got(client, "/readyz/ping")).status == 200
    assert (await got(client, "/readyz?exclude=serving")).status == 200


async def test_it_can_be_asked_for_all_checks(client: aiohttp.ClientSession) -> None:
    answer = await got(client, "/readyz?verbose")
    assert (answer.status, answer.body) == (200, "[+]ping ok\n[+]serving ok\nreadyz check passed\n")


async def test_an_unknown_check_is_not_found(client: aiohttp.ClientSession) -> None:
    assert (await got(client, "/readyz/etcd")).status == 404
