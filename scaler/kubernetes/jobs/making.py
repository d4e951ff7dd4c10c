"""Makes jobs, each once. Every job of a ScaledJob has a number, its name follows from it, and number 8 is not tried
before it is known that 7 is there. So whoever tries again (because an answer was lost, because the watch is behind,
because another daemon leads now) tries a name that is taken, and finds the job: what is seen of them may be old, but
never lacks one in the middle."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from scaler.errors import ClusterError, Conflict, NotFound
from scaler.kubernetes.api import Api
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.jobs.kinds import JobKind
from scaler.kubernetes.jobs.manifest import job_of, name_of
from scaler.kubernetes.jobs.objects import Job
from scaler.kubernetes.objects import Custom

LONGEST = 5.0
"""Seconds after which no further job is begun with: less than a write to the cluster may take."""


@dataclass(frozen=True, slots=True)
class Made:
    """`count` are new. The `problem` kept the rest from being made; without one there are `left` for want of time."""

    count: int
    problem: ClusterError | None = None
    left: int = 0


@dataclass(slots=True)
class _Numbers:
    """Of one ScaledJob: the highest of a job that is there or was, and the one of which the answer was not heard."""

    highest: int = 0
    unheard: int = 0


class Maker:
    """`api` is fenced; what was made goes into the cache, so that the next decision counts it."""

    def __init__(self, api: Api, cache: Cache[Job], version: str) -> None:
        self._api, self._cache, self._version = api, cache, version
        self._numbers: dict[str, _Numbers] = {}

    async def make(self, found: Custom, kind: JobKind, count: int, known: Iterable[Job]) -> Made:
        """So many jobs of that ScaledJob beside the `known` ones, those among them that are found there. What cannot be
        made ends it: the rest waits for the next decision, which counts anew."""
        numbers = self._numbers.setdefault(found.metadata.uid, _Numbers())
        numbers.highest = max(numbers.highest, *(job.number for job in known), 0)
        loop = asyncio.get_running_loop()
        made, end = 0, loop.time() + LONGEST
        for done in range(count):
            if loop.time() >= end:
                return Made(made, left=count - done)
            try:
                made += await self._next(found, kind, numbers)
            except ClusterError as problem:
                return Made(made, problem)
        return Made(made)

    def begin(self) -> None:
        """A new term: what was tried in an earlier one may be another leader's by now."""
        self._numbers.clear()

    def forget(self, uid: str) -> None:
        self._numbers.pop(uid, None)

    async def _next(self, found: Custom, kind: JobKind, numbers: _Numbers) -> bool:
        """Whether it is new; one that was made before without an answer is so when it is found."""
        number = numbers.highest + 1
        again, numbers.unheard = numbers.unheard == number, number
        try:
            manifest = job_of(found, kind, number, self._version)
            job, new = await self._api.create(kind.path(found.metadata.namespace), manifest, Job), True
        except Conflict as conflict:
            job, new = await self._there(found, kind, number, conflict), again
        numbers.highest = number
        self._cache.put(job, own=True)
        return new and job.number == number and not job.metadata.deletion_timestamp

    async def _there(self, found: Custom, kind: JobKind, number: int, conflict: Conflict) -> Job:
        """What has the name already; where nothing has it, it was something else that the API server minded."""
        meta = found.metadata
        try:
            return await self._api.get(kind.path(meta.namespace, name_of(meta.name, meta.uid, number)), Job)
        except NotFound:
            raise ClusterError(str(conflict)) from None
