"""What an installation says once for all clients: time-outs, TLS, authorities, proxies."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from scaler.sdk import Get, Http, Reply, SourceError, Tls
from scaler.sdk.ways import WAYS, Proxies, TlsRules, Ways, ciphers_of, proxy_for
from tests.rig.certificates import Authority
from tests.sdk.servers import serving, serving_tls


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    token = WAYS.set(Ways())
    yield
    WAYS.reset(token)


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


# ---------------------------------------------------------------------------------------------------------- time, TLS


def test_the_timeout_is_that_of_triggers_that_say_none() -> None:
    assert Http("http://a").timeout == 3.0
    WAYS.set(Ways(timeout=7.0))
    assert Http("http://a").timeout == 7.0
    assert Http("http://a", timeout=1.0).timeout == 1.0


@pytest.mark.parametrize(
    ("name", "openssl"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"),
    ],
)
def test_ciphers_by_their_names_in_go(name: str, openssl: str) -> None:
    assert ciphers_of([name]) == ((openssl,), ())


@pytest.mark.parametrize("name", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
def test_ciphers_of_tls_1_3_are_not_chosen(name: str) -> None:
    """As an older one, `AES128-GCM-SHA256` would be without forward secrecy."""
    assert ciphers_of([name, "TLS_RSA_WITH_AES_256_CBC_SHA"]) == (("AES256-SHA",), ())
    assert ciphers_of([name]) == ((), ())


@pytest.mark.parametrize(
    "name", ["TLS_MADE_UP", "TLS_AES_128_GCM", "AES128-SHA", "", "TLS_RSA_WITH_RC4_128_SHA", "TLS_A:TLS_B"]
)
def test_what_is_no_cipher_is_said(name: str) -> None:
    assert ciphers_of([name]) == ((), (name,))


def test_the_rules_are_every_clients() -> None:
    assert Tls().context().minimum_version == ssl.TLSVersion.TLSv1_2
    WAYS.set(Ways(rules=TlsRules("TLS13")))
    assert Tls().context().minimum_version == ssl.TLSVersion.TLSv1_3
    WAYS.set(Ways(rules=TlsRules(ciphers=("ECDHE-RSA-AES128-GCM-SHA256",))))
    old = [one["name"] for one in Tls().context().get_ciphers() if one["protocol"] != "TLSv1.3"]
    assert old == ["ECDHE-RSA-AES128-GCM-SHA256"]


async def test_an_older_server_is_refused_where_the_floor_says_so(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = serving_tls(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    trusting = Tls(ca=authority.certificate.read_text())
    async with serving(hello, context=context) as url:
        assert isinstance(await _asked(Http(url, tls=trusting)), Reply)
        WAYS.set(Ways(rules=TlsRules("TLS13")))
        assert isinstance(await _asked(Http(url, tls=trusting, timeout=2.0)), SourceError)


async def test_a_further_authority_is_trusted_without_a_word_in_the_trigger(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(hello, context=serving_tls(authority)) as url:
        assert isinstance(await _asked(Http(url)), SourceError)
        WAYS.set(Ways(authorities=(authority.certificate.read_text(),)))
        assert isinstance(await _asked(Http(url, timeout=2.0)), Reply)


async def test_connections_are_not_kept_where_that_is_not_wanted() -> None:
    ports: list[int] = []

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        return web.Response()

    async with serving(note) as url:
        for ways in (Ways(), Ways(keep_alive=False)):
            WAYS.set(ways)
            async with Http(url).open() as connection:
                await connection.fetch([Get("/1"), Get("/2")])
    assert ports[0] == ports[1]
    assert ports[2] != ports[3]


# ------------------------------------------------------------------------------------------------------------- proxies


@pytest.mark.parametrize(
    ("url", "never", "proxied"),
    [
        ("http://example.com", "", True),
        ("http://example.com", "*", False),
        ("http://example.com", "example.com", False),
        ("http://a.example.com", "example.com", False),
        ("http://a.example.com", ".example.com", False),
        ("http://example.com", ".example.com", True),
        ("http://a.example.com", "*.example.com", False),
        ("http://badexample.com", "example.com", True),
        ("http://EXAMPLE.com.", "Example.COM", False),
        ("http://example.com:8080", "example.com:8080", False),
        ("http://example.com:8081", "example.com:8080", True),
        ("http://example.com", "example.com:80", False),
        ("http://kafka.shop.svc", ".svc,.cluster.local", False),
        ("http://10.96.3.4", "10.96.0.0/12", False),
        ("http://10.112.3.4", "10.96.0.0/12", True),
        ("http://10.1.2.3", "10.1.2.3", False),
        ("http://[fd00::5]", "fd00::/8", False),
        ("http://[fd00::5]:9", "[fd00::5]:9", False),
        ("http://localhost:9", "", False),
        ("http://127.0.0.1:9", "", False),
        ("http://[::1]", "", False),
        ("http://169.254.169.254/latest", "", False),
        ("http://example.com", "nonsense/99", True),
        ("http://xn--a/", "", False),
        ("http://[::1", "", False),
    ],
)
def test_who_is_asked_without_the_proxy(url: str, never: str, proxied: bool) -> None:
    WAYS.set(Ways(proxies=Proxies("http://proxy:3128", never=tuple(never.split(",")))))
    assert proxy_for(url) == ("http://proxy:3128" if proxied else None)


def test_each_scheme_has_its_own() -> None:
    WAYS.set(Ways(proxies=Proxies(https="proxy:3128")))
    assert proxy_for(URL("https://example.com")) == "http://proxy:3128"
    assert proxy_for(URL("http://example.com")) is None


async def test_a_source_is_asked_through_the_proxy() -> None:
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.Response(text="by proxy")

    async with serving(proxy) as url:
        WAYS.set(Ways(proxies=Proxies(url)))
        answer = await _asked(Http("http://queue.invalid"))
    assert isinstance(answer, Reply)
    assert (answer.text(), asked) == ("by proxy", ["http://queue.invalid/x"])


async def _asked(source: Http) -> Reply | SourceError:
    async with source.open() as connection:
        [answer] = await connection.fetch([Get("/x")])
        return answer
