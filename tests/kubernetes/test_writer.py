"""The steps as requests: which are sent, at once or by the books, and what of their answers the caches keep."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from scaler.core.model import Event
from scaler.errors import ClusterError, Conflict, Forbidden, Invalid, NotFound, NotLeading
from scaler.kubernetes.books import Books
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.events import BURST, REFILL
from scaler.kubernetes.objects import Custom, Hpa
from scaler.kubernetes.steps import CreateHpa, DeleteHpa, PatchHpa, PatchStatus, Post, Scale, SetFinalizers
from scaler.kubernetes.targets import DEPLOYMENT, Targets
from scaler.kubernetes.writer import Writer, hpa_path, path_of
from scaler.manifests.kinds import SCALED_OBJECT
from scaler.manifests.watched import Ref
from tests.kubernetes.scene import NAMESPACE, REF, START, custom, deployment, hpa
from tests.kubernetes.script import Script

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

OBJECT = f"/apis/keda.sh/v1alpha1/namespaces/{NAMESPACE}/scaledobjects/orders"
HPAS = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
EVENTS = f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events"
SCALE = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/worker/scale"
NAME = "keda-hpa-orders"
MANIFEST = {"metadata": {"name": NAME, "namespace": NAMESPACE}}


class Scene:
    def __init__(self) -> None:
        self.api, self.books = Script(), Books()
        self.hpas: Cache[Hpa] = Cache()
        self.objects: Cache[Custom] = Cache()
        self.deployments = Cache[Any]()
        self.now = START
        self.writer = Writer(
            self.api,
            Targets(self.api, {DEPLOYMENT: self.deployments}, lambda: self.now),
            self.hpas,
            {SCALED_OBJECT.kind: self.objects},
            self.books,
            instance="pod-1",
            now=lambda: self.now,
        )

    def answers(self, method: str, path: str, *answers: Any) -> None:
        self.api.answers[method, path] = list(answers)

    def version(self, name: str = NAME) -> str | None:
        found = self.hpas.get(NAMESPACE, name)
        return found.metadata.resource_version if found else None


@pytest.fixture
def scene() -> Scene:
    return Scene()


@asynccontextmanager
async def keeping(scene: Scene) -> AsyncIterator[None]:
    """The books are kept, and what they hold is written before the block ends."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scene.books.run())
        await asyncio.sleep(0)
        yield
        await asyncio.sleep(30)
        running.cancel()


# ------------------------------------------------------------------------------------------------------------ replicas


async def test_replicas_are_written_at_once_and_known(scene: Scene) -> None:
    scene.deployments.put(deployment(version=5, replicas=2))
    scene.answers("PATCH", SCALE, {"metadata": {"resourceVersion": "8"}, "spec": {"replicas": 3}})
    await scene.writer.take(Scale(DEPLOYMENT, NAMESPACE, "worker", 2, 3))
    assert scene.api.sent == [("PATCH", SCALE)]
    [found] = scene.deployments.values()
    assert found.spec.replicas == 3


async def test_replicas_that_somebody_moved_are_a_conflict(scene: Scene) -> None:
    scene.answers("PATCH", SCALE, Invalid("test failed"))
    scene.answers("GET", SCALE, {"spec": {"replicas": 7}})
    with pytest.raises(Conflict):
        await scene.writer.take(Scale(DEPLOYMENT, NAMESPACE, "worker", 2, 3))


# ---------------------------------------------------------------------------------------------------------------- HPAs


async def test_an_hpa_that_was_made_is_known(scene: Scene) -> None:
    scene.answers("POST", HPAS, hpa(NAME, version=8))
    await scene.writer.take(CreateHpa(MANIFEST))
    assert (scene.api.writes, scene.version()) == ([("POST", HPAS, MANIFEST)], "8")


async def test_an_hpa_of_that_name_that_is_there_already_is_known_to_the_next_decision(scene: Scene) -> None:
    scene.answers("POST", HPAS, Conflict("already exists"))
    scene.answers("GET", f"{HPAS}/{NAME}", hpa(NAME, version=6, owner="somebody"))
    with pytest.raises(Conflict, match="already exists"):
        await scene.writer.take(CreateHpa(MANIFEST))
    assert scene.version() == "6"


