"""Signers: what they add to a request, and how a token is had, kept and renewed."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web

from scaler.errors import AnswerError, SourceError
from scaler.sdk import Anonymous, ClientCredentials, Fixed, Get, Http, Reply, Request, Several, basic, bearer
from scaler.sdk.signing import LARGEST_TOKEN
from tests.rig.oauth import TokenEndpoint
from tests.sdk.servers import serving

PLAIN = Request("GET", "http://host/x", params=(("a", "1"),), headers=(("B", "2"),))


@asynccontextmanager
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def signed(signer: Any) -> Request:
    async with session() as opened:
        request: Request = await signer.sign(opened, PLAIN)
        return request


async def test_nothing_is_shown() -> None:
    assert await signed(Anonymous()) == PLAIN


async def test_headers_and_parameters_are_added_to_what_is_there() -> None:
    request = await signed(Fixed((("C", "3"),), (("d", "4"),)))
    assert request.headers == (("B", "2"), ("C", "3"))
    assert request.params == (("a", "1"), ("d", "4"))


@pytest.mark.parametrize(
    ("signer", "header"),
    [(bearer("t"), "Bearer t"), (basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")],
)
async def test_known_headers(signer: Fixed, header: str) -> None:
    assert dict((await signed(signer)).headers)["Authorization"] == header


async def test_a_password_may_have_any_letters() -> None:
    header = dict((await signed(basic("ü", "пароль:"))).headers)["Authorization"]
    assert base64.b64decode(header.removeprefix("Basic ")).decode() == "ü:пароль:"


async def test_several_ways_at_once() -> None:
    request = await signed(Several((Fixed((("X-Key", "k"),)), basic("u", "p"))))
    assert [name for name, _ in request.headers] == ["B", "X-Key", "Authorization"]


def test_secrets_are_not_seen() -> None:
    values = [
        bearer("hush"),
        basic("u", "hush"),
        Fixed((("A", "hush"),), (("b", "hush"),)),
        Several((bearer("hush"),)),
        ClientCredentials("http://t", "c", "hush", endpoint_params=(("a", "hush"),)),
        Request("GET", "http://x", headers=(("A", "hush"),), body=b"hush"),
    ]
    assert "hush" not in "".join(f"{value!r} {value}" for value in values)


# ------------------------------------------------------------------------------------------------------------ tokens


class Endpoint:
    """A token endpoint that answers as it is told, and remembers how it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, str]] = []
        self.answer: Any = {"access_token": "token", "expires_in": 3600}
        self.status = 200
        self.in_form_only = False
        self.reached, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def handle(self, request: web.Request) -> web.Response:
        form = dict(parse_qsl(await request.text()))
        self.asked.append(form | {"header": request.headers.get("Authorization", "")})
        self.reached.set()
        await self.gate.wait()
        if self.in_form_only and "client_secret" not in form:
            return web.Response(status=401)
        if isinstance(self.answer, bytes):
            return web.Response(body=self.answer, status=self.status)
        return web.json_response(self.answer, status=self.status)

    def credentials(self, **settings: Any) -> ClientCredentials:
        return ClientCredentials(self.url, **({"client_id": "c", "client_secret": "s"} | settings))


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    async with serving(endpoint.handle) as url:
        endpoint.url = f"{url}/token"
        yield endpoint


async def test_a_real_grant(oauth: TokenEndpoint) -> None:
    credentials = ClientCredentials(oauth.url, oauth.client, oauth.secret, ("read", "write"), (("audience", "a"),))
    header = dict((await signed(credentials)).headers)["Authorization"]
    assert header.startswith("Bearer ey")
    [request] = oauth.requests
    assert (request.grant, request.scope, dict(request.form)["audience"]) == ("client_credentials", "read write", "a")


async def test_a_token_is_kept(endpoint: Endpoint) -> None:
    credentials = endpoint.credentials()
    async with session() as opened:
        assert [await credentials.token(opened) for _ in range(3)] == ["token"] * 3
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("lifetime", [31, "31"])
async def test_a_token_is_renewed_before_it_ends(endpoint: Endpoint, lifetime: Any) -> None:
    credentials = endpoint.credentials()
    async with session() as opened:
        endpoint.answer = {"access_token": "first", "expires_in": lifetime}
        assert await credentials.token(opened) == "first"
        endpoint.answer = {"access_token": "second", "expires_in": 3600}
        assert await credentials.token(opened) == "first"
        await asyncio.sleep(1.05)
        assert await credentials.token(opened) == "second"
        assert await credentials.token(opened) == "second"


async def test_those_who_want_a_token_together_ask_once(endpoint: Endpoint) -> None:
    credentials = endpoint.credentials()
    async with session() as opened:
        tokens = await asyncio.gather(*(credentials.token(opened) for _ in range(50)))
    assert tokens == ["token"] * 50
    assert len(endpoint.asked) == 1


async def test_those_who_want_a_token_together_fail_together(endpoint: Endpoint) -> None:
    """Another attempt comes a second later, not fifty at once."""
    endpoint.status = 500
    credentials = endpoint.credentials()
    async with session() as opened:
        errors = await asyncio.gather(*(credentials.token(opened) for _ in range(50)), return_exceptions=True)
        asked = len(endpoint.asked)
        await asyncio.sleep(1.05)
        endpoint.status = 200
        assert await credentials.token(opened) == "token"
    assert {str(error) for error in errors} == {"the token endpoint answers with HTTP 500"}
    assert asked <= 2


