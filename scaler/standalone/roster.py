"""Which crews there are: one for each Deployment of the folder that a ScaledObject targets, and those that an earlier
daemon left. A Deployment that nothing targets any more is brought to zero; while a file cannot be read none is."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from scaler.errors import ClusterError, NotFound
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.standalone import processes, procfs
from scaler.standalone.crew import Crew
from scaler.standalone.folder import Folder
from scaler.standalone.processes import Process
from scaler.standalone.procfs import Stray
from scaler.standalone.remembered import CrewRecord, Remembered, WorkerRecord
from scaler.standalone.usage import Running
from scaler.standalone.worker import Site, Worker
from scaler.standalone.workload import workload_of

log = logging.getLogger(__name__)

KIND = "Deployment"


class Roster:
    """Lives as long as `tasks`, whose tasks are the workers' lives. `changed` is told when something is different."""

    def __init__(self, site: Site, tasks: asyncio.TaskGroup, changed: Callable[[], None]) -> None:
        self._site, self._tasks, self._changed = site, tasks, changed
        self._crews: dict[Ref, Crew] = {}
        self._owners: Mapping[Ref, Ref] = {}
        self._refused: dict[Ref, ClusterError] = {}
        self._left: Mapping[str, CrewRecord] = {}

    async def take_over(self, before: Remembered, strays: Iterable[Stray], others: frozenset[int]) -> None:
        """Adopt what an earlier daemon left running and recorded; end what it had no time to record. `others` are
        process groups that are somebody else's to watch."""
        found = await _survivors(before)
        for name, record in before.deployments.items():
            crew = self._crews[_ref(name)] = self._crew(_ref(name), record.wanted)
            for worker, process in found.get(name, ()):
                crew.adopt(worker, process)
        pids = {process.pid for alive in found.values() for _, process in alive}
        names = {worker.name for crew in self._crews.values() for worker in crew.workers.values()}
        if pids:
            log.info("%d workers of an earlier daemon go on", len(pids))
        for stray in strays:
            if stray.group not in pids | others and (stray.job or stray.worker not in names):
                self._end_stray(stray)

    def follow(self, folder: Folder) -> None:
        """What the folder says now."""
        self._owners = dict(_owners(folder))
        self._refused.clear()
        for ref in self._owners:
            if manifest := folder.manifests.get(ref):
                self._employ(ref, manifest)
        for ref, crew in list(self._crews.items()):
            if folder.whole and not (ref in self._owners and ref in folder.manifests):
                crew.dismiss()
                self._tidy(ref)

    def crew(self, watched: Watched) -> Crew:
        """Who works for this object. Raises `NotFound`, or `ClusterError` where its target cannot be run."""
        target = watched.target
        if target.kind != KIND:
            raise ClusterError(f"only a Deployment can be scaled in a folder, not a {target.kind}")
        owner = self._owners.get(target)
        if owner not in (None, watched.ref):
            raise ClusterError(
                f"the workload {target.name!r} of type 'apps/v1.Deployment' is already managed by the ScaledObject "
                f"{owner.name!r}"
            )
        if problem := self._refused.get(target):
            raise problem
        if (crew := self._crews.get(target)) is None:
            raise NotFound(f"there is no Deployment {target.name} in the folder")
        return crew

    def running(self, ref: Ref) -> Iterator[Running]:
        """The workers of a Deployment that have a process, for those who measure it."""
        crew = self._crews.get(ref)
        if crew is None:
            raise NotFound(f"there is no Deployment {ref.name} in the folder")
        requests = {one: crew.workload.request(one) for one in ("cpu", "memory")} if crew.workload else {}
        for worker in crew.staff:
            if worker.process:
                yield Running(worker.name, worker.process.pid, worker.process.started, requests)

    @property
    def records(self) -> Mapping[str, CrewRecord]:
        """What the next daemon must know; after `close(leave=True)` it is what was left."""
        return self._left or {str(ref): crew.record for ref, crew in self._crews.items()}

    def __iter__(self) -> Iterator[tuple[Ref, Crew]]:
        return iter(self._crews.items())

    def close(self, *, leave: bool) -> None:
        """No worker is started any more; those that are there end, or go on without this daemon."""
        if leave:
            self._left = self.records
        for crew in self._crews.values():
            crew.close(leave=leave)

    def _end_stray(self, found: Stray) -> None:
        log.info("what an earlier daemon left behind is ended", extra={"pid": found.group, "worker": found.worker})
        stray = Worker(Ref("Pod", "", found.worker), "", None, self._site, self._changed)
        stray.process = Process(found.group, 0)
        stray.end()
        self._tasks.create_task(stray.run(), name=f"end {found.worker}")

    def _employ(self, ref: Ref, manifest: Manifest) -> None:
        try:
            workload = workload_of(manifest)
        except ClusterError as error:  # its workers go on as they are; nothing is scaled until it is mended
            self._refused[ref] = error
            return
        if ref not in self._crews:
            self._crews[ref] = self._crew(ref, workload.replicas or 0)
        self._crews[ref].follow(workload)

    def _crew(self, ref: Ref, wanted: int) -> Crew:
        def changed() -> None:
            self._tidy(ref)
            self._changed()

        return Crew(ref, wanted, self._site, self._tasks, changed)

    def _tidy(self, ref: Ref) -> None:
        if (crew := self._crews.get(ref)) and crew.dismissed and not crew.workers:
            del self._crews[ref]


async def _survivors(before: Remembered) -> dict[str, list[tuple[WorkerRecord, Process]]]:
    if before.boot != await asyncio.to_thread(procfs.boot):
        return {}
    found: dict[str, list[tuple[WorkerRecord, Process]]] = {}
    for name, crew in before.deployments.items():
        for worker in crew.workers:
            if process := await processes.adopt(worker.pid, worker.started):
                found.setdefault(name, []).append((worker, process))
    return found


def _owners(folder: Folder) -> Iterator[tuple[Ref, Ref]]:
    """The ScaledObject of each target; the first by name is the one that counts (so it comes last)."""
    for ref in sorted((ref for ref in folder.manifests if ref.kind == "ScaledObject"), reverse=True):
        spec = folder.manifests[ref].body.get("spec")
        target = spec.get("scaleTargetRef") if isinstance(spec, dict) else None
        if isinstance(target, dict) and target.get("kind", KIND) == KIND:
            yield Ref(KIND, ref.namespace, str(target.get("name"))), ref


def _ref(name: str) -> Ref:
    namespace, _, own = name.partition("/")
    return Ref(KIND, namespace, own)