async def test_an_hpa_that_was_there_for_a_moment_only(scene: Scene) -> None:
    scene.answers("POST", HPAS, Conflict("already exists"))
    scene.answers("GET", f"{HPAS}/{NAME}", NotFound("gone"))
    with pytest.raises(Conflict, match="already exists"):
        await scene.writer.take(CreateHpa(MANIFEST))


async def test_an_hpa_that_was_patched_is_known(scene: Scene) -> None:
    scene.hpas.put(hpa(NAME, version=5))
    scene.answers("PATCH", f"{HPAS}/{NAME}", hpa(NAME, version=8))
    await scene.writer.take(PatchHpa(NAMESPACE, NAME, {"spec": {"maxReplicas": 7}}))
    assert scene.api.writes == [("PATCH", f"{HPAS}/{NAME}", {"spec": {"maxReplicas": 7}})]
    assert scene.version() == "8"


async def test_a_patch_that_the_server_does_not_take_is_not_sent_again(scene: Scene) -> None:
    """Else each poll would write what never comes true: a field that this version of Kubernetes does not know."""
    step = PatchHpa(NAMESPACE, NAME, {"spec": {"behavior": {"scaleUp": {"tolerance": "0.1"}}}})
    scene.hpas.put(hpa(NAME, version=5))
    scene.answers("PATCH", f"{HPAS}/{NAME}", hpa(NAME, version=5))
    for _ in range(3):
        await scene.writer.take(step)
    scene.hpas.put(hpa(NAME, version=9, status={"conditions": [{"type": "ScalingActive"}]}))
    await scene.writer.take(step)
    assert len(scene.api.writes) == 1


@pytest.mark.parametrize("change", [{"labels": {}}, {"uid": "second"}, {"target": "else"}])
async def test_it_is_sent_again_when_somebody_undid_it(scene: Scene, change: dict[str, Any]) -> None:
    step = PatchHpa(NAMESPACE, NAME, {"metadata": {"labels": {"a": "b"}}})
    made = hpa(NAME, version=8, labels={"a": "b"})
    scene.answers("PATCH", f"{HPAS}/{NAME}", made, hpa(NAME, version=12, labels={"a": "b"}))
    await scene.writer.take(step)
    scene.hpas.put(hpa(NAME, version=10, **{"labels": {"a": "b"}, **change}))
    await scene.writer.take(step)
    assert len(scene.api.writes) == 2


async def test_another_patch_is_sent(scene: Scene) -> None:
    scene.answers("PATCH", f"{HPAS}/{NAME}", hpa(NAME, version=8), hpa(NAME, version=9))
    await scene.writer.take(PatchHpa(NAMESPACE, NAME, {"spec": {"maxReplicas": 7}}))
    await scene.writer.take(PatchHpa(NAMESPACE, NAME, {"spec": {"maxReplicas": 8}}))
    assert len(scene.api.writes) == 2


async def test_an_hpa_that_was_deleted_is_gone_by_its_uid(scene: Scene) -> None:
    scene.hpas.put(hpa(NAME, version=5))
    scene.answers("DELETE", f"{HPAS}/{NAME}", {"kind": "Status"})
    await scene.writer.take(DeleteHpa(hpa(NAME, version=5).metadata))
    [(_, _, body)] = scene.api.writes
    assert (body["preconditions"], scene.version()) == ({"uid": f"uid-{NAME}"}, None)


async def test_one_that_is_another_by_now_is_left_alone(scene: Scene) -> None:
    scene.hpas.put(hpa(NAME, version=5))
    scene.answers("DELETE", f"{HPAS}/{NAME}", Conflict("the uid in the precondition"))
    await scene.writer.take(DeleteHpa(hpa(NAME, version=5).metadata))
    assert scene.version() == "5"


# ---------------------------------------------------------------------------------------------------------- finalizers


async def test_finalizers_are_written_for_the_version_that_was_seen(scene: Scene) -> None:
    scene.objects.put(custom(version=5))
    scene.answers("PATCH", OBJECT, custom(version=8, finalizers=("ours",)))
    await scene.writer.take(SetFinalizers(REF, custom(version=5).metadata, ("ours",)))
    assert scene.api.writes == [("PATCH", OBJECT, {"metadata": {"resourceVersion": "5", "finalizers": ["ours"]}})]
    assert scene.objects.values() == [custom(version=8, finalizers=("ours",))]


