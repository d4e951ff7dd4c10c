"""The life of CloudEventSources: who is placed and dropped, and what their conditions say, written when it is news."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from scaler.core.model import Event
from scaler.errors import ManifestError
from scaler.kubernetes.books import Books
from scaler.kubernetes.cloud_event_sources import CloudEventSources, said_of, status_of
from scaler.kubernetes.objects import Custom, Meta
from scaler.kubernetes.secrets import Secrets
from scaler.kubernetes.targets import Targets
from scaler.kubernetes.world import Scope, World
from scaler.kubernetes.writer import Writer
from scaler.manifests.annotations import MODE
from scaler.manifests.watched import Manifest, Ref
from tests.kubernetes.scene import NAMESPACE, START, merged
from tests.kubernetes.script import Script

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

KIND, CLUSTER = "CloudEventSource", "ClusterCloudEventSource"
REF = Ref(KIND, NAMESPACE, "audit")
PATH = f"/apis/eventing.keda.sh/v1alpha1/namespaces/{NAMESPACE}/cloudeventsources/audit/status"
SPEC = {"destination": {"http": {"uri": "http://sink"}}}
GOOD = {
    "type": "Active",
    "status": "True",
    "reason": "CloudEventSourceActive",
    "message": "Is configured to send events to the configured destination",
}
BAD = {
    "type": "Active",
    "status": "False",
    "reason": "CloudEventSourceFailed",
    "message": "Failed to send events to the configured destination: the sink cannot be reached",
}


class Told:
    """Whoever sends events, as far as the adapter knows him."""

    def __init__(self) -> None:
        self.tell_owner: Callable[[Ref, str], None] | None = None
        self.calls: list[tuple[Any, ...]] = []
        self.refuses = False

    @asynccontextmanager
    async def open(self, tell: Callable[[Ref, str], None]) -> AsyncIterator[None]:
        self.tell_owner = tell
        yield
        self.tell_owner = None

    def place(self, manifest: Manifest, said: str | None) -> None:
        self.calls.append(("place", manifest.ref, said))
        if self.refuses:
            raise ManifestError({"spec.destination": "has neither http nor azureEventGridTopic"})

    def drop(self, ref: Ref) -> None:
        self.calls.append(("drop", ref))

    def touched(self, ref: Ref) -> None:
        self.calls.append(("touched", ref))

    def tell(self, ref: Ref, event: Event) -> None:
        self.calls.append(("tell", ref, event.reason))


def source(version: int = 1, *, spec: Any = None, status: Any = None, **meta: Any) -> Custom:
    given = {"name": "audit", "namespace": NAMESPACE, "uid": "u1", "resource_version": str(version), **meta}
    return Custom(Meta(**given), SPEC if spec is None else spec, status or {})


class Remembering(Secrets):
    """Of whom it was told that nothing is in use by them."""

    forgotten: list[Ref]

    def forget(self, owner: Ref) -> None:
        self.forgotten.append(owner)
        super().forget(owner)


class Scene:
    def __init__(self) -> None:
        self.api, self.books, self.dispatch = Script(), Books(), Told()
        self.world = World(self.api, Scope())
        writer = Writer(
            self.api,
            Targets(self.api, {}, lambda: START),
            self.world.hpas,
            self.world.objects,
            self.books,
            instance="pod-1",
            now=lambda: START,
        )
        self.secrets = Remembering(self.api, lambda _: None)
        self.secrets.forgotten = []
        self.sources = CloudEventSources(self.world, writer, self.secrets, self.dispatch)
        self.cache = self.world.objects[KIND]
        self._version = 100

    def tells(self, problem: str, ref: Ref = REF) -> None:
        assert self.dispatch.tell_owner is not None
        self._version += 1
        found = self.world.objects[ref.kind].get(ref.namespace, ref.name)
        if found is not None:
            status = merged(found.status, status_of(found.status, problem))
            self.api.answers["PATCH", PATH] = source(self._version, spec=found.spec, status=status)
        self.dispatch.tell_owner(ref, problem)

    @contextmanager
    def calls(self, *expected: tuple[Any, ...]) -> Iterator[None]:
        """All that the block makes the adapter say."""
        self.dispatch.calls.clear()
        yield
        assert self.dispatch.calls == list(expected)

    @property
    def written(self) -> list[Any]:
        return [body["status"]["conditions"] for _, _, body in self.api.writes]

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(duty()) for duty in (self.books.run, self.sources.run)]
            await asyncio.sleep(0.1)
            yield
            await asyncio.sleep(1)
            for task in running:
                task.cancel()


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_what_is_there_is_placed_with_what_it_says_already(scene: Scene) -> None:
    scene.cache.put(source(status={"conditions": [BAD]}))
    scene.world.objects[CLUSTER].put(source(namespace="", status={"conditions": [GOOD]}))
    async with scene.leading():
        assert scene.dispatch.calls == [("place", REF, BAD["message"]), ("place", Ref(CLUSTER, "", "audit"), "")]
    assert scene.written == []


async def test_nothing_is_placed_by_who_does_not_lead(scene: Scene) -> None:
    scene.cache.put(source())
    async with scene.leading():
        pass
    with scene.calls():
        scene.cache.put(source(2, spec={}))
        scene.sources.touched(Ref("Secret", NAMESPACE, "grid"))


async def test_its_condition_turns_with_its_sink_and_is_written_only_then(scene: Scene) -> None:
    scene.cache.put(source())
    async with scene.leading():
        for problem in ("", "", "the sink cannot be reached", ""):
            scene.tells(problem)
            await asyncio.sleep(1)
    assert scene.written == [[GOOD], [BAD], [GOOD]]


async def test_our_own_status_is_no_edit(scene: Scene) -> None:
    scene.cache.put(source())
    async with scene.leading():
        with scene.calls():
            scene.tells("")
            await asyncio.sleep(1)
            scene.cache.put(source(1000, status={"conditions": [GOOD]}))


async def test_an_edit_is_placed_as_something_nobody_has_spoken_of(scene: Scene) -> None:
    scene.cache.put(source(status={"conditions": [BAD]}))
    async with scene.leading():
        with scene.calls(("place", REF, None)):
            scene.cache.put(source(2, spec={"destination": {}}, status={"conditions": [BAD]}))


@pytest.mark.parametrize("refuses", [False, True])
async def test_what_an_edited_source_was_resolved_from_is_no_longer_in_use(scene: Scene, refuses: bool) -> None:
    """What it is resolved from now is said anew by whoever sends."""
    scene.cache.put(source())
    scene.api.answers["PATCH", PATH] = source(3)
    async with scene.leading():
        scene.secrets.forgotten.clear()
        scene.dispatch.refuses = refuses
        scene.cache.put(source(2, spec={"destination": {}}))
        assert scene.secrets.forgotten == [REF]


async def test_what_cannot_be_is_told(scene: Scene) -> None:
    scene.dispatch.refuses = True
    scene.cache.put(source())
    scene.api.answers["PATCH", PATH] = source(2)
    async with scene.leading():
        pass
    [[condition]] = scene.written
    assert (condition["status"], condition["reason"]) == ("False", "CloudEventSourceFailed")
    assert condition["message"].endswith("spec.destination: has neither http nor azureEventGridTopic")


@pytest.mark.parametrize(
    "gone", [{"deletion_timestamp": "2026-01-01T00:00:00Z"}, {"annotations": {MODE: "observe"}}, None]
)
async def test_what_goes_is_dropped(scene: Scene, gone: dict[str, Any] | None) -> None:
    scene.cache.put(source())
    async with scene.leading():
        with scene.calls(("drop", REF)):
            if gone is None:
                scene.cache.drop(source(2).metadata)
            else:
                scene.cache.put(source(2, **gone))
        if gone is None:
            scene.tells("too late")
    assert scene.written == []


async def test_what_was_observed_is_placed_when_it_no_longer_is(scene: Scene) -> None:
    scene.cache.put(source(annotations={MODE: "observe"}))
    async with scene.leading():
        with scene.calls(("place", REF, None)):
            scene.cache.put(source(2))


async def test_what_a_source_refers_to_has_changed(scene: Scene) -> None:
    login = Meta(name="grid", namespace=NAMESPACE, uid="u2", resource_version="1")
    secret = Ref("Secret", NAMESPACE, "grid")
    async with scene.leading():
        touched = ("touched", Ref("TriggerAuthentication", NAMESPACE, "grid"))
        with scene.calls(touched, ("touched", secret)):
            scene.world.objects["TriggerAuthentication"].put(Custom(login))
            scene.sources.touched(secret)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (GOOD, ""),
        (BAD, BAD["message"]),
        ({"type": "Active", "status": "Unknown", "reason": "", "message": ""}, None),
        ({"type": "Active", "status": "False", "reason": "NotSupported", "message": "not run"}, None),
    ],
)
async def test_what_it_says_already(condition: dict[str, str], said: str | None) -> None:
    assert said_of({"conditions": [condition]}) == said
    assert said_of({}) is None
