"""The cluster's port, as far as it is about ScaledJobs: seeing their jobs, and doing what was decided. Whether anything
may be done at all, and what is common to all objects, is known by `cluster`."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from scaler.core.model import Decision, Event, JobRules, Target
from scaler.errors import ClusterError, Conflict, NotFound, NotLeading, Terminating
from scaler.kubernetes.api import Api
from scaler.kubernetes.jobs.counting import HEED_PENDING, seen
from scaler.kubernetes.jobs.making import Maker
from scaler.kubernetes.jobs.objects import Job
from scaler.kubernetes.jobs.steps import Forget, JobStep, Make, RollOut, SeenJobs, steps
from scaler.kubernetes.jobs.watching import JobWatches
from scaler.kubernetes.objects import Custom, Meta
from scaler.kubernetes.writer import Writer
from scaler.logs import Changes
from scaler.manifests.kinds import SCALED_JOB
from scaler.manifests.watched import Ref, Watched

log = logging.getLogger(__name__)

OBJECT = SCALED_JOB.kind

AT_ONCE = 6
"""Jobs that are deleted side by side, of all ScaledJobs: places at the API server are needed for other things, too."""

MOST = 100
"""Jobs of one ScaledJob that a round deletes: what is more waits for the next."""


class ScaledJobs:
    """`api` is fenced; `moved` asks for another look at an object, `version` is told by the jobs' labels."""

    def __init__(
        self, api: Api, watches: JobWatches, writer: Writer, moved: Callable[[Ref], None], *, version: str
    ) -> None:
        self._api, self._watches, self._writer, self._moved = api, watches, writer, moved
        self._kind = watches.kind
        self._maker = Maker(api, watches.jobs, version)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._bound: dict[Ref, tuple[Watched, Custom]] = {}
        self._said: dict[Ref, Changes] = {}
        self._rolling: dict[Ref, tuple[int, str]] = {}

    def begin(self) -> None:
        """This daemon leads from now on; which jobs another leader has made meanwhile is not known here."""
        self._maker.begin()
        self._rolling.clear()

    async def seen(self, watched: Watched) -> Target:
        """Raises `ClusterError` where its jobs cannot be seen: that is not to have none."""
        rules = watched.spec.jobs or JobRules()
        await self._watches.listed(pods=rules.strategy in HEED_PENDING)
        return seen(self._kind, self._of(watched.ref), self._watches.pods_of, rules)

    async def apply(self, watched: Watched, found: Custom, decision: Decision, *, fresh: bool) -> None:
        """The steps, one after the other. That no job can be made is raised when the others are taken: where a quota
        refuses it, deleting the history is what makes room."""
        bound = self._as_bound(watched, found)
        there = SeenJobs(found, bound, self._kind, self._of(watched.ref), fresh=fresh)
        problem: ClusterError | None = None
        for step in steps(watched, there, decision):
            try:
                await self._take(step, watched)
            except (NotLeading, Terminating, Conflict):
                raise
            except ClusterError as error:
                if not isinstance(step, Make):
                    raise
                problem = error
        if problem is not None:
            raise problem

    def forget(self, ref: Ref, meta: Meta) -> None:
        self._bound.pop(ref, None)
        self._said.pop(ref, None)
        self._rolling.pop(ref, None)
        self._maker.forget(meta.uid)

    def _of(self, ref: Ref) -> tuple[Job, ...]:
        return self._watches.of(ref.namespace, ref.name)

    def _as_bound(self, watched: Watched, found: Custom) -> Custom | None:
        """The object when it said what `watched` says; nothing where that was not seen (it will be bound anew)."""
        if found.metadata.generation == watched.generation:
            self._bound[watched.ref] = watched, found
        held = self._bound.get(watched.ref)
        return held[1] if held and held[0].generation == watched.generation else None

    async def _take(self, step: JobStep, watched: Watched) -> None:
        match step:
            case Make():
                await self._make(step, watched.ref)
            case RollOut():
                await self._roll_out(step, watched)
            case Forget():
                await self._clean_up(step, watched.ref)
            case _:
                await self._writer.take(step)

    async def _make(self, step: Make, ref: Ref) -> None:
        """What was made is told as it is, also where it is less than was to be."""
        made = await self._maker.make(step.found, self._kind, step.count, step.known)
        if made.left:
            self._moved(ref)
        if made.count:
            self._writer.post(ref, Event("KEDAJobsCreated", f"Created {made.count} jobs"))
        if isinstance(made.problem, NotLeading):
            raise made.problem
        if self._is_news(ref, "make", made.problem):
            self._writer.post(
                ref, Event("KEDAJobCreateFailed", f"Failed to create a job: {made.problem}", warning=True)
            )
        if made.problem:
            raise made.problem

    async def _roll_out(self, step: RollOut, watched: Watched) -> None:
        """It may take several rounds, and attempts: that it begins and ends is said once."""
        ref, problem = watched.ref, None
        jobs = self._rollout(step, watched)
        try:
            await self._delete(step.jobs[:MOST], "Foreground" if step.foreground else "Background")
        except NotLeading:
            raise
        except ClusterError as error:
            problem = error
        if self._is_news(ref, "rollout", problem):
            sentence = f"Failed to delete {jobs}: {problem}"
            self._writer.post(ref, Event("ScaledJobRolloutCleanupFailed", sentence, warning=True))
        if problem is not None:
            raise problem
        if len(step.jobs) <= MOST:
            self._rolling.pop(ref, None)
            self._writer.post(ref, Event("ScaledJobRolloutCleanupCompleted", f"Deleted {jobs}"))
        self._moved(ref)

    def _rollout(self, step: RollOut, watched: Watched) -> str:
        """What it deletes, in words, as of when it began; that is told here."""
        generation, jobs = self._rolling.get(watched.ref, (-1, ""))
        if generation != watched.generation:
            jobs = f"{len(step.jobs)} jobs of earlier generations"
            self._rolling[watched.ref] = watched.generation, jobs
            self._writer.post(watched.ref, Event("ScaledJobRolloutCleanupStarted", f"Deleting {jobs}"))
        return jobs

    async def _clean_up(self, step: Forget, ref: Ref) -> None:
        """A history that is too long harms nobody: that it could not be cut is said once, and tried again."""
        problem: ClusterError | None = None
        try:
            await self._delete(step.jobs[:MOST], "Background")
        except NotLeading:
            raise
        except ClusterError as error:
            problem = error
        if self._is_news(ref, "history", problem):
            log.warning("jobs that have ended could not be deleted: %s", problem)

    def _is_news(self, ref: Ref, what: str, problem: ClusterError | None) -> bool:
        """Whether there is a problem that was not said already."""
        said = self._said.setdefault(ref, Changes())
        return said.news(what, str(problem) if problem else None) and problem is not None

    async def _delete(self, jobs: Sequence[Job], policy: str) -> None:
        for start in range(0, len(jobs), AT_ONCE):
            some = jobs[start : start + AT_ONCE]
            outcomes = await asyncio.gather(
                *(self._delete_one(job.metadata, policy) for job in some), return_exceptions=True
            )
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome

    async def _delete_one(self, meta: Meta, policy: str) -> None:
        """One that waits for its pods is known to be deleted, so that it is deleted once."""
        path = self._kind.path(meta.namespace, meta.name)
        async with self._places:
            try:
                if await self._api.delete(path, uid=meta.uid, policy=policy):
                    self._watches.jobs.drop(meta, own=True)
                else:
                    self._watches.jobs.put(await self._api.get(path, Job), own=True)
            except (Conflict, NotFound):  # it is another one by now, or none
                return
