"""Who asks: what each kind of certificate, header and token proves, over real TLS."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from multidict import CIMultiDict, CIMultiDictProxy

from scaler.errors import ManifestError
from scaler.web.aggregator import Trust
from scaler.web.discovery import ROOT
from scaler.web.reviews import User
from tests.rig.certificates import Pair
from tests.web.asking import AS_HPA, PROXY, Authorities, Served, got, served

METRIC = f"{ROOT}/namespaces/shop/s0-kafka-orders?labelSelector=scaledobject.keda.sh/name%3Dorders"
SECOND = timedelta(seconds=1)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as made:
        yield made


async def asked(api: Served, pair: Pair | None = None, headers: Any = None, path: str = ROOT) -> int | str:
    """The status, or that the handshake was refused."""
    async with api.client(pair) as client:
        try:
            return (await got(client, path, headers)).status
        except aiohttp.ClientError:
            return "refused"


async def who(api: Served, pair: Pair | None = None, headers: Any = None) -> dict[str, Any]:
    """The user as the API server is asked about it."""
    api.reviewer.posted.clear()
    assert await asked(api, pair, headers, METRIC) == 403
    spec = dict(api.reviewer.posted[0][1])
    spec.pop("resourceAttributes")
    spec["groups"] = list(spec["groups"])
    return spec


# ----------------------------------------------------------------------------------------------------- the front proxy


async def test_the_front_proxy_speaks_for_others_and_needs_no_alternative_name(api: Served) -> None:
    pair = api.authorities.proxy()
    shown = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    with pytest.raises(x509.ExtensionNotFound):
        shown.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    headers = CIMultiDict(
        [
            ("X-Remote-User", "jane"),
            ("X-Remote-Uid", "42"),
            ("X-Remote-Group", "dev"),
            ("X-Remote-Group", "ops"),
            ("X-Remote-Extra-Scopes", "read"),
            ("X-Remote-Extra-Scopes", "write"),
            ("X-Remote-Extra-Example.com%2fPlace", "berlin"),
            ("X-Remote-Other", "no"),
        ]
    )
    assert await who(api, pair, headers) == {
        "user": "jane",
        "uid": "42",
        "groups": ["dev", "ops", "system:authenticated"],
        "extra": {"scopes": ("read", "write"), "example.com/place": ("berlin",)},
    }


async def test_a_name_that_is_not_ascii_arrives_as_it_is(api: Served) -> None:
    assert (await who(api, api.authorities.proxy(), {"X-Remote-User": "jürgen"}))["user"] == "jürgen"


def test_a_name_that_is_not_text_is_asked_about_as_the_api_server_writes_it() -> None:
    """Bytes that are not UTF-8 reach us as lone surrogates, which no JSON can hold."""
    headers = CIMultiDictProxy(CIMultiDict({"X-Remote-User": "j\udcff"}))
    assert Trust(user_headers=("X-Remote-User",)).proxied(headers) == User("j\ufffd")


async def test_the_front_proxy_without_a_user_is_nobody(api: Served) -> None:
    pair = api.authorities.proxy()
    assert await asked(api, pair) == 401
    assert await asked(api, pair, {"X-Remote-User": "", "X-Remote-Group": "system:masters"}) == 401


async def test_the_proxys_name_from_the_clients_authority_may_not_speak_for_others(api: Served) -> None:
    forged = api.authorities.clients.issue(PROXY, names=(), groups=("dev",))
    found = await who(api, forged, {"X-Remote-User": "jane", "X-Remote-Group": "system:masters"})
    assert (found["user"], found["groups"]) == (PROXY, ["dev", "system:authenticated"])


async def test_a_name_that_the_cluster_does_not_allow_may_not_speak_for_others(api: Served) -> None:
    assert await asked(api, api.authorities.proxies.issue("somebody", names=()), AS_HPA) == 401


async def test_any_name_may_where_the_cluster_lists_none(api: Served) -> None:
    api.trust = Trust.of(api.authorities.published(**{"requestheader-allowed-names": "[]"}))
    assert await asked(api, api.authorities.proxies.issue("somebody", names=()), AS_HPA) == 200


async def test_one_authority_for_both_still_honours_the_names(api: Served) -> None:
    shared = {"client-ca-file": api.authorities.proxies.certificate.read_text()}
    api.trust = Trust.of(api.authorities.published(**shared))
    assert (await who(api, api.authorities.proxy(), {"X-Remote-User": "jane"}))["user"] == "jane"
    other = api.authorities.proxies.issue("somebody", names=())
    assert (await who(api, other, {"X-Remote-User": "jane"}))["user"] == "somebody"


async def test_a_user_who_is_anonymous_to_kube_apiserver_stays_so(api: Served) -> None:
    anonymous = {"X-Remote-User": "system:anonymous", "X-Remote-Group": "system:unauthenticated"}
    assert (await who(api, api.authorities.proxy(), anonymous))["groups"] == ["system:unauthenticated"]
    assert await asked(api, api.authorities.proxy(), anonymous) == 403


async def test_discovery_comes_as_a_user_without_groups(api: Served) -> None:
    assert await asked(api, api.authorities.proxy(), {"X-Remote-User": "system:aggregator"}) == 200
    assert api.reviewer.posted == []


# --------------------------------------------------------------------------------------------------- other credentials


async def test_a_client_certificate_speaks_for_itself(api: Served) -> None:
    found = await who(api, api.authorities.clients.issue("jane", names=(), groups=("dev", "ops")))
    assert (found["user"], found["groups"]) == ("jane", ["dev", "ops", "system:authenticated"])
    (credential,) = found["extra"]["authentication.kubernetes.io/credential-id"]
    assert credential.startswith("X509SHA256=")


async def test_a_bearer_token_is_reviewed(api: Served) -> None:
    api.reviewer.users["good"] = {"username": "prometheus", "uid": "7", "groups": ["dev"], "extra": {"a": ["b"]}}
    assert await asked(api, headers={"Authorization": "Bearer good"}) == 200
    assert await asked(api, headers={"Authorization": "bearer   good"}) == 200
    assert await asked(api, headers={"Authorization": "Bearer bad"}) == 401
    assert await asked(api, headers={"Authorization": "Bearer"}) == 401
    assert await asked(api, headers={"Authorization": "Basic good"}) == 401
    assert len(api.reviewer.posted) == 2


async def test_a_token_counts_where_the_certificate_proves_nothing(api: Served) -> None:
    api.reviewer.users["good"] = {"username": "prometheus"}
    somebody = api.authorities.proxies.issue("somebody", names=())
    assert await asked(api, somebody, {**AS_HPA, "Authorization": "Bearer good"}) == 200


async def test_a_token_that_cannot_be_reviewed_is_an_error_and_is_told_nowhere(
    api: Served, caplog: pytest.LogCaptureFixture
) -> None:
    api.reviewer.broken = True
    async with api.client() as client:
        with caplog.at_level("DEBUG"):
            answer = await got(client, ROOT, {"Authorization": "Bearer very-secret"})
    assert (answer.status, answer.body["reason"]) == (500, "InternalError")
    assert "very-secret" not in caplog.text + json.dumps(answer.body)


async def test_headers_prove_nothing_by_themselves(api: Served) -> None:
    assert await asked(api, headers=AS_HPA) == 401
    assert await asked(api, headers={**AS_HPA, "X-Remote-Group": "system:masters"}, path=METRIC) == 401


async def test_nobody_is_told_no_more_than_that(api: Served) -> None:
    async with api.client() as client:
        for path in (ROOT, METRIC, "/apis", "/openapi/v2", "/nowhere"):
            answer = await got(client, path)
            assert (answer.status, answer.body["message"]) == (401, "Unauthorized")


def for_servers(authorities: Authorities) -> Pair:
    """A certificate of the front proxy that may not be a client's."""
    certificate = x509.load_pem_x509_certificate(authorities.proxies.certificate.read_bytes())
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, PROXY)])
    signed = (
        x509.CertificateBuilder(certificate.subject, name, key.public_key(), 7, now - SECOND, now + 60 * SECOND)
        .add_extension(x509.ExtendedKeyUsage((ExtendedKeyUsageOID.SERVER_AUTH,)), critical=False)
        .sign(authorities.proxies._key, hashes.SHA256())
    )
    pair = Pair(authorities.folder / "server.crt", authorities.folder / "server.key")
    pair.certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return pair


