"""AWS Signature Version 4, after Amazon's public description: how a request shows who is asking. Pure: the moment and
the keys are arguments. Where keys come from stands in `identity.aws`."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from yarl import URL

from scaler.sdk.signing import Params, Request

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key; with a token where it is a temporary one."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """What a signature is good for."""

    region: str
    service: str

    def scope(self, now: datetime) -> str:
        return f"{now:%Y%m%d}/{self.region}/{self.service}/aws4_request"


def stamp(now: datetime) -> str:
    """The moment (UTC) as it is signed."""
    return f"{now:%Y%m%dT%H%M%SZ}"


def signed(request: Request, keys: Keys, place: Place, now: datetime) -> Request:
    """The request with what proves it: all of it, the headers that it has and the body included."""
    extra: Params = (("X-Amz-Date", stamp(now)),)
    if keys.token:
        extra += (("X-Amz-Security-Token", keys.token),)
    url = URL(request.url)
    headers = _headers((("Host", _host(url)), *request.headers, *extra))
    names = ";".join(name for name, _ in headers)
    canonical = "\n".join(
        (
            request.method,
            quote(url.raw_path or "/", safe="/~"),
            canonical_query((*url.query.items(), *request.params)),
            *(f"{name}:{value}" for name, value in headers),
            "",
            names,
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    proof = signature(keys.secret_key, place.scope(now), now, canonical)
    shown = f"{ALGORITHM} Credential={keys.access_key}/{place.scope(now)}, SignedHeaders={names}, Signature={proof}"
    return request.adding(headers=(*extra, ("Authorization", shown)))


def canonical_query(params: Params) -> str:
    """Sorted, and encoded in the one way that both sides know."""
    encoded = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in params)
    return "&".join(f"{name}={value}" for name, value in encoded)


def signature(secret_key: str, scope: str, now: datetime, canonical: str) -> str:
    """Of a canonical request, in hexadecimal digits."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{stamp(now)}\n{scope}\n{digest}"
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    return _mac(key, text).hex()


def _headers(given: Params) -> list[tuple[str, str]]:
    return sorted((name.lower(), " ".join(value.split())) for name, value in given)


def _host(url: URL) -> str:
    """As aiohttp writes it into the header."""
    host = url.host_subcomponent or ""
    return host if url.is_default_port() else f"{host}:{url.port}"


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