async def test_of_an_object_that_changed_the_next_decision_knows_the_change(scene: Scene) -> None:
    scene.objects.put(custom(version=5))
    scene.answers("PATCH", OBJECT, Conflict("the object has been modified"))
    scene.answers("GET", OBJECT, custom(version=7))
    with pytest.raises(Conflict):
        await scene.writer.take(SetFinalizers(REF, custom(version=5).metadata, ()))
    assert scene.objects.values() == [custom(version=7)]


async def test_of_an_object_that_is_gone_the_end_is_told(scene: Scene) -> None:
    scene.answers("PATCH", OBJECT, Conflict("the object has been modified"))
    scene.answers("GET", OBJECT, NotFound("gone"))
    with pytest.raises(NotFound):
        await scene.writer.take(SetFinalizers(REF, custom(version=5).metadata, ()))


# -------------------------------------------------------------------------------------------------------------- status

PATCH = {"hpaName": "x"}
STATUS = f"{OBJECT}/status"


async def test_a_status_that_somebody_waits_for_is_written_at_once(scene: Scene) -> None:
    scene.objects.put(custom(version=5))
    scene.answers("PATCH", STATUS, custom(version=8, status=PATCH))
    await scene.writer.take(PatchStatus(REF, PATCH, hurry=True))
    assert scene.api.writes == [("PATCH", STATUS, {"status": PATCH})]
    assert (scene.objects.values(), len(scene.books)) == ([custom(version=8, status=PATCH)], 0)


async def test_one_that_nobody_waits_for_goes_by_the_books(scene: Scene) -> None:
    scene.objects.put(custom(version=5))
    scene.answers("PATCH", STATUS, custom(version=8, status=PATCH))
    async with keeping(scene):
        await scene.writer.take(PatchStatus(REF, PATCH, hurry=False))
        assert (scene.api.writes, len(scene.books)) == ([], 1)
    assert scene.api.writes == [("PATCH", STATUS, {"status": PATCH})]
    assert scene.objects.values() == [custom(version=8, status=PATCH)]


@pytest.mark.parametrize("hurry", [True, False])
async def test_where_nothing_differs_nothing_is_written_and_nothing_waits(scene: Scene, hurry: bool) -> None:
    async with keeping(scene):
        await scene.writer.take(PatchStatus(REF, PATCH, hurry=False))
        await scene.writer.take(PatchStatus(REF, {}, hurry=hurry))
    assert scene.api.requests == []


async def test_what_waited_is_part_of_what_is_written_at_once(scene: Scene) -> None:
    scene.answers("PATCH", STATUS, custom(version=8))
    async with keeping(scene):
        await scene.writer.take(PatchStatus(REF, {"hpaName": "old"}, hurry=False))
        await scene.writer.take(PatchStatus(REF, PATCH, hurry=True))
    assert [body for _, _, body in scene.api.writes] == [{"status": PATCH}]


async def test_an_answer_that_comes_after_the_end_brings_nothing_back(scene: Scene) -> None:
    scene.objects.put(custom(version=5))
    scene.answers("PATCH", STATUS, custom(version=8))
    async with keeping(scene):
        await scene.writer.take(PatchStatus(REF, PATCH, hurry=False))
        scene.objects.drop(custom(version=9).metadata)
    assert (len(scene.api.writes), scene.objects.values()) == (1, [])


async def test_what_cannot_be_written_is_told_to_who_waits_for_it(scene: Scene) -> None:
    scene.answers("PATCH", STATUS, ClusterError("away"), NotLeading("lost"))
    for error in (ClusterError, NotLeading):
        with pytest.raises(error):
            await scene.writer.take(PatchStatus(REF, PATCH, hurry=True))


async def test_of_an_object_that_is_forgotten_nothing_waits(scene: Scene) -> None:
    async with keeping(scene):
        await scene.writer.take(PatchStatus(REF, PATCH, hurry=False))
        scene.writer.forget(REF)
    assert scene.api.requests == []


# -------------------------------------------------------------------------------------------------------------- events

READY, PAUSED = Event("ScaledObjectReady", "is ready"), Event("ScaledObjectPaused", "is paused")


