"""A folder with one ScaledObject and its Deployment, served with real processes; back-offs and looks take moments. What
a test waits for is a condition with a limit, never a time."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from scaler.core.decide import decide
from scaler.core.model import Decision, Mode, Spec, State, Target, Why
from scaler.engine.cluster import Change, Synced
from scaler.manifests.watched import Ref, Watched
from scaler.standalone import procfs
from scaler.standalone.cluster import StandaloneCluster

T = TypeVar("T")

PATIENCE = 10.0
RELOAD = 0.02
RESTS = (0.01, 0.02)


def ref(name: str = "web") -> Ref:
    return Ref("ScaledObject", "default", name)


def watched(name: str = "web", kind: str = "Deployment", mode: Mode = Mode.DIRECT) -> Watched:
    target = Ref(kind, "default", name)
    spec = Spec(name=f"default/{name}", goals=(), mode=mode)
    return Watched(ref(name), spec, (), 30.0, target, frozenset({target}), decide)


def decision(replicas: int | None, **more: Any) -> Decision:
    return Decision(replicas, Why.ABOVE_TARGET, **more)


def scaled_object(name: str = "web", target: str = "web") -> dict[str, Any]:
    triggers = [{"type": "cron", "metadata": {"desiredReplicas": "1"}}]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": {"name": target}, "triggers": triggers},
    }


def deployment(
    command: Sequence[str] = ("sleep", "1000"), name: str = "web", grace: int = 30, **container: Any
) -> dict[str, Any]:
    """`spec_…` arguments belong to the Deployment's spec, the others to its container."""
    spec = {key.removeprefix("spec_"): container.pop(key) for key in list(container) if key.startswith("spec_")}
    pod = {
        "terminationGracePeriodSeconds": grace,
        "containers": [{"name": "worker", "command": list(command), **container}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {**spec, "template": {"metadata": {"labels": {"app": name}}, "spec": pod}},
    }


def secret(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret"}, "stringData": data}


def write(folder: Path, name: str, *documents: Mapping[str, Any] | str) -> None:
    """A file, put in place at once; text stands for itself."""
    new = folder / f".{name}.new"
    new.write_text("\n---\n".join(one if isinstance(one, str) else json.dumps(one) for one in documents))
    new.rename(folder / name)


async def soon(read: Callable[[], T | None]) -> T:
    """What is read, as soon as there is anything."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if (found := await asyncio.to_thread(read)) is not None:
                return found
            await asyncio.sleep(0.005)


async def until(true: Callable[[], object], within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while True:
            if await asyncio.to_thread(lambda: bool(true())):
                return
            await asyncio.sleep(0.005)


def alive(pid: int) -> bool:
    found = procfs.stat(pid)
    return found is not None and found.alive


@dataclass
class Scene:
    """A daemon without an engine: what it was told, and what it does."""

    folder: Path
    cluster: StandaloneCluster
    changes: list[Change] = field(default_factory=list)

    async def apply(self, replicas: int | None, name: str = "web", **more: Any) -> None:
        await self.cluster.apply(watched(name), decision(replicas, **more))

    async def target(self, name: str = "web") -> Target:
        return await self.cluster.seen(watched(name))

    async def sees(self, true: Callable[[Target], bool]) -> Target:
        """The workload, when that is true of it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                if true(target := await self.target()):
                    return target
                await asyncio.sleep(0.005)

    async def ready(self, count: int) -> Target:
        """The workload, when exactly so many workers exist and are ready."""
        return await self.sees(lambda target: target.ready == target.exists == count)

    @property
    def pids(self) -> dict[str, int]:
        """The processes by worker, as usage would be asked of them."""
        usage = self.cluster.sources()["cpu"]
        return {one.name: one.group for one in usage.running(Ref("Deployment", "default", "web"))}  # type: ignore[attr-defined]  # LocalUsage

    def log(self, worker: str) -> str:
        path = self.folder / ".scaler" / "logs" / f"default.{worker}.log"
        return path.read_text() if path.exists() else ""

    def saved(self, name: str) -> Any:
        path = self.folder / ".scaler" / name
        return json.loads(path.read_bytes()) if path.exists() else {"deployments": {}, "files": {}}

    @property
    def shown(self) -> Any:
        """The Deployment in the status file."""
        return self.saved("status.json")["deployments"].get("default/web", {})

    @property
    def recorded(self) -> Any:
        """The Deployment's workers in the state file."""
        return self.saved("state.json")["deployments"].get("default/web", {}).get("workers", [])


@asynccontextmanager
async def serving(folder: Path, **options: Any) -> AsyncIterator[Scene]:
    """A daemon that leads and follows the folder."""
    options = {"reload": RELOAD, "rests": RESTS, **options}
    async with StandaloneCluster(folder, dict(os.environ), time.time, **options) as cluster, cluster.leadership():
        scene = Scene(folder, cluster)
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(_follow(scene))
            yield scene
            following.cancel()


async def _follow(scene: Scene) -> None:
    async for change in scene.cluster.watch():
        if change != Synced():
            scene.changes.append(change)


STATE = State(last_active=17.0, active=True)
