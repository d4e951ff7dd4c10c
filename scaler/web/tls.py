"""What a TLS listener shows, and whose certificates it accepts, both changing while it serves: each handshake takes the
latest. Who the other side then is, is not its business. Nothing is resumed: a resumed session has no chain of
certificates to look at."""

import logging
import os
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from scaler.errors import SettingsError
from scaler.sdk.ways import TlsRules

log = logging.getLogger(__name__)

RULES: ContextVar[TlsRules] = ContextVar("rules", default=TlsRules())  # noqa: B039  # frozen
"""Which versions and ciphers listeners take; said by `daemon` before any of them is made."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """`chain` and its `key` in PEM; `authorities` in DER, one after the other: a client may show a certificate, which
    must then lead to one of them."""

    chain: str
    key: str = field(repr=False)
    authorities: bytes = field(default=b"", repr=False)


class Contexts:
    """`outer` is what a server listens with. `certificates` is asked at every handshake. Not `asking` for the client's
    certificate, none is looked at that it may have. Raises `SettingsError` when the first cannot be used."""

    def __init__(self, certificates: Callable[[], Certificates], *, asking: bool = True) -> None:
        self._certificates, self._rules = certificates, RULES.get()
        self._latest = certificates()
        try:
            self._context = _context(self._latest, self._rules)
        except OSError:
            raise SettingsError({"certificate": "the serving certificate and its key do not fit together"}) from None
        self.outer = _bare(self._rules)
        if not asking:
            self.outer.verify_mode = ssl.CERT_NONE
        self.outer.sni_callback = self._take_latest

    def _take_latest(self, connection: ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        """OpenSSL comes here whether or not the client names a server; what verifies its certificate is then the taken
        context's."""
        connection.context = self._current()

    def _current(self) -> ssl.SSLContext:
        latest = self._certificates()
        if latest != self._latest:
            self._latest = latest
            try:
                self._context = _context(latest, self._rules)
            except OSError:
                log.error("the new serving certificate cannot be used, the one before it stays")  # noqa: TRY400
            else:
                log.info("serving with other certificates")
        return self._context


def _bare(rules: TlsRules) -> ssl.SSLContext:
    """Not `create_default_context`: from Python 3.13 on it refuses authorities that many clusters have. An authority
    need not be the root of its chain."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    rules.apply(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    return context


def _context(certificates: Certificates, rules: TlsRules) -> ssl.SSLContext:
    """The key goes in through memory that has no name: Python reads it from files only, and it belongs on no disk."""
    context = _bare(rules)
    with os.fdopen(os.memfd_create("certificate"), "w", encoding="utf-8") as file:
        file.write(f"{certificates.chain}\n{certificates.key}\n")
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password="")
    if certificates.authorities:
        context.load_verify_locations(cadata=certificates.authorities)
    return context
