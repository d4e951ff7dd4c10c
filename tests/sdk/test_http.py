"""Http against servers in the test's own loop, in real time: what comes back, what does not, and what is said of it."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from scaler.errors import AnswerError, LoginError, SourceBusy, SourceError
from scaler.sdk import Fixed, Get, Http, Post, Reply, Request, Tls, bearer
from scaler.sdk.http import MOST_BYTES, _stays, once, refused, shown
from scaler.sdk.source import Parallel
from tests.rig.certificates import HOUR, Authority
from tests.sdk.servers import saying, serving, serving_tls

OK = b"HTTP/1.1 200 OK\r\n"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def always(response: Callable[[], web.Response]) -> Answer:
    async def handle(request: web.Request) -> web.StreamResponse:
        return response()

    return handle


async def asked(source: Http, *queries: Get | Post) -> list[Reply | SourceError]:
    async with source.open() as connection:
        return [answer for query in queries for answer in await connection.fetch([query])]


async def one(source: Http, query: Get | Post | None = None) -> Reply | SourceError:
    [answer] = await asked(source, query or Get())
    return answer


# ------------------------------------------------------------------------------------------------------------ asking


async def test_what_is_asked() -> None:
    seen: list[tuple[str, str, str, bytes, str]] = []

    async def handle(request: web.Request) -> web.Response:
        headers = request.headers
        seen.append(
            (request.method, request.path_qs, headers.get("X-One", ""), await request.read(), headers["User-Agent"])
        )
        return web.Response(text="yes", headers={"X-Two": "2"})

    async with serving(handle) as url:
        source = Http(f"{url}/base/")
        get = Get("/a%2Fb?q=1", params=(("x", "a b&c"), ("x", "2")), headers=(("X-One", "1"),))
        first, second, third = await asked(source, Get(), get, Post("/p", b"{}", headers=(("X-One", "3"),)))
    assert seen == [
        ("GET", "/base/", "", b"", "event-scaler"),
        ("GET", "/base/a%2Fb?q=1&x=a+b%26c&x=2", "1", b"", "event-scaler"),
        ("POST", "/base/p", "3", b"{}", "event-scaler"),
    ]
    assert isinstance(first, Reply)
    assert (first.text(), first.status, dict(first.headers)["X-Two"]) == ("yes", 200, "2")
    assert isinstance(second, Reply)
    assert isinstance(third, Reply)


async def test_any_2xx_is_an_answer() -> None:
    async with serving(always(lambda: web.Response(status=204))) as url:
        answer = await one(Http(url))
    assert isinstance(answer, Reply)
    assert answer.body == b""


async def test_a_compressed_answer_is_unpacked() -> None:
    def response() -> web.Response:
        return web.Response(body=gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})

    async with serving(always(response)) as url:
        answer = await one(Http(url))
    assert isinstance(answer, Reply)
    assert answer.json() == {"a": 1}


async def test_nothing_is_remembered_between_requests() -> None:
    cookies: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie", ""))
        response = web.Response()
        response.set_cookie("session", "1")
        return response

    async with serving(handle) as url:
        await asked(Http(url), Get(), Get())
    assert cookies == ["", ""]


async def test_connections_are_used_again() -> None:
    ports: set[int] = set()

    async def handle(request: web.Request) -> web.Response:
        ports.add(request.transport.get_extra_info("peername")[1] if request.transport else 0)
        return web.Response()

    async with serving(handle) as url:
        await asked(Http(url), *[Get(f"/{index}") for index in range(20)])
    assert len(ports) == 1


# ---------------------------------------------------------------------------------------------------------- statuses


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500, 502, 503])
async def test_any_other_status_is_an_error(status: int) -> None:
    async with serving(always(lambda: web.Response(status=status, text="0"))) as url:
        answer = await one(Http(url), Get("/queue?token=hush"))
        assert isinstance(answer, LoginError if status in (401, 403) else AnswerError)
        assert str(answer).startswith(f"{url}/queue answers with HTTP {status}")


def test_a_refusal_says_that_it_is_about_credentials() -> None:
    assert str(refused("it", 401)) == "it answers with HTTP 401, the credentials are not accepted"
    assert str(refused("it", 404)) == "it answers with HTTP 404"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("written", "least", "most"), [("7", 7, 7), (" 0 ", 0, 0), ("in an hour", 3590, 3600)])
async def test_a_server_may_ask_for_patience(status: int, written: str, least: float, most: float) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    headers = {"Retry-After": later if written == "in an hour" else written}
    async with serving(always(lambda: web.Response(status=status, headers=headers))) as url:
        answer = await one(Http(url))
    assert isinstance(answer, SourceBusy)
    assert least <= answer.retry_after <= most


@pytest.mark.parametrize(
    ("status", "written"), [(500, "7"), (503, ""), (503, "soon"), (503, "-1"), (503, "1.5"), (503, "²")]
)
def test_what_is_no_request_for_patience(status: int, written: str) -> None:
    assert not isinstance(refused("it", status, written), SourceBusy)


@pytest.mark.parametrize("written", ["31536000", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_patience_has_an_end(written: str) -> None:
    busy = refused("it", 429, written)
    assert isinstance(busy, SourceBusy)
    assert busy.retry_after == 3600


def test_a_moment_that_has_passed_asks_for_none() -> None:
    busy = refused("it", 503, "Sun, 06 Nov 1994 08:49:37 GMT")
    assert isinstance(busy, SourceBusy)
    assert busy.retry_after == 0


# --------------------------------------------------------------------------------------------------------- redirects


def redirecting(*ways: tuple[str, int, str]) -> tuple[Answer, list[tuple[str, str, str]]]:
    """Who redirects `path` with a status to a place, and what has been seen: path, Authorization, X-Own."""
    seen: list[tuple[str, str, str]] = []
    known = {path: (status, place) for path, status, place in ways}

    async def handle(request: web.Request) -> web.Response:
        seen.append((request.path_qs, request.headers.get("Authorization", ""), request.headers.get("X-Own", "")))
        if (way := known.get(request.path)) is None:
            return web.Response(text="there")
        return web.Response(status=way[0], headers={"Location": way[1]})

    return handle, seen


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_on_the_same_host_is_followed_with_credentials(status: int) -> None:
    handle, seen = redirecting(("/a", status, "b?c=1"), ("/b", status, "/d"))
    async with serving(handle) as url:
        answer = await one(Http(url, bearer("t")), Get("/a", headers=(("X-Own", "1"),), params=(("q", "2"),)))
    assert isinstance(answer, Reply)
    assert answer.text() == "there"
    assert seen == [("/a?q=2", "Bearer t", "1"), ("/b?c=1", "Bearer t", "1"), ("/d", "Bearer t", "1")]


async def test_another_host_is_shown_nothing() -> None:
    there, seen = redirecting()
    async with serving(there) as elsewhere:
        elsewhere = elsewhere.replace("127.0.0.1", "localhost")
        here, _ = redirecting(("/", 302, f"{elsewhere}/there?x=1"))
        async with serving(here) as url:
            signer = Fixed((("Authorization", "hush"), ("X-Own", "hush")), (("api_key", "hush"),))
            answer = await one(Http(url, signer), Get(headers=(("X-Own", "hush"),)))
    assert isinstance(answer, Reply)
    assert seen == [("/there?x=1", "", "")]


async def test_another_port_is_another_server() -> None:
    there, seen = redirecting()
    async with serving(there) as elsewhere:
        here, _ = redirecting(("/", 302, f"{elsewhere}/there"))
        async with serving(here) as url:
            answer = await one(Http(url, bearer("hush")), Get(headers=(("X-Own", "hush"),)))
            with pytest.raises(AnswerError, match="points at another host"):
                await once(Request("GET", f"{url}/"), auth=bearer("hush"))
    assert isinstance(answer, Reply)
    assert seen == [("/there", "", "")]


@pytest.mark.parametrize(
    ("here", "there", "same"),
    [
        ("http://a/x", "http://a:80/y", True),
        ("http://a/x", "https://a/y", True),
        ("http://a:80/x", "https://a:443/y", True),
        ("http://a:8080/x", "https://a/y", False),
        ("http://a/x", "https://a:8443/y", False),
        ("https://a/x", "http://a/y", False),
        ("https://a/x", "https://a:8443/y", False),
        ("https://a/x", "https://b/y", False),
    ],
)
def test_who_is_the_same_server(here: str, there: str, same: bool) -> None:
    assert _stays(URL(here), URL(there)) is same


async def test_a_redirect_that_goes_in_circles_ends() -> None:
    handle, seen = redirecting(("/a", 302, "/a"))
    async with serving(handle) as url:
        answer = await one(Http(url), Get("/a"))
        assert str(answer) == f"{url}/a redirects more than 5 times"
    assert len(seen) == 6


async def test_a_post_is_not_redirected() -> None:
    handle, seen = redirecting(("/a", 307, "/b"))
    async with serving(handle) as url:
        answer = await one(Http(url), Post("/a", b"x"))
        assert str(answer) == f"{url}/a answers with HTTP 307"
    assert len(seen) == 1


@pytest.mark.parametrize("place", ["ftp://host/x", "http://", "http://[bad", "//"])
async def test_a_redirect_to_nowhere_is_an_error(place: str) -> None:
    handle, _ = redirecting(("/", 302, place))
    async with serving(handle) as url:
        assert isinstance(await one(Http(url)), SourceError)


# ------------------------------------------------------------------------------------------------------- on the way


async def test_a_slow_server_is_not_waited_for() -> None:
    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(handle) as url:
        answer = await one(Http(url, timeout=0.2))
        assert str(answer) == f"{url} did not answer in 0.2 s"


async def test_a_dripping_server_is_not_waited_for() -> None:
    """Every byte is in time; the whole is not."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    async with serving(handle) as url:
        answer = await one(Http(url, timeout=0.3))
        assert str(answer) == f"{url} did not answer in 0.3 s"


