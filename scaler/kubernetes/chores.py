"""What the leader keeps in order beside scaling: KEDA's finalizer is taken off all six kinds, so that a deletion never
waits for a KEDA that is gone; a TriggerAuthentication says who uses it. None of it is urgent but the finalizer of an
object that is being deleted."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

from scaler.kubernetes.books import Books
from scaler.kubernetes.changes import ref_of
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.status import patch_of
from scaler.kubernetes.world import World
from scaler.kubernetes.writer import Writer
from scaler.manifests import annotations
from scaler.manifests.kinds import (
    CLUSTER_TRIGGER_AUTHENTICATION,
    SCALED_JOB,
    SCALED_OBJECT,
    TRIGGER_AUTHENTICATION,
)
from scaler.manifests.watched import Ref

KEDA_FINALIZER = "finalizer.keda.sh"

USERS = 5.0
"""Seconds between two looks at who uses what."""

AUTHENTICATIONS = (TRIGGER_AUTHENTICATION.kind, CLUSTER_TRIGGER_AUTHENTICATION.kind)
USED_BY = {SCALED_OBJECT.kind: "scaledobjects", SCALED_JOB.kind: "scaledjobs"}
"""Where a TriggerAuthentication's status names its users, by their kind."""


class Chores:
    """`run` is its life, inside leadership. `use` and `forget` are told by whoever serves objects."""

    def __init__(self, world: World, writer: Writer, books: Books) -> None:
        self._world, self._writer, self._books = world, writer, books
        self._uses: dict[Ref, frozenset[Ref]] = {}
        self._urgent: asyncio.Queue[tuple[str, Custom]] = asyncio.Queue()
        self._leading = False
        for kind, cache in world.objects.items():
            cache.listen(partial(self._seen, kind))

    def use(self, owner: Ref, refs: frozenset[Ref]) -> None:
        """The object `owner` is bound from these."""
        self._uses[owner] = frozenset(ref for ref in refs if ref.kind in AUTHENTICATIONS)

    def forget(self, owner: Ref) -> None:
        self._uses.pop(owner, None)

    async def run(self) -> None:
        self._leading, self._urgent = True, asyncio.Queue()
        for kind, cache in self._world.objects.items():
            for found in cache.values():
                self._seen(kind, None, found)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_users(), name="users of authentications")
                while True:
                    kind, found = await self._urgent.get()
                    ref = ref_of(kind, found.metadata)
                    tasks.create_task(self._writer.let_go(ref, found.metadata.uid, KEDA_FINALIZER))
        finally:
            self._leading = False

    def _seen(self, kind: str, _: Custom | None, now: Custom | None) -> None:
        if now is None or not self._leading or annotations.observed(now.metadata.annotations):
            return
        if KEDA_FINALIZER in now.metadata.finalizers:
            if now.metadata.deletion_timestamp:
                self._urgent.put_nowait((kind, now))
            else:
                self._books.errand(partial(self._free, kind, now))

    async def _free(self, kind: str, found: Custom) -> None:
        others = tuple(one for one in found.metadata.finalizers if one != KEDA_FINALIZER)
        await self._writer.set_finalizers(ref_of(kind, found.metadata), found.metadata, others)

    def _write(self, ref: Ref, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        self._writer.status_later(ref, patch_of(before, after))

    # ---------------------------------------------------------------------------------------------------------- users

    async def _keep_users(self) -> None:
        """One writer, at most every few seconds, whatever comes and goes."""
        while True:
            await asyncio.sleep(USERS)
            users: dict[tuple[Ref, str], set[str]] = defaultdict(set)
            for owner, refs in self._uses.items():
                for ref in refs:
                    users[ref, USED_BY[owner.kind]].add(owner.name)
            for kind in AUTHENTICATIONS:
                for found in self._world.objects[kind].values():
                    ref = ref_of(kind, found.metadata)
                    told = {field: ",".join(sorted(users.get((ref, field), ()))) for field in USED_BY.values()}
                    news = {field: names for field, names in told.items() if names != found.status.get(field, "")}
                    if news:
                        self._write(ref, found.status, {**found.status, **news})
