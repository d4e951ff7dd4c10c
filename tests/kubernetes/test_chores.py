"""What the leader keeps in order beside scaling, over an API server in memory; beside it another daemon, or KEDA, that
keeps the same authentications."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from scaler.kubernetes.api import Request
from scaler.kubernetes.books import Books
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.chores import KEDA_FINALIZER, USERS, Chores
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.targets import Targets
from scaler.kubernetes.world import Scope, World
from scaler.kubernetes.writer import Writer
from scaler.manifests import annotations
from scaler.manifests.kinds import KINDS
from tests.kubernetes.fake_api import FakeApi

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

Json = dict[str, Any]
OBSERVED = {annotations.MODE: "observe"}
TA, CTA, OBJECT, JOB = "TriggerAuthentication", "ClusterTriggerAuthentication", "ScaledObject", "ScaledJob"
PATHS = {kind.kind: kind for kind in KINDS}


def path_of(kind: str, name: str, namespace: str = "shop") -> str:
    return f"{PATHS[kind].path('' if kind == CTA else namespace)}/{name}"


class Daemon:
    """One that leads in its scope. It hears of its objects when it is told (`hears`), as a watch would tell."""

    def __init__(self, api: FakeApi, scope: Scope | None = None) -> None:
        self.api, self.world, self.books = api, World(api, scope or Scope()), Books(rate=1000)
        now = asyncio.get_event_loop().time
        targets = Targets(api, {}, now)
        self.writer = Writer(api, targets, Cache(), self.world.objects, self.books, instance="here", now=now)
        self.chores = Chores(self.world, self.writer, self.books)

    def hears(self, kind: str, *names: str, namespace: str = "shop") -> None:
        """Of the newest version, or that there is none any more."""
        for name in names:
            cache, there = self.world.objects[kind], self.api.objects.get(path_of(kind, name, namespace))
            held = cache.get("" if kind == CTA else namespace, name)
            if there is not None:
                cache.put(msgspec.convert(there, Custom))
            elif held is not None:
                cache.drop(held.metadata)

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(one) for one in (self.books.run(), self.chores.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class Ground:
    """What the API server has. The status of an authentication is what its `/status` path answers, too."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.api.objects = Aliased()

    def put(self, kind: str, name: str, namespace: str = "shop", *, uses: str = "", **meta: Any) -> None:
        """`uses` is `[kind/]name` of an authentication."""
        of, _, authentication = uses.rpartition("/")
        reference = {"name": authentication, **({"kind": of} if of else {})}
        spec = {"triggers": [{"type": "redis", "authenticationRef": reference}]} if uses else {}
        path = path_of(kind, name, namespace)
        status = self.api.objects[path].get("status", {}) if path in self.api.objects else {}
        self.api.put(path, {"metadata": meta, "spec": spec, "status": status})

    def tell(self, kind: str, name: str, users: str, field: str = "scaledobjects") -> None:
        """As KEDA, or another daemon, writes it."""
        path = path_of(kind, name)
        held = self.api.objects[path]
        self.api.put(path, {**held, "status": {**held.get("status", {}), field: users}})

    def told(self, kind: str, name: str, field: str = "scaledobjects") -> str | None:
        told: str | None = self.api.objects[path_of(kind, name)].get("status", {}).get(field)
        return told


class Aliased(dict[str, Json]):
    """Where an object's status is the object."""

    def __getitem__(self, path: str) -> Json:
        return super().__getitem__(path.removesuffix("/status"))

    def __setitem__(self, path: str, item: Json) -> None:
        super().__setitem__(path.removesuffix("/status"), item)

    def __contains__(self, path: object) -> bool:
        return super().__contains__(str(path).removesuffix("/status"))


@pytest.fixture
def ground() -> Ground:
    return Ground()


def statuses(api: FakeApi) -> list[Request]:
    return [one for one in api.writes if one.path.endswith("/status")]


# ---------------------------------------------------------------------------------------------------------------- users


async def test_who_uses_it(ground: Ground) -> None:
    ground.put(TA, "redis")
    ground.put(CTA, "all")
    ground.put(OBJECT, "b", uses="redis")
    ground.put(OBJECT, "a", uses="redis")
    ground.put(JOB, "j", uses=f"{CTA}/all")
    daemon = Daemon(ground.api)
    for kind, name in ((TA, "redis"), (CTA, "all"), (OBJECT, "a"), (OBJECT, "b"), (JOB, "j")):
        daemon.hears(kind, name)
    async with daemon.leading():
        await asyncio.sleep(USERS + 1)
        assert (ground.told(TA, "redis"), ground.told(CTA, "all", "scaledjobs")) == ("a,b", "j")
        ground.put(OBJECT, "a")
        ground.api.remove(path_of(OBJECT, "b"))
        daemon.hears(OBJECT, "a", "b")
        await asyncio.sleep(USERS)
        assert ground.told(TA, "redis") == ""
        written = len(ground.api.writes)
        await asyncio.sleep(10 * USERS)
        assert len(ground.api.writes) == written