async def test_the_keepers_patience_is_longer() -> None:
    assert Http("http://x", timeout=2.0).patience() == 2.5


async def test_one_slow_query_of_a_hundred_delays_nobody() -> None:
    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(30 if request.path == "/7" else 0)
        return web.Response(text=request.path)

    async with serving(handle) as url, Http(url, timeout=2).open() as connection:
        loop = asyncio.get_running_loop()
        started, took = loop.time(), {}

        async def ask(index: int) -> Any:
            [answer] = await connection.fetch([Get(f"/{index}")])
            took[index] = loop.time() - started
            return answer

        answers = await asyncio.gather(*(ask(index) for index in range(100)))
        assert str(answers.pop(7)) == f"{url}/7 did not answer in 2 s"
    assert all(isinstance(answer, Reply) for answer in answers)
    assert max(seconds for index, seconds in took.items() if index != 7) < 1.5


async def test_a_port_that_nobody_listens_on() -> None:
    assert str(await one(Http("http://127.0.0.1:9"), Get("/x"))) == "http://127.0.0.1:9/x cannot be reached"


async def test_a_name_that_nobody_has() -> None:
    answer = await one(Http("http://no-such-host.invalid/x"))
    assert str(answer) == "the host name of http://no-such-host.invalid/x cannot be resolved"


