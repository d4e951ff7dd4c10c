"""Access to a cluster, by kubeconfigs of every kind; tokens that are replaced while we run; TLS."""

import asyncio
import base64
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from scaler.errors import ClusterError
from scaler.kubernetes.api import Api
from scaler.kubernetes.config import REFRESH, Access, access, own_namespace
from tests.kubernetes.server import Json, answer, kubeconfig, serving
from tests.rig.certificates import Authority, Pair

URL = "https://cluster.example:6443/"


async def opened(folder: Path, user: Json | None = None, cluster: Json | None = None) -> Access:
    return await access(kubeconfig(folder, URL, user, {"insecure-skip-tls-verify": True, **(cluster or {})}))


# --------------------------------------------------------------------------------------------------------- who we are


async def test_where_it_is(tmp_path: Path) -> None:
    found = await opened(tmp_path, None, {"tls-server-name": "kubernetes", "proxy-url": "http://proxy.example:3128"})
    assert (found.server, found.server_name, found.proxy) == (
        "https://cluster.example:6443",
        "kubernetes",
        "http://proxy.example:3128",
    )


async def test_nothing_special_is_nothing(tmp_path: Path) -> None:
    found = await opened(tmp_path)
    assert (found.server_name, found.proxy, await found.authorization()) == (None, None, "")


async def test_a_context_by_name(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, URL)
    assert (await access(path, "here")).server == URL.rstrip("/")
    with pytest.raises(ClusterError):
        await access(path, "elsewhere")


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"token": "t1"}, "Bearer t1"),
        ({"token": "t1\n"}, "Bearer t1"),
        ({"username": "me", "password": "hush"}, f"Basic {base64.b64encode(b'me:hush').decode()}"),
    ],
)
async def test_logins(tmp_path: Path, user: Json, expected: str) -> None:
    found = await opened(tmp_path, user)
    assert (await found.authorization()).casefold() == expected.casefold()


@pytest.mark.looptime
async def test_a_token_s_file_is_read_again_each_minute(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t1\n")
    found = await opened(tmp_path, {"tokenFile": str(token)})
    assert await found.authorization() == "Bearer t1"
    token.write_text("t2\n")
    await asyncio.sleep(REFRESH - 1)
    assert await found.authorization() == "Bearer t1"
    await asyncio.sleep(1)
    assert await found.authorization() == "Bearer t2"


@pytest.mark.looptime
async def test_one_that_cannot_be_read_anew_is_used_on_and_looked_at_again(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t1")
    found = await opened(tmp_path, {"tokenFile": str(token)})
    token.unlink()
    await asyncio.sleep(REFRESH)
    assert await found.authorization() == "Bearer t1"
    token.write_text("t2")
    await asyncio.sleep(REFRESH - 1)
    assert await found.authorization() == "Bearer t1"
    await asyncio.sleep(1)
    assert await found.authorization() == "Bearer t2"


@pytest.mark.looptime
async def test_many_who_ask_at_once_read_it_once() -> None:
    loads = 0

    async def load(configuration: Any) -> None:
        nonlocal loads
        loads += 1
        await asyncio.sleep(1)
        configuration.api_key["BearerToken"] = f"t{loads}"

    found = Access(load)
    await found.load()
    await asyncio.sleep(REFRESH)
    assert await asyncio.gather(*(found.authorization() for _ in range(10))) == ["t2"] * 10
    assert loads == 2


async def test_a_plug_in_that_makes_tokens(tmp_path: Path) -> None:
    script = tmp_path / "login.py"
    status = '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "made"}}'
    script.write_text(f"print('{status}')")
    plug_in = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-I", str(script)],
        "interactiveMode": "Never",
    }
    found = await opened(tmp_path, {"exec": plug_in})
    assert await found.authorization() == "Bearer made"


async def test_the_token_of_the_moment_leaves_with_each_request(tmp_path: Path) -> None:
    async with serving() as server:
        server.replies = [answer()]
        path = kubeconfig(tmp_path, server.url, {"token": "t1"})
        async with Api(await access(path)) as api:
            await api.get("/version", dict)
        assert server.last.headers["Authorization"] == "Bearer t1"


# ----------------------------------------------------------------------------------------------------------- unusable


@pytest.mark.parametrize(
    "content",
    [
        "",
        "oops",
        "[1, 2]",
        "a: [1",
        "current-context: here",
        "current-context: here\ncontexts: 7",
        "current-context: here\ncontexts: [{name: here, context: 7}]\nclusters: []",
        "\x00",
    ],
)
async def test_a_file_that_is_no_kubeconfig(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(ClusterError, match="no usable access to a cluster"):
        await access(path)


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no usable access to a cluster"):
        await access(tmp_path / "none")


async def test_a_token_s_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no usable access to a cluster"):
        await opened(tmp_path, {"tokenFile": str(tmp_path / "none")})


async def test_outside_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ClusterError, match="no usable access to a cluster"):
        await access()
    assert own_namespace("default") == "default"


@pytest.mark.parametrize("user", [None, {"client-certificate-data": "oops", "client-key-data": "oops"}])
async def test_certificates_that_are_none(tmp_path: Path, user: Json | None) -> None:
    wrong = base64.b64encode(b"oops").decode()
    path = kubeconfig(
        tmp_path,
        URL,
        {"client-certificate-data": wrong, "client-key-data": wrong} if user else None,
        None if user else {"certificate-authority-data": wrong},
    )
    found = await access(path)
    with pytest.raises(ClusterError, match="the cluster's certificates cannot be used"):
        found.context()


# ---------------------------------------------------------------------------------------------------------------- TLS


def server_context(pair: Pair, authority: Authority | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if authority:
        context.load_verify_locations(authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def answered(path: Path) -> bool:
    async with Api(await access(path)) as api:
        try:
            await api.get("/version", dict)
        except ClusterError:
            return False
    return True


@pytest.mark.parametrize("trusted", [True, False])
async def test_the_cluster_s_authority_is_asked(tmp_path: Path, trusted: bool) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    async with serving(server_context(ours.issue("server"))) as server:
        server.replies = [answer()]
        signer = ours if trusted else other
        path = kubeconfig(tmp_path, server.url, None, {"certificate-authority": str(signer.certificate)})
        assert await answered(path) is trusted


async def test_not_where_it_is_said_not_to(tmp_path: Path) -> None:
    async with serving(server_context(Authority(tmp_path).issue("server"))) as server:
        server.replies = [answer()]
        assert await answered(kubeconfig(tmp_path, server.url, None, {"insecure-skip-tls-verify": True}))


@pytest.mark.parametrize(("name", "expected"), [("kubernetes", True), ("else", False), ("", False)])
async def test_the_name_to_verify_by(tmp_path: Path, name: str, expected: bool) -> None:
    authority = Authority(tmp_path)
    async with serving(server_context(authority.issue("server", names=("kubernetes",)))) as server:
        server.replies = [answer()]
        more = {"certificate-authority": str(authority.certificate), **({"tls-server-name": name} if name else {})}
        assert await answered(kubeconfig(tmp_path, server.url, None, more)) is expected


async def test_a_certificate_says_who_we_are(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    me = authority.issue("me")
    user = {"client-certificate": str(me.certificate), "client-key": str(me.key)}
    async with serving(server_context(authority.issue("server"), authority)) as server:
        server.replies = [answer(), answer()]
        trust = {"certificate-authority": str(authority.certificate)}
        assert await answered(kubeconfig(tmp_path, server.url, user, trust))
        assert "Authorization" not in server.last.headers
        assert not await answered(kubeconfig(tmp_path, server.url, None, trust))
