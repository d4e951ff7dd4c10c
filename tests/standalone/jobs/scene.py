"""A folder with one ScaledJob, served with real processes. Its Jobs say in `started` that they begin, and end when
there is a file `finish`, with the exit code that is in it."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaler.core.jobs import decide
from scaler.core.model import Decision, JobRules, Jobs, Mode, Spec, State, Target, Why
from scaler.manifests.watched import Ref, Watched
from scaler.standalone import procfs
from tests.standalone.scene import Scene, serving, soon

REF = Ref("ScaledJob", "default", "orders")

WORK = (
    'echo "$EVENT_SCALER_WORKER" >> started; while ! [ -e finish ]; do sleep 0.02; done; code=$(cat finish); '
    "exit ${code:-0}"
)


def watched(rules: JobRules | None = None, mode: Mode = Mode.DIRECT) -> Watched:
    spec = Spec(name=str(REF), goals=(), mode=mode, jobs=rules or JobRules())
    return Watched(REF, spec, (), 30.0, REF, frozenset({REF}), decide)


def scaled_job(
    command: Sequence[str] = ("sh", "-c", WORK), annotations: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    """`spec_…` arguments belong to the ScaledJob's spec, `pod_…` to the pod's, `container_…` to its container, the
    others to the Job's."""
    spec, pod, container = (
        {key.removeprefix(part): more.pop(key) for key in list(more) if key.startswith(part)}
        for part in ("spec_", "pod_", "container_")
    )
    pod = {"containers": [{"name": "worker", "command": list(command), **container}], **pod}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": "orders", "annotations": dict(annotations or {})},
        "spec": {
            "jobTargetRef": {**more, "template": {"spec": pod}},
            "triggers": [{"type": "cron", "metadata": {"desiredReplicas": "1"}}],
            **spec,
        },
    }


@dataclass
class JobScene:
    """A daemon without an engine: what it is told to make, and what becomes of it."""

    scene: Scene
    folder: Path

    async def make(self, create: int, at: float | None = None, rules: JobRules | None = None) -> None:
        """So many Jobs beside those that there are."""
        there = (await self.target()).exists
        await self.apply(decision(there, create, at), rules)

    async def apply(self, made: Decision, rules: JobRules | None = None) -> None:
        await self.scene.cluster.apply(watched(rules), made)

    async def target(self) -> Target:
        return await self.scene.cluster.seen(watched())

    async def sees(self, running: int, pending: int = 0) -> Target:
        """The workload, when so many Jobs have not ended, and nothing runs of so many of them."""
        return await self.when(lambda target: target.jobs == Jobs(running, pending))

    async def when(self, true: Callable[[Target], bool]) -> Target:
        found: list[Target] = []
        while not (found and true(found[-1])):
            found.append(await self.target())
            await soon(lambda: True)
        return found[-1]

    async def counts(self, **wanted: int) -> Mapping[str, int]:
        """The Jobs in the status file, when there are so many of these."""

        def read() -> Mapping[str, int] | None:
            found = self.scene.saved("status.json").get("jobs", {}).get(str(REF), {})
            return found if wanted.items() <= found.items() else None

        return await soon(read)

    def started(self) -> list[str]:
        path = self.folder / "started"
        return path.read_text().split() if path.exists() else []

    def finish(self, code: int = 0) -> None:
        (self.folder / "finish").write_text(str(code))

    def recorded(self) -> list[dict[str, Any]]:
        """The Jobs in the state file."""
        return records(self.folder)

    def processes(self) -> dict[str, int]:
        """The process groups by worker."""
        return {one.worker: one.group for one in procfs.strays(self.folder.resolve())}

    def left(self) -> list[str]:
        """The folders of Jobs."""
        return sorted(path.name for path in (self.folder / ".scaler" / "jobs").glob("*"))


def decision(there: int, create: int, at: float | None = None) -> Decision:
    return Decision(there + create, Why.MORE_JOBS, create=create, state=State(at=at))


def records(folder: Path) -> list[dict[str, Any]]:
    found = json.loads((folder / ".scaler" / "state.json").read_bytes())
    jobs: list[dict[str, Any]] = found["jobs"].get(str(REF), {}).get("jobs", [])
    return jobs


@asynccontextmanager
async def serving_jobs(folder: Path, **options: Any) -> AsyncIterator[JobScene]:
    """A daemon that leads and follows the folder."""
    async with serving(folder, **options) as scene:
        yield JobScene(scene, folder)
