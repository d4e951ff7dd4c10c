"""TLS settings as a value: PEM texts and a switch, as trigger parameters give them. How a context is made of them, and
that a wrong certificate or key is one sentence, stands here once for every source."""

import ssl
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from scaler.errors import SourceError
from scaler.sdk.ways import WAYS, TlsRules


@dataclass(frozen=True, slots=True)
class Tls:
    """`ca`, `cert` and `key` are PEM texts; `ca` is trusted beside what the system trusts, as in KEDA. `verify` is off
    for `unsafeSsl`."""

    ca: str = field(default="", repr=False)
    cert: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    verify: bool = True

    def given(self) -> bool:
        """Whether anything differs from the system's trust."""
        return bool(self.ca or self.cert or self.key) or not self.verify

    def context(self) -> ssl.SSLContext:
        """A client context, by the daemon's `Ways`; raises `SourceError` naming the part that cannot be used. Reads and
        writes files: to be called in a thread."""
        ways = WAYS.get()
        return _context(self, ways.rules, ways.authorities)


@lru_cache(maxsize=256)
def _context(tls: Tls, rules: TlsRules, authorities: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    rules.apply(context)
    for authority in authorities:
        _trust(context, authority)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 refuses authorities that Go, and so KEDA, accepts
    if tls.ca:
        _trust(context, tls.ca)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert or tls.key:
        _present(context, tls)
    return context


def _trust(context: ssl.SSLContext, ca: str) -> None:
    """What stands between certificates may be in any language."""
    try:
        context.load_verify_locations(cadata=ca.encode("ascii", errors="replace").decode())
    except (ssl.SSLError, ValueError):
        raise SourceError("the CA certificate is not a PEM certificate") from None


def _present(context: ssl.SSLContext, tls: Tls) -> None:
    """OpenSSL reads a certificate chain from a file only: one that no other user can read, for that moment."""
    if not (tls.cert and tls.key):
        raise SourceError("a client certificate needs both cert and key")
    with tempfile.TemporaryDirectory(prefix="scaler-tls-") as folder:
        path = Path(folder) / "client.pem"
        path.touch(mode=0o600)
        path.write_text(f"{tls.cert}\n{tls.key}\n", encoding="ascii", errors="replace")
        try:
            context.load_cert_chain(path, password=tls.password or "")
        except (ssl.SSLError, ValueError, OSError):
            raise SourceError(
                "the client certificate and key are not a PEM pair, or the key's password is wrong"
            ) from None
