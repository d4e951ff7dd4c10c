"""To whom the API server shows objects before it keeps them: the admission webhook's Service, led to one replica or to
nobody, and what `kubectl apply` then says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import yaml

from tests.e2e.kube_daemon import LOOK, NAMESPACE, KubeDaemon
from tests.e2e.kube_objects import Object
from tests.rig.control_plane import ControlPlane, Said
from tests.rig.kube_client import KubeClient, path
from tests.rig.process import free_ports

SERVICE, CONFIGURATION = "keda-admission-webhooks", "keda-admission"
SLICE = path("discovery.k8s.io/v1", "endpointslices", NAMESPACE, SERVICE)
WEBHOOKS = path("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", "", CONFIGURATION)
DENIED = "denied the request"
PATIENCE = 30.0


def _slice(address: str, port: int) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": SERVICE, "labels": {"kubernetes.io/service-name": SERVICE}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }


class Asked:
    """Says who is asked. A probe in the namespace tells when the API server does so: it watches all this itself."""

    def __init__(self, cluster: ControlPlane, kube: KubeClient, namespace: str) -> None:
        self._cluster, self._kube, self._namespace = cluster, kube, namespace

    async def apply(self, *manifests: Object, dry_run: bool = False) -> Said:
        flags = ("--dry-run=server",) if dry_run else ()
        given = yaml.safe_dump_all(manifests)
        return await self._cluster.kubectl("apply", "-n", self._namespace, *flags, "-f", "-", stdin=given)

    async def lead(self, daemon: KubeDaemon) -> None:
        """Returns when it is asked."""
        await self._put(daemon.webhook_port)
        await self._until(denied=True)

    async def lead_nowhere(self) -> None:
        """Nobody listens there."""
        [port] = free_ports(1)
        await self._put(port)
        await self._until(denied=False)

    async def _put(self, port: int) -> None:
        await self._kube.delete(SLICE)
        await self._kube.create(SLICE.rpartition("/")[0], _slice(self._cluster.address, port))

    async def _until(self, *, denied: bool) -> None:
        said = Said(0, "", "")
        try:
            async with asyncio.timeout(PATIENCE):
                while (DENIED in (said := await self.apply(_probe(), dry_run=True)).err) != denied:  # noqa: ASYNC110
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            raise AssertionError(f"the API server went on with {said}") from None


def _probe() -> Object:
    """Always refused."""
    cpu = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "50"}}
    spec = {"scaleTargetRef": {"name": "nobody"}, "triggers": [cpu]}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "probe"}, "spec": spec}


@asynccontextmanager
async def asked(cluster: ControlPlane, kube: KubeClient, namespace: str) -> AsyncIterator[Asked]:
    """Afterwards it is nobody again."""
    try:
        yield Asked(cluster, kube, namespace)
    finally:
        await kube.delete(SLICE)
