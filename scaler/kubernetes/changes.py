"""From what the watches tell to what the engine must hear: an object appeared, changed or is gone, something it was
bound from was touched, something around it moved. Our own writes are no news, nor is a status."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from scaler.engine.cluster import Appeared, Change, Changed, Gone, Poked, Synced, Touched
from scaler.kubernetes.objects import Custom, Hpa, Meta, Scalable, shape
from scaler.kubernetes.ownership import Workload, workload_of
from scaler.kubernetes.status import moment, remembered
from scaler.kubernetes.targets import Resource
from scaler.kubernetes.world import World, aim_of, held_by
from scaler.manifests.kinds import (
    CLUSTER_TRIGGER_AUTHENTICATION,
    KINDS,
    SCALED_JOB,
    SCALED_OBJECT,
    TRIGGER_AUTHENTICATION,
)
from scaler.manifests.watched import Manifest, Ref

OBJECT = SCALED_OBJECT.kind
SCALED = (OBJECT, SCALED_JOB.kind)
"""The kinds that are served."""

_API_VERSIONS = {kind.kind: kind.api_version for kind in KINDS}


class Changes:
    """Listens from the beginning; `watch` tells, to one listener at a time."""

    def __init__(self, world: World, now: Callable[[], float]) -> None:
        self._world, self._now = world, now
        self._queue: asyncio.Queue[Change] | None = None
        self._told: dict[Ref, str] = {}
        for kind in SCALED:
            world.objects[kind].listen(partial(self._object, kind))
        world.objects[OBJECT].listen(self._aims)
        world.hpas.listen(self._hpa)
        for resource, cache in world.scalables.items():
            cache.listen(partial(self._target, resource))
        for kind in (TRIGGER_AUTHENTICATION.kind, CLUSTER_TRIGGER_AUTHENTICATION.kind):
            world.objects[kind].listen(partial(self._authentication, kind))

    async def watch(self) -> AsyncIterator[Change]:
        """What is there, `Synced`, and every change from then on."""
        self._queue, self._told = asyncio.Queue(), {}
        for kind in SCALED:
            for found in self._world.objects[kind].values():
                self._tell(kind, found)
        self._queue.put_nowait(Synced())
        queue = self._queue
        try:
            while True:
                yield await queue.get()
        finally:
            if self._queue is queue:
                self._queue = None

    def touched(self, ref: Ref) -> None:
        """Something that objects are bound from is another than it was."""
        self._put(Touched(ref))

    def moved(self, ref: Ref) -> None:
        """Something was done about the object that the next decision must have seen."""
        self._put(Poked(ref))

    def _put(self, change: Change) -> None:
        if self._queue is not None:
            self._queue.put_nowait(change)

    # --------------------------------------------------------------------------------------------------------- objects

    def _object(self, kind: str, before: Custom | None, now: Custom | None) -> None:
        if self._queue is None:
            return
        if now is None or now.metadata.deletion_timestamp:
            self._gone(ref_of(kind, (now or before or Custom()).metadata))
        elif before is None or self._told.get(ref_of(kind, now.metadata)) != now.metadata.uid:
            self._tell(kind, now)
        elif _edited(before, now):
            self._put(Changed(manifest_of(kind, now)))

    def _aims(self, before: Custom | None, now: Custom | None) -> None:
        if (was := held_by(before)) != (aims := held_by(now)):
            self._look_at((now or before or Custom()).metadata, was, aims)

    def _tell(self, kind: str, found: Custom) -> None:
        """For the first time, or anew: another object of the same name."""
        ref = ref_of(kind, found.metadata)
        if found.metadata.deletion_timestamp:
            return
        self._gone(ref)
        self._told[ref] = found.metadata.uid
        self._put(Appeared(manifest_of(kind, found), remembered(found, self._now())))

    def _gone(self, ref: Ref) -> None:
        if self._told.pop(ref, None) is not None:
            self._put(Gone(ref))

    def _look_at(self, meta: Meta, *targets: Workload | None) -> None:
        """The others on a target that was taken or let go: it belongs to the first of them."""
        for target in targets:
            for one in self._world.objects_on(meta.namespace, target) if target else ():
                if one.metadata.name != meta.name:
                    self._put(Poked(ref_of(OBJECT, one.metadata)))

    # ------------------------------------------------------------------------------------------- what is around objects

    def _target(self, resource: Resource, before: Scalable | None, now: Scalable | None) -> None:
        """Its number may move as it likes; that it is there, and what its pods are made of, matters."""
        meta = (now or before or Scalable()).metadata
        if before and now and before.spec.digest == now.spec.digest:
            return
        if self._world.objects_on(meta.namespace, Workload(resource.group, resource.kind, meta.name)):
            self._put(Touched(ref_of(resource.kind, meta)))

    def _authentication(self, kind: str, before: Custom | None, now: Custom | None) -> None:
        if before is None or now is None or before.spec != now.spec:
            self._put(Touched(ref_of(kind, (now or before or Custom()).metadata)))

    def _hpa(self, before: Hpa | None, now: Hpa | None) -> None:
        """Somebody made, changed or deleted an HPA on a workload of ours: look at once."""
        if self._world.hpas.own or (before and now and shape(before) == shape(now)):
            return
        concerned: set[Ref] = set()
        for hpa in (before, now):
            if hpa is not None:
                scaling = self._world.objects_on(hpa.metadata.namespace, workload_of(hpa))
                concerned |= {ref_of(OBJECT, one.metadata) for one in scaling}
                concerned |= {
                    Ref(OBJECT, hpa.metadata.namespace, one.name)
                    for one in hpa.metadata.owner_references
                    if one.kind == OBJECT
                }
        for ref in concerned:
            self._put(Poked(ref))


def ref_of(kind: str, meta: Meta) -> Ref:
    return Ref(kind, meta.namespace, meta.name)


def target_of(found: Custom) -> Ref | None:
    aim = aim_of(found)
    return Ref(aim.kind, found.metadata.namespace, aim.name) if aim.name else None


def manifest_of(kind: str, found: Custom) -> Manifest:
    meta = found.metadata
    body: dict[str, Any] = {
        "apiVersion": _API_VERSIONS[kind],
        "kind": kind,
        "metadata": {
            "name": meta.name,
            "namespace": meta.namespace,
            "generation": meta.generation,
            "labels": meta.labels,
            "annotations": meta.annotations,
            "creationTimestamp": meta.creation_timestamp,
        },
        "spec": found.spec,
    }
    return Manifest(ref_of(kind, meta), body, moment(meta.creation_timestamp) or 0.0)


def _edited(before: Custom, now: Custom) -> bool:
    """By a person: the spec, an annotation, or a label (the HPA bears them)."""
    then, meta = before.metadata, now.metadata
    return (then.generation, then.annotations, then.labels) != (meta.generation, meta.annotations, meta.labels)
