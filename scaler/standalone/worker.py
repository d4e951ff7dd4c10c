"""One worker's life, as a pod's: started, ready or not, started again with back-off when it dies (with exit code 0 too,
as under a Deployment), ended when it is told to. Its name and log stay the same through all restarts."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scaler.core.model import Pod
from scaler.errors import ClusterError
from scaler.logs import Changes
from scaler.manifests.watched import Ref
from scaler.standalone.processes import Launch, Process, start
from scaler.standalone.procfs import age
from scaler.standalone.readiness import follow, passes
from scaler.standalone.workload import Workload

log = logging.getLogger(__name__)

RESTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds until a worker that died is started again, after the first, second, … time in a row (Kubernetes: 10 s to 5
min, too slow for somebody who watches). As there, they begin anew for one that ran twice as long as the longest."""

GRACE = 30.0
"""The grace period of a worker whose Deployment is not known any more (Kubernetes' default)."""


@dataclass(frozen=True, slots=True)
class Site:
    """What all workers of a folder share: how one is started, where its log is, how long it rests, what time it is."""

    launch: Callable[[Workload, str], Launch]
    logs: Path
    rests: tuple[float, ...]
    clock: Callable[[], float]


class Worker:
    """`run` is its life, `changed` is told whenever something is different that others look at. One that was adopted
    from another template has no `workload`: it is left alone until it ends, and not started again."""

    def __init__(
        self, ref: Ref, digest: str, workload: Workload | None, site: Site, changed: Callable[[], None]
    ) -> None:
        self.ref, self.digest, self.workload = ref, digest, workload
        self.process: Process | None = None
        self.ready = self.ending = self.leaving = False
        self.problem = ""
        self.tried = asyncio.Event()
        self._site, self._changed = site, changed
        self._told, self._stirred = asyncio.Event(), asyncio.Event()
        self._deaths = 0
        self._said = Changes()
        self._started: float | None = None
        self._turned: float | None = None

    def end(self) -> None:
        """Stop it with grace; `run` returns when nothing of it is left. Who says this need not be told of it."""
        self.ending, self.ready = True, False
        self._stop()

    def leave(self) -> None:
        """Let the process go on without this daemon."""
        self.leaving = True
        self._stop()

    def retry(self) -> None:
        """Do not wait any longer for another attempt to start it: what was missing may be there now."""
        if self.problem:
            self._stirred.set()

    def _stop(self) -> None:
        self._told.set()
        self._stirred.set()

    @property
    def name(self) -> str:
        return self.ref.name

    @property
    def _log(self) -> Path:
        return self._site.logs / f"{self.ref.namespace}.{self.ref.name}.log"

    @property
    def pod(self) -> Pod:
        return Pod(self.name, self.ready, self._started, self._turned, pending=self._started is None)

    async def run(self) -> None:
        try:
            while self.process is not None or not self._told.is_set():
                await self._start()
                if self.process is not None:
                    await self._attend(self.process)
                if self.workload is None or self.leaving:
                    break
                await self._rest()
        except asyncio.CancelledError:
            if self.process:
                self.process.kill()
            raise
        finally:
            self.tried.set()
            if self.process:
                self.process.release()

    async def _start(self) -> None:
        if self.process is None and self.workload is not None:
            try:
                self.process = await start(self._site.launch(self.workload, self.name), self._log)
                self.problem = ""
            except ClusterError as error:
                self.problem = str(error)
                self._deaths += 1
        if self.process is not None and self._started is None:
            self._started = self._site.clock() - await asyncio.to_thread(age, self.process.started)
        self.tried.set()
        self._changed()

    async def _attend(self, process: Process) -> None:
        """Until the process has ended or is told to; returns when it is buried."""
        begun = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            ends = [tasks.create_task(process.gone.wait()), tasks.create_task(self._told.wait())]
            probing = tasks.create_task(self._follow_readiness(process))
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in (*ends, probing):
                task.cancel()
        if self.leaving:
            return
        self._tell_ready(False)
        if self.ending:
            await process.stop(self.workload.grace if self.workload else GRACE)
        else:
            await process.bury()
            self._died(process.status, asyncio.get_running_loop().time() - begun)
        self.process = None
        self._changed()

    async def _follow_readiness(self, process: Process) -> None:
        workload = self.workload
        probe = workload.container.readiness_probe if workload else None
        if workload is None or probe is None:
            self._tell_ready(True)
            return
        ran = await asyncio.to_thread(age, process.started)
        with suppress(ClusterError):  # it runs, but what an adopted one was started with is not there any more
            passing = partial(passes, probe, workload.port, self._site.launch(workload, self.name))
            await follow(probe, passing, ran, self._tell_ready)

    def _tell_ready(self, ready: bool) -> None:
        if ready != self.ready:
            self.ready, self._turned = ready, self._site.clock()
            self._changed()

    def _died(self, status: int | None, ran: float) -> None:
        if ran >= 2 * self._site.rests[-1]:
            self._deaths = 0
            self._said.forget("death")
        self._deaths += 1
        if self.workload and self._said.news("death", status):
            how = "" if status is None else f" with exit code {status}" if status >= 0 else f" by signal {-status}"
            log.warning("a worker ended%s and is started again", how, extra={"worker": self.name, "log": self._log})

    async def _rest(self) -> None:
        self._stirred.clear()
        if self._told.is_set():
            return
        rests = self._site.rests
        with suppress(TimeoutError):
            async with asyncio.timeout(rests[min(self._deaths, len(rests)) - 1]):
                await self._stirred.wait()
