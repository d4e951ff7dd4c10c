"""The port over a folder: its manifests are the cluster, local processes are the pods.

Only what a ScaledObject targets runs, and the Jobs of ScaledJobs: a Deployment of its own does nothing. It begins with
as many workers as an earlier daemon wanted last, else with its `spec.replicas`, else with none. When the daemon ends,
the workers are ended, all at once and with their grace (unless `keep_workers`). When it is killed they go on, and the
next daemon adopts them: it knows them by the state file, and replaces those whose template has changed meanwhile. What
carries this folder's mark but is not in that file is ended. A Job that has not come to its end goes on, or is started
again, with the next daemon. Everything of the daemon's own is in `.scaler/` in the folder."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

import msgspec

from scaler.core.model import Decision, Target
from scaler.credentials.store import Token
from scaler.engine.cluster import Appeared, Change, Poked, Synced
from scaler.errors import ClusterError, ScalerError
from scaler.logs import Changes
from scaler.manifests.kinds import KINDS
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.sdk.source import AnySource
from scaler.standalone import procfs
from scaler.standalone.folder import OBJECTS, Folder, changes, look
from scaler.standalone.jobs.job import JobSite
from scaler.standalone.jobs.slot import Slot
from scaler.standalone.jobs.template import JobTemplate, numbered
from scaler.standalone.journal import Journal
from scaler.standalone.leadership import locked
from scaler.standalone.processes import Launch
from scaler.standalone.procfs import JOB
from scaler.standalone.reading import Reader
from scaler.standalone.remembered import Memory, Remembered, load
from scaler.standalone.staff import Staff
from scaler.standalone.status import Status
from scaler.standalone.usage import LocalUsage, Running
from scaler.standalone.worker import RESTS, Site
from scaler.standalone.workload import Workload

log = logging.getLogger(__name__)

INDEX = "JOB_COMPLETION_INDEX"
"""The variable that tells a process of an Indexed Job which it is, as under Kubernetes."""

OURS = frozenset(kind.kind for kind in KINDS)


class StandaloneCluster:
    """Implements `scaler.engine.cluster.Cluster`. `async with` checks the folder and prepares `.scaler/`; workers live
    inside `leadership()`. `environment` is what workers inherit, `reload` how often the folder is looked at, `rests`
    the seconds until a worker that died is started again."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        clock: Callable[[], float],
        *,
        reload: float = 1.0,
        rests: tuple[float, ...] = RESTS,
        keep_workers: bool = False,
    ) -> None:
        self._path, self._inherited, self._clock = folder, environment, clock
        self._reload, self._rests, self._keep = reload, rests, keep_workers
        self._folder = Folder()
        self._memory, self._status = Memory({}), Status()
        self._staff: Staff | None = None
        self._boot = ""
        self._said = Changes()
        self._leading = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._path = await asyncio.to_thread(self._path.resolve)
        self._folder = await asyncio.to_thread(look, self._path)
        self._own = self._path / ".scaler"
        await asyncio.to_thread(_prepare, self._own)
        self._journals = (
            Journal(self._own / "state.json", self._remembered),
            Journal(self._own / "status.json", self._shown),
        )
        return self

    async def __aexit__(self, *raised: object) -> None:
        """Nothing lives here that `leadership` has not ended."""

    # --------------------------------------------------------------------------------------------------------- the port

    @asynccontextmanager
    async def leadership(self) -> AsyncIterator[None]:
        """The lock on the folder and the life of its workers. The lock is held until the last of them has ended."""
        raised: BaseException | None = None
        state, status = self._journals
        async with locked(self._own / "lock", self._reload):
            before = await self._recall()
            async with state.kept(), status.kept(), asyncio.TaskGroup() as tasks:
                await self._begin(tasks, before)
                try:
                    yield
                except BaseException as error:  # is raised below: first the workers end, with their grace
                    raised = error
                self._end()
        if raised is not None:
            raise raised

    async def watch(self) -> AsyncIterator[Change]:
        """What the folder holds, once this daemon leads, and every change."""
        await self._leading.wait()
        told = self._manifests()
        for change in changes({}, told):
            yield self._with_memory(change)
        yield Synced()
        while True:
            await asyncio.sleep(self._reload)
            for ref in self._staff.moved() if self._staff else ():
                yield Poked(ref)
            found = await asyncio.to_thread(look, self._path, self._folder)
            if found is self._folder:
                continue
            self._follow(found)
            now = self._manifests()
            for change in changes(told, now):
                yield self._with_memory(change)
            told = now

    async def seen(self, watched: Watched) -> Target:
        return self._led().seen(watched)

    async def apply(self, watched: Watched, decision: Decision) -> None:
        """Want that many, or make that many Jobs; returns when what was missing has been started. What cannot be
        started is an error at every call, until it can."""
        staff = self._led()
        staff.seen(watched)  # what is not there, or cannot be run, is not remembered
        self._memory.remember(watched.ref, decision.state)
        self._status.show(watched.ref, decision.conditions)
        self._touch()
        await staff.apply(watched, decision)

    async def report(self, ref: Ref, problem: ScalerError) -> None:
        """A condition; the engine has said it in the log."""
        self._status.fault(ref, problem)
        self._touch()

    async def read(self, ref: Ref) -> Mapping[str, str]:
        return await Reader(self._folder).read(ref)

    async def manifest(self, ref: Ref) -> Manifest:
        return await Reader(self._folder).manifest(ref)

    async def token(self, namespace: str, account: str, *, audience: str = "", seconds: int = 3600) -> Token:
        return await Reader(self._folder).token(namespace, account, audience=audience, seconds=seconds)

    async def doubt(self, watched: Watched) -> None:
        """The folder is looked at all the time."""

    def known(self) -> Mapping[tuple[str, str], int]:
        return Counter((ref.kind, ref.namespace) for ref in list(self._folder.manifests) if ref.kind in OURS)

    def sources(self) -> Mapping[str, AnySource]:
        usage = LocalUsage(str(self._path), self._running, self._clock)
        return {"cpu": usage, "memory": usage}

    # ---------------------------------------------------------------------------------------------------- begin and end

    async def _recall(self) -> Remembered:
        """Under the lock: what an earlier daemon left, and what the folder says now."""
        before = await asyncio.to_thread(load, self._own / "state.json")
        self._memory = Memory(before.objects)
        self._boot = await asyncio.to_thread(procfs.boot)
        self._folder = await asyncio.to_thread(look, self._path)
        return before

    async def _begin(self, tasks: asyncio.TaskGroup, before: Remembered) -> None:
        site = Site(self._launch, self._own / "logs", self._rests, self._clock)
        jobs = JobSite(
            self._launch_job, self._own / "jobs", self._rests, self._clock, self._journals[0].save, self._groups
        )
        self._staff = Staff(site, jobs, tasks, self._touch)
        await self._staff.take_over(self._path, before)
        self._follow(self._folder)
        self._leading.set()

    def _end(self) -> None:
        self._leading.clear()
        if self._staff:
            self._staff.close(leave=self._keep)

    def _led(self) -> Staff:
        if self._staff is None or not self._leading.is_set():
            raise ClusterError("this daemon does not serve the folder")
        return self._staff

    # ---------------------------------------------------------------------------------------------------- what is there

    def _follow(self, folder: Folder) -> None:
        """A look at the folder that found something else than the one before."""
        known, self._folder = self._folder.files, folder
        for name in sorted({*known, *folder.files, "."}):
            self._say(name, folder.problems.get(name))
        for ignored in folder.ignored:
            if self._said.news(("ignored", ignored), True):
                log.info("%s means nothing here and is ignored", ignored)
        if folder.whole:
            self._memory.keep(folder.manifests)
            self._status.keep(folder.manifests)
        if self._staff:
            self._staff.follow(folder)
        self._touch()

    def _say(self, name: str, problem: str | None) -> None:
        if self._said.news(("problem", name), problem):
            if problem:
                log.warning("%s: %s", name, problem)
            else:
                log.info("%s is in order again", name)

    def _manifests(self) -> Mapping[Ref, Manifest]:
        """All of them; those that are served with the moment of their creation, and a ScaledJob with the generation
        by which its Jobs are known."""
        now, found = self._clock(), dict(self._folder.manifests)
        for ref in found:
            if ref.kind in OBJECTS:
                found[ref] = replace(found[ref], created=self._memory.created(found[ref], now))
            if ref.kind == "ScaledJob":
                found[ref] = numbered(found[ref])
        return found

    def _with_memory(self, change: Change) -> Change:
        if isinstance(change, Appeared):
            return replace(change, remembered=self._memory.state(change.manifest.ref))
        return change

    def _running(self, ref: Ref) -> Iterator[Running]:
        return self._led().running(ref)

    def _launch(self, workload: Workload, name: str) -> Launch:
        return workload.launch(name, self._path, self._inherited, Reader(self._folder).data)

    def _launch_job(self, template: JobTemplate, job: str, slot: Slot) -> Launch:
        more = {JOB: f"{template.workload.ref.namespace}/{job}"}
        if template.indexed:
            more[INDEX] = str(slot.index)
        return template.workload.launch(slot.name, self._path, self._inherited, Reader(self._folder).data, more=more)

    def _groups(self, job: Ref) -> Iterator[int]:
        return (one.group for one in procfs.strays(self._path) if one.job == str(job))

    def _touch(self) -> None:
        for journal in self._journals:
            journal.touch()

    def _remembered(self) -> bytes:
        staff = self._staff
        deployments, jobs = (staff.deployments, staff.jobs) if staff else ({}, {})
        return msgspec.json.encode(Remembered(self._boot, self._memory.records, deployments, jobs))

    def _shown(self) -> bytes:
        staff = self._staff
        targets, jobs = (staff.targets, staff.counts) if staff else ({}, {})
        return self._status.render(targets, jobs, self._folder.problems)


def _prepare(own: Path) -> None:
    if not Path("/proc/self/stat").exists():
        raise ClusterError("local processes need Linux: there is no /proc")
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        (own / "logs").mkdir(exist_ok=True)
        (own / ".gitignore").write_text("*\n")
    except OSError as error:
        raise ClusterError(f"the folder {own.parent} cannot be written to ({error.strerror})") from None
