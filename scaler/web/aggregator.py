"""Who asks, as an API server behind kube-apiserver's aggregator finds it out (contract 1.6). The aggregator shows the
front proxy's certificate and names the user in headers; others come with a client certificate or a bearer token. The
handshake verifies a certificate, here it is looked at which authority it leads to: with the front proxy's name in it
but from the authority of ordinary clients, it may not speak for others. Nobody else's headers are looked at.

Where this differs from a server in Go: a certificate of no known authority, or expired, ends the handshake. Python's
TLS cannot ask for a certificate and let it pass unverified, so there is no request that could be answered with 401.
"""

import hashlib
import json
import logging
import re
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from aiohttp import web
from multidict import CIMultiDictProxy

from scaler.errors import ManifestError
from scaler.web.reviews import User

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
CREDENTIAL = "authentication.kubernetes.io/credential-id"

log = logging.getLogger(__name__)

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

Headers = CIMultiDictProxy[str]


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the cluster trusts to speak for others, and to speak for themselves: authorities as certificates in DER. Of
    the proxy's names any will do where there is none; headers are asked in their order."""

    proxies: frozenset[bytes] = field(default=frozenset(), repr=False)
    clients: frozenset[bytes] = field(default=frozenset(), repr=False)
    names: frozenset[str] = frozenset()
    user_headers: tuple[str, ...] = ()
    uid_headers: tuple[str, ...] = ()
    group_headers: tuple[str, ...] = ()
    extra_prefixes: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Mapping[str, str]) -> "Trust":
        """From the data of the ConfigMap `kube-system/extension-apiserver-authentication`; what it does not say is not
        trusted. Raises `ManifestError`."""
        return cls(
            proxies=_certificates(data, "requestheader-client-ca-file"),
            clients=_certificates(data, "client-ca-file"),
            names=frozenset(_list(data, "requestheader-allowed-names")),
            user_headers=_list(data, "requestheader-username-headers"),
            uid_headers=_list(data, "requestheader-uid-headers"),
            group_headers=_list(data, "requestheader-group-headers"),
            extra_prefixes=tuple(prefix.lower() for prefix in _list(data, "requestheader-extra-headers-prefix")),
        )

    @property
    def authorities(self) -> bytes:
        """All of them, for a handshake to verify by."""
        return b"".join(sorted(self.proxies | self.clients))

    def proxied(self, headers: Headers) -> User | None:
        """The user of whom the front proxy speaks."""
        name = next((value for header in self.user_headers if (value := headers.get(header))), "")
        if not name:
            return None
        uid = next((value for header in self.uid_headers if (value := headers.get(header))), "")
        groups = (value for header in self.group_headers for value in headers.getall(header, ()) if value)
        return User(_text(name), tuple(_text(group) for group in groups), _text(uid), self._extra(headers))

    def _extra(self, headers: Headers) -> tuple[tuple[str, tuple[str, ...]], ...]:
        found: dict[str, list[str]] = {}
        for header, value in headers.items():
            for prefix in self.extra_prefixes:
                if (lower := header.lower()).startswith(prefix):
                    found.setdefault(unquote(lower[len(prefix) :]), []).append(_text(value))
        return tuple((key, tuple(values)) for key, values in sorted(found.items()))


class Believed:
    """The latest announcement that could be understood: `data` gives that ConfigMap's, the same object until there is
    another; `None` while there is none."""

    def __init__(self, data: Callable[[], Mapping[str, str] | None]) -> None:
        self._data = data
        self._read: Mapping[str, str] | None = None
        self._trust: Trust | None = None

    def __call__(self) -> Trust | None:
        data = self._data()
        if data is not None and data is not self._read:
            self._read = data
            try:
                self._trust = Trust.of(data)
            except ManifestError as error:
                log.warning("the cluster's announcement of whom to believe cannot be understood: %s", error)
        return self._trust


@dataclass(frozen=True, slots=True)
class Peer:
    """What the certificate of a connection proves: `proxy` that it may speak for others, `client` for itself. `until`
    is when it expires (seconds since the epoch)."""

    user: User
    proxy: bool
    client: bool
    until: float


