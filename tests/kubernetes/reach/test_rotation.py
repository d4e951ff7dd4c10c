"""Certificates by the time alone: nobody meets one that he does not trust yet, or no longer."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from scaler.kubernetes.reach.authority import DAY, Pair, fits, is_old, names_of, new_authority, new_serving
from scaler.kubernetes.reach.rotation import SETTLES, Holding, due, renewed, usable

NOW = 1_767_225_600.0
NAMES = names_of(["metrics"], "keda")


def certificate(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())


def trusted(serving: Pair, bundle: str, now: float, name: str = "metrics.keda.svc") -> bool:
    """As a client that was told the bundle would say."""
    store = Store(x509.load_pem_x509_certificates(bundle.encode()))
    policy = PolicyBuilder().store(store).time(datetime.fromtimestamp(now, UTC).replace(tzinfo=None))
    try:
        policy.build_server_verifier(x509.DNSName(name)).verify(certificate(serving.certificate), [])
    except VerificationError:
        return False
    return True


@pytest.fixture(scope="module")
def first() -> Holding:
    return renewed(Holding(), NAMES, NOW)


def test_everything_is_made_at_once_where_nothing_is(first: Holding) -> None:
    assert usable(first.authority, NOW)
    assert trusted(first.serving, first.bundle, NOW)
    assert first.former == ""


@pytest.mark.parametrize("name", ["metrics", "metrics.keda", "metrics.keda.svc", "metrics.keda.svc.cluster.local"])
def test_it_is_good_for_every_name_of_the_service(first: Holding, name: str) -> None:
    assert trusted(first.serving, first.bundle, NOW, name)
    assert not trusted(first.serving, first.bundle, NOW, f"other-{name}")


def test_lifetimes(first: Holding) -> None:
    authority, serving = certificate(first.authority.certificate), certificate(first.serving.certificate)
    assert authority.not_valid_after_utc.timestamp() == NOW + 3650 * DAY
    assert serving.not_valid_after_utc.timestamp() == NOW + 365 * DAY
    assert serving.not_valid_before_utc.timestamp() == NOW - 300


def test_keys_are_not_shown(first: Holding) -> None:
    assert "PRIVATE" not in repr(first)


def test_where_nothing_is_due_nothing_changes(first: Holding) -> None:
    for day in (0, 1, 100, 240):
        assert renewed(first, NAMES, NOW + day * DAY) == first


def test_with_a_third_of_its_life_left_it_is_renewed_by_the_same_authority(first: Holding) -> None:
    now = NOW + 244 * DAY
    after = renewed(first, NAMES, now)
    assert after.authority == first.authority
    assert after.serving != first.serving
    assert after.former == ""
    assert trusted(after.serving, first.bundle, now)


def test_a_missing_name_makes_it_due_and_one_too_many_does_not(first: Holding) -> None:
    more = names_of(["metrics", "webhook"], "keda")
    assert due(first, more, NOW)
    after = renewed(first, more, NOW + 1)
    assert trusted(after.serving, first.bundle, NOW + 1, "webhook.keda.svc")
    assert not due(after, NAMES, NOW + 1)


def test_an_old_authority_is_followed_in_three_steps(first: Holding) -> None:
    now = NOW + 2440 * DAY
    held = replace(first, serving=new_serving(first.authority, NAMES, now - DAY))
    published = renewed(held, NAMES, now)
    assert published.authority != held.authority
    assert published.former == held.authority.certificate
    assert published.serving == held.serving
    assert published.bundle == published.authority.certificate + held.authority.certificate
    assert renewed(published, NAMES, now + SETTLES - 2) == published

    switched = renewed(published, NAMES, now + SETTLES)
    assert switched.serving != held.serving
    assert switched.bundle == published.bundle
    assert renewed(switched, NAMES, now + 2 * SETTLES - 2) == switched

    done = renewed(switched, NAMES, now + 2 * SETTLES)
    assert done == replace(switched, former="")
    assert renewed(done, NAMES, now + 3 * SETTLES) == done


def test_at_no_step_does_anybody_meet_what_he_does_not_trust(first: Holding) -> None:
    """Clients know the bundle of up to a settling time ago, and see the certificate of now or of up to one ago."""
    now = NOW + 2440 * DAY
    held = [replace(first, serving=new_serving(first.authority, NAMES, now - DAY))]
    for step in range(1, 6):
        held.append(renewed(held[-1], NAMES, now + (step - 1) * SETTLES))
    assert held[-1].former == ""
    assert held[-1].authority != held[0].authority
    for before, after in pairwise(held):
        for serving in (before.serving, after.serving):
            for bundle in (before.bundle, after.bundle):
                assert trusted(serving, bundle, now + 5 * SETTLES)


def test_an_authority_that_cannot_sign_is_followed_while_its_certificate_serves_on(first: Holding) -> None:
    lost = replace(first, authority=Pair(first.authority.certificate, "not a key"))
    published = renewed(lost, NAMES, NOW + 1)
    assert published.serving == first.serving
    assert published.former == first.authority.certificate
    assert trusted(published.serving, published.bundle, NOW + 1)


def test_an_old_authority_waits_for_the_end_of_what_is_under_way(first: Holding) -> None:
    now = NOW + 2440 * DAY
    held = replace(first, serving=new_serving(first.authority, NAMES, now - 1), former=new_authority(NOW).certificate)
    assert renewed(held, NAMES, now) == held


@pytest.mark.parametrize(
    "broken", ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_cannot_be_read_is_made_anew_at_once(first: Holding, broken: str) -> None:
    after = renewed(replace(first, serving=Pair(broken, first.serving.key)), NAMES, NOW)
    assert after.authority == first.authority
    assert trusted(after.serving, after.bundle, NOW)
    after = renewed(replace(first, authority=Pair(broken, broken)), NAMES, NOW)
    assert trusted(after.serving, after.bundle, NOW)


def test_an_expired_one_does_not_wait_for_the_new_authority_to_be_known(first: Holding) -> None:
    now = NOW + 2800 * DAY
    after = renewed(first, NAMES, now)
    assert after.former
    assert trusted(after.serving, after.bundle, now)


def test_what_the_new_authority_has_signed_already_need_not_wait(first: Holding) -> None:
    now = NOW + 2800 * DAY
    after = renewed(first, NAMES, now)
    more = names_of(["metrics", "webhook"], "keda")
    assert trusted(renewed(after, more, now).serving, after.bundle, now, "webhook.keda.svc")


def test_a_key_of_another_certificate_does_not_fit(first: Holding) -> None:
    assert not fits(Pair(first.serving.certificate, first.authority.key))
    assert not usable(first.serving, NOW + 366 * DAY)


def test_it_is_old_with_less_than_a_third_left(first: Holding) -> None:
    serving = certificate(first.serving.certificate)
    assert not is_old(serving, NOW + 365 * DAY * 2 / 3 - 300)
    assert is_old(serving, NOW + 365 * DAY * 2 / 3 + 300)


def test_openssl_takes_them(first: Holding) -> None:
    context = ssl.create_default_context(cadata=first.bundle)
    assert len(context.get_ca_certs()) == 1


@pytest.fixture(scope="module")
def of_keda() -> Pair:
    """RSA, with the key's name as newer Go makes it: not the SHA-1 that one would expect."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "KEDAORG"), x509.NameAttribute(NameOID.COMMON_NAME, "KEDA")]
    )
    begin = datetime.fromtimestamp(NOW, UTC) - timedelta(hours=1)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=3650))
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    built = built.add_extension(x509.SubjectKeyIdentifier(b"another name of it"), critical=False)
    signed = built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    return Pair(signed, key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode())


def test_kedas_authority_goes_on_signing(of_keda: Pair) -> None:
    after = renewed(Holding(of_keda), NAMES, NOW)
    assert after.authority == of_keda
    serving = certificate(after.serving.certificate)
    serving.verify_directly_issued_by(certificate(of_keda.certificate))
    named = serving.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert named.key_identifier == b"another name of it"
