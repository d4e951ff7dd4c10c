"""The Jobs of one ScaledJob: made when a decision says so, each with a number that no other has; kept for a while when
they have ended; ended when their ScaledJob is another one or gone. Nothing is started before it is remembered on the
disk, so that the next daemon, whatever happened to this one, neither forgets a Job nor makes it twice."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from scaler.core.model import Decision, JobRules, Jobs, Mode, Target
from scaler.errors import ClusterError
from scaler.manifests.watched import Ref, Watched
from scaler.standalone.jobs.job import COMPLETE, FAILED, Job, JobSite
from scaler.standalone.jobs.template import JobTemplate
from scaler.standalone.processes import Process
from scaler.standalone.remembered import BatchRecord, JobRecord, SlotRecord

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """A process group that runs for a Job: by its leader's pid and start time (0: there is none). `own` may be what was
    started, the others were begun by that; `led` by a process that is alive."""

    group: int
    started: int
    own: bool
    led: bool


class Counts(NamedTuple):
    """`running` have not ended, `pending` are those of them of which nothing runs; the others are in the history."""

    running: int
    pending: int
    complete: int
    failed: int


class Batch:
    """Everything here happens at once, in the event loop, but for `apply`; what takes time happens in the Jobs' tasks.
    `changed` is told when there is something new to remember or to show; `moved` that Jobs went before their end."""

    def __init__(
        self, ref: Ref, record: BatchRecord, site: JobSite, tasks: asyncio.TaskGroup, changed: Callable[[], None]
    ) -> None:
        self.ref = ref
        self.dismissed = self.moved = False
        self._newest: JobTemplate | None = None
        self._template: JobTemplate | None = None
        self._site, self._tasks, self._tell = site, tasks, changed
        self._closed = False
        self._next = record.next
        self._at: float | None = None
        self._made = 0
        self._jobs = {one.number: self._job(one) for one in record.jobs}

    # -------------------------------------------------------------------------------------------------- what is asked

    def begin(self, running: Mapping[tuple[str, str], Iterable[Found]]) -> Iterator[int]:
        """The Jobs of an earlier daemon go on; `running` are its processes, by Job and by worker. The groups that are
        theirs."""
        for job in self._unended():
            for slot in job.slots:
                found = sorted(running.get((str(job.ref), slot.name), ()), key=lambda one: (not one.led, one.started))
                own = next((one for one in found if one.own), None)
                if own:
                    job.adopt(slot, Process(own.group, own.started))
                job.detached |= any(one is not own for one in found)
                yield from (one.group for one in found)
            self._live(job)

    def follow(self, template: JobTemplate) -> None:
        """The folder says this of the ScaledJob now; whether that can be served is not known yet."""
        self.dismissed, self._newest = False, template
        for job in self._unended():
            if job.generation == template.generation:
                job.follow(template)
            job.retry()
        self._tell()

    async def apply(self, watched: Watched, decision: Decision) -> None:
        """Make the decision true. Raises `ClusterError` where nothing could be made, or not started."""
        rules = watched.spec.jobs
        if rules and watched.spec.mode is not Mode.OBSERVE:
            if self._newest and watched.generation == self._newest.generation:
                self._serve(self._newest, rules, paused=watched.spec.pause.full)
            await self._make(decision)
            if not watched.spec.pause.full:
                self._tidy(rules)
        self._check()

    def dismiss(self) -> None:
        """The ScaledJob is not there any more, and nothing of it shall be."""
        self.dismissed = True
        for job in self._unended():
            job.drop()
        self._forget({job.number for job in self._ended()})

    def close(self, *, leave: bool) -> None:
        """No process is started any more; those that are there end, or go on without this daemon."""
        self._closed = True
        for job in self._unended():
            if leave:
                job.leave()
            else:
                job.stop()

    # -------------------------------------------------------------------------------------------------- what is there

    @property
    def counts(self) -> Counts:
        running = [job for job in self._jobs.values() if job.running]
        ended = [job.outcome for job in self._ended()]
        pending = sum(job.pending for job in running)
        return Counts(len(running), pending, ended.count(COMPLETE), ended.count(FAILED))

    @property
    def target(self) -> Target:
        running, pending, *_ = self.counts
        return Target(running, running, running - pending, jobs=Jobs(running, pending))

    @property
    def empty(self) -> bool:
        return not self._jobs

    @property
    def names(self) -> list[tuple[str, str]]:
        """Namespace and name of each Job."""
        return [(job.ref.namespace, job.ref.name) for job in self._jobs.values()]

    @property
    def record(self) -> BatchRecord:
        """Those that are being dropped are forgotten already: what is left of them, the next daemon ends."""
        return BatchRecord(self._next, tuple(job.record for job in self._jobs.values() if not job.dropped))

    def _ended(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.outcome]

    def _unended(self) -> list[Job]:
        return [job for job in self._jobs.values() if not job.outcome]

    # --------------------------------------------------------------------------------------------------- what is done

    def _serve(self, template: JobTemplate, rules: JobRules, *, paused: bool) -> None:
        """The ScaledJob is this one now: Jobs of another generation are ended, or may come to their end."""
        self._template = template
        old = [job for job in self._unended() if job.generation != template.generation and not job.dropped]
        for job in old:
            if rules.gradual or paused:
                job.follow(template)
            else:
                job.drop(counts=rules.foreground)
        if old and not (rules.gradual or paused):
            self.moved = True
            log.info("%d jobs of an earlier spec are ended", len(old), extra={"scaledJob": str(self.ref)})
            self._tell()

    async def _make(self, decision: Decision) -> None:
        """As many as are decided, beside those that were seen; the same decision again makes no more. Returns when they
        have been started, or could not be."""
        count, template = self._missing(decision), self._template
        if not count or template is None or self._closed:
            return
        made = [self._new(template) for _ in range(count)]
        self._made += count
        recorded = False
        try:
            for job in made:
                await job.remove()  # what an earlier one of its name left would be taken for its own
            recorded = await self._site.record()
        finally:
            if not recorded:
                self._made -= count
                for job in made:
                    self._jobs.pop(job.number, None)
        if not recorded:
            raise ClusterError("no job is made, because the state file cannot be written")
        for job in made:
            self._live(job)
        if not template.waits:
            for job in made:
                await job.tried.wait()

    def _missing(self, decision: Decision) -> int:
        """Never above what was decided to be there then: somebody may have decided twice."""
        at = decision.state.at
        if at is None or at != self._at:
            self._at, self._made = at, 0
        room = decision.create if decision.replicas is None else decision.replicas - self.counts.running
        return max(0, min(decision.create - self._made, room))

    def _new(self, template: JobTemplate) -> Job:
        slots = tuple(SlotRecord() for _ in range(template.needed))
        record = JobRecord(self._next, template.generation, self._site.clock(), slots=slots)
        self._next += 1
        job = self._jobs[record.number] = self._job(record)
        job.follow(template)
        return job

    def _job(self, record: JobRecord) -> Job:
        ref = Ref("Job", self.ref.namespace, f"{self.ref.name}-{record.number}")
        return Job(ref, record, self._site, self._tell)

    def _live(self, job: Job) -> None:
        if self._closed:
            job.stop()
        self._tasks.create_task(self._lived(job), name=f"job {job.ref.name}")

    async def _lived(self, job: Job) -> None:
        await job.run()
        if job.dropped:
            self.moved |= job.counts
            self._forget({job.number})
        self._tell()

    def _tidy(self, rules: JobRules) -> None:
        """Of those that have ended, only the latest are kept, and none longer than it shall be."""
        ended = sorted(self._ended(), key=lambda job: (job.ended or 0.0, job.number))
        now, kept = self._site.clock(), self._template.kept if self._template else None
        going = {job.number for job in ended if kept is not None and now - (job.ended or 0.0) >= kept}
        for outcome, limit in ((COMPLETE, rules.succeeded), (FAILED, rules.failed)):
            held = [job for job in ended if job.outcome == outcome]
            going |= {job.number for job in held[: max(0, len(held) - limit)]}
        self._forget(going)

    def _check(self) -> None:
        """Raises `ClusterError` where a Job cannot be started; the newest knows best."""
        for job in reversed(self._unended()):
            if job.problem and job.running:
                raise ClusterError(f"a job of ScaledJob {self.ref.name} cannot be started: {job.problem}")

    def _forget(self, numbers: Iterable[int]) -> None:
        gone = [job for number in numbers if (job := self._jobs.pop(number, None))]
        if gone:
            self._tell()
            self._tasks.create_task(self._remove(gone), name=f"remove jobs of {self.ref.name}")

    async def _remove(self, gone: Iterable[Job]) -> None:
        """What they left is needed until they are forgotten on the disk, too."""
        if await self._site.record():
            for job in gone:
                await job.remove()