class Authentication:
    """`trust` gives what is trusted now, `token` whose a token is, `clock` the time."""

    def __init__(
        self,
        trust: Callable[[], Trust | None],
        token: Callable[[str], Awaitable[User | None]],
        clock: Callable[[], float],
    ) -> None:
        self._trust, self._token, self._clock = trust, token, clock
        self._peers: WeakKeyDictionary[Any, tuple[Trust, Peer | None]] = WeakKeyDictionary()

    async def user(self, request: web.Request) -> User | None:
        """Who asks; `None` for nobody that is known, also for nobody at all. Raises `ClusterError` where a token could
        not be reviewed."""
        user = self._by_certificate(request)
        if user is None and (token := _bearer(request.headers.get("Authorization", ""))):
            user = await self._token(token)
        return _among_authenticated(user) if user else None

    def _by_certificate(self, request: web.Request) -> User | None:
        trust = self._trust()
        peer = self._peer(request, trust) if trust else None
        if trust is None or peer is None or peer.until < self._clock():
            return None
        proxied = trust.proxied(request.headers) if peer.proxy else None
        return proxied or (peer.user if peer.client else None)

    def _peer(self, request: web.Request, trust: Trust) -> Peer | None:
        """Looked at once for each connection, and again when what is trusted has changed: an authority that is trusted
        no more is so for open connections too."""
        connection = request.transport and request.transport.get_extra_info("ssl_object")
        if connection is None:
            return None
        held = self._peers.get(connection)
        if held is None or held[0] != trust:
            held = self._peers[connection] = (trust, _looked_at(connection, trust))
        return held[1]


def _looked_at(connection: Any, trust: Trust) -> Peer | None:
    """Any certificate of the verified chain may be the trusted one: one below it can be trusted without it."""
    chain = _verified_chain(connection)
    if not chain:
        return None
    shown = connection.getpeercert()
    subject = [pair for names in shown["subject"] for pair in names]
    name = next((value for key, value in reversed(subject) if key == "commonName"), "")
    groups = tuple(value for key, value in subject if key == "organizationName")
    credential = f"X509SHA256={hashlib.sha256(chain[0]).hexdigest()}"
    return Peer(
        User(name, groups, extra=((CREDENTIAL, (credential,)),)),
        proxy=not trust.proxies.isdisjoint(chain) and (not trust.names or name in trust.names),
        client=not trust.clients.isdisjoint(chain) and bool(name),
        until=ssl.cert_time_to_seconds(shown["notAfter"]),
    )


def _verified_chain(connection: Any) -> list[bytes]:
    """In DER, the peer's first; empty without a certificate. Before Python 3.13 it has no public name."""
    if hasattr(connection, "get_verified_chain"):
        return list(connection.get_verified_chain())
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in connection._sslobj.get_verified_chain() or ()]


def _among_authenticated(user: User) -> User:
    if AUTHENTICATED in user.groups or UNAUTHENTICATED in user.groups:
        return user
    return User(user.name, (*user.groups, AUTHENTICATED), user.uid, user.extra)


def _bearer(header: str) -> str:
    scheme, _, rest = header.strip().partition(" ")
    token = rest.strip().split(" ", 1)[0]
    return token if scheme.lower() == "bearer" and token.isascii() else ""


def _text(value: str) -> str:
    """As Go would put it into JSON: what is not UTF-8 is replaced."""
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _list(data: Mapping[str, str], key: str) -> tuple[str, ...]:
    try:
        found = json.loads(data.get(key) or "[]")
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ManifestError({key: "must be a list of strings in JSON"})
    return tuple(found)


def _certificates(data: Mapping[str, str], key: str) -> frozenset[bytes]:
    """Those of one key. A handshake could not go on with one that is broken, so each is tried."""
    return frozenset(_tried(block, key) for block in _blocks(data.get(key, "")))


def _blocks(text: str) -> Iterator[str]:
    return (block[0] for block in _PEM.finditer(text))


def _tried(block: str, key: str) -> bytes:
    try:
        certificate = ssl.PEM_cert_to_DER_cert(block)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=certificate)
    except (ValueError, ssl.SSLError):
        raise ManifestError({key: "holds something that is not a certificate"}) from None
    return certificate
