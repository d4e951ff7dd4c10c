"""What stands around the metrics API in its tests: the cluster's authorities and certificates, an API server that
reviews what it is told to, and a client with or without a certificate."""

import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from scaler.engine.board import Board
from scaler.errors import ClusterError
from scaler.manifests.watched import Ref
from scaler.web.aggregator import Authentication, Trust
from scaler.web.external_metrics import Leading, MetricsApi, routes
from scaler.web.reviews import ACCESS_REVIEWS, TOKEN_REVIEWS, Reviews
from scaler.web.server import listening_tls
from scaler.web.tls import Certificates
from tests.rig.certificates import Authority, Pair

NOW = 1_700_000_000.0
PROXY = "front-proxy-client"
AS_HPA = {
    "X-Remote-User": "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
    "X-Remote-Group": "system:serviceaccounts",
}


@dataclass
class Reviewer:
    """An API server that reviews: `users` by token, what is `allowed` as (user, namespace, resource). `broken` makes
    every review fail."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    allowed: set[tuple[str, str, str]] = field(default_factory=set)
    reason: str = ""
    broken: bool = False
    posted: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.posted.append((path, body["spec"]))
        if self.broken:
            raise ClusterError("the API server cannot be reached")
        if path == TOKEN_REVIEWS:
            user = self.users.get(body["spec"]["token"])
            return {"status": {"authenticated": user is not None, **({"user": user} if user else {})}}
        assert path == ACCESS_REVIEWS
        asked = body["spec"]["resourceAttributes"]
        allowed = (body["spec"]["user"], asked["namespace"], asked["resource"]) in self.allowed
        return {"status": {"allowed": allowed, **({"reason": self.reason} if self.reason else {})}}

    @property
    def judged(self) -> list[tuple[str, str, str]]:
        """The access reviews, as (user, namespace, resource)."""
        return [
            (spec["user"], spec["resourceAttributes"]["namespace"], spec["resourceAttributes"]["resource"])
            for path, spec in self.posted
            if path == ACCESS_REVIEWS
        ]


class Authorities:
    """The two that a cluster has, as kubeadm makes them, and the one of the serving certificate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.proxies = self.another("front-proxy-ca")
        self.clients = self.another("kubernetes")
        self.servers = self.another("metrics-ca")

    def another(self, name: str, place: str = "") -> Authority:
        (folder := self.folder / (place or name)).mkdir()
        return Authority(folder, name)

    def published(self, **others: str) -> dict[str, str]:
        """What the ConfigMap `extension-apiserver-authentication` holds."""
        return {
            "client-ca-file": self.clients.certificate.read_text(),
            "requestheader-client-ca-file": self.proxies.certificate.read_text(),
            "requestheader-allowed-names": json.dumps([PROXY]),
            "requestheader-username-headers": json.dumps(["X-Remote-User"]),
            "requestheader-uid-headers": json.dumps(["X-Remote-Uid"]),
            "requestheader-group-headers": json.dumps(["X-Remote-Group"]),
            "requestheader-extra-headers-prefix": json.dumps(["X-Remote-Extra-"]),
            **others,
        }

    def proxy(self) -> Pair:
        """The front proxy's, which says nothing of any name but its own."""
        return self.proxies.issue(PROXY, names=())


@dataclass
class Served:
    """A running API and what tests change about it."""

    authorities: Authorities
    reviewer: Reviewer
    trust: Trust | None
    serving: Pair
    board: Board = field(default_factory=Board)
    refreshed: list[tuple[Ref, str]] = field(default_factory=list)
    leads: bool = True
    unready: str = ""
    now: float = NOW
    port: int = 0
    refresh: Callable[[Ref, str], Any] | None = None

    def leading(self) -> Leading | None:
        return Leading(self.board, self._refresh) if self.leads else None

    def certificates(self) -> Certificates:
        authorities = self.trust.authorities if self.trust else b""
        return Certificates(self.serving.certificate.read_text(), self.serving.key.read_text(), authorities)

    def client(self, pair: Pair | None = None, *, checked: bool = True) -> aiohttp.ClientSession:
        """With this certificate; `checked` trusts the serving authority alone."""
        context = ssl.create_default_context(cafile=self.authorities.servers.certificate)
        if not checked:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        return aiohttp.ClientSession(
            f"https://localhost:{self.port}", connector=aiohttp.TCPConnector(ssl=context, limit=1)
        )

    async def _refresh(self, ref: Ref, metric: str) -> None:
        self.refreshed.append((ref, metric))
        if self.refresh is not None:
            await self.refresh(ref, metric)


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Mapping[str, str]


async def got(client: aiohttp.ClientSession, path: str, headers: Any = None, method: str = "GET") -> Answer:
    async with client.request(method, path, headers=headers, allow_redirects=False) as reply:
        text = await reply.text()
        decoded = json.loads(text) if text and "json" in reply.headers.get("Content-Type", "") else text
        return Answer(reply.status, decoded, reply.headers)


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Served]:
    authorities, reviewer = Authorities(folder), Reviewer()
    made = Served(authorities, reviewer, Trust.of(authorities.published()), authorities.servers.issue("metrics"))
    async with Reviews(reviewer.post) as reviews:
        known = Authentication(lambda: made.trust, reviews.token, lambda: made.now)
        api = MetricsApi(known, reviews, made.leading, lambda: made.unready, lambda: made.now)
        async with listening_tls("127.0.0.1", 0, routes(api), made.certificates) as (_, made.port):
            yield made
