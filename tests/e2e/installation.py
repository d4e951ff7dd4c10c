"""What `kubectl apply -k deploy/…` puts into a cluster, and who the daemon is there: its own ServiceAccount with just
the rights that came with it. Its Deployment's pods run nothing on the rig; tests start the daemon beside it. So that no
write waits for those pods, the admission webhook's Service leads to nobody until a test says to whom."""

import asyncio
from pathlib import Path

import yaml

from scaler.settings import KEDA, PREFIX
from tests.e2e.kube_daemon import NAMESPACE, ROOT
from tests.rig.control_plane import ControlPlane

BASE = ROOT / "deploy" / "base"
ADMISSION = "-admission-webhooks"


async def rendered(cluster: ControlPlane, overlay: Path = BASE) -> str:
    """The manifests, in YAML."""
    said = await cluster.kubectl("kustomize", str(overlay))
    assert (said.code, said.err) == (0, "")
    return said.out


async def settings(cluster: ControlPlane, overlay: Path = BASE) -> dict[str, str]:
    """What its Deployment tells the daemon, without what a process beside it cannot have: the pod's own addresses, and
    a log that tests do not read."""
    objects = yaml.safe_load_all(await rendered(cluster, overlay))
    [deployment] = [one for one in objects if one["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    fields = {variable: field.upper() for field, variable in KEDA.items()}
    told = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    named = {fields.get(name, name.removeprefix(PREFIX)): value for name, value in told.items()}
    return {name: value for name, value in named.items() if name not in ("LISTEN", "LOG_FORMAT")}


async def install(cluster: ControlPlane, overlay: Path = BASE, *, namespace: str = NAMESPACE) -> Path:
    """Apply it; gives the kubeconfig of the daemon's ServiceAccount."""
    manifests = led_to_nobody(await rendered(cluster, overlay))
    applied = await cluster.kubectl("apply", "--server-side", "-f", "-", stdin=manifests)
    assert applied.code == 0, applied.err
    token = await cluster.token(namespace, "event-scaler")
    return cluster.kubeconfig_for_token(token, namespace=namespace)


def led_to_nobody(manifests: str) -> str:
    """The same without the selector of the admission webhook's Service."""
    objects = [one for one in yaml.safe_load_all(manifests) if one]
    for one in objects:
        if one["kind"] == "Service" and one["metadata"]["name"].endswith(ADMISSION):
            del one["spec"]["selector"]
    return yaml.safe_dump_all(objects)


def installed(cluster: ControlPlane, overlay: Path = BASE, *, namespace: str = NAMESPACE) -> Path:
    """The same, where there is no event loop."""
    return asyncio.run(install(cluster, overlay, namespace=namespace))