async def test_a_token_is_had_though_he_who_asked_first_has_gone(endpoint: Endpoint) -> None:
    """His session with him: others wait for it."""
    endpoint.gate.clear()
    credentials = endpoint.credentials()
    async with session() as first:
        asking = asyncio.create_task(credentials.token(first))
        await endpoint.reached.wait()
        asking.cancel()
    async with session() as second:
        waiting = asyncio.create_task(credentials.token(second))
        await asyncio.sleep(0)
        endpoint.gate.set()
        assert await waiting == "token"
    assert len(endpoint.asked) == 1


async def test_a_refused_token_is_not_shown_again(endpoint: Endpoint) -> None:
    shown: list[str] = []

    async def api(request: web.Request) -> web.Response:
        shown.append(request.headers["Authorization"])
        return web.Response(status=401 if len(shown) == 1 else 200)

    endpoint.answer = {"access_token": "first"}
    async with serving(api) as url, Http(url, endpoint.credentials()).open() as connection:
        [first] = await connection.fetch([Get()])
        endpoint.answer = {"access_token": "second"}
        [second] = await connection.fetch([Get()])
    assert str(first).endswith("HTTP 401, the credentials are not accepted")
    assert isinstance(second, Reply)
    assert shown == ["Bearer first", "Bearer second"]


def test_a_token_is_no_part_of_identity() -> None:
    assert ClientCredentials("http://t", "c", "s") == ClientCredentials("http://t", "c", "s")
    assert hash(ClientCredentials("http://t", "c", "s")) == hash(ClientCredentials("http://t", "c", "s"))
    assert ClientCredentials("http://t", "c", "s") != ClientCredentials("http://t", "c", "other")


# --------------------------------------------------------------------------------------------- how the client is shown


async def test_the_client_is_shown_in_a_header_first(endpoint: Endpoint) -> None:
    await signed(endpoint.credentials(client_id="a b", client_secret="c:d"))
    [asked] = endpoint.asked
    assert base64.b64decode(asked.pop("header").removeprefix("Basic ")) == b"a+b:c%3Ad"
    assert asked == {"grant_type": "client_credentials"}


async def test_or_in_the_form_where_that_is_wanted(endpoint: Endpoint) -> None:
    """And from then on at once."""
    endpoint.in_form_only = True
    credentials = endpoint.credentials()
    async with session() as opened:
        await credentials.token(opened)
        credentials.refused()
        await credentials.token(opened)
    assert [asked.get("client_secret") for asked in endpoint.asked] == [None, "s", "s"]


async def test_a_client_without_secret_has_a_name_alone(endpoint: Endpoint) -> None:
    await signed(endpoint.credentials(client_secret=""))
    assert endpoint.asked == [{"grant_type": "client_credentials", "client_id": "c", "header": ""}]


async def test_a_client_is_vouched_for_by_a_file(endpoint: Endpoint, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("assertion\n")
    await signed(endpoint.credentials(client_secret="", assertion_file=str(file)))
    [asked] = endpoint.asked
    assert asked["client_assertion"] == "assertion"
    assert asked["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def failing(credentials: ClientCredentials) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await signed(credentials)
    return caught.value


@pytest.mark.parametrize("content", [None, b"\xff"])
async def test_a_file_that_cannot_be_read(endpoint: Endpoint, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content:
        file.write_bytes(content)
    error = await failing(endpoint.credentials(client_secret="", assertion_file=str(file)))
    assert str(error) == f"the identity's token file {file} cannot be read"
    assert endpoint.asked == []


# --------------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"access_token": ""},
        {"access_token": None},
        {"access_token": 5},
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "t", "expires_in": None},
        {"access_token": "t", "expires_in": float("nan")},
        [],
        "token",
        b"<html>",
        b"",
        b"[" * 100_000,
    ],
)
async def test_an_answer_without_a_token(endpoint: Endpoint, answer: Any) -> None:
    endpoint.answer = answer
    error = await failing(endpoint.credentials())
    assert isinstance(error, AnswerError)
    assert str(error) == "the token endpoint's answer holds no access_token"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (400, "the token endpoint answers with HTTP 400, the client is not accepted"),
        (401, "the token endpoint answers with HTTP 401, the client is not accepted"),
        (302, "the token endpoint answers with HTTP 302"),
        (500, "the token endpoint answers with HTTP 500"),
    ],
)
async def test_a_refusal(endpoint: Endpoint, status: int, sentence: str) -> None:
    endpoint.status = status
    assert str(await failing(endpoint.credentials())) == sentence


async def test_an_answer_that_is_too_large(endpoint: Endpoint) -> None:
    endpoint.answer = b" " * (LARGEST_TOKEN + 1)
    assert str(await failing(endpoint.credentials())) == "the answer has more than 1 MiB"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:9/", "the token endpoint cannot be reached"),
        ("http://no-such-host.invalid/", "the token endpoint cannot be reached"),
        ("nonsense", "the token endpoint cannot be reached"),
        ("http://user:hush@127.0.0.1:9/?hush", "the token endpoint cannot be"),
    ],
)
async def test_an_endpoint_that_is_not_there(url: str, sentence: str) -> None:
    error = str(await failing(ClientCredentials(url, "c", "hush")))
    assert error.startswith(sentence)
    assert "hush" not in error


async def test_an_endpoint_that_is_silent() -> None:
    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(handle) as url:
        error = await failing(ClientCredentials(url, "c", "s", timeout=0.2))
    assert str(error) == "the token endpoint did not answer in 0.2 s"