@pytest.mark.parametrize("base", ["", "nonsense", "ftp://host", "http://", "http://host:port", "http://[::1"])
async def test_what_is_no_url(base: str) -> None:
    assert isinstance(await one(Http(base)), SourceError)


async def test_a_header_that_may_not_be_sent() -> None:
    async with serving(always(web.Response)) as url:
        answer = await one(Http(url, bearer("hush\r\nX-Evil: 1")))
    assert isinstance(answer, SourceError)
    assert "hush" not in str(answer)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200",
        OK + b"Content-Length: 10\r\n\r\nhalf",
        OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\nhalf",
        OK + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf",
        OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_a_broken_answer_is_an_error(said: bytes) -> None:
    """Above all, one that ends before it is whole: half a page may hold a number."""
    async with saying(said) as url:
        answer = await one(Http(url, timeout=2))
        assert str(answer) == f"{url} broke off its answer, or it is no HTTP server"


async def test_an_answer_may_be_too_large() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(18):
            await response.write(b" " * 1024 * 1024)
        return response

    async with serving(handle) as url:
        answer = await one(Http(url, timeout=10))
    assert str(answer) == "the answer has more than 16 MiB"


async def test_a_small_page_may_be_a_large_one() -> None:
    """A compressed page is measured unpacked."""
    packed = gzip.compress(b" " * (MOST_BYTES + 1))

    def response() -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with serving(always(response)) as url:
        answer = await one(Http(url, timeout=10))
    assert str(answer) == "the answer has more than 16 MiB"


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff", b"[" * 100_000, b"9" * 5000])
def test_what_is_not_json(body: bytes) -> None:
    with pytest.raises(AnswerError, match="the answer is not JSON"):
        Reply(body).json()


# --------------------------------------------------------------------------------------------------------------- TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_tls(authority: Authority) -> None:
    trusting = Tls(ca=authority.certificate.read_text())
    async with serving(always(lambda: web.Response(text="x")), context=serving_tls(authority)) as url:
        untrusted, trusted, careless = [await one(Http(url, tls=tls)) for tls in (Tls(), trusting, Tls(verify=False))]
        assert str(untrusted) == f"the TLS certificate of {url} is not trusted"
    assert isinstance(trusted, Reply)
    assert isinstance(careless, Reply)


async def test_a_certificate_for_another_name(authority: Authority) -> None:
    context = serving_tls(authority)
    async with serving(always(web.Response), context=context, host="127.0.0.2") as url:
        answer = await one(Http(url, tls=Tls(ca=authority.certificate.read_text())))
        assert str(answer) == f"the TLS certificate of {url} is for another name"


async def test_an_expired_certificate(authority: Authority, tmp_path: Path) -> None:
    context = serving_tls(authority)
    pair = authority.issue("old", valid=-HOUR / 2)
    context.load_cert_chain(pair.certificate, pair.key)
    async with serving(always(web.Response), context=context) as url:
        answer = await one(Http(url, tls=Tls(ca=authority.certificate.read_text())))
        assert str(answer) == f"the TLS certificate of {url} has expired"


async def test_a_client_certificate(authority: Authority) -> None:
    pair = authority.issue("client")
    ca = authority.certificate.read_text()
    known = Tls(ca=ca, cert=pair.certificate.read_text(), key=pair.key.read_text())
    context = serving_tls(authority, clients=authority)
    async with serving(always(lambda: web.Response(text="x")), context=context) as url:
        unknown, accepted = [await one(Http(url, tls=tls)) for tls in (Tls(ca=ca), known)]
        assert isinstance(unknown, SourceError)
        assert str(unknown).startswith(f"{url} ")
    assert isinstance(accepted, Reply)


async def test_tls_where_there_is_none(authority: Authority) -> None:
    async with serving(always(web.Response)) as url:
        answer = await one(Http(url.replace("http", "https"), tls=Tls(verify=False)))
    assert isinstance(answer, SourceError)
    async with serving(always(web.Response), context=serving_tls(authority)) as url:
        assert isinstance(await one(Http(url.replace("https", "http"))), SourceError)


async def test_a_wrong_certificate_is_found_when_the_source_is_opened() -> None:
    with pytest.raises(SourceError, match="the CA certificate is not a PEM certificate"):
        async with Http("https://x", tls=Tls(ca="hush")).open():
            raise AssertionError("it opens")


# ------------------------------------------------------------------------------------------------------------ values


def test_equal_means_shared() -> None:
    assert Http("http://a", bearer("t")) == Http("http://a", bearer("t"))
    assert hash(Http("http://a", bearer("t"))) == hash(Http("http://a", bearer("t")))
    assert Http("http://a", bearer("t")) != Http("http://a", bearer("u"))
    assert Http("http://a", tls=Tls(verify=False)) != Http("http://a")
    assert Http.how == Parallel(64)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://host:1/path", "http://host:1/path"),
        ("https://user:hush@host/path?key=hush", "https://host/path"),
        ("https://user:hu@sh@host", "https://host"),
        ("user:hush@host:1/path?x", "host:1/path"),
        ("/path?hush", "/path"),
        ("", ""),
    ],
)
def test_what_people_see_of_a_url(url: str, seen: str) -> None:
    assert shown(url) == seen
    assert "hush" not in f"{Http(url)} {Http(url)!r}"


def test_secrets_are_not_seen() -> None:
    secrets = (("Authorization", "hush"),)
    values = [
        Http("http://a", Fixed(secrets, secrets), Tls(ca="hush", cert="hush", key="hush", password="hush")),
        Get("/x", headers=secrets),
        Post("/x", b"hush", headers=secrets),
    ]
    assert "hush" not in "".join(f"{value!r} {value}" for value in values)


async def test_no_error_holds_a_secret() -> None:
    async with serving(always(lambda: web.Response(status=500))) as url:
        for base in (url, "http://127.0.0.1:9", "http://no-such-host.invalid"):
            base = base.replace("://", "://user:hush@")
            signer = Fixed((("X-Key", "hush"),), (("key", "hush"),))
            answer = await one(Http(base, signer), Get("/x?token=hush"))
            assert isinstance(answer, SourceError)
            assert "hush" not in f"{answer} {answer!r}"
