"""What `kubectl apply -k deploy/…` puts into a cluster, and who the daemon is there: its own ServiceAccount with just
the rights that came with it. Its Deployment's pods run nothing on the rig; tests start the daemon beside it."""

import asyncio
from pathlib import Path

from tests.e2e.kube_daemon import NAMESPACE, ROOT
from tests.rig.control_plane import ControlPlane

BASE = ROOT / "deploy" / "base"


async def install(cluster: ControlPlane, overlay: Path = BASE, *, namespace: str = NAMESPACE) -> Path:
    """Apply it; gives the kubeconfig of the daemon's ServiceAccount."""
    rendered = await cluster.kubectl("kustomize", str(overlay))
    assert rendered.code == 0, rendered.err
    applied = await cluster.kubectl("apply", "--server-side", "-f", "-", stdin=rendered.out)
    assert applied.code == 0, applied.err
    token = await cluster.token(namespace, "event-scaler")
    return cluster.kubeconfig_for_token(token, namespace=namespace)


def installed(cluster: ControlPlane, overlay: Path = BASE, *, namespace: str = NAMESPACE) -> Path:
    """The same, where there is no event loop."""
    return asyncio.run(install(cluster, overlay, namespace=namespace))
