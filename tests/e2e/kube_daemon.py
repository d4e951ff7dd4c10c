"""The daemon as a process on a real control plane, as its Deployment would run it: the same installation, its own
ServiceAccount, the same variables. What tests do with it: start, kill, freeze, look at its pages and its log. Nothing
of what they expect stands here."""

import asyncio
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.rig.control_plane import ControlPlane
from tests.rig.process import Server, free_ports

ROOT = Path(__file__).parents[2]
NAMESPACE = "event-scaler"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:event-scaler"
METRICS = "/apis/external.metrics.k8s.io/v1beta1"
API_SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
LOOK = 0.05
PATIENCE = 30.0


class KubeDaemon:
    """One replica. `kubeconfig` says who it is to the cluster; `settings` are variables without their prefix."""

    def __init__(
        self, cluster: ControlPlane, kubeconfig: Path, settings: Mapping[str, str], *, name: str = "event-scaler-0"
    ) -> None:
        self.cluster, self.name = cluster, name
        self.port, self.metrics_port, self.webhook_port = free_ports(3)
        self.log = cluster.folder / f"{name}-{self.port}.log"
        given = {
            "KUBECONFIG": str(kubeconfig),
            "NAMESPACE": NAMESPACE,
            "LISTEN": f"127.0.0.1:{self.port}",
            "METRICS_LISTEN": f"{cluster.address}:{self.metrics_port}",
            "WEBHOOK_LISTEN": f"{cluster.address}:{self.webhook_port}",
            "POD_IP": cluster.address,
            "POD_NAME": name,
            **settings,
        }
        self.server = Server(
            [sys.executable, "-m", "scaler", "run"],
            log=self.log,
            ready=self._ready,
            environment={f"SCALER_{key}": value for key, value in given.items()} | {"PYTHONPATH": str(ROOT)},
            patience=PATIENCE,
        )

    def launch(self) -> None:
        """Does not wait until it is ready."""
        self.server.launch()

    async def start(self) -> None:
        """Returns when it is ready: it leads and serves everything that was there, or it follows."""
        self.server.launch()
        await asyncio.to_thread(self.server.wait)

    async def lead(self) -> None:
        """Returns when it leads and serves."""
        await self.start()
        await self.until(lambda: "leading lease=" in self.said(), "the daemon leads")

    @property
    def pid(self) -> int:
        assert self.server.pid is not None
        return self.server.pid

    async def stop(self) -> None:
        """SIGTERM."""
        await asyncio.to_thread(self.server.stop)

    def kill(self) -> None:
        """SIGKILL, without a goodbye."""
        self.server.kill()

    def freeze(self) -> None:
        self.server.freeze()

    def thaw(self) -> None:
        self.server.thaw()

    def _ready(self) -> bool:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=2)) as connection:
            try:
                connection.request("GET", "/readyz")
                return connection.getresponse().status == 200
            except (OSError, HTTPException):
                return False

    async def get(self, path: str) -> tuple[int, str]:
        """A page of the plain listener."""
        try:
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as reply:
                return reply.status, await reply.text()
        except aiohttp.ClientError:
            return 0, ""

    async def metric(self, name: str, **labels: str) -> float | None:
        """The sample of that name with (at least) those labels."""
        for family in text_string_to_metric_families((await self.get("/metrics"))[1]):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return None

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def moves(self, name: str) -> list[tuple[int, int]]:
        """Every move of that object (`namespace/name`) that the log tells: (from, to)."""
        found = re.findall(rf"{re.escape(name)} (\d+)→(\d+) ", self.said())
        return [(int(before), int(after)) for before, after in found]

    async def until(self, so: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        """Wait until `so()` is truthy, and give what it gave; fails with the daemon's log."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found = so()
                    found = await found if asyncio.iscoroutine(found) else found
                    if found:
                        return found
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            raise AssertionError(f"not within {seconds:g} s: {what}\n{self.said()[-4000:]}") from None

    async def held(self, so: Callable[[], Any], what: str, seconds: float) -> None:
        """Fails as soon as `so()` is not so, within that time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            found = so()
            found = await found if asyncio.iscoroutine(found) else found
            assert found, f"{what}\n{self.said()[-4000:]}"
            await asyncio.sleep(LOOK)


@contextmanager
def replica(
    cluster: ControlPlane, kubeconfig: Path, *, name: str = "event-scaler-0", **settings: str
) -> Iterator[KubeDaemon]:
    """One that is not started yet; whatever is left of it is ended with the block."""
    made = KubeDaemon(cluster, kubeconfig, settings, name=name)
    try:
        yield made
    finally:
        made.server.stop()
