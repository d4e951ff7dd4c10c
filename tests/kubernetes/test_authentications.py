"""Events about authentications: each once, and only of what happens while this daemon leads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scaler.core.model import Event
from scaler.kubernetes.authentications import Authentications, events
from scaler.kubernetes.books import Books
from scaler.kubernetes.objects import Custom, Meta
from scaler.kubernetes.targets import Targets
from scaler.kubernetes.world import Scope, World
from scaler.kubernetes.writer import Writer
from scaler.manifests.annotations import MODE
from scaler.manifests.watched import Ref
from tests.kubernetes.scene import NAMESPACE, START
from tests.kubernetes.script import Script

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

KIND, CLUSTER = "TriggerAuthentication", "ClusterTriggerAuthentication"
DELETED = "2026-01-01T00:00:00Z"


def one(
    version: int = 1, generation: int = 1, *, uid: str = "u1", deleted: bool = False, namespace: str = NAMESPACE
) -> Custom:
    meta = Meta(
        name="login",
        namespace=namespace,
        uid=uid,
        resource_version=str(version),
        generation=generation,
        deletion_timestamp=DELETED if deleted else None,
    )
    return Custom(meta)


@pytest.mark.parametrize(
    ("before", "now", "reasons"),
    [
        (None, one(), ["Added"]),
        (one(), one(2, 2), ["Updated"]),
        (one(), one(2), []),
        (one(), None, ["Deleted"]),
        (one(), one(2, 2, deleted=True), ["Deleted"]),
        (one(2, 2, deleted=True), one(3, 3, deleted=True), []),
        (one(2, 2, deleted=True), None, []),
        (None, one(deleted=True), []),
        (one(), one(9, uid="u2"), ["Deleted", "Added"]),
        (one(2, deleted=True), one(9, uid="u2"), ["Added"]),
    ],
)
async def test_what_happened(before: Custom | None, now: Custom | None, reasons: list[str]) -> None:
    assert [event.reason for event in events(KIND, before, now)] == [f"{KIND}{reason}" for reason in reasons]


async def test_the_words_are_keda_s_and_each_kind_has_its_own() -> None:
    told = [*events(KIND, None, one()), *events(KIND, one(), one(2, 2)), *events(CLUSTER, one(), None)]
    assert told == [
        Event("TriggerAuthenticationAdded", "New TriggerAuthentication configured"),
        Event("TriggerAuthenticationUpdated", "TriggerAuthentication login is updated"),
        Event("ClusterTriggerAuthenticationDeleted", "ClusterTriggerAuthentication was deleted"),
    ]


class Scene:
    def __init__(self) -> None:
        api = Script()
        self.world = World(api, Scope())
        targets = Targets(api, {}, lambda: START)
        self.writer = Writer(
            api, targets, self.world.hpas, self.world.objects, Books(), instance="pod-1", now=lambda: START
        )
        self.told: list[tuple[Ref, str]] = []
        self.writer.tell = lambda ref, event: self.told.append((ref, event.reason))
        self.authentications = Authentications(self.world, self.writer)

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.authentications.run())
            await asyncio.sleep(0)
            yield
            running.cancel()


async def test_what_was_there_before_is_not_told_again() -> None:
    scene = Scene()
    cache = scene.world.objects[KIND]
    cache.put(one())
    async with scene.leading():
        assert scene.told == []
        cache.put(one(2, 2))
    cache.put(one(3, 3))
    async with scene.leading():
        cache.drop(one(4, 4).metadata)
    assert scene.told == [
        (Ref(KIND, NAMESPACE, "login"), "TriggerAuthenticationUpdated"),
        (Ref(KIND, NAMESPACE, "login"), "TriggerAuthenticationDeleted"),
    ]


async def test_a_status_of_our_own_is_no_update() -> None:
    scene = Scene()
    async with scene.leading():
        scene.world.objects[CLUSTER].put(one(namespace=""))
        scene.world.objects[CLUSTER].put(one(2, namespace=""), own=True)
    assert scene.told == [(Ref(CLUSTER, "", "login"), "ClusterTriggerAuthenticationAdded")]


async def test_what_is_only_observed_is_not_written_about() -> None:
    scene = Scene()
    meta = Meta(name="login", namespace=NAMESPACE, uid="u1", resource_version="1", annotations={MODE: "observe"})
    async with scene.leading():
        scene.world.objects[KIND].put(Custom(meta))
    assert scene.told == []
