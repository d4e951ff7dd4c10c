"""Reviews as the API server sends them, and who answers them in tests: a webhook on loopback, and what the cluster
knows."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import msgspec

from scaler import catalog
from scaler.errors import ClusterError
from scaler.manifests.admission import Findings
from scaler.manifests.kinds import KINDS, SCALED_OBJECT, Kind
from scaler.manifests.scaled_object import ScaledObjectSpec
from scaler.manifests.watched import Manifest
from scaler.web.admission.counts import Validations
from scaler.web.admission.endpoint import Webhook, path_of, routes
from scaler.web.server import listening

Json = dict[str, Any]

CRON = {
    "type": "cron",
    "metadata": {"timezone": "UTC", "start": "0 8 * * *", "end": "0 18 * * *", "desiredReplicas": "5"},
}
SPEC: Json = {"scaleTargetRef": {"name": "worker"}, "triggers": [CRON]}
WRONG: Json = {**SPEC, "minReplicaCount": 5, "maxReplicaCount": 3}
KIND = {kind.kind: kind for kind in KINDS}


def scaled(spec: Json | None = None, **metadata: Any) -> Json:
    meta = {"name": "orders", "namespace": "shop", **metadata}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": meta, "spec": spec or SPEC}


def review(body: Any, before: Any = None, *, kind: Kind = SCALED_OBJECT, **request: Any) -> Json:
    """A creation, or an update of what was there `before`."""
    asked = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "resource": {"group": kind.group, "version": kind.version, "resource": kind.plural},
        "name": "orders",
        "namespace": "shop" if kind.namespaced else "",
        "operation": "CREATE" if before is None else "UPDATE",
        "userInfo": {"username": "admin", "groups": ["system:authenticated"]},
        "object": body,
        "oldObject": before,
        "dryRun": False,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
        **request,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}


class Around:
    """What the cluster knows: `told` of each ScaledObject, unless it cannot be asked (`problem`), or does not answer
    (`hangs`)."""

    def __init__(self) -> None:
        self.told, self.problem, self.hangs = Findings(), "", False
        self.asked: list[tuple[Manifest, ScaledObjectSpec, bool]] = []
        self._arrived = asyncio.Event()

    async def until(self, count: int) -> None:
        """Returns when it was asked as often."""
        while len(self.asked) < count:
            self._arrived.clear()
            await self._arrived.wait()

    async def findings(self, manifest: Manifest, spec: ScaledObjectSpec, dry_run: bool) -> Findings:
        self.asked.append((manifest, spec, dry_run))
        self._arrived.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.problem:
            raise ClusterError(self.problem)
        return self.told


class Said(NamedTuple):
    """`body` is the answer's response, or a Status."""

    status: int
    body: Json

    @property
    def refused(self) -> str:
        assert (self.status, self.body["allowed"]) == (200, False), self.body
        assert {name: self.body["status"][name] for name in ("code", "reason")} == {"code": 403, "reason": "Forbidden"}
        return str(self.body["status"]["message"])

    @property
    def allowed(self) -> list[str]:
        """With these warnings."""
        assert (self.status, self.body["allowed"]) == (200, True), self.body
        assert "status" not in self.body
        return list(self.body.get("warnings", ()))

    @property
    def error(self) -> str:
        """Of whom is not answered."""
        assert (self.status, self.body["kind"], self.body["code"]) == (self.body["code"], "Status", self.status)
        return str(self.body["message"])


class Served:
    def __init__(self, session: aiohttp.ClientSession, url: str, around: Around, validations: Validations) -> None:
        self.session, self.url, self.around, self.validations = session, url, around, validations
        self.unready = ""

    async def ask(self, sent: Any, kind: Kind = SCALED_OBJECT) -> Said:
        """What is sent is JSON already, or becomes it."""
        content = sent if isinstance(sent, bytes) else msgspec.json.encode(sent)
        async with self.session.post(f"{self.url}{path_of(kind)}", data=io.BytesIO(content)) as reply:
            body = msgspec.json.decode(await reply.read())
            assert reply.headers["Content-Type"] == "application/json"
        if reply.status == 200:
            assert (body["apiVersion"], body["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
            return Said(reply.status, body["response"])
        return Said(reply.status, body)


@asynccontextmanager
async def served(*, strict: bool = False) -> AsyncIterator[Served]:
    around, validations = Around(), Validations()
    made: list[Served] = []
    webhook = Webhook(catalog.find, around.findings, lambda: made[0].unready, validations, strict=strict)
    async with listening("127.0.0.1", 0, routes(webhook)) as (host, port), aiohttp.ClientSession() as session:
        made.append(Served(session, f"http://{host}:{port}", around, validations))
        yield made[0]


def labels(counts: Mapping[tuple[str, ...], float]) -> dict[tuple[str, ...], int]:
    return {key: int(value) for key, value in counts.items()}
