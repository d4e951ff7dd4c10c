"""A folder with one ScaledJob, served with real processes. Its Jobs say in `started` that they begin, and end when
there is a file `finish`, with the exit code that is in it."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scaler import catalog
from scaler.core.model import Decision, Jobs, Mode, State, Target, Why
from scaler.engine.cluster import Appeared, Changed
from scaler.manifests.bind import Binding, bind
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.standalone import procfs
from tests.standalone.scene import Scene, serving, soon, until, write

REF = Ref("ScaledJob", "default", "orders")

WORK = (
    'echo "$EVENT_SCALER_WORKER" >> started; n=0; until [ -e finish ] || [ $((n = n + 1)) -gt 5000 ]; '
    "do sleep 0.02; done; code=$(cat finish); exit ${code:-0}"
)


async def nothing(ref: Ref) -> Any:
    raise AssertionError(f"nobody needs {ref}")


BINDING = Binding(find=catalog.find, read=nothing, manifest=nothing, mode=Mode.DIRECT)
CRON = {"timezone": "UTC", "start": "0 8 * * *", "end": "0 18 * * *", "desiredReplicas": "1"}


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
            "triggers": [{"type": "cron", "metadata": CRON}],
            **spec,
        },
    }


@dataclass
class JobScene:
    """A daemon without an engine: what it is told to make, and what becomes of it."""

    scene: Scene
    folder: Path

    async def make(self, create: int, at: float | None = None) -> None:
        """So many Jobs beside those that there are."""
        there = (await self.target()).exists
        await self.apply(decision(there, create, at))

    async def apply(self, made: Decision, mode: Mode = Mode.DIRECT) -> None:
        bound = await self.bound()
        await self.scene.cluster.apply(replace(bound, spec=replace(bound.spec, mode=mode)), made)

    async def bound(self) -> Watched:
        """The newest manifest that was told, bound as the engine does."""
        told = await soon(self._told)
        return await bind(told, BINDING)

    async def change(self, document: Mapping[str, Any], apply: bool = True) -> None:
        """Another ScaledJob; what it changes is done when it is bound, with the first decision."""
        before = await soon(self._told)
        write(self.folder, "job.yaml", document)
        await until(lambda: self._told() is not before)
        if apply:
            await self.make(0)

    def _told(self) -> Manifest | None:
        told = (one.manifest for one in reversed(self.scene.changes) if isinstance(one, Appeared | Changed))
        return next((one for one in told if one.ref == REF), None)

    async def target(self) -> Target:
        return await self.scene.cluster.seen(await self.bound())

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
