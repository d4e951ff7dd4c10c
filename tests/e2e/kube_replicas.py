"""Two replicas of the daemon on a control plane that a test may hurt. Each has a ServiceAccount of its own, with the
same rights, so that the audit log tells them apart. Looked at is the whole: who leads, who wrote, what moved."""

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.installation import install
from tests.e2e.kube_daemon import ACCOUNT, LOOK, METRICS, NAMESPACE, KubeDaemon, replica
from tests.e2e.kube_objects import Object, deployments, events, hpas, objects
from tests.e2e.kube_scene import WRITES, Scene
from tests.e2e.servers import Numbers, numbers
from tests.rig.control_plane import ControlPlane, Request
from tests.rig.kube_client import KubeClient, path

FIRST, SECOND = "event-scaler", "event-scaler-second"
SHORT = {"LEASE_DURATION": "2.5s", "RENEW_DEADLINE": "1.5s", "RETRY_PERIOD": "0.3s"}
LEASE = path("coordination.k8s.io/v1", "leases", NAMESPACE, "operator.keda.sh")
BINDINGS = ("clusterrolebindings", "rolebindings")
REVIEWS = ("/apis/authentication.k8s.io/", "/apis/authorization.k8s.io/")
AT_ONCE = 32


class Picture(NamedTuple):
    """What a fault must leave as it is: a Deployment's generation counts every change of its replicas, an HPA that is
    made anew has another uid, an event that is posted again has another name."""

    generations: Mapping[str, int]
    hpas: Mapping[str, str]
    events: frozenset[str]


async def accounts(cluster: ControlPlane) -> dict[str, Path]:
    """Install the daemon; gives the kubeconfig of each of its ServiceAccounts."""
    found = {FIRST: await install(cluster)}
    async with cluster.client() as kube:
        kind = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": SECOND}}
        await kube.create(path("v1", "serviceaccounts", NAMESPACE), kind)
        for plural in BINDINGS:
            listed = await kube.get(f"/apis/rbac.authorization.k8s.io/v1/{plural}")
            for binding in listed["items"]:
                await _also_the_second(kube, plural, binding)
    token = await cluster.token(NAMESPACE, SECOND)
    return {**found, SECOND: cluster.kubeconfig_for_token(token, namespace=NAMESPACE)}


async def _also_the_second(kube: KubeClient, plural: str, binding: Object) -> None:
    first = {"kind": "ServiceAccount", "name": FIRST, "namespace": NAMESPACE}
    subjects, meta = binding.get("subjects") or [], binding["metadata"]
    if first in subjects:
        where = path("rbac.authorization.k8s.io/v1", plural, meta.get("namespace", ""), meta["name"])
        await kube.patch(where, {"subjects": [*subjects, first | {"name": SECOND}]})


def user(account: str) -> str:
    """As the audit log calls it."""
    return f"{ACCOUNT.rpartition(':')[0]}:{account}"


