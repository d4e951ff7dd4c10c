"""Jobs are watched while there are ScaledJobs, their pods while one of those asks what is pending."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from scaler.errors import ClusterError
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.jobs.objects import JOB_LABEL
from scaler.kubernetes.jobs.watching import SOON, JobWatches
from scaler.kubernetes.objects import Custom
from tests.kubernetes.fake_api import FakeApi
from tests.kubernetes.jobs.scene import JOBS, NAMESPACE, PODS, job, job_manifest, pod_manifest, scaled_job

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class Scene:
    def __init__(self, *places: str) -> None:
        self.api, self.scaled_jobs = FakeApi(), Cache[Custom]()
        self.watches = JobWatches(self.api, self.scaled_jobs, places or (NAMESPACE,))
        self._version = 1

    def put(self, strategy: str = "", name: str = "orders") -> None:
        self._version += 1
        spec: dict[str, Any] = {"scalingStrategy": {"strategy": strategy}} if strategy else {}
        self.scaled_jobs.put(scaled_job(name=name, spec=spec, resource_version=str(self._version)))

    def remove(self, name: str = "orders") -> None:
        found = self.scaled_jobs.get(NAMESPACE, name)
        assert found is not None
        self.scaled_jobs.drop(found.metadata)

    @property
    def asked(self) -> list[str]:
        return sorted({one.path for one in self.api.requests})

    @property
    def names(self) -> list[str]:
        return [one.metadata.name for one in self.watches.of(NAMESPACE, "orders")]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.watches.run())
        await asyncio.sleep(0.1)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_without_scaled_jobs_nothing_is_asked_for() -> None:
    scene = Scene()
    async with scene.running():
        await asyncio.sleep(60)
    assert scene.asked == []


async def test_jobs_by_their_label_and_pods_where_they_are_needed() -> None:
    scene = Scene()
    scene.put()
    async with scene.running():
        await scene.watches.listed(pods=False)
        assert scene.asked == [JOBS]
        assert {one.parameters["labelSelector"] for one in scene.api.requests} == {JOB_LABEL}
        scene.put("accurate", "other")
        await asyncio.sleep(0.1)
        await scene.watches.listed(pods=True)
        assert scene.asked == [PODS, JOBS]
        scene.remove("other")
        scene.put("eager")
        await asyncio.sleep(0.1)
        await scene.watches.listed(pods=True)


async def test_the_last_that_asks_for_pods_ends_their_watch() -> None:
    """However it comes to ask no more: it changes its mind, or goes."""
    scene = Scene()
    scene.put("accurate", "one")
    scene.put("eager", "other")
    scene.put(name="third")
    scene.api.put(f"{PODS}/p", pod_manifest("p", "a"))
    async with scene.running():
        await scene.watches.listed(pods=True)
        scene.put("accurate", "one")
        scene.put("default", "one")
        await asyncio.sleep(0.1)
        assert len(scene.watches.pods) == 1
        scene.remove("other")
        await asyncio.sleep(0.1)
        assert len(scene.watches.pods) == 0
        assert scene.watches._keepers[0].listed.is_set(), "jobs are watched on"


async def test_all_namespaces_or_some() -> None:
    for places, paths in (
        (("",), ["/api/v1/pods", "/apis/batch/v1/jobs"]),
        (("shop", "b"), [PODS.replace("shop", "b"), PODS, JOBS.replace("shop", "b"), JOBS]),
    ):
        scene = Scene(*places)
        scene.put("eager")
        async with scene.running():
            await scene.watches.listed(pods=True)
            assert scene.asked == sorted(paths)


async def test_jobs_and_pods_are_found_by_whose_they_are() -> None:
    scene = Scene()
    scene.api.put(f"{JOBS}/a", job_manifest("a"))
    scene.api.put(f"{JOBS}/b", job_manifest("b", labels={JOB_LABEL: "others"}))
    scene.api.put(f"{PODS}/a-1", pod_manifest("a-1", "a", "Running"))
    scene.put("eager")
    async with scene.running():
        await scene.watches.listed(pods=True)
        assert scene.names == ["a"]
        assert [one.metadata.name for one in scene.watches.pods_of(scene.watches.of(NAMESPACE, "orders")[0])] == ["a-1"]
        scene.api.put(f"{JOBS}/c", job_manifest("c"))
        scene.api.remove(f"{JOBS}/a")
        await asyncio.sleep(0.1)
        assert scene.names == ["c"]
        assert scene.watches.pods_of(job("c")) == ()


async def test_when_the_last_scaled_job_goes_the_watch_ends_and_begins_anew_with_the_next() -> None:
    scene = Scene()
    scene.api.put(f"{JOBS}/a", job_manifest("a"))
    scene.put()
    async with scene.running():
        await scene.watches.listed(pods=False)
        scene.remove()
        await asyncio.sleep(0.1)
        assert scene.names == []
        scene.api.remove(f"{JOBS}/a")
        scene.api.put(f"{JOBS}/b", job_manifest("b"))
        asked = len(scene.api.requests)
        await asyncio.sleep(600)
        assert len(scene.api.requests) == asked
        scene.put()
        await asyncio.sleep(0.1)
        await scene.watches.listed(pods=False)
        assert scene.names == ["b"]


async def test_jobs_that_cannot_be_seen_are_not_none() -> None:
    scene = Scene()
    scene.api.watchable = False
    scene.put()
    async with scene.running():
        begun = asyncio.get_running_loop().time()
        with pytest.raises(ClusterError, match=r"its jobs cannot be seen: WATCH .*jobs: not allowed"):
            await scene.watches.listed(pods=False)
        assert asyncio.get_running_loop().time() == pytest.approx(begun + SOON, abs=0.01)
        scene.api.watchable = True
        await asyncio.sleep(20)
        await scene.watches.listed(pods=False)


async def test_before_they_are_listed_who_asks_waits() -> None:
    scene = Scene()
    scene.put()
    waiting = asyncio.create_task(scene.watches.listed(pods=False))
    await asyncio.sleep(1)
    assert not waiting.done()
    async with scene.running():
        await waiting
