"""Asking for external metrics: past the API server, at the daemon's own TLS port, as whoever one likes to be."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp
import msgspec

from tests.e2e.kube_daemon import API_SERVICE, LOOK, METRICS, KubeDaemon
from tests.rig.certificates import Pair
from tests.rig.control_plane import ControlPlane
from tests.rig.kube_client import KubeClient

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


class Answers:
    """What came to whoever asked again and again, each with its moment (of the event loop)."""

    def __init__(self) -> None:
        self.all: list[tuple[float, Reply]] = []

    @property
    def bad(self) -> list[tuple[float, Reply]]:
        return [one for one in self.all if one[1].status != 200]

    async def more(self, count: int = 20) -> None:
        """Returns when the last so many that have come since are all good."""
        begun = len(self.all)
        try:
            async with asyncio.timeout(30):
                while not self._good(begun, count):  # noqa: ASYNC110 - what comes is somebody else's
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            raise AssertionError(
                f"no {count} good answers in a row; {len(self.bad)} were bad: {self.bad[-3:]}"
            ) from None

    def _good(self, begun: int, count: int) -> bool:
        since = self.all[begun:]
        return len(since) >= count and all(reply.status == 200 for _, reply in since[-count:])


@asynccontextmanager
async def asking(kube: KubeClient, where: str) -> AsyncIterator[Answers]:
    """An administrator who wants to know it some thirty times a second, through the API server."""
    answers = Answers()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_ask(kube, where, answers))
        yield answers
        task.cancel()


async def _ask(kube: KubeClient, where: str, answers: Answers) -> None:
    loop = asyncio.get_running_loop()
    while True:
        begun = loop.time()
        async with kube.session.get(kube.server + where) as reply:
            answers.all.append((begun, Reply(reply.status, await reply.read())))
        await asyncio.sleep(0.02)


async def shown(cluster: ControlPlane, daemon: KubeDaemon) -> bytes:
    """The certificate that a new connection meets, in DER."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(cluster.address, daemon.metrics_port, ssl=context)
    try:
        found: bytes = writer.get_extra_info("ssl_object").getpeercert(True)
        return found
    finally:
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
