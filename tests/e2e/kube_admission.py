"""Who is asked about objects before the API server keeps them, one replica or nobody, and what `kubectl apply` says.

The API server keeps its connection to whom it asks, whatever the Service leads to since: who is not to be asked any
more is stopped."""

import asyncio
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import yaml

from tests.e2e.kube_daemon import LOOK, NAMESPACE, KubeDaemon, replica
from tests.e2e.kube_objects import Object
from tests.rig.control_plane import ControlPlane, Said
from tests.rig.kube_client import path

SERVICE, CONFIGURATION = "keda-admission-webhooks", "keda-admission"
SLICE = path("discovery.k8s.io/v1", "endpointslices", NAMESPACE, SERVICE)
WEBHOOKS = path("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", "", CONFIGURATION)
DENIED = "denied the request"
PATIENCE = 30.0


async def apply(cluster: ControlPlane, namespace: str, *manifests: Object, dry_run: bool = False) -> Said:
    flags = ("--dry-run=server",) if dry_run else ()
    return await cluster.kubectl("apply", "-n", namespace, *flags, "-f", "-", stdin=yaml.safe_dump_all(manifests))


async def lead(cluster: ControlPlane, daemon: KubeDaemon, namespace: str = "default") -> None:
    """The Service leads to that replica. Returns when the API server asks it: it watches all this itself."""
    async with cluster.client() as kube:
        await kube.delete(SLICE)
        await kube.create(SLICE.rpartition("/")[0], _slice(cluster.address, daemon.webhook_port))
    said = Said(0, "", "")
    try:
        async with asyncio.timeout(PATIENCE):
            while DENIED not in said.err:
                await asyncio.sleep(LOOK)
                said = await apply(cluster, namespace, _probe(), dry_run=True)
    except TimeoutError:
        raise AssertionError(f"the API server said {said}\n{daemon.said()[-2000:]}") from None


class Answering:
    """The replica that is asked, beside one that leads."""

    def __init__(self, cluster: ControlPlane, stack: ExitStack) -> None:
        self.cluster, self._stack = cluster, stack
        self._given: dict[str, str] | None = None
        self._block: AbstractContextManager[KubeDaemon] | None = None
        self.daemon: KubeDaemon

    async def ensure(self, **settings: str) -> None:
        """It is there, follows, is asked, and has these settings."""
        if self._given != settings:
            await self.stop()
            self._block = replica(self.cluster, await self._account(), name="event-scaler-asked", **settings)
            self.daemon = self._stack.enter_context(self._block)
            await self.daemon.start()
            await lead(self.cluster, self.daemon)
            self._given = settings

    async def stop(self) -> None:
        """Nobody is, where the Service leads to."""
        self._given = None
        if self._block is not None:
            await self.daemon.stop()

    async def _account(self) -> Path:
        token = await self.cluster.token(NAMESPACE, "event-scaler")
        return self.cluster.kubeconfig_for_token(token, namespace=NAMESPACE)


def _slice(address: str, port: int) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": SERVICE, "labels": {"kubernetes.io/service-name": SERVICE}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }


def _probe() -> Object:
    """Always refused."""
    cpu = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "50"}}
    spec = {"scaleTargetRef": {"name": "nobody"}, "triggers": [cpu]}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "probe"}, "spec": spec}
