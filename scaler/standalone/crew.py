"""The workers of one Deployment, as its controller would keep them: as many as are wanted, of the newest template, the
newest ended first. A new template replaces them one by one (one more than wanted, a new one is ready before an old one
ends), or all at once where the Deployment says Recreate."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scaler.core.model import Target
from scaler.errors import ClusterError
from scaler.manifests.watched import Ref
from scaler.standalone.processes import Process
from scaler.standalone.remembered import CrewRecord, WorkerRecord
from scaler.standalone.worker import Site, Worker
from scaler.standalone.workload import Workload


@dataclass(frozen=True, slots=True)
class Member:
    """A worker as planning sees it: `born` orders them by age, `current` is whether it is of the newest template."""

    index: int
    born: int
    current: bool
    ready: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How many to start and which to end."""

    start: int = 0
    end: tuple[int, ...] = ()


def plan(members: Iterable[Member], wanted: int, *, recreate: bool = False, leaving: int = 0) -> Plan:
    """What brings the members (without the `leaving` ones, which are ending already) nearer to `wanted`. Pure."""
    ranked = sorted(members, key=lambda one: (one.ready, -one.born))  # whoever goes first, first
    new = [one for one in ranked if one.current]
    old = [one for one in ranked if not one.current]
    surplus = new[: max(0, len(new) - wanted)]
    if not old:
        missing = 0 if recreate and leaving else max(0, wanted - len(new))
        return Plan(missing, _indexes(surplus))
    if recreate:
        return Plan(0, _indexes([*old, *surplus]))
    unready = [one for one in old if not one.ready]
    useless = max(0, len(ranked) - wanted - sum(not one.ready for one in new))
    spare = max(0, sum(one.ready for one in ranked) - wanted)
    ending = unready[:useless] + [one for one in old if one.ready][:spare]
    room = wanted + 1 - (len(ranked) - len(ending))
    return Plan(max(0, min(room, wanted - len(new))), _indexes([*ending, *surplus]))


def _indexes(members: Iterable[Member]) -> tuple[int, ...]:
    return tuple(one.index for one in members)


class Crew:
    """Everything here happens at once, in the event loop; what takes time happens in the workers' tasks. `changed` is
    told when there is something new to remember or to show."""

    def __init__(
        self, ref: Ref, wanted: int, site: Site, tasks: asyncio.TaskGroup, changed: Callable[[], None]
    ) -> None:
        self.ref, self.wanted = ref, wanted
        self.workload: Workload | None = None
        self.dismissed = False
        self.workers: dict[int, Worker] = {}
        self._site, self._tasks, self._tell = site, tasks, changed
        self._born: dict[int, int] = {}
        self._births = 0
        self._closed = False

    # -------------------------------------------------------------------------------------------------- what is asked

    def want(self, wanted: int) -> None:
        if wanted != self.wanted:
            self.wanted = wanted
            self._changed()

    def follow(self, workload: Workload) -> None:
        """The Deployment is this one now; what could not be started may work now."""
        if self.dismissed:
            self.dismissed, self.wanted = False, workload.replicas or 0
        self.workload = workload
        for worker in self.workers.values():
            if worker.digest == workload.digest:
                worker.workload = workload
            worker.retry()
        self._changed()

    def dismiss(self) -> None:
        """Nothing targets the Deployment any more."""
        self.dismissed = True
        self.want(0)

    def adopt(self, record: WorkerRecord, process: Process) -> None:
        """Take over a worker that an earlier daemon started; one that was ending goes on ending. The template that it
        was started from is known when `follow` brings an equal one."""
        worker = self._hire(record.index, record.digest, None)
        worker.process = process
        if record.ending:
            worker.end()

    def close(self, *, leave: bool) -> None:
        """No worker is started any more; those that are there end, or go on without this daemon."""
        self._closed = True
        for worker in self.workers.values():
            if leave:
                worker.leave()
            else:
                worker.end()

    async def tried(self) -> None:
        """Returns when every worker has been started, or could not be."""
        for worker in list(self.workers.values()):
            await worker.tried.wait()

    # -------------------------------------------------------------------------------------------------- what is there

    @property
    def staff(self) -> list[Worker]:
        """The workers that count; those that are ending do not, as under Kubernetes."""
        return [worker for worker in self.workers.values() if not worker.ending]

    @property
    def target(self) -> Target:
        staff = self.staff
        ready = sum(worker.ready for worker in staff)
        return Target(self.wanted, len(staff), ready, tuple(worker.pod for worker in staff))

    @property
    def problem(self) -> str:
        """Why a worker cannot be started; the newest knows best."""
        return next((worker.problem for worker in reversed(self.staff) if worker.problem), "")

    def check(self) -> None:
        """Raises `ClusterError` where a worker cannot be started."""
        if problem := self.problem:
            raise ClusterError(f"a worker of Deployment {self.ref.name} cannot be started: {problem}")

    @property
    def record(self) -> CrewRecord:
        return CrewRecord(
            self.wanted,
            tuple(
                WorkerRecord(index, worker.process.pid, worker.process.started, worker.digest, worker.ending)
                for index, worker in self.workers.items()
                if worker.process is not None
            ),
        )

    # --------------------------------------------------------------------------------------------------- what is done

    def _changed(self) -> None:
        """Something is different: see who is missing and who is too many."""
        if not self._closed:
            self._arrange()
        self._tell()

    def _arrange(self) -> None:
        digest = self.workload.digest if self.workload else ""
        members = [
            Member(index, self._born[index], worker.digest == digest or self.workload is None, worker.ready)
            for index, worker in self.workers.items()
            if not worker.ending
        ]
        recreate = self.workload.recreate if self.workload else False
        step = plan(members, self.wanted, recreate=recreate, leaving=len(self.workers) - len(members))
        for index in step.end:
            self.workers[index].end()
        for _ in range(step.start if self.workload else 0):
            index = next(index for index in range(len(self.workers) + 1) if index not in self.workers)
            self._hire(index, digest, self.workload)

    def _hire(self, index: int, digest: str, workload: Workload | None) -> Worker:
        ref = Ref("Pod", self.ref.namespace, f"{self.ref.name}-{index}")
        worker = Worker(ref, digest, workload, self._site, self._changed)
        self.workers[index] = worker
        self._births += 1
        self._born[index] = self._births
        self._tasks.create_task(self._employ(index, worker), name=f"worker {worker.name}")
        return worker

    async def _employ(self, index: int, worker: Worker) -> None:
        try:
            await worker.run()
        finally:
            del self.workers[index]
        self._changed()