async def test_events_go_by_the_books_in_their_order(scene: Scene) -> None:
    scene.objects.put(custom(version=5))
    scene.api.answers["POST", EVENTS] = {}
    async with keeping(scene):
        await scene.writer.take(Post(REF, (READY, PAUSED)))
        assert scene.api.requests == []
    bodies = [body for _, _, body in scene.api.writes]
    assert [body["reason"] for body in bodies] == ["ScaledObjectReady", "ScaledObjectPaused"]
    assert (bodies[0]["regarding"]["uid"], bodies[0]["regarding"]["resourceVersion"]) == ("uid-orders", "5")
    assert len({body["metadata"]["name"] for body in bodies}) == 2


async def test_about_an_object_that_is_not_known(scene: Scene) -> None:
    scene.api.answers["POST", EVENTS] = {}
    async with keeping(scene):
        scene.writer.post(REF, READY)
    [(_, _, body)] = scene.api.writes
    assert (body["regarding"]["name"], body["regarding"]["uid"]) == ("orders", "")


async def test_about_one_without_a_namespace(scene: Scene) -> None:
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    scene.api.answers["POST", path] = {}
    async with keeping(scene):
        scene.writer.post(Ref("ClusterTriggerAuthentication", "", "keys"), READY)
    assert scene.api.sent == [("POST", path)]


async def test_a_flood_of_events_is_held_back(scene: Scene) -> None:
    scene.api.answers["POST", EVENTS] = {}
    async with keeping(scene):
        for _ in range(100):
            scene.writer.post(REF, READY)
        scene.writer.forget(REF)
        scene.writer.post(REF, PAUSED)
    assert [body["reason"] for _, _, body in scene.api.writes] == [*["ScaledObjectReady"] * BURST, "ScaledObjectPaused"]


async def test_and_comes_again_with_time(scene: Scene) -> None:
    scene.api.answers["POST", EVENTS] = {}
    async with keeping(scene):
        for _ in range(BURST + 1):
            scene.writer.post(REF, READY)
        scene.now += REFILL
        scene.writer.post(REF, READY)
    assert len(scene.api.writes) == BURST + 1


async def test_an_event_that_cannot_be_posted_stops_nothing(scene: Scene) -> None:
    scene.answers("POST", EVENTS, Invalid("no"), {})
    async with keeping(scene):
        scene.writer.post(REF, READY)
        scene.writer.post(REF, PAUSED)
    assert len(scene.api.writes) == 2


async def test_whoever_listens_hears_of_all_of_them(scene: Scene) -> None:
    """Once, in order, and also of those that are too many for the API server."""
    scene.api.answers["POST", EVENTS] = {}
    heard: list[tuple[Ref, Event]] = []
    scene.writer.tell = lambda ref, event: heard.append((ref, event))
    async with keeping(scene):
        for _ in range(BURST + 5):
            scene.writer.post(REF, READY)
        await scene.writer.take(Post(REF, (PAUSED,)))
    assert heard == [*[(REF, READY)] * (BURST + 5), (REF, PAUSED)]
    assert len(scene.api.writes) == BURST


@pytest.mark.parametrize(("namespace", "complaints"), [("", 0), (NAMESPACE, 1)])
async def test_where_nothing_may_be_written(
    scene: Scene, caplog: pytest.LogCaptureFixture, namespace: str, complaints: int
) -> None:
    """What has no namespace is told of in `default`, which an installation in some namespaces does not serve."""
    kind = "TriggerAuthentication" if namespace else "ClusterTriggerAuthentication"
    scene.answers("POST", EVENTS.replace(NAMESPACE, namespace or "default"), Forbidden("no"))
    async with keeping(scene):
        scene.writer.post(Ref(kind, namespace, "keys"), Event(f"{kind}Added", f"New {kind} configured"))
    assert len(scene.api.writes) == 1
    assert caplog.text.count("could not be written down") == complaints


# --------------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (REF, OBJECT),
        (
            Ref("ClusterTriggerAuthentication", "", "keys"),
            "/apis/keda.sh/v1alpha1/clustertriggerauthentications/keys",
        ),
        (
            Ref("CloudEventSource", "shop", "x"),
            "/apis/eventing.keda.sh/v1alpha1/namespaces/shop/cloudeventsources/x",
        ),
    ],
)
async def test_where_objects_are(ref: Ref, path: str) -> None:
    assert path_of(ref) == path


async def test_where_hpas_are() -> None:
    assert (hpa_path("shop"), hpa_path("shop", "x")) == (HPAS, f"{HPAS}/x")
    assert msgspec.json.encode(hpa("x"))
