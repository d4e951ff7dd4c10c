"""What the leader keeps in order beside scaling: KEDA's finalizer is taken off all six kinds, so that a deletion never
waits for a KEDA that is gone; a TriggerAuthentication says who uses it. None of it is urgent but the finalizer of an
object that is being deleted."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from scaler.kubernetes.books import Books
from scaler.kubernetes.changes import ref_of
from scaler.kubernetes.objects import Custom
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


class Users(NamedTuple):
    """The users of one kind that an authentication has; its status names them in one field."""

    of: Ref
    kind: str


class Use(NamedTuple):
    """What an object names; one that is only `observed` is KEDA's to tell of."""

    refs: frozenset[Ref] = frozenset()
    observed: bool = False


class Chores:
    """`run` is its life, inside leadership. Who uses what stands in the manifests and is followed from the beginning,
    on every replica: who leads next knows all of it at once."""

    def __init__(self, world: World, writer: Writer, books: Books) -> None:
        self._world, self._writer, self._books = world, writer, books
        self._uses: dict[Ref, Use] = {}
        self._gone: defaultdict[Users, set[str]] = defaultdict(set)
        self._urgent: asyncio.Queue[tuple[Ref, str]] = asyncio.Queue()
        self._letting_go: set[str] = set()
        self._to_free: set[Ref] = set()
        self._leading = False
        for kind, cache in world.objects.items():
            cache.listen(partial(self._seen, kind))
        for kind in USED_BY:
            world.objects[kind].listen(partial(self._used, kind))
        for kind in AUTHENTICATIONS:
            world.objects[kind].listen(partial(self._told, kind))

    async def run(self) -> None:
        self._leading, self._urgent = True, asyncio.Queue()
        self._letting_go, self._to_free = set(), set()
        for kind, cache in self._world.objects.items():
            for found in cache.values():
                self._seen(kind, None, found)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_users(), name="users of authentications")
                while True:
                    tasks.create_task(self._let_go(*await self._urgent.get()))
        finally:
            self._leading = False

    # ------------------------------------------------------------------------------------------------ KEDA's finalizer

    def _seen(self, kind: str, _: Custom | None, now: Custom | None) -> None:
        """Each object is in the books at most once, and let go by one task, however often it changes meanwhile."""
        if now is None or not self._leading or not _bears(now):
            return
        ref, uid = ref_of(kind, now.metadata), now.metadata.uid
        if now.metadata.deletion_timestamp:
            if uid not in self._letting_go:
                self._letting_go.add(uid)
                self._urgent.put_nowait((ref, uid))
        elif ref not in self._to_free:
            self._to_free.add(ref)
            self._books.errand(partial(self._free, ref))

    async def _let_go(self, ref: Ref, uid: str) -> None:
        try:
            await self._writer.let_go(ref, uid, KEDA_FINALIZER)
        finally:
            self._letting_go.discard(uid)

    async def _free(self, ref: Ref) -> None:
        """Off the object as it is when its turn comes."""
        self._to_free.discard(ref)
        found = self._world.objects[ref.kind].get(ref.namespace, ref.name)
        if found is not None and _bears(found):
            others = tuple(one for one in found.metadata.finalizers if one != KEDA_FINALIZER)
            await self._writer.set_finalizers(ref, found.metadata, others)

    # ---------------------------------------------------------------------------------------------------------- users

    def _used(self, kind: str, before: Custom | None, now: Custom | None) -> None:
        """Whoever stopped using something before our eyes can be taken off, also where others may have users there."""
        ref = ref_of(kind, (now or before or Custom()).metadata)
        was, use = self._uses.pop(ref, Use()), _use(now)
        if use.refs:
            self._uses[ref] = use
        for one in frozenset() if was.observed else was.refs - use.refs:
            found = self._world.objects[one.kind].get(one.namespace, one.name)
            if ref.name in _names(found, kind):
                self._gone[Users(one, kind)].add(ref.name)

    def _told(self, kind: str, before: Custom | None, now: Custom | None) -> None:
        """What is off was taken off: whoever writes it again has a user of that name."""
        ref = ref_of(kind, (now or before or Custom()).metadata)
        for user in USED_BY:
            if gone := self._gone.pop(Users(ref, user), set()) & _names(now, user):
                self._gone[Users(ref, user)] = gone

    async def _keep_users(self) -> None:
        """One writer, at most every few seconds, whatever comes and goes. Where nothing is to be written, that
        withdraws what still waits."""
        while True:
            await asyncio.sleep(USERS)
            ours, theirs = defaultdict[Users, set[str]](set), defaultdict[Users, set[str]](set)
            for owner, use in self._uses.items():
                for ref in use.refs:
                    (theirs if use.observed else ours)[Users(ref, owner.kind)].add(owner.name)
            for kind in AUTHENTICATIONS:
                for found in self._world.objects[kind].values():
                    silent = annotations.observed(found.metadata.annotations)
                    told = {} if silent else dict(self._news(kind, found, ours, theirs))
                    self._writer.status_later(ref_of(kind, found.metadata), told)

    def _news(
        self, kind: str, found: Custom, ours: dict[Users, set[str]], theirs: dict[Users, set[str]]
    ) -> Iterator[tuple[str, str]]:
        """The fields that are to be another. Other daemons, and KEDA, may keep the same ones: their users stay."""
        ref = ref_of(kind, found.metadata)
        for user, field in USED_BY.items():
            about, there = Users(ref, user), _names(found, user)
            own = ours.get(about, set())
            strangers = there - own - theirs.get(about, set())
            wanted = (there | own) - {name for name in strangers if self._no_user(about, name)}
            if wanted != there:
                yield field, ",".join(sorted(wanted))

    def _no_user(self, about: Users, name: str) -> bool:
        """Of a name that no manifest here accounts for, whether nobody can have such a user. Of a cluster-wide
        authentication it may be in any namespace."""
        if name in self._gone.get(about, ()):
            return True
        namespace = about.of.namespace
        if namespace and self._world.objects[about.kind].get(namespace, name) is not None:
            return True
        return self._world.sees_all(about.kind, everywhere=not namespace)


def _bears(found: Custom) -> bool:
    """KEDA's finalizer, and it is ours to take off."""
    return KEDA_FINALIZER in found.metadata.finalizers and not annotations.observed(found.metadata.annotations)


def _use(found: Custom | None) -> Use:
    """What an object's triggers name, until it is being deleted."""
    if found is None or found.metadata.deletion_timestamp:
        return Use()
    references = [one.get("authenticationRef") or {} for one in found.spec.get("triggers") or ()]
    kinds = [(one.get("kind") or TRIGGER_AUTHENTICATION.kind, one.get("name") or "") for one in references]
    return Use(
        frozenset(
            Ref(kind, "" if kind == CLUSTER_TRIGGER_AUTHENTICATION.kind else found.metadata.namespace, name)
            for kind, name in kinds
            if name and kind in AUTHENTICATIONS
        ),
        annotations.observed(found.metadata.annotations),
    )


def _names(found: Custom | None, user: str) -> set[str]:
    """Of the users of that kind, as an authentication's status has them."""
    told = found.status.get(USED_BY[user]) if found is not None else None
    return {name for name in (told or "").split(",") if name}