async def test_a_new_leader_erases_nothing(ground: Ground) -> None:
    """Before anything has been bound, or can be; and what differs in order only is left as KEDA wrote it."""
    ground.put(TA, "redis")
    ground.tell(TA, "redis", "b,a")
    daemon = Daemon(ground.api)
    daemon.hears(TA, "redis")
    for name in ("a", "b"):
        ground.put(OBJECT, name, uses="redis")
        daemon.hears(OBJECT, name)
    async with daemon.leading():
        await asyncio.sleep(3 * USERS)
    assert ground.api.writes == []


async def test_what_went_while_nobody_led_is_taken_off(ground: Ground) -> None:
    ground.put(TA, "redis")
    ground.tell(TA, "redis", "a,gone")
    ground.put(OBJECT, "a", uses="redis")
    daemon = Daemon(ground.api)
    daemon.hears(TA, "redis")
    daemon.hears(OBJECT, "a")
    async with daemon.leading():
        await asyncio.sleep(USERS + 1)
    assert ground.told(TA, "redis") == "a"


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (TA, Scope(selector="shard=1"), Scope(selector="shard=2")),
        (CTA, Scope(selector="shard=1"), Scope(selector="shard=2")),
        (CTA, Scope(("shop",)), Scope(("market",))),
    ],
)
async def test_two_daemons_leave_each_others_users(ground: Ground, kind: str, one: Scope, other: Scope) -> None:
    places = (one.namespaces or ("shop",))[0], (other.namespaces or ("shop",))[0]
    ground.put(kind, "redis")
    daemons = Daemon(ground.api, one), Daemon(ground.api.beside(), other)
    for number, (daemon, place) in enumerate(zip(daemons, places, strict=True)):
        ground.put(OBJECT, f"of-{number}", place, uses=f"{kind}/redis")
        ground.put(OBJECT, f"idle-{number}", place)
        daemon.hears(OBJECT, f"of-{number}", f"idle-{number}", namespace=place)

    async def rounds(count: int) -> None:
        for _ in range(count):
            for daemon in daemons:
                daemon.hears(kind, "redis")
            await asyncio.sleep(1)

    async with daemons[0].leading():
        await rounds(2)
        async with daemons[1].leading():
            await rounds(15)
            assert ground.told(kind, "redis") == "of-0,of-1"
            written = sum(len(daemon.api.writes) for daemon in daemons)
            await rounds(30)
            assert sum(len(daemon.api.writes) for daemon in daemons) == written
            ground.api.remove(path_of(OBJECT, "of-0", places[0]))
            daemons[0].hears(OBJECT, "of-0", namespace=places[0])
            await rounds(6)
            assert ground.told(kind, "redis") == "of-1"


async def test_one_name_in_two_shards(ground: Ground) -> None:
    """A cluster-wide authentication names users without their namespaces. The one that goes takes the other's name
    along, once."""
    ground.put(CTA, "all")
    daemons = Daemon(ground.api, Scope(("shop",))), Daemon(ground.api.beside(), Scope(("market",)))
    for daemon, place in zip(daemons, ("shop", "market"), strict=True):
        ground.put(OBJECT, "orders", place, uses=f"{CTA}/all")
        daemon.hears(OBJECT, "orders", namespace=place)
        daemon.hears(CTA, "all")
    async with daemons[0].leading(), daemons[1].leading():
        for second in range(60):
            if second == 20:
                ground.api.remove(path_of(OBJECT, "orders"))
                daemons[0].hears(OBJECT, "orders")
            await asyncio.sleep(1)
            for daemon in daemons:
                daemon.hears(CTA, "all")
    assert ground.told(CTA, "all") == "orders"
    assert len(daemons[0].api.writes) + len(daemons[1].api.writes) <= 4


async def test_of_what_keda_serves_keda_tells(ground: Ground) -> None:
    ground.put(TA, "theirs")
    ground.tell(TA, "theirs", "observed")
    ground.put(TA, "untold")
    ground.put(TA, "silent", annotations=OBSERVED)
    ground.tell(TA, "silent", "whatever")
    ground.put(OBJECT, "observed", uses="theirs", annotations=OBSERVED)
    ground.put(OBJECT, "second", uses="untold", annotations=OBSERVED)
    ground.put(OBJECT, "ours", uses="silent")
    daemon = Daemon(ground.api)
    daemon.hears(TA, "theirs", "untold", "silent")
    daemon.hears(OBJECT, "observed", "second", "ours")
    async with daemon.leading():
        await asyncio.sleep(3 * USERS)
    assert ground.api.writes == []