FORGERIES: dict[str, Callable[[Authorities], Pair]] = {
    "of no known authority": lambda known: known.another("front-proxy-ca", "other").issue(PROXY, names=()),
    "expired": lambda known: known.proxies.issue(PROXY, names=(), valid=-SECOND),
    "for servers": for_servers,
}


@pytest.mark.parametrize("kind", FORGERIES)
async def test_a_certificate_that_cannot_be_verified_ends_the_handshake(api: Served, kind: str) -> None:
    assert await asked(api, FORGERIES[kind](api.authorities), AS_HPA) == "refused"
    assert await asked(api, api.authorities.proxy(), AS_HPA) == 200


# ----------------------------------------------------------------------------------------------- what changes meanwhile


async def test_a_certificate_that_expires_on_an_open_connection_is_none_any_more(api: Served) -> None:
    async with api.client(api.authorities.proxy()) as client:
        assert (await got(client, ROOT, AS_HPA)).status == 200
        api.now = (datetime.now(UTC) + timedelta(days=2)).timestamp()
        answer = await got(client, ROOT, AS_HPA)
        assert (answer.status, answer.headers["Connection"]) == (401, "close")


async def test_another_authority_of_the_front_proxy_counts_at_once(api: Served) -> None:
    """As kube-apiserver rotates: first both are published, then the new one alone. Its name stays the same."""
    old, before = api.authorities.proxy(), api.authorities.proxies.certificate.read_text()
    api.authorities.proxies = api.authorities.another("front-proxy-ca", "rotated")
    new, after = api.authorities.proxy(), api.authorities.proxies.certificate.read_text()
    async with api.client(old) as open_before:
        assert (await got(open_before, ROOT, AS_HPA)).status == 200
        assert await asked(api, new, AS_HPA) == "refused"
        api.trust = Trust.of(api.authorities.published(**{"requestheader-client-ca-file": before + after}))
        assert await asked(api, new, AS_HPA) == 200
        assert await asked(api, old, AS_HPA) == 200
        assert (await got(open_before, ROOT, AS_HPA)).status == 200
        api.trust = Trust.of(api.authorities.published())
        assert (await got(open_before, ROOT, AS_HPA)).status == 401
        assert await asked(api, old, AS_HPA) == "refused"
        assert await asked(api, new, AS_HPA) == 200


