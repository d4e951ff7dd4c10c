"""Which batches there are: one for each ScaledJob of the folder, and those that an earlier daemon left. The Jobs of a
ScaledJob that is gone are ended; while a file cannot be read none is."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from scaler.errors import ClusterError, NotFound
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone import processes, procfs
from scaler.standalone.folder import Folder
from scaler.standalone.jobs.batch import Batch, Found
from scaler.standalone.jobs.ends import folder_of, tidy
from scaler.standalone.jobs.job import JobSite
from scaler.standalone.jobs.template import template_of
from scaler.standalone.procfs import Stray
from scaler.standalone.remembered import BatchRecord

log = logging.getLogger(__name__)

KIND = "ScaledJob"


class Batches:
    """Lives as long as `tasks`, whose tasks are the Jobs' lives. `changed` is told when something is different."""

    def __init__(self, site: JobSite, tasks: asyncio.TaskGroup, changed: Callable[[], None]) -> None:
        self._site, self._tasks, self._changed = site, tasks, changed
        self._batches: dict[Ref, Batch] = {}
        self._refused: dict[Ref, ClusterError] = {}

    async def take_over(self, before: Mapping[str, BatchRecord], strays: Iterable[Stray]) -> frozenset[int]:
        """What an earlier daemon left: Jobs that run go on, those that have ended meanwhile are judged, the others
        begin. The process groups that go on; whatever else is there is nobody's."""
        for name, record in before.items():
            self._batches[_ref(name)] = self._batch(_ref(name), record)
        known = {folder_of(*name) for batch in self._batches.values() for name in batch.names}
        await asyncio.to_thread(tidy, self._site.folder, known)
        running = await asyncio.to_thread(_found, [one for one in strays if one.job])
        adopted = {group for batch in self._batches.values() for group in batch.begin(running)}
        if adopted:
            log.info("%d processes of jobs of an earlier daemon go on", len(adopted))
        return frozenset(adopted)

    def follow(self, folder: Folder) -> None:
        """What the folder says now."""
        self._refused.clear()
        for ref, manifest in folder.manifests.items():
            if ref.kind == KIND:
                self._employ(ref, manifest)
        for ref, batch in list(self._batches.items()):
            if folder.whole and ref not in folder.manifests:
                batch.dismiss()
                self._tidy(ref)

    def batch(self, ref: Ref) -> Batch:
        """The Jobs of that ScaledJob. Raises `NotFound`, or `ClusterError` where its Jobs cannot be run."""
        if problem := self._refused.get(ref):
            raise problem
        if (batch := self._batches.get(ref)) is None:
            raise NotFound(f"there is no ScaledJob {ref.name} in the folder")
        return batch

    def moved(self) -> Iterator[Ref]:
        """Those of which a rollout has ended Jobs since this was asked last."""
        for ref, batch in list(self._batches.items()):
            if batch.moved:
                batch.moved = False
                yield ref

    @property
    def records(self) -> Mapping[str, BatchRecord]:
        """What the next daemon must know."""
        return {str(ref): batch.record for ref, batch in self._batches.items()}

    def __iter__(self) -> Iterator[tuple[Ref, Batch]]:
        return iter(self._batches.items())

    def close(self, *, leave: bool) -> None:
        """No process is started any more; those that are there end, or go on without this daemon."""
        for batch in self._batches.values():
            batch.close(leave=leave)

    def _employ(self, ref: Ref, manifest: Manifest) -> None:
        try:
            template = template_of(manifest)
        except ClusterError as error:  # its Jobs go on as they are; none is made until it is mended
            self._refused[ref] = error
            return
        if ref not in self._batches:
            self._batches[ref] = self._batch(ref, BatchRecord())
        self._batches[ref].follow(template)

    def _batch(self, ref: Ref, record: BatchRecord) -> Batch:
        def changed() -> None:
            self._tidy(ref)
            self._changed()

        return Batch(ref, record, self._site, self._tasks, changed)

    def _tidy(self, ref: Ref) -> None:
        if (batch := self._batches.get(ref)) and batch.dismissed and batch.empty:
            del self._batches[ref]


def _found(strays: Iterable[Stray]) -> dict[tuple[str, str], list[Found]]:
    """By Job and worker. What was started has a witness; where only children of it are left, it has no leader. Whatever
    else leads a group has left that of its Job."""
    found: dict[tuple[str, str], list[Found]] = {}
    for one in strays:
        leader = procfs.stat(one.group)
        alive = leader is not None and leader.alive
        own = not alive or processes.witnessed(one.group)
        group = Found(one.group, leader.started if leader else 0, own=own, led=alive)
        found.setdefault((one.job, one.worker), []).append(group)
    return found


def _ref(name: str) -> Ref:
    namespace, _, own = name.partition("/")
    return Ref(KIND, namespace, own)
