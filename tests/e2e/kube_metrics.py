"""Asking for external metrics: past the API server, at the daemon's own TLS port, as whoever one likes to be."""

import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp
import msgspec

from tests.e2e.kube_daemon import API_SERVICE, METRICS, KubeDaemon
from tests.rig.certificates import Pair
from tests.rig.control_plane import ControlPlane

SERVICE = "event-scaler-metrics-apiserver.event-scaler.svc"
NAME = "scaledobject.keda.sh/name"


class Reply(NamedTuple):
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def reason(self) -> str:
        """What a `Status` says; nothing else may come instead of a metric."""
        said = self.json
        assert (said["kind"], said["apiVersion"], said["status"]) == ("Status", "v1", "Failure"), said
        assert said["code"] == self.status
        return str(said["reason"])

    @property
    def message(self) -> str:
        return str(self.json["message"])

    @property
    def value(self) -> str:
        """Of the one metric."""
        assert self.status == 200, self.body
        [item] = self.json["items"]
        return str(item["value"])


def metric(namespace: str, name: str, of: str = "", **query: str) -> str:
    """Where the metric of that name is, of that ScaledObject."""
    asked = {"labelSelector": f"{NAME}={of}", **query} if of else query
    return f"{METRICS}/namespaces/{namespace}/{name}" + (f"?{urlencode(asked)}" if asked else "")


async def bundle(cluster: ControlPlane) -> str:
    """Whom the API server trusts to be the metrics API, in PEM."""
    async with cluster.client() as kube:
        found = await kube.get(API_SERVICE)
    return base64.b64decode(found["spec"].get("caBundle", "")).decode()


class Direct:
    """Connections to one replica that show the same certificate, or none."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def get(self, path: str, headers: Mapping[str, str] | None = None, *, token: str = "") -> Reply:
        sent = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        async with self._session.get(self._url + path, headers=sent, server_hostname=SERVICE) as reply:
            return Reply(reply.status, await reply.read())


@asynccontextmanager
async def direct(cluster: ControlPlane, daemon: KubeDaemon, pair: Pair | None = None) -> AsyncIterator[Direct]:
    """Believes that it is the metrics API just as the API server does."""
    context = ssl.create_default_context(cadata=await bundle(cluster))
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=15)) as session:
        yield Direct(session, f"https://{cluster.address}:{daemon.metrics_port}")


async def through(cluster: ControlPlane, path: str, token: str) -> Reply:
    """Through the API server, by a ServiceAccount's token."""
    context = ssl.create_default_context(cadata=cluster.ca)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        session.get(cluster.server + path, headers=headers) as reply,
    ):
        return Reply(reply.status, await reply.read())
