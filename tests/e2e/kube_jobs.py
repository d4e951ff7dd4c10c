"""One ScaledJob on the control plane, its Jobs and their pods: what tests do to them and wait for. And an API client
whose answers get lost, and whose watches fall behind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from scaler.errors import ClusterError
from scaler.kubernetes.api import Api, Request
from tests.e2e.kube_objects import Object, condition, jobs, pods, scaled_job, scaled_jobs
from tests.e2e.kube_scene import Scene
from tests.rig.kubelet import RESULT, STARTS

T = TypeVar("T")

LABEL = "scaledjob.keda.sh/name"
ENDINGS = ("Complete", "Failed")


class Work:
    """A ScaledJob that asks for the number of its own name, a Job for each."""

    def __init__(self, scene: Scene, name: str = "work") -> None:
        self.scene, self.kube, self.name, self.namespace = scene, scene.kube, name, scene.namespace

    async def add(self, queue: float | str, **spec: Any) -> Object:
        self.queue(queue)
        return await self.scene.add(scaled_job(self.name, self.scene.asks(self.name, "1"), **spec))

    def queue(self, length: float | str) -> None:
        self.scene.answers[self.name] = length

    async def edit(self, **spec: Any) -> None:
        await self.kube.patch(scaled_jobs(self.namespace, self.name), {"spec": spec})

    async def annotate(self, annotations: Mapping[str, str | None]) -> None:
        await self.kube.patch(scaled_jobs(self.namespace, self.name), {"metadata": {"annotations": dict(annotations)}})

    async def polls(self, count: int = 2) -> None:
        await self.scene.polls(self.name, count)

    # ----------------------------------------------------------------------------------------------- what is waited for

    async def until(self, holds: Callable[[list[Object]], Any]) -> list[Object]:
        """Its Jobs, as soon as that holds of them."""
        try:
            listed = await self.kube.until(jobs(self.namespace), lambda found: bool(holds(self._mine(found))))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.scene.daemon.said()[-4000:]}") from None
        return self._mine(listed)

    async def running(self, count: int) -> list[Object]:
        """Those that have not ended, as soon as there are so many."""
        return [one for one in await self.until(lambda found: len(unended(found)) == count) if not ending(one)]

    async def stays(self, count: int, seconds: float = 3.0) -> None:
        """So many have not ended, and no more are made."""

        async def so() -> bool:
            return len(unended(self._mine(await self.kube.get(jobs(self.namespace))))) == count

        await self.scene.stay(f"{count} jobs run", so, seconds)

    async def told(self, type_: str, status: str, reason: str = "", says: str = "") -> Object:
        def holds(found: Object) -> bool:
            its = condition(found, type_)
            return its[0] == status and reason in ("", its[1]) and says in its[2]

        try:
            return await self.kube.until(scaled_jobs(self.namespace, self.name), holds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.scene.daemon.said()[-4000:]}") from None

    async def events(self, *wanted: str) -> list[tuple[str, str]]:
        return await self.scene.events(self.name, *wanted, kind="ScaledJob")

    # ------------------------------------------------------------------------------------------------------- its pods

    async def end(self, job: Object, result: str = "succeeded") -> None:
        """Its pod ends like that, and the job with it; it may be deleted for it."""
        name = job["metadata"]["name"]
        await self._label(name, {RESULT: result})
        await self.until(lambda mine: name not in names(unended(mine)))

    async def start(self, job: Object) -> None:
        """Its pod, which was kept pending, runs."""
        await self._label(job["metadata"]["name"], {STARTS: None})

    async def _label(self, job: str, labels: Mapping[str, str | None]) -> None:
        def of(found: Object) -> list[Object]:
            return [one for one in found["items"] if one["metadata"]["labels"].get("job-name") == job]

        listed = await self.kube.until(pods(self.namespace), lambda found: bool(of(found)))
        for pod in of(listed):
            where = pods(self.namespace, pod["metadata"]["name"])
            await self.kube.patch(where, {"metadata": {"labels": dict(labels)}})

    def _mine(self, found: Object) -> list[Object]:
        return [one for one in found["items"] if (one["metadata"].get("labels") or {}).get(LABEL) == self.name]


def ending(job: Object) -> str:
    """Complete, Failed, or nothing while it has not ended."""
    held = {one["type"] for one in job.get("status", {}).get("conditions") or () if one["status"] == "True"}
    return next((one for one in ENDINGS if one in held), "")


def unended(found: list[Object]) -> list[Object]:
    return [one for one in found if not ending(one)]


def names(found: list[Object]) -> set[str]:
    return {one["metadata"]["name"] for one in found}


class Faults:
    """What goes wrong with jobs: while `lost`, they are made and nobody hears of it; unless `heard` is set, what a
    watch tells waits."""

    def __init__(self) -> None:
        self.lost = False
        self.heard = asyncio.Event()
        self.heard.set()


class FaultyApi(Api):
    """The daemon's own client, with faults that may come and go."""

    def __init__(self, *given: Any, faults: Faults) -> None:
        super().__init__(*given)
        self.faults = faults

    async def send(self, request: Request, as_: type[T]) -> T:
        answer = await super().send(request, as_)
        if self.faults.lost and request.method == "POST" and request.path.endswith("/jobs"):
            raise ClusterError("the API server did not answer in 10 s")
        return answer

    @asynccontextmanager
    async def watch(self, path: str, *, within: float, **parameters: str) -> AsyncIterator[AsyncIterator[bytes]]:
        async with super().watch(path, within=within, **parameters) as lines:
            yield self._told(lines) if path.endswith("/jobs") else lines

    async def _told(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for line in lines:
            await self.faults.heard.wait()
            yield line
