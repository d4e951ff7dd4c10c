"""A Vault in memory: tokens that end, renewals up to a greatest age, key-value engines of both versions, leases,
certificates. It is no real one: none can be built out of modules in the time that a test run has. Written from the
public documentation of Vault's HTTP API (paths, fields, statuses), and served over HTTP where that matters."""

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web

from scaler.errors import LoginError, SourceError
from scaler.sdk.http import Reply
from scaler.sdk.signing import Anonymous, Request, Signer
from scaler.sdk.tls import Tls

Json = dict[str, Any]


@dataclass
class Issued:
    """A token or a lease: it ends, and can be renewed for `life` seconds until it is as old as it may be."""

    until: float
    life: float
    oldest: float
    renewable: bool = True

    def renew(self, now: float) -> float:
        self.until = min(now + self.life, self.oldest)
        return self.until - now


@dataclass
class FakeVault:
    """`secrets` are data by path, `roles` who is let in by role: the JWT, or what `review` makes of it; `denied` are
    paths that no policy allows; `log` is what was asked: (method, path)."""

    now: Callable[[], float]
    secrets: dict[str, Json] = field(default_factory=dict)
    review: Callable[[str], Awaitable[str]] | None = None
    roles: dict[str, str] = field(default_factory=dict)
    dynamic: dict[str, float] = field(default_factory=dict)
    token_life: float = 3600.0
    token_age: float = 86400.0
    lease_age: float = 86400.0
    renewable: bool = True
    down: bool = False
    denied: set[str] = field(default_factory=set)
    namespace: str = ""
    log: list[tuple[str, str]] = field(default_factory=list)
    tokens: dict[str, Issued] = field(default_factory=dict)
    leases: dict[str, Issued] = field(default_factory=dict)
    sent: list[Json] = field(default_factory=list)
    verified: list[bool] = field(default_factory=list)
    _number: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def issue(self, token: str, life: float | None = None) -> None:
        """A token of somebody's making; without a life it never ends."""
        now = self.now()
        self.tokens[token] = Issued(now + life if life else 0.0, life or 0.0, now + self.token_age, self.renewable)

    async def __call__(
        self,
        request: Request,
        *,
        auth: Signer = Anonymous(),  # noqa: B008  # a frozen value
        tls: Tls = Tls(),  # noqa: B008  # as above
        timeout: float = 5.0,
        also: Container[int] = (),
        own: bool = False,
    ) -> Reply:
        if self.down:
            raise SourceError("http://vault.test cannot be reached")
        path = unquote(urlsplit(request.url).path).removeprefix("/v1/")
        self.log.append((request.method, path))
        self.verified.append(tls.verify)
        status, answer = await self.answer(path, dict(request.headers), request.body)
        if status in (401, 403) and status not in also:
            raise LoginError(f"HTTP {status}")
        return Reply(json.dumps(answer).encode(), status)

    async def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Json]:
        """Status and body, after `/v1/`."""
        read = json.loads(body or b"{}")
        if self.review and path.endswith("/login"):
            read["jwt"] = await self.review(read["jwt"])
        return self._answer(path, headers, read)

    def _answer(self, path: str, headers: dict[str, str], body: Json) -> tuple[int, Json]:
        if headers.get("X-Vault-Namespace", "") != self.namespace or headers.get("X-Vault-Request") != "true":
            return 404, {"errors": ["no handler for route"]}
        self.sent.append(body)
        if path.startswith("auth/") and path.endswith("/login"):
            return self._login(body)
        token = self.tokens.get(headers.get("X-Vault-Token", ""))
        if token is None or (token.until and token.until <= self.now()):
            return 403, {"errors": ["permission denied"]}
        if path in self.denied:
            return 403, {"errors": ["permission denied"]}
        match path:
            case "auth/token/lookup-self":
                ttl = max(0, int(token.until - self.now())) if token.until else 0
                return 200, {"data": {"ttl": ttl, "renewable": token.renewable and bool(token.until)}}
            case "auth/token/renew-self" if token.renewable and token.until:
                return 200, {"auth": self._auth(headers["X-Vault-Token"], token.renew(self.now()))}
            case "auth/token/renew-self":
                return 400, {"errors": ["lease is not renewable"]}
            case "sys/leases/renew":
                return self._renewed(body["lease_id"])
        return self._read(path, body)

    def _auth(self, token: str, seconds: float) -> Json:
        return {"client_token": token, "lease_duration": int(seconds), "renewable": self.renewable}

    def _login(self, body: Json) -> tuple[int, Json]:
        if self.roles.get(body["role"]) != body["jwt"]:
            return 403, {"errors": ["permission denied"]}
        token = f"hvs.{next(self._number)}"
        self.issue(token, self.token_life)
        return 200, {"auth": self._auth(token, self.token_life)}

    def _renewed(self, lease: str) -> tuple[int, Json]:
        held = self.leases.get(lease)
        if held is None or held.until <= self.now():
            return 400, {"errors": ["lease not found"]}
        return 200, {"lease_id": lease, "renewable": True, "lease_duration": int(held.renew(self.now()))}

    def _read(self, path: str, body: Json) -> tuple[int, Json]:
        now = self.now()
        if path in self.dynamic:
            number, life = next(self._number), self.dynamic[path]
            lease = f"{path}/{number}"
            self.leases[lease] = Issued(now + life, life, now + self.lease_age)
            answer = {"lease_id": lease, "lease_duration": int(life), "renewable": True}
            return 200, {**answer, "data": {"username": f"user-{number}"}}
        if path.startswith("pki/issue/"):
            number = next(self._number)
            data = {"certificate": f"CERT {number} {body.get('common_name')}", "private_key": f"KEY {number}"}
            return 200, {"data": {**data, "ca_chain": ["CA 1", "CA 2"], "expiration": int(now + 7200)}}
        if path not in self.secrets:
            return 404, {"errors": []}
        return 200, {"lease_id": "", "lease_duration": 2764800, "renewable": False, "data": self.secrets[path]}


@asynccontextmanager
async def over_http(vault: FakeVault) -> AsyncIterator[str]:
    """The same on loopback; yields its URL."""

    async def handle(request: web.Request) -> web.Response:
        path = unquote(request.path).removeprefix("/v1/")
        vault.log.append((request.method, path))
        status, answer = await vault.answer(path, dict(request.headers), await request.read())
        return web.json_response(answer, status=status)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
