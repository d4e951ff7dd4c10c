"""What the settings say of how clients go out, and of what listeners take."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from scaler.daemon.ways import service_rules, set_ways, ways_of
from scaler.errors import SettingsError
from scaler.sdk.ways import WAYS, Proxies, TlsRules, Ways
from scaler.settings import Settings
from scaler.web.tls import RULES
from tests.rig.certificates import Authority

CIPHERS = ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def given(**settings: Any) -> Settings:
    return Settings(**{"ca_dirs": (), **settings})


def test_the_defaults_are_kedas() -> None:
    assert ways_of(given()) == Ways()
    assert service_rules(given()) == TlsRules("TLS12")


def test_what_is_said_is_so() -> None:
    settings = given(
        http_default_timeout=1.5,
        http_disable_keep_alive=True,
        http_min_tls_version="TLS13",
        http_tls_cipher_list=CIPHERS,
    )
    rules = TlsRules("TLS13", ("ECDHE-RSA-AES128-GCM-SHA256",))
    assert ways_of(settings) == Ways(timeout=1.5, keep_alive=False, rules=rules)


def test_listeners_are_as_clients_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert service_rules(given(http_min_tls_version="TLS13")).floor == "TLS13"
    own = given(http_min_tls_version="TLS13", service_min_tls_version="TLS12", service_tls_cipher_list=CIPHERS)
    assert service_rules(own) == TlsRules("TLS12", ("ECDHE-RSA-AES128-GCM-SHA256",))


def test_a_cipher_that_there_is_not_ends_it() -> None:
    with pytest.raises(SettingsError) as raised:
        ways_of(given(http_tls_cipher_list=("NONSENSE",)))
    assert raised.value.problems == {"httpTlsCipherList": "there is no cipher NONSENSE here"}
    with pytest.raises(SettingsError):
        service_rules(given(service_tls_cipher_list=("NONSENSE",)))


def test_proxies_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", ".svc, 10.96.0.0/12,")
    assert ways_of(given()).proxies == Proxies("", "http://proxy:3128", (".svc", " 10.96.0.0/12"))


def test_authorities_of_a_folder_as_kubernetes_mounts_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mounted = tmp_path / "mounted"
    (mounted / "..2026").mkdir(parents=True)
    authority = Authority(mounted / "..2026").certificate
    (mounted / "ca.crt").symlink_to(authority)
    (mounted / "README").write_text("not a certificate")
    with caplog.at_level(logging.WARNING):
        found = ways_of(given(ca_dirs=(str(mounted), str(tmp_path / "missing")))).authorities
    assert found == (authority.read_text(),)
    assert caplog.messages == [f"{mounted}/README holds no certificate in PEM, it is not trusted"]


async def test_what_is_set_is_so_for_all_that_is_started_then() -> None:
    await set_ways(given(http_default_timeout=9.0, service_min_tls_version="TLS13"))

    async def seen() -> tuple[float, str]:
        return WAYS.get().timeout, RULES.get().floor

    assert await asyncio.create_task(seen()) == (9.0, "TLS13")