async def test_users_that_cannot_be_seen_are_not_none(ground: Ground) -> None:
    """ScaledJobs may be another's to see."""
    ground.put(TA, "redis")
    ground.tell(TA, "redis", "job", "scaledjobs")
    daemon = Daemon(ground.api)
    daemon.hears(TA, "redis")
    for watch in daemon.world._watches:
        if watch.path.endswith("/scaledjobs"):
            watch.problem = "not allowed"
    async with daemon.leading():
        await asyncio.sleep(3 * USERS)
    assert ground.told(TA, "redis", "scaledjobs") == "job"


async def test_what_waits_and_is_outdated_is_withdrawn(ground: Ground) -> None:
    ground.put(TA, "redis")
    ground.put(OBJECT, "a", uses="redis")
    daemon = Daemon(ground.api, Scope(selector="shard=1"))
    daemon.hears(TA, "redis")
    daemon.hears(OBJECT, "a")
    running = asyncio.create_task(daemon.chores.run())
    await asyncio.sleep(USERS + 1)
    assert len(daemon.books) == 1, "nobody writes what is in the books"
    ground.api.remove(path_of(OBJECT, "a"))
    daemon.hears(OBJECT, "a")
    await asyncio.sleep(USERS)
    assert len(daemon.books) == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


# ----------------------------------------------------------------------------------------------------- KEDA's finalizer


async def test_the_finalizer_is_taken_off_as_the_object_is_by_then(ground: Ground) -> None:
    """At most once in the books, however often it changes while it waits."""
    daemon = Daemon(ground.api)
    ground.put(OBJECT, "a", finalizers=[KEDA_FINALIZER, "another"])
    daemon.hears(OBJECT, "a")
    running = asyncio.create_task(daemon.chores.run())
    await asyncio.sleep(0.1)
    for label in range(50):
        ground.put(OBJECT, "a", finalizers=[KEDA_FINALIZER, "another"], labels={"change": str(label)})
        daemon.hears(OBJECT, "a")
    assert len(daemon.books) == 1
    await daemon.books._errands.popleft()()
    assert ground.api.objects[path_of(OBJECT, "a")]["metadata"]["finalizers"] == ["another"]
    assert len(ground.api.requests) == 1, "there was no conflict"
    assert len(daemon.books) == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_one_that_is_off_by_then_is_left_alone(ground: Ground) -> None:
    daemon = Daemon(ground.api)
    ground.put(OBJECT, "a", finalizers=[KEDA_FINALIZER])
    ground.put(OBJECT, "b", finalizers=[KEDA_FINALIZER])
    daemon.hears(OBJECT, "a", "b")
    running = asyncio.create_task(daemon.chores.run())
    await asyncio.sleep(0.1)
    ground.put(OBJECT, "a", finalizers=[])
    ground.api.remove(path_of(OBJECT, "b"))
    daemon.hears(OBJECT, "a", "b")
    while daemon.books._errands:
        await daemon.books._errands.popleft()()
    assert ground.api.requests == []
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_one_that_changed_unseen_is_tried_again(ground: Ground) -> None:
    daemon = Daemon(ground.api)
    ground.put(OBJECT, "a", finalizers=[KEDA_FINALIZER])
    daemon.hears(OBJECT, "a")
    ground.put(OBJECT, "a", finalizers=[KEDA_FINALIZER], labels={"changed": "unseen"})
    async with daemon.leading():
        await asyncio.sleep(1)
    assert ground.api.objects[path_of(OBJECT, "a")]["metadata"]["finalizers"] == []


async def test_a_deletion_has_one_task_however_often_it_changes(ground: Ground) -> None:
    daemon = Daemon(ground.api)
    deleted: Json = {"deletionTimestamp": "2026-11-25T00:00:00Z", "finalizers": [KEDA_FINALIZER]}
    held = asyncio.Event()

    async def slow(_: Request) -> None:
        await held.wait()

    ground.api.trouble = slow
    async with daemon.leading():
        for label in range(20):
            ground.put(OBJECT, "a", labels={"change": str(label)}, **deleted)
            daemon.hears(OBJECT, "a")
            await asyncio.sleep(0.01)
        assert len(ground.api.requests) == 1
        held.set()
        await asyncio.sleep(2)
        assert ground.api.objects[path_of(OBJECT, "a")]["metadata"]["finalizers"] == []
        ground.put(OBJECT, "a", **deleted)
        daemon.hears(OBJECT, "a")
        await asyncio.sleep(2)
        assert ground.api.objects[path_of(OBJECT, "a")]["metadata"]["finalizers"] == [], "somebody had put it back"