class Ground:
    """One test's namespace, and the replicas that serve it and nothing else."""

    def __init__(
        self,
        cluster: ControlPlane,
        kube: KubeClient,
        kubeconfigs: Mapping[str, Path],
        namespace: str,
        source: Numbers,
    ) -> None:
        self.cluster, self.kube, self.kubeconfigs = cluster, kube, kubeconfigs
        self.namespace, self.source = namespace, source
        self.answers = source.answers

    def replica(self, account: str = FIRST, **settings: str) -> AbstractContextManager[KubeDaemon]:
        return replica(self.cluster, self.kubeconfigs[account], name=account, NAMESPACES=self.namespace, **settings)

    @asynccontextmanager
    async def pair(self, **settings: str) -> AsyncIterator[tuple[KubeDaemon, KubeDaemon]]:
        """The first one leads, the second follows."""
        with self.replica(FIRST, **settings) as leader, self.replica(SECOND, **settings) as follower:
            await leader.lead()
            await follower.start()
            assert await self.leader() == leader.name
            yield leader, follower

    def scene(self, daemon: KubeDaemon) -> Scene:
        return Scene(self.cluster, self.kube, daemon, self.namespace, self.source)

    async def crowd(self, pairs: Iterable[tuple[Object, Object]]) -> None:
        """Deployments with their ScaledObjects, as fast as the API server takes them."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(workload: Object, scaled: Object) -> None:
            async with places:
                await self.kube.create(deployments(self.namespace), workload)
                await self.kube.create(objects(self.namespace), scaled)

        async with asyncio.TaskGroup() as tasks:
            for workload, scaled in pairs:
                tasks.create_task(one(workload, scaled))

    # ------------------------------------------------------------------------------------------------------- who leads

    async def leader(self) -> str:
        """The name of the replica that stands in the Lease; empty for none."""
        lease = await self.kube.find(LEASE)
        return str((lease or {}).get("spec", {}).get("holderIdentity") or "").partition("_")[0]

    async def led_by(self, daemon: KubeDaemon, seconds: float = 30.0) -> None:
        async def so() -> bool:
            return await self.leader() == daemon.name

        await daemon.until(so, f"{daemon.name} leads", seconds)

    # ------------------------------------------------------------------------------------------------ what has happened

    async def metric(self, name: str) -> Object:
        """As the HPA asks for the one metric of that object. Raises `KubeError`."""
        selector = f"scaledobject.keda.sh/name={name}"
        return await self.kube.get(f"{METRICS}/namespaces/{self.namespace}/s0-metric-api-value", labelSelector=selector)

    async def picture(self) -> Picture:
        workloads = await self.kube.get(deployments(self.namespace))
        scalers = await self.kube.get(hpas(self.namespace))
        posted = await self.kube.get(events(self.namespace))
        return Picture(
            {one["metadata"]["name"]: one["metadata"]["generation"] for one in workloads["items"]},
            {one["metadata"]["name"]: one["metadata"]["uid"] for one in scalers["items"]},
            frozenset(one["metadata"]["name"] for one in posted["items"] if one["regarding"]["kind"] == "ScaledObject"),
        )

    def writes(self, since: int, *accounts: str, part: str = "") -> list[Request]:
        """By these of our accounts; questions to the API server and attempts at the Lease are none."""
        ours = {user(account) for account in accounts or (FIRST, SECOND)}
        return [one for one in self.cluster.audit(since) if one.user in ours and is_write(one) and part in one.uri]

    def attempts(self, since: int, account: str) -> list[Request]:
        """Its writes, and those at the Lease among them."""
        asked = self.cluster.audit(since, user=user(account))
        return [one for one in asked if is_write(one) or (is_lease(one) and one.verb in WRITES)]

    async def settled(self, seconds: float = 3.0, limit: float = 120.0) -> None:
        """Returns when nobody of ours has written anything for that long."""
        async with asyncio.timeout(limit):
            while True:
                since = self.cluster.mark()
                await asyncio.sleep(seconds)
                if not self.writes(since):
                    return


@asynccontextmanager
async def ground(cluster: ControlPlane, kubeconfigs: Mapping[str, Path], name: str = "") -> AsyncIterator[Ground]:
    """A namespace for the length of the block."""
    name = name or f"test-{secrets.token_hex(4)}"
    async with cluster.client() as kube, numbers() as source:
        await kube.create("/api/v1/namespaces", {"metadata": {"name": name}})
        yield Ground(cluster, kube, kubeconfigs, name, source)
        await kube.delete(f"/api/v1/namespaces/{name}")


def is_write(request: Request) -> bool:
    reviews = request.uri.startswith(REVIEWS)
    return request.verb in WRITES and not reviews and not is_lease(request)


def is_lease(request: Request) -> bool:
    return request.uri.startswith(LEASE.rpartition("/")[0])


def out_of_turn(requests: Iterable[Request], holder: str) -> list[Request]:
    """Writes that were made by another than the last one who wrote himself into the Lease, as `holder` had at first."""
    found = []
    for one in sorted(requests, key=lambda request: request.at):
        if is_lease(one) and one.verb in WRITES and one.code < 300:
            holder = one.user
        elif is_write(one) and one.user != holder:
            found.append(one)
    return found


async def decided(daemon: KubeDaemon) -> set[str]:
    """Names of the objects that it has decided about, since it began to lead."""
    page = (await daemon.get("/metrics"))[1]
    return set(re.findall(r'^event_scaler_decision_info\{.*?scaledObject="([^"]*)"', page, re.MULTILINE))


class Stopwatch:
    """For the bounds that are promised, and for telling what they come to. It runs from the beginning."""

    def __init__(self) -> None:
        self._begun = asyncio.get_running_loop().time()

    @property
    def passed(self) -> float:
        return asyncio.get_running_loop().time() - self._begun


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """It goes on beside the block, and no longer."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        yield task
        task.cancel()


async def until(so: Callable[[], Any], what: str, seconds: float) -> None:
    """For a question that is worth no log."""
    try:
        async with asyncio.timeout(seconds):
            while not so():  # noqa: ASYNC110 - the event is another process's
                await asyncio.sleep(LOOK)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s: {what}") from None


def cpu(pid: int) -> float:
    """Seconds of a processor that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
