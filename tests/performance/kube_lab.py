"""What every measurement on a control plane shares: the daemon as installed and as its own ServiceAccount, a counting
source, one namespace, an HPA as in production; how what was asked of the API server is counted. No figure."""

import asyncio
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.e2e.installation import installed
from tests.e2e.kube_daemon import ACCOUNT, API_SERVICE, KubeDaemon, replica
from tests.e2e.kube_objects import Object, condition, deployment, deployments, hpas, objects
from tests.performance.figure import Figure
from tests.performance.http_source import HttpSource, http_source
from tests.performance.line import run
from tests.rig.control_plane import ControlPlane, Options, Request, control_plane
from tests.rig.kube_client import KubeClient

PRODUCTION = Options(hpa_sync="15s", qps=200, burst=400)
NAMESPACE = "bench"
WORKLOADS, OBJECTS, HPAS = deployments(NAMESPACE), objects(NAMESPACE), hpas(NAMESPACE)
WIDTH = 24
"""Requests under way at once where many objects are made or deleted."""

QUIET = 4.0
"""Seconds without a write of the daemon's after which it has nothing left to write."""

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")
WRITES = frozenset(("create", "update", "patch", "delete", "deletecollection"))
REVIEWS = ("/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lab:
    cluster: ControlPlane
    daemon: KubeDaemon
    source: HttpSource
    kube: KubeClient
    kubeconfig: Path
    """The daemon's."""

    async def make_workloads(self, names: Iterable[str], replicas: int = 0) -> None:
        await together(self.kube.create(WORKLOADS, deployment(name, replicas)) for name in names)

    async def make_objects(self, names: Iterable[str], **spec: Any) -> None:
        await together(self.kube.create(OBJECTS, self.scaled_object(name, **spec)) for name in names)

    async def edit(self, names: Iterable[str], **spec: Any) -> None:
        """Of their objects; a function is asked for what stands there of each name."""

        def own(name: str) -> Object:
            return {"spec": {field: made(name) if callable(made) else made for field, made in spec.items()}}

        await together(self.kube.patch(f"{OBJECTS}/{name}", own(name)) for name in names)

    def scaled_object(self, name: str, *, target: int = 10, mode: str = "", **spec: Any) -> Object:
        """It asks the source for the number of its own name."""
        usual = {"pollingInterval": 30, "cooldownPeriod": 1, "minReplicaCount": 0, "maxReplicaCount": 10}
        triggers = self.triggers(name, target=target)
        return {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": name, "annotations": {"event-scaler.dev/mode": mode} if mode else {}},
            "spec": {"scaleTargetRef": {"name": name}, **usual, "triggers": triggers, **spec},
        }

    def triggers(self, name: str, *, target: int = 10, cached: bool = False) -> list[Object]:
        asks = {"url": f"{self.source.url}/{name}", "valueLocation": "value", "targetValue": str(target)}
        return [{"type": "metrics-api", "metadata": asks, **({"useCachedMetrics": True} if cached else {})}]

    async def settled(self, since: int) -> list[Request]:
        """What the daemon asked the API server for since that mark, as soon as it has stopped writing."""
        mark, last = self.cluster.mark(), time.monotonic()
        while time.monotonic() < last + QUIET:
            await asyncio.sleep(0.5)
            here = self.cluster.mark()
            if any(writes(self.cluster.audit(mark, user=ACCOUNT))):
                last = time.monotonic()
            mark = here
        return self.cluster.audit(since, user=ACCOUNT)


class Usage:
    """CPU of processes since this was made, and their memory now."""

    def __init__(self, *pids: int | None) -> None:
        self._pids = [pid for pid in pids if pid is not None]
        self._began, self._spent = time.monotonic(), self._cpu()

    @property
    def cpu(self) -> float:
        """Seconds."""
        return self._cpu() - self._spent

    @property
    def cores(self) -> float:
        return self.cpu / (time.monotonic() - self._began)

    @property
    def memory(self) -> float:
        """MiB in RAM."""
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids) * PAGE / 2**20

    def _cpu(self) -> float:
        return sum(map(_cpu, self._pids))


def writes(requests: Iterable[Request]) -> list[Request]:
    """Without the Lease's, which is written every two seconds whatever happens; reviews are no writes."""
    return [one for one in requests if one.verb in WRITES and "/leases/" not in one.uri and not is_review(one)]


def is_review(request: Request) -> bool:
    return request.uri.startswith(REVIEWS)


def kinds(requests: Iterable[Request]) -> str:
    """What was asked for, counted: "create events 3,000, patch scaledobjects/status 1,000"."""
    counts = Counter(f"{one.verb} {_kind(one.uri)}" for one in requests)
    return ", ".join(f"{what} {count:,}" for what, count in counts.most_common())


def _kind(uri: str) -> str:
    """The resource and its part."""
    parts = uri.partition("?")[0].strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    return "/".join(part for at, part in enumerate(parts) if at != 1)


async def together(jobs: Iterable[Coroutine[Any, Any, T]], width: int = WIDTH) -> list[T]:
    gate = asyncio.Semaphore(width)

    async def one(job: Coroutine[Any, Any, T]) -> T:
        async with gate:
            return await job

    return await asyncio.gather(*map(one, jobs))


Stage = Callable[[Lab], Awaitable[list[Figure]]]


def measured(stages: Sequence[Stage], **settings: str) -> list[Figure]:
    """One after the other on one control plane, with one daemon that has these settings."""
    with (
        control_plane(PRODUCTION) as cluster,
        http_source(cluster.folder) as source,
        replica(cluster, kubeconfig := installed(cluster), **settings) as daemon,
    ):
        daemon.launch()
        daemon.server.wait()
        return run(_measured(stages, cluster, daemon, source, kubeconfig))


async def _measured(
    stages: Sequence[Stage], cluster: ControlPlane, daemon: KubeDaemon, source: HttpSource, kubeconfig: Path
) -> list[Figure]:
    async with cluster.client() as kube:
        await kube.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        await kube.until(API_SERVICE, lambda found: condition(found, "Available")[0] == "True")
        return await _figures(stages, Lab(cluster, daemon, source, kube, kubeconfig))


async def _figures(stages: Sequence[Stage], lab: Lab) -> list[Figure]:
    """A stage that breaks is the last: those after it build on it. What was measured before stands."""
    found: list[Figure] = []
    for stage in stages:
        began, name = time.monotonic(), stage.__name__.strip("_")
        try:
            found += await stage(lab)
        except Exception as error:
            traceback.print_exc()
            print(lab.daemon.said()[-3000:], file=sys.stderr)
            return [*found, Figure(name, problem=f"broken: {type(error).__name__}")]
        print(f"  {name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
