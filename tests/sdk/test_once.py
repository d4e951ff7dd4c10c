"""One request by itself, as stores of credentials make it: what comes back, what each refusal is, and where credentials
are not shown."""

import asyncio

import pytest
from aiohttp import web

from scaler.errors import AnswerError, LoginError, SourceBusy, SourceError
from scaler.sdk import Request, Tls, bearer
from scaler.sdk.http import once
from tests.rig.certificates import Authority
from tests.sdk.servers import serving, serving_tls


async def test_what_is_sent_and_what_comes_back() -> None:
    async def handle(request: web.Request) -> web.Response:
        said = f"{request.method} {request.raw_path} {request.headers['Authorization']} {(await request.text())}"
        return web.Response(text=said, status=201, headers={"X-A": "b"})

    async with serving(handle) as url:
        reply = await once(
            Request("PUT", f"{url}/v1/a%2Fb", (("q", "x y"),), (("X-Own", "1"),), b"body"), auth=bearer("hush")
        )
    assert (reply.status, reply.text()) == (201, "PUT /v1/a%2Fb?q=x+y Bearer hush body")
    assert dict(reply.headers)["X-A"] == "b"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, AnswerError),
        (401, LoginError),
        (403, LoginError),
        (404, AnswerError),
        (429, SourceError),
        (500, SourceError),
        (502, SourceError),
        (503, SourceError),
    ],
)
async def test_what_a_status_means(status: int, kind: type[SourceError]) -> None:
    """Whether it is so, or cannot be told now: what is kept in the one case is dropped in the other."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=status, text="hush")

    async with serving(handle) as url:
        with pytest.raises(SourceError) as raised:
            await once(Request("GET", f"{url}/x?key=hush"))
        assert type(raised.value) is kind
        assert str(raised.value).startswith(f"{url}/x answers with HTTP {status}")
        reply = await once(Request("GET", f"{url}/x"), also={status})
    assert (reply.status, reply.text()) == (status, "hush")


async def test_who_asks_for_patience() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "7"})

    async with serving(handle) as url:
        with pytest.raises(SourceBusy) as raised:
            await once(Request("GET", url))
    assert raised.value.retry_after == 7


async def test_a_redirect_on_the_same_host_is_followed_and_another_host_is_not_asked() -> None:
    seen: list[str] = []

    async def other(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", "none"))
        return web.Response()

    async with serving(other, host="127.0.0.2") as elsewhere:

        async def handle(request: web.Request) -> web.Response:
            if request.path == "/here":
                raise web.HTTPTemporaryRedirect("/there")
            if request.path == "/away":
                raise web.HTTPTemporaryRedirect(elsewhere)
            return web.Response(text=request.headers["Authorization"])

        async with serving(handle) as url:
            reply = await once(Request("GET", f"{url}/here"), auth=bearer("hush"))
            assert reply.text() == "Bearer hush"
            with pytest.raises(AnswerError, match="points at another host"):
                await once(Request("GET", f"{url}/away"), auth=bearer("hush"))
    assert seen == []


async def test_who_is_silent_or_not_there() -> None:
    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        return web.Response()

    async with serving(handle) as url:
        with pytest.raises(SourceError, match=r"did not answer in 0\.1 s"):
            await once(Request("GET", url), timeout=0.1)
    with pytest.raises(SourceError, match="cannot be reached"):
        await once(Request("GET", url))
    with pytest.raises(SourceError, match=r"not a URL|cannot be asked"):
        await once(Request("GET", "vault without a scheme"))


async def test_certificates(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("authority"))

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="1")

    async with serving(handle, context=serving_tls(authority)) as url:
        with pytest.raises(SourceError, match="is not trusted"):
            await once(Request("GET", url))
        assert (await once(Request("GET", url), tls=Tls(ca=authority.certificate.read_text()))).text() == "1"
        assert (await once(Request("GET", url), tls=Tls(verify=False))).text() == "1"
