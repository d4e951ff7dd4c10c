"""A process of a Job: started, attended to its end, at rest between two attempts. How many attempts there may be, and
what their ends mean for the Job, is not known here."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from scaler.errors import ClusterError
from scaler.standalone.jobs.ends import Ends
from scaler.standalone.jobs.template import READY, JobTemplate
from scaler.standalone.processes import Launch, Process, start
from scaler.standalone.procfs import JOB, age
from scaler.standalone.readiness import follow, passes
from scaler.standalone.remembered import SlotRecord


class Slot:
    """`attempt` is the number of the one that runs or comes next, `failures` are those that count, `interrupted` that
    the last was ended by the daemon; `problem` says why it could not even be started. `changed` is told whenever
    something is different that others look at."""

    def __init__(self, index: int, name: str, record: SlotRecord, ends: Ends, changed: Callable[[], None]) -> None:
        self.index, self.name = index, name
        self.attempt, self.failures, self.done = record.attempt, record.failures, record.done
        self.interrupted = record.interrupted
        self.process: Process | None = None
        self.ready = False
        self.problem = ""
        self._ends, self._changed = ends, changed
        self._misses = 0
        self._stirred = asyncio.Event()

    @property
    def record(self) -> SlotRecord:
        return SlotRecord(self.attempt, self.failures, self.done, self.interrupted)

    def stir(self) -> None:
        """Do not rest any longer."""
        self._stirred.set()

    async def ended(self) -> int | None:
        """How its attempt ended, where that is written down."""
        return await self._ends.status(self.index, self.attempt)

    def took(self, status: int | None, *, failed: bool) -> None:
        """The attempt has ended, with that exit code where it is known."""
        if status == 0:
            self.done, self.interrupted = True, False
            return
        self.attempt += 1
        self.failures += failed
        self.interrupted = not failed

    async def start(self, launch: Callable[[], Launch]) -> bool:
        """Whether it runs now; else there is a problem."""
        try:
            await self._ends.prepare()
            log, end = self._ends.log(self.index), self._ends.end(self.index, self.attempt)
            self.process = await start(launch(), log, end)
            self.problem = ""
        except ClusterError as error:
            self.problem = str(error)
            self._misses += 1
        self._changed()
        return self.process is not None

    async def bury(self, grace: float | None) -> int | None:
        """The process has ended, or (with a `grace`) shall; nothing of it is left. How it ended, where one knows."""
        process = self.process
        assert process is not None
        if grace is None:
            await process.bury()
        else:
            await process.stop(grace)
        self.process, self.ready = None, False
        status = await self.ended()
        return process.status if status is None else status

    async def follow_readiness(self, template: JobTemplate, launch: Callable[[], Launch]) -> None:
        """Where somebody asks for it; else it is ready when it runs."""
        probe = template.workload.container.readiness_probe if template.conditions & READY else None
        process = self.process
        if probe is None or process is None:
            self.ready = True
            return
        ran = await asyncio.to_thread(age, process.started)
        with suppress(ClusterError):  # it runs, but what an adopted one was started with is not there any more
            made = launch()
            unmarked = {name: value for name, value in made.environment.items() if name != JOB}
            passing = partial(passes, probe, template.workload.port, replace(made, environment=unmarked))
            await follow(probe, passing, ran, self._tell_ready)

    async def rest(self, rests: tuple[float, ...]) -> None:
        """Until another attempt may be worth it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(rests[min(max(1, self.failures + self._misses), len(rests)) - 1]):
                await self._stirred.wait()
        self._stirred.clear()

    def _tell_ready(self, ready: bool) -> None:
        self.ready = ready
        self._changed()
