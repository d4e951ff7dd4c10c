"""How this daemon's clients go out, whichever source they belong to: what an installation says once for all of them, by
KEDA's variables and flags (time-outs, TLS versions and ciphers, further authorities, proxies). It is said by `daemon`
before anything is bound; a task inherits it from the one that started it."""

import re
import ssl
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from yarl import URL

from scaler.sdk.addresses import is_metadata

VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
"""KEDA's words for the lowest version of TLS."""

NEARBY = frozenset(("localhost", "metadata.google.internal"))
"""Names of this machine and of its metadata service: no proxy stands on the way to them."""

ALWAYS = frozenset(("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"))
"""The ciphers of TLS 1.3, by IANA's names."""

_IANA = re.compile(r"TLS_(?P<exchange>ECDHE_RSA|ECDHE_ECDSA|RSA)_WITH_(?P<cipher>[A-Z0-9_]+)")


@dataclass(frozen=True, slots=True)
class TlsRules:
    """`floor` is one of `VERSIONS`; `ciphers` are OpenSSL's names, empty for its own choice (those of TLS 1.3 always
    are, as they are Go's)."""

    floor: str = "TLS12"
    ciphers: tuple[str, ...] = ()

    def apply(self, context: ssl.SSLContext) -> None:
        context.minimum_version = VERSIONS[self.floor]
        if self.ciphers:
            context.set_ciphers(":".join(self.ciphers))


@dataclass(frozen=True, slots=True)
class Proxies:
    """URLs of proxies by the scheme that they are for, and what is asked without one, as Go reads NO_PROXY: names with
    all that is below them, `.name` for only that, addresses, networks, each perhaps with a port; `*` for everything."""

    http: str = ""
    https: str = ""
    never: tuple[str, ...] = ()

    def of(self, url: URL) -> str | None:
        proxy = self.https if url.scheme in ("https", "wss") else self.http
        host = (url.host or "").lower().rstrip(".")
        if not proxy or host in NEARBY or _is_loopback(host) or is_metadata(host):
            return None
        if any(_covers(one, url, host) for one in self.never):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


@dataclass(frozen=True, slots=True)
class Ways:
    """`timeout` is in seconds, where a trigger says none; `authorities` are PEM texts, trusted beside the system's."""

    timeout: float = 3.0
    keep_alive: bool = True
    rules: TlsRules = TlsRules()
    authorities: tuple[str, ...] = ()
    proxies: Proxies = Proxies()

    @property
    def own_tls(self) -> bool:
        """Whether a context must be made where a source asks for nothing special."""
        return self.rules != TlsRules() or bool(self.authorities)


WAYS: ContextVar[Ways] = ContextVar("ways", default=Ways())  # noqa: B039  # frozen


def default_timeout() -> float:
    """Seconds that one request may take where its trigger does not say."""
    return WAYS.get().timeout


def proxy_for(url: URL | str) -> str | None:
    """The proxy by which that URL is asked, if there is one. What is no URL fails when it is asked."""
    proxies = WAYS.get().proxies
    try:
        return proxies.of(URL(url)) if proxies.http or proxies.https else None
    except ValueError:
        return None


def ciphers_of(names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(OpenSSL's names, what is not known here) for IANA's names, as Go and KEDA write them. Those of TLS 1.3 are
    known, and yield nothing: they cannot be chosen, as in Go."""
    known, unknown = [], []
    for name in names:
        if name in ALWAYS:
            continue
        found = _openssl(name)
        if found is None or not _is_cipher(found):
            unknown.append(name)
        else:
            known.append(found)
    return tuple(known), tuple(unknown)


def _openssl(name: str) -> str | None:
    """TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 → ECDHE-RSA-AES128-GCM-SHA256"""
    match = _IANA.fullmatch(name)
    if match is None:
        return None
    exchange = match["exchange"].replace("_", "-")
    cipher = re.sub(r"AES_(\d+)(?:_CBC)?", r"AES\1", match["cipher"])
    cipher = cipher.replace("CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305")
    return f"{'' if exchange == 'RSA' else exchange + '-'}{cipher.replace('_', '-')}"


def _is_cipher(name: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(name)
    except ssl.SSLError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _covers(rule: str, url: URL, host: str) -> bool:
    """Whether one entry of NO_PROXY is about that host."""
    rule = rule.strip().lower()
    if rule == "*":
        return True
    if "/" in rule:
        return _within(rule, host)
    name, port = _with_port(rule)
    if port and port != str(url.port):
        return False
    if name.startswith(("*.", ".")):
        return host.endswith(name.lstrip("*"))
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _with_port(rule: str) -> tuple[str, str]:
    if rule.startswith("["):
        name, _, port = rule[1:].partition("]")
        return name, port.lstrip(":")
    return (rule, "") if rule.count(":") != 1 else (rule.partition(":")[0], rule.partition(":")[2])


def _within(rule: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(rule, strict=False)
    except ValueError:
        return False
