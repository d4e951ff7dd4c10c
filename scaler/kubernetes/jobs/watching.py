"""Jobs and their pods, kept current on every replica: jobs while there are ScaledJobs, pods while one of those counts
what is pending. A cluster without ScaledJobs is not asked for either, and the rights to see them are not missed."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Generic

from scaler.errors import ClusterError
from scaler.kubernetes.api import Api
from scaler.kubernetes.cache import Cache, Key, T, key_of
from scaler.kubernetes.index import Index
from scaler.kubernetes.jobs.counting import HEED_PENDING
from scaler.kubernetes.jobs.kinds import JOB, JobKind
from scaler.kubernetes.jobs.objects import JOB_LABEL, Job, JobPod
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.watch import Watch

SOON = 5.0
"""Seconds for which who wants to see jobs waits until they are listed."""

_LABELLED = {"labelSelector": JOB_LABEL}


class JobWatches:
    """`scaled_jobs` says whether anything is watched, `places` are the namespaces that are (empty: all of them).
    `run` is their life."""

    def __init__(self, api: Api, scaled_jobs: Cache[Custom], places: Iterable[str], kind: JobKind = JOB) -> None:
        self.kind = kind
        self.jobs: Cache[Job] = Cache()
        self.pods: Cache[JobPod] = Cache()
        self._owned = Index(self.jobs, lambda job: job.scaled_job or None)
        self._of_jobs = Index(self.pods, lambda pod: pod.job or None)
        self._keepers = (
            _Kept(self.jobs, [_watch(api, kind.path(one), self.jobs, Job, one) for one in places]),
            _Kept(self.pods, [_watch(api, _pods(one), self.pods, JobPod, one) for one in places]),
        )
        self._there: set[Key] = set()
        self._heeding: set[Key] = set()
        scaled_jobs.listen(self._heed)

    def of(self, namespace: str, scaled_job: str) -> tuple[Job, ...]:
        """The jobs of a ScaledJob, by their label, ended or not."""
        return self._owned.on(namespace, scaled_job)

    def pods_of(self, job: Job) -> tuple[JobPod, ...]:
        return self._of_jobs.on(job.metadata.namespace, job.metadata.uid)

    async def listed(self, *, pods: bool) -> None:
        """Returns when all jobs, and the pods where they are wanted, have been listed once. Raises `ClusterError` when
        they still cannot be seen after a moment: what cannot be seen does not count as none."""
        for keeper in self._keepers if pods else self._keepers[:1]:
            try:
                async with asyncio.timeout(SOON):
                    await keeper.listed.wait()
            except TimeoutError:
                raise ClusterError(f"its jobs cannot be seen: {keeper.problem()}") from None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for keeper in self._keepers:
                tasks.create_task(keeper.run())

    def _heed(self, before: Custom | None, now: Custom | None) -> None:
        if (one := now or before) is None:
            return
        key = key_of(one)
        self._there.discard(key)
        self._heeding.discard(key)
        if now is not None:
            self._there.add(key)
            if _heeds_pending(now):
                self._heeding.add(key)
        jobs, pods = self._keepers
        jobs.want(so=bool(self._there))
        pods.want(so=bool(self._heeding))


class _Kept(Generic[T]):
    """Watches into one cache that live while they are wanted; after that the cache is empty."""

    def __init__(self, cache: Cache[T], made: list[Callable[[], Watch[Any]]]) -> None:
        self._cache, self._made = cache, made
        self._watches: list[Watch[Any]] = []
        self._wanted, self._unwanted = asyncio.Event(), asyncio.Event()
        self.listed = asyncio.Event()

    def want(self, *, so: bool) -> None:
        now, over = (self._wanted, self._unwanted) if so else (self._unwanted, self._wanted)
        now.set()
        over.clear()

    def problem(self) -> str:
        return next((watch.problem for watch in self._watches if watch.problem), "they have not been listed yet")

    async def run(self) -> None:
        while True:
            await self._wanted.wait()
            self._watches = [make() for make in self._made]
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(watch.run(), name=f"watch {watch.path}") for watch in self._watches]
                running.append(tasks.create_task(self._list()))
                await self._unwanted.wait()
                for task in running:
                    task.cancel()
            self.listed.clear()
            for held in self._cache.values():
                self._cache.drop(held.metadata)

    async def _list(self) -> None:
        for watch in self._watches:
            await watch.synced.wait()
        self.listed.set()


def _watch(api: Api, path: str, cache: Cache[T], type_: type[T], namespace: str) -> Callable[[], Watch[Any]]:
    return lambda: Watch(api, path, cache, type_, namespace=namespace, parameters=_LABELLED)


def _pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"


def _heeds_pending(found: Custom) -> bool:
    return (found.spec.get("scalingStrategy") or {}).get("strategy") in HEED_PENDING
