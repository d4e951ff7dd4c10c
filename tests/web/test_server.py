"""The listeners, plain and with TLS."""

import asyncio
import socket
import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.x509.oid import NameOID

from scaler.errors import SettingsError
from scaler.web.server import listening, listening_tls
from scaler.web.tls import Certificates
from tests.rig.certificates import Authority, Pair


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


# ----------------------------------------------------------------------------------------------------------------- TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def shown(pair: Pair, *trusted: Authority, key: Pair | None = None) -> Certificates:
    authorities = b"".join(ssl.PEM_cert_to_DER_cert(one.certificate.read_text()) for one in trusted)
    return Certificates(pair.certificate.read_text(), (key or pair).key.read_text(), authorities)


def trusting(authority: Authority, pair: Pair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.certificate)
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


async def met(port: int, context: ssl.SSLContext, server_name: str = "localhost") -> str:
    """The name in the certificate that the server shows, or `refused`, which TLS 1.3 tells only after the handshake."""
    context.check_hostname = bool(server_name)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=server_name)
    except OSError:
        return "refused"
    try:
        writer.write(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        (name,) = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(name.value) if b"200" in await reader.readline() else "refused"
    except OSError:
        return "refused"
    finally:
        writer.close()


async def test_it_serves_over_tls(authority: Authority) -> None:
    certificates = shown(authority.issue("metrics"))
    async with (
        listening_tls("127.0.0.1", 0, PAGES, lambda: certificates) as (_, port),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting(authority))) as client,
        client.get(f"https://localhost:{port}/hello") as reply,
    ):
        assert (reply.status, await reply.text()) == (200, "hello")


async def test_where_it_asks_for_none_any_certificate_of_the_client_is_left_unseen(
    tmp_path: Path, authority: Authority
) -> None:
    certificates, unknown = shown(authority.issue("webhook")), Authority(tmp_path, "unknown")
    async with listening_tls("127.0.0.1", 0, PAGES, lambda: certificates, asking=False) as (_, port):
        assert await met(port, trusting(authority)) == "webhook"
        assert await met(port, trusting(authority, unknown.issue("api-server"))) == "webhook"
    async with listening_tls("127.0.0.1", 0, PAGES, lambda: certificates) as (_, port):
        assert await met(port, trusting(authority, unknown.issue("api-server"))) == "refused"


@pytest.mark.parametrize("server_name", ["localhost", ""])
async def test_a_renewed_certificate_is_shown_without_a_restart(authority: Authority, server_name: str) -> None:
    certificates, context = shown(authority.issue("first")), trusting(authority)
    async with (
        listening_tls("127.0.0.1", 0, PAGES, lambda: certificates) as (_, port),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=1)) as client,
    ):
        assert await met(port, context, server_name) == "first"
        async with client.get(f"https://localhost:{port}/hello") as reply:
            assert reply.status == 200
        certificates = shown(authority.issue("second"))
        assert await met(port, context, server_name) == "second"
        async with client.get(f"https://localhost:{port}/hello") as reply:
            assert reply.status == 200, "what was open stays open"


@pytest.mark.parametrize("server_name", ["localhost", ""])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_whose_certificates_are_accepted_changes_without_a_restart(
    tmp_path: Path, authority: Authority, server_name: str, version: ssl.TLSVersion
) -> None:
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    first, second = trusting(authority, old.issue("first")), trusting(authority, new.issue("second"))
    first.maximum_version = second.maximum_version = version
    serving = authority.issue("metrics")
    certificates = shown(serving, old)
    async with listening_tls("127.0.0.1", 0, PAGES, lambda: certificates) as (_, port):
        assert await met(port, trusting(authority), server_name) == "metrics", "none is needed"
        assert await met(port, first, server_name) == "metrics"
        assert await met(port, second, server_name) == "refused"
        certificates = shown(serving, new)
        assert await met(port, second, server_name) == "metrics"
        assert await met(port, first, server_name) == "refused"


async def test_a_certificate_that_cannot_be_used_is_told_once_and_not_taken(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = authority.issue("first"), authority.issue("second")
    certificates = shown(first)
    async with listening_tls("127.0.0.1", 0, PAGES, lambda: certificates) as (_, port):
        for broken in (shown(second, key=first), Certificates("nothing", "nothing")):
            certificates = broken
            caplog.clear()
            for _ in range(2):
                assert await met(port, trusting(authority)) == "first"
            assert [record.levelname for record in caplog.records] == ["ERROR"]
        certificates = shown(second)
        assert await met(port, trusting(authority)) == "second"


async def test_it_does_not_begin_with_a_certificate_that_cannot_be_used(authority: Authority) -> None:
    locked = authority.issue("locked", password="hunter2")
    for broken in (shown(locked), shown(authority.issue("first"), key=authority.issue("second"))):
        with pytest.raises(SettingsError, match="certificate: the serving certificate and its key"):
            listening_tls("127.0.0.1", 0, PAGES, lambda shows=broken: shows)  # type: ignore[misc]  # bound in the loop


async def test_nothing_older_than_tls_1_2_is_spoken(authority: Authority) -> None:
    certificates, context = shown(authority.issue("metrics")), trusting(authority)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with listening_tls("127.0.0.1", 0, PAGES, lambda: certificates) as (_, port):
        assert await met(port, context) == "refused"


async def test_no_session_is_handed_out_to_be_resumed(authority: Authority) -> None:
    certificates, context = shown(authority.issue("metrics")), trusting(authority)
    async with listening_tls("127.0.0.1", 0, PAGES, lambda: certificates) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        writer.write(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readline()
        assert writer.get_extra_info("ssl_object").session.has_ticket is False
        writer.close()


async def test_a_user_in_many_groups_is_heard_out(authority: Authority) -> None:
    async def count(request: web.Request) -> web.Response:
        return web.Response(text=str(len(request.headers.getall("X-Remote-Group"))))

    certificates = shown(authority.issue("metrics"))
    headers = [("X-Remote-Group", f"group-{number}") for number in range(900)]
    async with (
        listening_tls("127.0.0.1", 0, (web.get("/count", count),), lambda: certificates) as (_, port),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting(authority))) as client,
        client.get(f"https://localhost:{port}/count", headers=headers) as reply,
    ):
        assert (reply.status, await reply.text()) == (200, "900")
