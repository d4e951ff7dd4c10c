"""Kerberos for Kafka (SASL/GSSAPI) by the optional package `gssapi`: a ticket by password or keytab, under a krb5.conf
that came as text. Every step runs in a thread, as aiokafka arranges it."""

import asyncio
import base64
import binascii
import importlib
import os
import tempfile
import threading
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka.conn import BaseSaslAuthenticator

from scaler.sdk import LoginError, SourceError
from scalers._kafka_login import Login

KEYTAB = b"\x05\x02"
NO_LAYER = b"\x01\x00\x00\x00"
_configuring = threading.Lock()


@dataclass(frozen=True)
class Kerberos(Login):
    """One of `password` and `keytab`."""

    mechanism = "GSSAPI"
    shown = "ticket"

    username: str
    realm: str
    config: str = field(repr=False)
    password: str = field(default="", repr=False)
    keytab: str = field(default="", repr=False)
    service: str = "kafka"

    async def proof(self) -> str:
        """Nothing to show, but the place where a missing package is noticed."""
        _library()
        return ""

    def exchange(self, host: str) -> Any:
        return _Steps(self._talk(host))

    def _talk(self, host: str) -> Generator[tuple[bytes, bool], bytes, None]:
        """RFC 4752: tokens until the context stands, then "no security layer" and nobody else's name."""
        gssapi = _library()
        with tempfile.TemporaryDirectory(prefix="scaler-kerberos-") as folder:
            config = Path(folder) / "krb5.conf"
            config.write_text(self.config)
            try:
                with _configured(config):
                    context = self._context(gssapi, Path(folder), host)
                    token = context.step()
                while not context.complete:
                    answer = yield token, True
                    with _configured(config):
                        token = context.step(answer)
                context.unwrap((yield token or b"", True))
                yield context.wrap(NO_LAYER, False).message, True
            except gssapi.exceptions.GSSError:
                who = f"{self.username}@{self.realm}"
                raise LoginError(f"Kerberos has no ticket of {who} for {self.service} on {host}") from None

    def _context(self, gssapi: Any, folder: Path, host: str) -> Any:
        user = gssapi.Name(f"{self.username}@{self.realm}", gssapi.NameType.kerberos_principal)
        service = gssapi.Name(f"{self.service}@{host}", gssapi.NameType.hostbased_service)
        if self.keytab:
            place = folder / "keytab"
            place.touch(mode=0o600)
            place.write_bytes(_decoded(self.keytab))
            store = {"client_keytab": f"FILE:{place}", "ccache": f"MEMORY:{uuid.uuid4()}"}
            ticket = gssapi.Credentials(name=user, usage="initiate", store=store)
        else:
            given = gssapi.raw.acquire_cred_with_password(user, self.password.encode(), usage="initiate")
            ticket = gssapi.Credentials(base=given.creds)
        return gssapi.SecurityContext(name=service, creds=ticket, usage="initiate", mech=gssapi.MechType.kerberos)


@contextmanager
def _configured(config: Path) -> Iterator[None]:
    """libkrb5 learns of a krb5.conf by the environment alone, which is the whole process': one at a time."""
    with _configuring:
        before = os.environ.get("KRB5_CONFIG")  # noqa: TID251 - see above
        os.environ["KRB5_CONFIG"] = str(config)  # noqa: TID251 - see above
        try:
            yield
        finally:
            if before is None:
                del os.environ["KRB5_CONFIG"]  # noqa: TID251 - see above
            else:
                os.environ["KRB5_CONFIG"] = before  # noqa: TID251 - see above


class _Steps(BaseSaslAuthenticator):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka sends into the generator, in a thread, what the broker said."""

    def __init__(self, talk: Generator[tuple[bytes, bool], bytes, None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._authenticator = talk


def _library() -> Any:
    try:
        return importlib.import_module("gssapi")
    except ImportError:
        raise SourceError("Kerberos needs one more package: pip install 'event-scaler[kafka-gssapi]'") from None


def _decoded(keytab: str) -> bytes:
    """A keytab is binary: it comes in base64, or as the text that its bytes happen to be."""
    plain = keytab.encode("utf-8", "surrogateescape")
    if plain.startswith(KEYTAB):
        return plain
    try:
        return base64.b64decode(plain, validate=True)
    except binascii.Error:
        raise SourceError("the keytab is neither a keytab nor one in base64") from None
