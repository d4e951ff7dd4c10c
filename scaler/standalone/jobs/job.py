"""One Job's life: its processes are started, again when they fail and as long as they may, ended when they shall; in
the end it is Complete or Failed. A process is one *slot* of the Job, each start of it an *attempt* with a number. What
is known of them survives the daemon: a process by the mark in its environment, its end by the file of its attempt."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scaler.manifests.watched import Ref
from scaler.standalone.jobs.ends import Ends
from scaler.standalone.jobs.slot import Slot
from scaler.standalone.jobs.template import READY, JobTemplate
from scaler.standalone.processes import Launch, Process, end
from scaler.standalone.remembered import JobRecord
from scaler.standalone.worker import GRACE

log = logging.getLogger(__name__)

COMPLETE, FAILED = "Complete", "Failed"


@dataclass(frozen=True, slots=True)
class JobSite:
    """What all Jobs of a folder share: how the process of a (job, slot) is started, where they leave what they leave,
    how long one that failed rests, what time it is; `record` puts on the disk what is remembered, and says whether it
    could; `groups` are all that run for a Job."""

    launch: Callable[[JobTemplate, str, Slot], Launch]
    folder: Path
    rests: tuple[float, ...]
    clock: Callable[[], float]
    record: Callable[[], Awaitable[bool]]
    groups: Callable[[Ref], Iterable[int]]


class Job:
    """`run` is its life; `changed` is told whenever something is different that others look at. Its template stays the
    one that it was made from; of an earlier daemon's Job that is not known, and the newest stands in. `detached`: there
    are groups of it, too, that its processes have begun."""

    def __init__(self, ref: Ref, record: JobRecord, site: JobSite, changed: Callable[[], None]) -> None:
        self.ref, self.number, self.generation = ref, record.number, record.generation
        self.created, self.started, self.ended = record.created, record.started, record.ended
        self.outcome, self.reason = record.outcome, record.reason
        self._site, self._changed = site, changed
        self._ends = Ends(site.folder, ref.namespace, ref.name)
        single = len(record.slots) == 1
        self.slots = tuple(
            Slot(index, ref.name if single else f"{ref.name}-{index}", one, self._ends, changed)
            for index, one in enumerate(record.slots)
        )
        self.template: JobTemplate | None = None
        self.dropped = self.leaving = self.counts = self.detached = False
        self.tried = asyncio.Event()
        self._may, self._known, self._told = asyncio.Event(), asyncio.Event(), asyncio.Event()

    # -------------------------------------------------------------------------------------------------- what is asked

    def follow(self, template: JobTemplate) -> None:
        """The ScaledJob is this one now: what waited may begin."""
        self.template = self.template or template
        self._known.set()
        if not template.waits:
            self._may.set()

    def retry(self) -> None:
        """What could not be started may work now."""
        for slot in self.slots:
            if slot.problem:
                slot.stir()

    def adopt(self, slot: Slot, process: Process) -> None:
        """An earlier daemon started it."""
        slot.process = process
        self._may.set()

    def drop(self, *, counts: bool = False) -> None:
        """End it, and remember nothing of it. Whether it `counts` until it is gone."""
        self.dropped, self.counts = True, counts
        self.stop()

    def leave(self) -> None:
        """Let its processes go on without this daemon."""
        self.leaving = True
        self.stop()

    def stop(self) -> None:
        """End its processes with their grace; the next daemon starts it again, and nobody counts it as a failure."""
        self._told.set()
        for slot in self.slots:
            slot.stir()

    async def remove(self) -> None:
        """Its logs, too."""
        await self._ends.remove()

    # -------------------------------------------------------------------------------------------------- what is there

    @property
    def running(self) -> bool:
        """Whether it counts as one that has not ended."""
        return not self.outcome and (self.counts or not self.dropped)

    @property
    def pending(self) -> bool:
        """Whether nothing of it runs, or did; or nothing with all the conditions that are asked for."""
        conditions = self.template.conditions if self.template else frozenset()
        if conditions:
            return not any(slot.ready if conditions & READY else slot.process for slot in self.slots)
        return not any(slot.process or slot.done for slot in self.slots)

    @property
    def problem(self) -> str:
        """Why it cannot be started."""
        return next((slot.problem for slot in self.slots if slot.problem), "")

    @property
    def record(self) -> JobRecord:
        return JobRecord(
            number=self.number,
            generation=self.generation,
            created=self.created,
            started=self.started,
            ended=self.ended,
            outcome=self.outcome,
            reason=self.reason,
            slots=() if self.outcome else tuple(slot.record for slot in self.slots),
        )

    # --------------------------------------------------------------------------------------------------------- its life

    async def run(self) -> None:
        """Returns when nothing of it runs any more, or it is left."""
        try:
            await _first(self._known, self._told)
            await _first(self._may, self._told)
            if self._may.is_set() and self.started is None:
                self.started = self._site.clock()
            room = asyncio.Semaphore(self.template.parallelism if self.template else len(self.slots) or 1)
            async with asyncio.TaskGroup() as tasks:
                limit = tasks.create_task(self._limit())
                lives = [tasks.create_task(self._live(slot, room)) for slot in self.slots]
                if lives:
                    await asyncio.wait(lives)
                limit.cancel()
            self._judge()
            if self.detached and not self.leaving:
                await self._end_detached()
        except asyncio.CancelledError:
            for slot in self.slots:
                if slot.process:
                    slot.process.kill()
            raise
        finally:
            self.tried.set()
            for slot in self.slots:
                if slot.process:
                    slot.process.release()

    async def _end_detached(self) -> None:
        """They are looked for again: a group that has ended since may have given its number away."""
        async with asyncio.TaskGroup() as tasks:
            for group in await asyncio.to_thread(lambda: list(self._site.groups(self.ref))):
                tasks.create_task(end(group, self._grace))

    async def _live(self, slot: Slot, room: asyncio.Semaphore) -> None:
        async with room:
            while True:
                if slot.process is None:  # else the attempt is not over, whatever is written of its end already
                    await self._catch_up(slot)
                over = slot.done or self._told.is_set() or (self._enough() and not slot.interrupted)
                if over and slot.process is None:
                    return
                if slot.process is not None or await self._start(slot):
                    status = await self._attend(slot)
                    if self.leaving:
                        return
                    self._take(slot, status)
                    await self._catch_up(slot)
                if not (slot.done or self._told.is_set()):
                    await slot.rest(self._site.rests)

    async def _catch_up(self, slot: Slot) -> None:
        """With the attempts that have ended while no daemon ran."""
        while not slot.done and (status := await slot.ended()) is not None:
            self._take(slot, status)

    async def _start(self, slot: Slot) -> bool:
        if self.template is None or self._exhausted():
            return False
        runs = await slot.start(partial(self._site.launch, self.template, self.ref.name, slot))
        self.tried.set()
        return runs

    async def _attend(self, slot: Slot) -> int | None:
        """Until the process has ended or is told to; how it ended, where anybody can know."""
        assert slot.process is not None
        template = self.template
        async with asyncio.TaskGroup() as tasks:
            if template:
                launch = partial(self._site.launch, template, self.ref.name, slot)
                probing = tasks.create_task(slot.follow_readiness(template, launch))
            await _first(slot.process.gone, self._told)
            if template:
                probing.cancel()
        if self.leaving:
            return None
        return await slot.bury(self._grace if self._told.is_set() else None)

    def _take(self, slot: Slot, status: int | None) -> None:
        """An attempt has ended. What was ended by the daemon has not failed; what ended otherwise than with 0 has."""
        slot.took(status, failed=not self._told.is_set())
        if not (slot.done or self._told.is_set() or self._enough() or self._exhausted()):
            how = "" if status is None else f" with exit code {status}" if status >= 0 else f" by signal {-status}"
            extra = {"job": slot.name, "log": self._ends.log(slot.index)}
            log.info("a process of a job failed%s and is started again", how, extra=extra)
        self._changed()

    @property
    def _grace(self) -> float:
        return self.template.workload.grace if self.template else GRACE

    def _enough(self) -> bool:
        """Whether no other process shall begin: one of those that share the work has found nothing more to do."""
        return bool(self.template and self.template.queue) and any(slot.done for slot in self.slots)

    def _exhausted(self) -> bool:
        """Whether too many have failed; then it has."""
        if self.template is None or sum(slot.failures for slot in self.slots) <= self.template.retries:
            return False
        self._fail("BackoffLimitExceeded")
        return True

    async def _limit(self) -> None:
        """Fails it when it takes too long."""
        if self.template is None or self.template.deadline is None or self.started is None:
            return
        await asyncio.sleep(max(0.0, self.started + self.template.deadline - self._site.clock()))
        self._fail("DeadlineExceeded")

    def _fail(self, reason: str) -> None:
        if self.outcome or self._told.is_set():
            return
        self.outcome, self.reason, self.ended = FAILED, reason, self._site.clock()
        log.warning("a job has failed", extra={"job": self.ref.name, "reason": reason, "log": self._ends.log(0).parent})
        self.stop()
        self._changed()

    def _judge(self) -> None:
        """Also one that was told to end may have done its work by then; what goes on, or was interrupted, has not."""
        if self.outcome or self.leaving:
            return
        enough = self._enough() and not any(slot.interrupted for slot in self.slots)
        if enough or all(slot.done for slot in self.slots):
            self.outcome, self.ended = COMPLETE, self._site.clock()
            self._changed()


async def _first(*events: asyncio.Event) -> None:
    """Returns when one of them is set."""
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(event.wait()) for event in events]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
