"""Certificates as values: an authority of our own, what it signs for our Services, and what can be read from either.
When which is due stands in `rotation.py`, where they are kept in `certificates.py`."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = 86_400.0
AUTHORITY_LASTS = 3650 * DAY
SERVING_LASTS = 365 * DAY

SKEW = 300.0
"""Seconds by which others' clocks may be behind ours: a certificate is good from that long before it was made."""

NAME = "event-scaler"

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, in PEM; either may be missing."""

    certificate: str = ""
    key: str = field(default="", repr=False)


def names_of(services: Iterable[str], namespace: str, domain: str = "cluster.local") -> tuple[str, ...]:
    """What Services are called by those who ask them."""
    ends = ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.{domain}")
    return tuple(service + end for service in services for end in ends)


def certificate_of(text: str) -> x509.Certificate | None:
    """The first one of a chain; `None` where there is none that can be read."""
    try:
        return x509.load_pem_x509_certificate(text.encode())
    except ValueError:
        return None


def fits(pair: Pair) -> bool:
    """Whether both are there and belong together."""
    certificate, key = certificate_of(pair.certificate), _key(pair.key)
    return certificate is not None and key is not None and certificate.public_key() == key.public_key()


def signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_old(certificate: x509.Certificate, now: float) -> bool:
    """Less than a third of its life is left."""
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return end_of(certificate) - now < life.total_seconds() / 3


def made_at(certificate: x509.Certificate) -> float:
    return certificate.not_valid_before_utc.timestamp() + SKEW


def end_of(certificate: x509.Certificate) -> float:
    return certificate.not_valid_after_utc.timestamp()


def names_in(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return set()
    return set(names.value.get_values_for_type(x509.DNSName))


def new_authority(now: float) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{NAME} {_moment(now):%Y-%m-%d}")])
    built = (
        _builder(name, key.public_key(), now, AUTHORITY_LASTS)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    return _signed(key, built, key)


def new_serving(authority: Pair, names: Collection[str], now: float) -> Pair:
    """Good no longer than its authority, which must be usable. Nobody reads the common name."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, signer = certificate_of(authority.certificate), _key(authority.key)
    assert issuer is not None
    assert signer is not None
    lasts = min(SERVING_LASTS, end_of(issuer) - now)
    built = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)]), key.public_key(), now, lasts)
        .issuer_name(issuer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(_issuer(issuer), critical=False)
    )
    return _signed(signer, built, key)


def _builder(name: x509.Name, key: ec.EllipticCurvePublicKey, now: float, lasts: float) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(now - SKEW))
        .not_valid_after(_moment(now + lasts))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _signed(signer: PrivateKey, built: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> Pair:
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    certificate = built.sign(signer, digest).public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(certificate.decode(), private.decode())


def _issuer(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """As the authority calls its key, which need not be how we would."""
    try:
        named = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(authority.issuer)], authority.serial_number)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(named)


def _usage(*wanted: str) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{use: use in wanted for use in every})


def _key(text: str) -> PrivateKey | None:
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, PrivateKey) else None


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=at)
