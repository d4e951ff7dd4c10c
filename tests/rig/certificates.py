"""A certificate authority for servers on loopback and their clients: PEM files in one folder."""

import ipaddress
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PURPOSES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
LOCAL = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs what `issue` is asked for; whoever should trust that needs `certificate`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self._signed = self._sign(self._name, self._key.public_key(), authority=True)
        self.certificate = folder / f"{name}.crt"
        self.certificate.write_bytes(self._signed.public_bytes(Encoding.PEM))

    def issue(
        self,
        name: str,
        *,
        password: str | None = None,
        valid: timedelta = DAY,
        groups: Sequence[str] = (),
        names: Sequence[str] = LOCAL,
    ) -> Pair:
        """For a server of these names and addresses, or a client; with a password the key's file is encrypted.

        Without `names` the certificate says nothing of them at all. `groups` are the subject's organizations.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        signed = self._sign(_named(name, groups), key.public_key(), valid=valid, names=names)
        pair.certificate.write_bytes(signed.public_bytes(Encoding.PEM))
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
        return pair

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *,
        authority: bool = False,
        valid: timedelta = DAY,
        names: Sequence[str] = (),
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder(self._name, name, key, x509.random_serial_number(), now - HOUR, now + valid)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if not authority:
            built = built.add_extension(x509.ExtendedKeyUsage(PURPOSES), critical=False)
        if names:
            built = built.add_extension(x509.SubjectAlternativeName(map(_alternative, names)), critical=False)
        return built.sign(self._key, hashes.SHA256())


def _named(name: str, groups: Iterable[str] = ()) -> x509.Name:
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)
