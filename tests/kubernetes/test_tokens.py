"""Tokens of service accounts: what is asked of the API server, and what its refusals become."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from scaler.credentials.store import Token
from scaler.errors import ClusterError, Forbidden, NotFound
from scaler.kubernetes.api import Api
from scaler.kubernetes.tokens import token_of
from tests.kubernetes.server import Server, answer, client, refusal, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as found:
        yield found


@pytest.fixture
async def api(server: Server, tmp_path: Path) -> AsyncIterator[Api]:
    async with client(tmp_path, server.url) as found:
        yield found


def granted(**status: Any) -> Any:
    return answer({"status": {"token": "hush", "expirationTimestamp": "2026-08-01T10:00:00Z", **status}}, status=201)


async def test_what_is_asked_for(server: Server, api: Api) -> None:
    server.replies = [granted(), granted()]
    found = await token_of(api, "shop", "reader", audience="", seconds=3600)
    assert found == Token("hush", 1785578400.0)
    assert server.last.path == "/api/v1/namespaces/shop/serviceaccounts/reader/token"
    assert json.loads(server.last.body)["spec"] == {"expirationSeconds": 3600}
    await token_of(api, "shop", "reader", audience="vault", seconds=600)
    assert json.loads(server.last.body)["spec"] == {"expirationSeconds": 600, "audiences": ["vault"]}


@pytest.mark.parametrize("name", ["../secrets/x", "a/b", "", "A", "x" * 300])
async def test_a_name_that_no_account_can_have_is_not_asked_for(server: Server, api: Api, name: str) -> None:
    with pytest.raises(NotFound, match="there is no service account shop/"):
        await token_of(api, "shop", name, audience="", seconds=3600)
    assert server.received == []


@pytest.mark.parametrize(
    ("reply", "kind", "sentence"),
    [
        (refusal(404, "hush"), NotFound, "there is no service account shop/reader"),
        (refusal(403, "hush"), Forbidden, "tokens of service account shop/reader may not be asked for"),
        (granted(token=""), ClusterError, "the API server gives no token of service account shop/reader"),
        (
            granted(expirationTimestamp="soon"),
            ClusterError,
            "the API server gives no token of service account shop/reader",
        ),
    ],
)
async def test_refusals(server: Server, api: Api, reply: Any, kind: type[ClusterError], sentence: str) -> None:
    server.replies = [reply]
    with pytest.raises(ClusterError) as raised:
        await token_of(api, "shop", "reader", audience="", seconds=3600)
    assert type(raised.value) is kind
    assert str(raised.value) == sentence
