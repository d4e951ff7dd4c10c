"""As much of a kubelet as a control plane's tests need: Pending pods become Running and Ready, and nothing runs.

Pods are not bound to a node, so their deletion waits for nobody. Three labels of a pod, which a test may change at any
time, say otherwise: `rig/starts=false` keeps it pending, `rig/ready=false` unready, `rig/result=succeeded` (or
`failed`) ends it.

`python -m tests.rig.kubelet KUBECONFIG` runs until it is killed, and follows an API server that goes and comes back.
"""

import asyncio
import ipaddress
import itertools
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from tests.rig.kube_client import KubeClient, KubeError, connect, path

READY = "rig/ready"
RESULT = "rig/result"
STARTS = "rig/starts"
FOLLOWING = "following pods"
PODS = "/api/v1/pods"
# Addresses that an EndpointSlice takes; nobody answers there.
NETWORK = "10.244.0.0/16"
PAUSE = 0.5
LOST = (aiohttp.ClientError, KubeError, TimeoutError, ValueError)
# Deleted meanwhile, or changed: then there is another event.
OVERTAKEN = (404, 409)
CONDITIONS = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
Pod = dict[str, Any]


class Kubelet:
    """Follows all pods and writes their status."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._free = itertools.cycle(ipaddress.ip_network(NETWORK).hosts())
        self._addresses: dict[str, str] = {}

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
            except* LOST as lost:
                if not isinstance(lost.exceptions[0], aiohttp.ClientConnectorError):
                    print(f"lost: {lost.exceptions[0]!r}", flush=True)
            await asyncio.sleep(PAUSE)

    async def _follow(self) -> None:
        listing = await self._client.get(PODS)
        async with asyncio.TaskGroup() as tasks:
            for pod in listing["items"]:
                tasks.create_task(self._settle(pod))
            print(FOLLOWING, flush=True)
            async for change, pod in self._client.watch(PODS, since=listing["metadata"]["resourceVersion"]):
                if change == "DELETED":
                    self._addresses.pop(pod["metadata"]["uid"], None)
                else:
                    tasks.create_task(self._settle(pod))

    async def _settle(self, pod: Pod) -> None:
        """One step of a pod; what it changes comes back as an event, and with it the next step."""
        where = pod["metadata"]
        if (status := next_status(pod, datetime.now(UTC))) is None:
            return
        if where["uid"] not in self._addresses:
            self._addresses[where["uid"]] = str(next(self._free))
        address = self._addresses[where["uid"]]
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
        try:
            target = path("v1", "pods", where["namespace"], where["name"], part="status")
            await self._client.patch(target, {"status": status})
        except KubeError as error:
            if error.status not in OVERTAKEN:
                raise


def next_status(pod: Pod, now: datetime) -> dict[str, Any] | None:
    """What is to be written to this pod's status, or None if it is as it should be."""
    labels = pod["metadata"].get("labels") or {}
    status = pod.get("status") or {}
    phase = status.get("phase", "Pending")
    ready = labels.get(READY) != "false"
    if phase == "Pending" and labels.get(STARTS) == "false":
        return None
    if phase == "Pending":
        return _status(pod, "Running", ready=ready, now=now)
    if phase == "Running" and (result := labels.get(RESULT)):
        return _status(pod, result.capitalize(), ready=False, now=now)
    if phase == "Running" and ready != _is_ready(status):
        return _status(pod, "Running", ready=ready, now=now)
    return None


def _status(pod: Pod, phase: str, *, ready: bool, now: datetime) -> dict[str, Any]:
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    holds = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
    return {
        "phase": phase,
        "startTime": (pod.get("status") or {}).get("startTime", moment),
        "conditions": [{"type": name, "status": str(holds[name]), "lastTransitionTime": moment} for name in CONDITIONS],
        "containerStatuses": list(_containers(pod, phase, ready=ready, moment=moment)),
    }


def _containers(pod: Pod, phase: str, *, ready: bool, moment: str) -> Iterator[dict[str, Any]]:
    state: dict[str, Any] = {"running": {"startedAt": moment}}
    if phase != "Running":
        code = int(phase == "Failed")
        reason = "Error" if code else "Completed"
        state = {"terminated": {"exitCode": code, "reason": reason, "startedAt": moment, "finishedAt": moment}}
    common = {"imageID": "", "ready": ready, "started": phase == "Running", "restartCount": 0, "state": state}
    for container in pod["spec"]["containers"]:
        yield {"name": container["name"], "image": container["image"], **common}


def _is_ready(status: dict[str, Any]) -> bool:
    conditions = status.get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


async def main(kubeconfig: Path) -> None:
    async with connect(kubeconfig) as client:
        await Kubelet(client).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