async def test_what_is_not_known_yet_is_not_trusted(api: Served) -> None:
    api.trust = None
    api.reviewer.users["good"] = {"username": "prometheus"}
    assert await asked(api, api.authorities.proxy(), AS_HPA) == "refused"
    assert await asked(api, headers=AS_HPA) == 401
    assert await asked(api, headers={"Authorization": "Bearer good"}) == 200


@pytest.mark.parametrize("key", ["client-ca-file", "requestheader-client-ca-file", "requestheader-username-headers"])
async def test_what_the_cluster_does_not_say_is_skipped(api: Served, key: str) -> None:
    said = api.authorities.published()
    del said[key]
    api.trust = Trust.of(said)
    clients, proxied = key == "client-ca-file", key != "client-ca-file"
    assert (await asked(api, api.authorities.clients.issue("jane", names=()))) == ("refused" if clients else 200)
    assert (await asked(api, api.authorities.proxy(), AS_HPA) == 200) is not proxied


def test_the_other_event_loop_sees_the_same(tmp_path: Path) -> None:
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_on_both_loops(tmp_path))


async def _on_both_loops(folder: Path) -> None:
    async with served(folder) as api:
        steps: list[Callable[[Served], Awaitable[None]]] = [
            test_discovery_comes_as_a_user_without_groups,
            test_the_proxys_name_from_the_clients_authority_may_not_speak_for_others,
            test_a_client_certificate_speaks_for_itself,
            test_headers_prove_nothing_by_themselves,
            test_another_authority_of_the_front_proxy_counts_at_once,
        ]
        for step in steps:
            await step(api)


# ------------------------------------------------------------------------------------------------- the ConfigMap's data


def test_no_data_trusts_nobody() -> None:
    assert Trust.of({}) == Trust()
    assert Trust.of({}).authorities == b""


@pytest.mark.parametrize("text", ["{}", "[1]", "[", '"X-Remote-User"'])
def test_a_list_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ManifestError, match="requestheader-username-headers: must be a list of strings in JSON"):
        Trust.of({"requestheader-username-headers": text})


def test_a_broken_certificate_is_told() -> None:
    broken = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n"
    with pytest.raises(ManifestError, match="client-ca-file: holds something that is not a certificate"):
        Trust.of({"client-ca-file": broken})


def test_equal_data_is_equal_trust(tmp_path: Path) -> None:
    said = Authorities(tmp_path).published()
    assert Trust.of(said) == Trust.of(dict(said))
    assert "CERTIFICATE" not in repr(Trust.of(said))
