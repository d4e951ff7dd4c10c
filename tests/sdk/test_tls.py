"""TLS settings: contexts of real certificates, and a sentence for each part that is none."""

import ssl
from pathlib import Path

import pytest

from scaler.errors import SourceError
from scaler.sdk import Tls
from tests.rig.certificates import Authority, Pair


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def of(pair: Pair, password: str = "") -> Tls:
    return Tls(cert=pair.certificate.read_text(), key=pair.key.read_text(), password=password)


def test_the_default_is_the_systems_trust() -> None:
    assert not Tls().given()
    context = Tls().context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("tls", [Tls(ca="x"), Tls(cert="x"), Tls(key="x"), Tls(verify=False)])
def test_anything_else_is_given(tls: Tls) -> None:
    assert tls.given()


def test_an_authority_is_trusted_beside_the_systems(authority: Authority) -> None:
    alone = len(Tls().context().get_ca_certs())
    context = Tls(ca=authority.certificate.read_text()).context()
    assert len(context.get_ca_certs()) == alone + 1
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_several_authorities_may_stand_in_one_text(authority: Authority, tmp_path: Path) -> None:
    second = Authority(tmp_path, "second")
    both = f"# Première\n{authority.certificate.read_text()}\n# Zweite, größere\n{second.certificate.read_text()}"
    assert len(Tls(ca=both).context().get_ca_certs()) == len(Tls().context().get_ca_certs()) + 2


def test_verification_can_be_turned_off() -> None:
    context = Tls(verify=False).context()
    assert context.verify_mode is ssl.CERT_NONE
    assert not context.check_hostname


def test_authorities_are_taken_as_go_takes_them() -> None:
    assert not Tls().context().verify_flags & ssl.VERIFY_X509_STRICT


@pytest.mark.parametrize("password", ["", "open sesame"])
def test_a_client_certificate(authority: Authority, password: str) -> None:
    pair = authority.issue("client", password=password or None)
    of(pair, password).context()


@pytest.mark.parametrize("ca", ["hush", "-----BEGIN CERTIFICATE-----\nhush\n-----END CERTIFICATE-----\n", "пароль"])
def test_an_authority_that_is_none(ca: str) -> None:
    with pytest.raises(SourceError) as caught:
        Tls(ca=ca).context()
    assert str(caught.value) == "the CA certificate is not a PEM certificate"


def test_a_certificate_needs_its_key(authority: Authority) -> None:
    pair = of(authority.issue("client"))
    for tls in (Tls(cert=pair.cert), Tls(key=pair.key)):
        with pytest.raises(SourceError, match="needs both cert and key"):
            tls.context()


def test_a_pair_that_is_none(authority: Authority) -> None:
    pair, other = of(authority.issue("client")), of(authority.issue("other"))
    locked = of(authority.issue("locked", password="right"), "wrong")
    for tls in (Tls(cert=pair.cert, key=other.key), Tls(cert="hush", key="hush"), locked, Tls(cert=pair.cert, key="ü")):
        with pytest.raises(SourceError) as caught:
            tls.context()
        assert str(caught.value) == "the client certificate and key are not a PEM pair, or the key's password is wrong"


def test_a_locked_key_without_password_asks_nobody(authority: Authority) -> None:
    """OpenSSL would ask at the terminal, and the daemon would stand still."""
    with pytest.raises(SourceError, match="password is wrong"):
        of(authority.issue("locked", password="right")).context()


def test_nothing_is_left_behind(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    of(authority.issue("brief")).context()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("scaler-tls-")] == []


def test_equal_settings_are_one_context(authority: Authority) -> None:
    ca = authority.certificate.read_text()
    assert Tls(ca=ca).context() is Tls(ca=ca).context()
    assert Tls(ca=ca).context() is not Tls(ca=ca, verify=False).context()


def test_secrets_are_not_seen() -> None:
    tls = Tls(ca="hush", cert="hush", key="hush", password="hush")
    assert "hush" not in f"{tls!r} {tls}"
