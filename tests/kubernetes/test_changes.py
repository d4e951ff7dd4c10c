"""From what the watches tell to what the engine hears."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from scaler.core.model import State
from scaler.engine.cluster import Appeared, Change, Changed, Gone, Poked, Synced, Touched
from scaler.kubernetes.changes import Changes, manifest_of
from scaler.kubernetes.objects import Meta
from scaler.kubernetes.targets import DEPLOYMENT, STATEFUL_SET
from scaler.kubernetes.world import Scope, World
from scaler.manifests.kinds import CLUSTER_TRIGGER_AUTHENTICATION, SCALED_JOB, SCALED_OBJECT, TRIGGER_AUTHENTICATION
from scaler.manifests.watched import Ref
from tests.kubernetes.scene import NAMESPACE, REF, START, custom, deployment, hpa
from tests.kubernetes.script import Script

BILLS = REF._replace(name="bills")
DELETED = "2026-01-01T00:00:00Z"
ELSEWHERE = {"scaleTargetRef": {"name": "else"}}


class Listener:
    """Collects what is told; `heard` gives it, once."""

    def __init__(self) -> None:
        self.told: list[Change] = []

    async def listen(self, changes: Changes) -> None:
        async for change in changes.watch():
            self.told.append(change)

    async def heard(self) -> list[str]:
        """`Appeared orders 1`: what happened, to whom, in which generation."""
        for _ in range(5):
            await asyncio.sleep(0)
        told, self.told = self.told, []
        return [_short(change) for change in told]


def _short(change: Change) -> str:
    match change:
        case Appeared(manifest) | Changed(manifest):
            return f"{type(change).__name__} {manifest.ref.name} {manifest.body['metadata']['generation']}"
        case Gone(ref) | Poked(ref):
            return f"{type(change).__name__} {ref.name}"
        case Touched(ref):
            return f"Touched {ref.kind} {ref}"
        case Synced():
            return "Synced"


class Scene:
    def __init__(self) -> None:
        self.world = World(Script(), Scope())
        self.changes = Changes(self.world, lambda: START)
        self.objects = self.world.objects[SCALED_OBJECT.kind]

    def put(self, version: int, name: str = "orders", **more: Any) -> None:
        self.objects.put(custom(name, version=version, **more))

    def drop(self, version: int, *, uid: str = "uid-orders") -> None:
        self.objects.drop(Meta(name="orders", namespace=NAMESPACE, uid=uid, resource_version=str(version)))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        listener = Listener()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(listener.listen(self.changes))
            yield listener
            running.cancel()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Listener]:
        """There is one object, and the listener knows it."""
        self.put(1)
        async with self.listening() as listener:
            assert await listener.heard() == ["Appeared orders 1", "Synced"]
            yield listener


@pytest.fixture
def scene() -> Scene:
    return Scene()


# ------------------------------------------------------------------------------------------------------------ objects


async def test_what_is_there_then_synced_then_every_change(scene: Scene) -> None:
    scene.put(1)
    scene.put(2, "bills", spec=ELSEWHERE)
    async with scene.listening() as listener:
        assert await listener.heard() == ["Appeared orders 1", "Appeared bills 1", "Synced"]
        scene.put(3, generation=2)
        scene.put(4, "more", spec={"scaleTargetRef": {"name": "more"}})
        scene.drop(5)
        assert await listener.heard() == ["Changed orders 2", "Appeared more 1", "Gone orders"]


async def test_what_an_earlier_leader_left_is_remembered(scene: Scene) -> None:
    active = {"type": "Active", "status": "True"}
    scene.put(1, status={"conditions": [active], "originalReplicaCount": 3})
    scene.put(2, "bills")
    listener = Listener()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(listener.listen(scene.changes))
        await asyncio.sleep(0)
        running.cancel()
    states = [change.remembered for change in listener.told if isinstance(change, Appeared)]
    assert states == [State(last_active=START, original_replicas=3, active=True), None]


@pytest.mark.parametrize(
    "more",
    [
        {"generation": 2},
        {"annotations": {"autoscaling.keda.sh/paused": "true"}},
        {"labels": {"team": "a"}},
    ],
)
async def test_an_edit_is_a_change(scene: Scene, more: dict[str, Any]) -> None:
    async with scene.one() as listener:
        scene.put(2, **more)
        assert [one.split()[0] for one in await listener.heard()] == ["Changed"]


@pytest.mark.parametrize("own", [True, False])
async def test_a_status_is_no_news_whoever_wrote_it_and_neither_is_a_finalizer(scene: Scene, own: bool) -> None:
    async with scene.one() as listener:
        scene.objects.put(custom(version=2, status={"hpaName": "x"}), own=own)
        scene.objects.put(custom(version=3, finalizers=("ours",)), own=own)
        scene.objects.put(custom(version=3, finalizers=("ours",)))
        assert await listener.heard() == []


async def test_an_edit_that_our_own_write_brings_along_is_a_change(scene: Scene) -> None:
    async with scene.one() as listener:
        scene.objects.put(custom(version=3, generation=2, status={"hpaName": "x"}), own=True)
        scene.put(3, generation=2, status={"hpaName": "x"})
        assert await listener.heard() == ["Changed orders 2"]


async def test_an_object_is_gone_when_its_deletion_begins_and_only_once(scene: Scene) -> None:
    async with scene.one() as listener:
        scene.put(2, deletion_timestamp=DELETED, finalizers=("theirs",))
        assert await listener.heard() == ["Gone orders"]
        scene.put(3, deletion_timestamp=DELETED)
        scene.drop(4)
        assert await listener.heard() == []


async def test_an_object_that_is_being_deleted_never_appears(scene: Scene) -> None:
    scene.put(1, deletion_timestamp=DELETED)
    async with scene.listening() as listener:
        assert await listener.heard() == ["Synced"]
        scene.put(2, generation=2, deletion_timestamp=DELETED)
        scene.put(3, "bills", deletion_timestamp=DELETED)
        scene.drop(4)
        assert await listener.heard() == []


async def test_made_anew_under_the_same_name(scene: Scene) -> None:
    async with scene.one() as listener:
        scene.drop(2)
        scene.put(3, uid="second")
        assert await listener.heard() == ["Gone orders", "Appeared orders 1"]


async def test_made_anew_while_nobody_watched(scene: Scene) -> None:
    async with scene.one() as listener:
        scene.put(5, uid="second", generation=4)
        scene.drop(4)
        assert await listener.heard() == ["Gone orders", "Appeared orders 4"]
        scene.put(6, uid="second", generation=5)
        assert await listener.heard() == ["Changed orders 5"]


async def test_made_anew_while_its_end_was_waited_for(scene: Scene) -> None:
    async with scene.one() as listener:
        scene.put(2, deletion_timestamp=DELETED)
        scene.put(5, uid="second")
        assert await listener.heard() == ["Gone orders", "Appeared orders 1"]


# ---------------------------------------------------------------------------------------------------------- listeners


async def test_what_happens_while_nobody_listens_is_told_to_the_next_as_it_is_then(scene: Scene) -> None:
    async with scene.one():
        pass
    await asyncio.sleep(0)
    scene.put(2, generation=2)
    scene.put(3, "bills")
    scene.changes.touched(Ref("Secret", NAMESPACE, "keys"))
    scene.drop(4)
    async with scene.listening() as listener:
        assert await listener.heard() == ["Appeared bills 1", "Synced"]


async def test_a_second_listener_takes_over_and_the_first_hears_no_more(scene: Scene) -> None:
    async with scene.one() as first:
        async with scene.listening() as second:
            assert await second.heard() == ["Appeared orders 1", "Synced"]
            scene.put(2, generation=2)
            assert (await second.heard(), await first.heard()) == (["Changed orders 2"], [])
        scene.put(3, generation=3)
        assert await first.heard() == []


async def test_the_first_one_s_end_is_not_the_second_one_s(scene: Scene) -> None:
    first, second = Listener(), Listener()
    scene.put(1)
    async with asyncio.TaskGroup() as tasks:
        one = tasks.create_task(first.listen(scene.changes))
        await first.heard()
        other = tasks.create_task(second.listen(scene.changes))
        await second.heard()
        one.cancel()
        await asyncio.sleep(0)
        scene.drop(2)
        assert await second.heard() == ["Gone orders"]
        other.cancel()


# --------------------------------------------------------------------------------------------- what is around objects


async def test_a_target_that_comes_changes_or_goes_touches(scene: Scene) -> None:
    cache = scene.world.scalables[DEPLOYMENT]
    async with scene.one() as listener:
        cache.put(deployment(version=2))
        assert await listener.heard() == ["Touched Deployment shop/worker"]
        cache.put(deployment(version=3, image="b"))
        assert await listener.heard() == ["Touched Deployment shop/worker"]
        cache.drop(deployment(version=4).metadata)
        assert await listener.heard() == ["Touched Deployment shop/worker"]


async def test_its_number_moves_unheard_and_others_too(scene: Scene) -> None:
    async with scene.one() as listener:
        scene.world.scalables[DEPLOYMENT].put(deployment(version=2))
        await listener.heard()
        scene.world.scalables[DEPLOYMENT].put(deployment(version=3, replicas=9, ready=7))
        scene.world.scalables[DEPLOYMENT].put(deployment("another", version=4))
        scene.world.scalables[STATEFUL_SET].put(deployment("worker", version=5))
        assert await listener.heard() == []


async def test_a_target_is_heard_of_for_as_long_as_somebody_aims_at_it(scene: Scene) -> None:
    cache = scene.world.scalables[DEPLOYMENT]
    async with scene.one() as listener:
        scene.put(2, generation=2, spec=ELSEWHERE)
        cache.put(deployment(version=3))
        cache.put(deployment("else", version=4))
        assert await listener.heard() == ["Changed orders 2", "Touched Deployment shop/else"]
        scene.drop(5)
        cache.put(deployment("else", version=6, image="b"))
        assert await listener.heard() == ["Gone orders"]


@pytest.mark.parametrize(
    ("kind", "namespace"), [(TRIGGER_AUTHENTICATION, NAMESPACE), (CLUSTER_TRIGGER_AUTHENTICATION, "")]
)
async def test_an_authentication_touches_when_its_spec_changes(scene: Scene, kind: Any, namespace: str) -> None:
    cache = scene.world.objects[kind.kind]

    def put(version: int, **more: Any) -> None:
        cache.put(custom("keys", version=version, namespace=namespace, **more))

    touched = [f"Touched {kind.kind} {namespace}/keys"]
    async with scene.one() as listener:
        put(2, spec={"env": []})
        assert await listener.heard() == touched
        put(3, spec={"env": []}, status={"scaledobjects": "orders"}, labels={"a": "b"})
        assert await listener.heard() == []
        put(4, spec={"env": [1]})
        assert await listener.heard() == touched
        cache.drop(Meta(name="keys", namespace=namespace, uid="uid-keys", resource_version="5"))
        assert await listener.heard() == touched


async def test_what_the_adapter_says_itself(scene: Scene) -> None:
    async with scene.one() as listener:
        scene.changes.touched(Ref("Secret", NAMESPACE, "keys"))
        scene.changes.moved(REF)
        assert await listener.heard() == ["Touched Secret shop/keys", "Poked orders"]


# --------------------------------------------------------------------------------------------------------------- HPAs

LATER: list[tuple[str, Callable[[Scene], None]]] = [
    ("edited", lambda scene: scene.world.hpas.put(hpa("x", version=3, labels={"a": "b"}))),
    ("aimed elsewhere", lambda scene: scene.world.hpas.put(hpa("x", version=3, target="else"))),
    ("going", lambda scene: scene.world.hpas.put(hpa("x", version=3, deletionTimestamp=DELETED))),
    ("gone", lambda scene: scene.world.hpas.drop(hpa("x", version=3).metadata)),
    ("made anew", lambda scene: scene.world.hpas.put(hpa("x", version=3, uid="second"))),
]


@pytest.mark.parametrize("happens", [one[1] for one in LATER], ids=[one[0] for one in LATER])
async def test_somebody_s_hpa_on_our_workload_is_looked_at(scene: Scene, happens: Callable[[Scene], None]) -> None:
    async with scene.one() as listener:
        scene.world.hpas.put(hpa("x", version=2))
        assert await listener.heard() == ["Poked orders"]
        happens(scene)
        assert await listener.heard() == ["Poked orders"]


async def test_an_hpa_s_status_is_no_news(scene: Scene) -> None:
    async with scene.one() as listener:
        scene.world.hpas.put(hpa("x", version=2))
        await listener.heard()
        scene.world.hpas.put(hpa("x", version=3, status={"conditions": [{"type": "ScalingActive"}]}))
        assert await listener.heard() == []


async def test_nor_is_what_we_wrote_ourselves_when_the_watch_tells_of_it(scene: Scene) -> None:
    async with scene.one() as listener:
        scene.world.hpas.put(hpa("x", version=2, owner="orders"), own=True)
        scene.world.hpas.put(hpa("x", version=2, owner="orders"))
        scene.world.hpas.drop(hpa("x", version=2).metadata, own=True)
        scene.world.hpas.drop(hpa("x", version=3).metadata)
        assert await listener.heard() == []


async def test_an_hpa_of_ours_that_somebody_aimed_elsewhere_is_looked_at(scene: Scene) -> None:
    async with scene.one() as listener:
        scene.world.hpas.put(hpa("x", version=2, owner="orders", target="else"))
        scene.world.hpas.put(hpa("y", version=3, target="else"))
        assert await listener.heard() == ["Poked orders"]


async def test_who_shares_a_target_is_looked_at_when_the_other_takes_it_or_lets_it_go(scene: Scene) -> None:
    async with scene.one() as listener:
        scene.put(2, "bills")
        assert await listener.heard() == ["Appeared bills 1", "Poked orders"]
        scene.put(3, "bills", generation=2, spec=ELSEWHERE)
        assert await listener.heard() == ["Changed bills 2", "Poked orders"]
        scene.put(4, "bills", generation=3)
        scene.put(5, "bills", generation=3, status={"hpaName": "x"})
        assert await listener.heard() == ["Changed bills 3", "Poked orders"]
        scene.put(6, "bills", generation=3, deletion_timestamp=DELETED)
        assert await listener.heard() == ["Gone bills", "Poked orders"]


# ---------------------------------------------------------------------------------------------------------- manifests


def test_a_manifest_as_a_person_wrote_it() -> None:
    found = custom(
        labels={"team": "a"},
        annotations={"note": "b"},
        creation_timestamp="2023-11-14T22:13:20Z",
        status={"hpaName": "x"},
    )
    manifest = manifest_of("ScaledObject", found)
    assert (manifest.ref, manifest.created) == (REF, START)
    assert manifest.body == {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {
            "name": "orders",
            "namespace": NAMESPACE,
            "generation": 1,
            "labels": {"team": "a"},
            "annotations": {"note": "b"},
            "creationTimestamp": "2023-11-14T22:13:20Z",
        },
        "spec": {"scaleTargetRef": {"name": "worker"}},
    }


def test_one_whose_creation_nobody_knows() -> None:
    assert manifest_of("ScaledObject", custom()).created == 0.0


# ---------------------------------------------------------------------------------------------------------- ScaledJobs


async def test_scaled_jobs_are_told_beside_scaled_objects_of_the_same_name() -> None:
    scene = Scene()
    jobs = scene.world.objects[SCALED_JOB.kind]
    jobs.put(custom("orders", version=1, spec={"jobTargetRef": {}}))
    scene.put(2)
    async with scene.listening() as listener:
        assert await listener.heard() == ["Appeared orders 1", "Appeared orders 1", "Synced"]
        jobs.put(custom("orders", version=3, generation=2, spec={"jobTargetRef": {}}))
        jobs.put(custom("orders", version=4, generation=2, spec={"jobTargetRef": {}}, status={"Paused": "true"}))
        jobs.drop(Meta(name="orders", namespace=NAMESPACE, uid="uid-orders", resource_version="5"))
        for _ in range(5):
            await asyncio.sleep(0)
        told = [(type(one).__name__, _kind(one)) for one in listener.told]
    assert told == [("Changed", "ScaledJob"), ("Gone", "ScaledJob")]


def _kind(change: Change) -> str:
    match change:
        case Changed(manifest):
            return manifest.ref.kind
        case Gone(ref):
            return ref.kind
    return ""
