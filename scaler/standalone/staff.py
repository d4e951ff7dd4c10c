"""Everything that runs for a folder: the crews of its Deployments, and the Jobs of its ScaledJobs. Which of the two an
object is about is known here and nowhere else."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scaler.core.model import Decision, Mode, Target
from scaler.manifests.watched import Ref, Watched
from scaler.standalone import procfs
from scaler.standalone.folder import Folder
from scaler.standalone.jobs.batch import Counts
from scaler.standalone.jobs.batches import Batches
from scaler.standalone.jobs.job import JobSite
from scaler.standalone.remembered import BatchRecord, CrewRecord, Remembered
from scaler.standalone.roster import Roster
from scaler.standalone.usage import Running
from scaler.standalone.worker import Site


class Staff:
    """Lives as long as `tasks`, whose tasks are the processes' lives. `changed` is told when something is different."""

    def __init__(self, site: Site, jobs: JobSite, tasks: asyncio.TaskGroup, changed: Callable[[], None]) -> None:
        self._roster = Roster(site, tasks, changed)
        self._batches = Batches(jobs, tasks, changed)

    async def take_over(self, path: Path, before: Remembered) -> None:
        """What an earlier daemon left running in that folder goes on, or is ended where nobody knows it."""
        strays = await asyncio.to_thread(lambda: list(procfs.strays(path)))
        adopted = await self._batches.take_over(before.jobs, strays)
        await self._roster.take_over(before, strays, adopted)

    def follow(self, folder: Folder) -> None:
        """What the folder says now."""
        self._roster.follow(folder)
        self._batches.follow(folder)

    def seen(self, watched: Watched) -> Target:
        """Raises `NotFound`, or `ClusterError` where it cannot be run."""
        if watched.spec.jobs:
            return self._batches.batch(watched.ref).target
        return self._roster.crew(watched).target

    async def apply(self, watched: Watched, decision: Decision) -> None:
        """Make it true, as the port promises; returns when what was missing has been started. What cannot be started is
        an error at every call, until it can."""
        if watched.spec.jobs:
            await self._batches.batch(watched.ref).apply(watched, decision)
            return
        crew = self._roster.crew(watched)
        if decision.replicas is not None and watched.spec.mode is not Mode.OBSERVE:
            crew.want(decision.replicas)
        await crew.tried()
        crew.check()

    def moved(self) -> Iterator[Ref]:
        """Objects that are worth another look, because a rollout made room for new Jobs; each is told once."""
        return self._batches.moved()

    def running(self, ref: Ref) -> Iterator[Running]:
        """The workers of a Deployment that have a process. Raises `NotFound`."""
        return self._roster.running(ref)

    def close(self, *, leave: bool) -> None:
        """Nothing is started any more; what is there ends, or goes on without this daemon."""
        self._roster.close(leave=leave)
        self._batches.close(leave=leave)

    @property
    def deployments(self) -> Mapping[str, CrewRecord]:
        """What the next daemon must know of each."""
        return self._roster.records

    @property
    def jobs(self) -> Mapping[str, BatchRecord]:
        """What the next daemon must know of each ScaledJob's."""
        return self._batches.records

    @property
    def targets(self) -> Mapping[Ref, Target]:
        """Each Deployment as it is."""
        return {ref: crew.target for ref, crew in self._roster}

    @property
    def counts(self) -> Mapping[Ref, Counts]:
        """The Jobs of each ScaledJob."""
        return {ref: batch.counts for ref, batch in self._batches}
