"""All sinks together, over real sockets: who gets what, and that nobody is anybody else's trouble."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Set
from contextlib import AsyncExitStack
from typing import Any

import pytest

from scaler.core.model import Event
from scaler.errors import ManifestError
from scaler.manifests.scaled_object import AuthenticationRef
from scaler.manifests.watched import Manifest, Ref
from scaler.sinks.dispatch import Dispatch
from scaler.sinks.waiting import MOST
from tests.rig.process import free_ports
from tests.sinks.event_grid import topic
from tests.sinks.happenings import NOW, ORIGIN, ref
from tests.sinks.receiver import Receiver, receiving

READY = Event("ScaledObjectReady", "ScaledObject is ready for scaling")
PAUSED = Event("ScaledObjectPaused", "ScaledObject is paused")
STARTED = Event("KEDAScalersStarted", "Started scalers watch")


class Granted:
    refs: Set[Ref] = frozenset()

    def __init__(self, reference: AuthenticationRef | None) -> None:
        self.reference, self.ended = reference, 0

    async def parameters(self) -> Mapping[str, str]:
        return {"accessKey": "key"} if self.reference else {}

    async def doubt(self) -> None:
        """Nothing is."""

    def end(self) -> None:
        self.ended += 1


def source(name: str, uri: str = "", *, namespace: str = "shop", **spec: Any) -> Manifest:
    kind = "CloudEventSource" if namespace else "ClusterCloudEventSource"
    destination = {"destination": {"http": {"uri": uri}}} if uri else {}
    return Manifest(Ref(kind, namespace, name), {"kind": kind, "spec": {**destination, **spec}})


class Scene:
    def __init__(self) -> None:
        self.dispatch = Dispatch(ORIGIN, self._granting, lambda: NOW)
        self.granted: list[Granted] = []
        self.told: dict[str, list[str]] = {}
        self._news = asyncio.Event()

    def _granting(self, _: Ref, reference: AuthenticationRef | None) -> Granted:
        self.granted.append(Granted(reference))
        return self.granted[-1]

    def hear(self, whose: Ref, problem: str) -> None:
        self.told.setdefault(whose.name, []).append(problem)
        self._news.set()

    async def heard(self, name: str, count: int) -> list[str]:
        while len(self.told.get(name, ())) < count:
            self._news.clear()
            await self._news.wait()
        return self.told[name]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    async with made.dispatch.open(made.hear):
        yield made


@pytest.fixture
async def receivers() -> AsyncIterator[list[Receiver]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(receiving()) for _ in range(3)]


async def test_every_source_gets_what_it_wants(scene: Scene, receivers: list[Receiver]) -> None:
    own, all_, chosen = receivers
    scene.dispatch.place(source("with.dots", own.url), None)
    scene.dispatch.place(source("all", all_.url, namespace="", clusterName="europe"), None)
    only = {"includedEventTypes": ["keda.scaledobject.paused.v1"]}
    scene.dispatch.place(source("chosen", chosen.url, eventSubscription=only), None)
    for whose, event in ((ref(), READY), (ref(), STARTED), (ref(), PAUSED), (ref("orders", "billing"), READY)):
        scene.dispatch.tell(whose, event)
    await all_.until(3)
    await own.until(2)
    await chosen.until(1)
    assert [one.what for one in own.received] == [
        ("keda.scaledobject.ready.v1", "/prod/shop/scaledobject/orders"),
        ("keda.scaledobject.paused.v1", "/prod/shop/scaledobject/orders"),
    ]
    assert {one.what for one in all_.received} == {
        ("keda.scaledobject.ready.v1", "/europe/shop/scaledobject/orders"),
        ("keda.scaledobject.paused.v1", "/europe/shop/scaledobject/orders"),
        ("keda.scaledobject.ready.v1", "/europe/billing/scaledobject/orders"),
    }
    assert chosen.types == ["keda.scaledobject.paused.v1"]
    assert {one.attributes["source"] for one in all_.received} == {"/europe/keda/keda"}
    ids = [one.attributes["id"] for one in own.received]
    assert len(set(ids)) == 2
    assert ids[1] == chosen.received[0].attributes["id"]


async def test_http_wins_where_both_are_given(scene: Scene, receivers: list[Receiver]) -> None:
    both = {"http": {"uri": receivers[0].url}, "azureEventGridTopic": {"endpoint": "http://127.0.0.1:9"}}
    scene.dispatch.place(source("both", destination=both), None)
    scene.dispatch.tell(ref(), READY)
    await receivers[0].until(1)


async def test_a_topic_of_event_grid(scene: Scene) -> None:
    async with topic("key") as grid:
        wanted = {"azureEventGridTopic": {"endpoint": grid.url}}
        scene.dispatch.place(source("grid", destination=wanted, authenticationRef={"name": "grid"}), None)
        assert await scene.heard("grid", 1) == [""]
        scene.dispatch.tell(ref(), READY)
        await grid.arrived.wait()
    assert grid.events[0]["type"] == "keda.scaledobject.ready.v1"
    emitted = scene.dispatch.counted()["keda_cloudeventsource_events_emitted"]
    assert emitted == {("shop", "grid", "azureEventGridTopic", "emitted"): 1}


@pytest.mark.parametrize("then", ["edited", "http", "refused", "dropped", "closed"])
async def test_what_a_topic_was_granted_ends_with_it(then: str) -> None:
    scene = Scene()
    topic = {"azureEventGridTopic": {"endpoint": "http://127.0.0.1:9"}}
    async with scene.dispatch.open(scene.hear):
        scene.dispatch.place(source("grid", destination=topic), None)
        match then:
            case "edited":
                scene.dispatch.place(source("grid", clusterName="europe", destination=topic), None)
            case "http":
                scene.dispatch.place(source("grid", "http://127.0.0.1:9"), None)
            case "refused":
                with pytest.raises(ManifestError):
                    scene.dispatch.place(source("grid", "sink"), None)
            case "dropped":
                scene.dispatch.drop(source("grid").ref)
        assert [one.ended for one in scene.granted] == {"edited": [1, 0], "closed": [0]}.get(then, [1])
    assert all(one.ended == 1 for one in scene.granted)


async def test_a_topic_without_a_credential_says_so_at_once(scene: Scene) -> None:
    wanted = {"azureEventGridTopic": {"endpoint": "http://127.0.0.1:9"}}
    scene.dispatch.place(source("grid", destination=wanted), None)
    [told] = await scene.heard("grid", 1)
    assert "accessKey" in told


async def test_a_dead_sink_and_a_hanging_one_delay_nobody(scene: Scene, receivers: list[Receiver]) -> None:
    good, hanging, _ = receivers
    hanging.always = "hang"
    [port] = free_ports(1)
    scene.dispatch.place(source("dead", f"http://127.0.0.1:{port}/"), None)
    scene.dispatch.place(source("hanging", hanging.url), None)
    scene.dispatch.place(source("good", good.url), None)
    for number in range(200):
        scene.dispatch.tell(ref(f"object-{number}"), READY)
    await good.until(200)
    assert len({one.attributes["subject"] for one in good.received}) == 200


async def test_more_than_may_wait_is_counted(scene: Scene) -> None:
    [port] = free_ports(1)
    scene.dispatch.place(source("dead", f"http://127.0.0.1:{port}/"), None)
    for number in range(MOST + 10):
        scene.dispatch.tell(ref(f"object-{number}"), READY)
    counted = scene.dispatch.counted()
    assert counted["keda_cloudeventsource_events_queued"] == {("shop",): MOST}
    assert counted["event_scaler_cloud_events_dropped"] == {("shop", "dead", "http"): 10}


async def test_a_source_that_is_gone_gets_nothing_any_more(scene: Scene, receivers: list[Receiver]) -> None:
    first, second, _ = receivers
    scene.dispatch.place(source("first", first.url), None)
    scene.dispatch.place(source("second", second.url), None)
    scene.dispatch.tell(ref(), READY)
    await first.until(1)
    scene.dispatch.drop(source("first").ref)
    scene.dispatch.tell(ref(), PAUSED)
    await second.until(2)
    assert len(first.received) == 1


async def test_an_edited_source_sends_to_its_new_sink(scene: Scene, receivers: list[Receiver]) -> None:
    first, second, _ = receivers
    scene.dispatch.place(source("one", first.url), None)
    scene.dispatch.place(source("one", second.url), None)
    scene.dispatch.tell(ref(), READY)
    await second.until(1)
    assert first.received == []


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({}, "spec.destination"),
        ({"destination": {}}, "neither http nor azureEventGridTopic"),
        ({"destination": {"http": {"uri": ""}}}, "spec.destination.http.uri: must be an http or https URL"),
        ({"destination": {"http": {"uri": "sink/events"}}}, "must be an http or https URL"),
        ({"destination": {"http": {"uri": "ftp://sink"}}}, "must be an http or https URL"),
        ({"destination": {"http": {"uri": "http://"}}}, "must be an http or https URL"),
        ({"destination": {"http": {"uri": "http://[::1"}}}, "must be an http or https URL"),
        ({"destination": {"http": {"uri": "http://xn--a/"}}}, "must be an http or https URL"),
        ({"destination": {"azureEventGridTopic": {"endpoint": "topic"}}}, "azureEventGridTopic.endpoint"),
        ({"destination": {"azureEventGridTopic": {"endpoint": "https://xn--/"}}}, "azureEventGridTopic.endpoint"),
        (
            {
                "destination": {"http": {"uri": "http://sink"}},
                "eventSubscription": {
                    "includedEventTypes": ["keda.scaledobject.ready.v1"],
                    "excludedEventTypes": ["keda.scaledobject.failed.v1"],
                },
            },
            "must not be given together",
        ),
        (
            {
                "destination": {"http": {"uri": "http://sink"}},
                "eventSubscription": {"includedEventTypes": ["keda.scaledobject.resized.v1"]},
            },
            "spec.eventSubscription.includedEventTypes",
        ),
    ],
)
async def test_a_source_that_cannot_be_is_refused_and_its_old_sink_left(
    scene: Scene, receivers: list[Receiver], spec: dict[str, Any], why: str
) -> None:
    scene.dispatch.place(source("one", receivers[0].url), None)
    scene.dispatch.place(source("two", receivers[1].url), None)
    with pytest.raises(ManifestError, match=why):
        scene.dispatch.place(source("one", **spec), None)
    scene.dispatch.tell(ref(), READY)
    await receivers[1].until(1)
    assert receivers[0].received == []


async def test_nothing_is_sent_while_it_is_not_open(receivers: list[Receiver]) -> None:
    scene, manifest = Scene(), source("one", receivers[0].url)
    scene.dispatch.place(manifest, None)
    scene.dispatch.tell(ref(), READY)
    for event in (PAUSED, READY):
        async with scene.dispatch.open(scene.hear):
            scene.dispatch.tell(ref(), STARTED)
            scene.dispatch.place(manifest, None)
            scene.dispatch.tell(ref(), event)
            await receivers[0].until(1 if event is PAUSED else 2)
        scene.dispatch.tell(ref(), READY)
    assert receivers[0].types == ["keda.scaledobject.paused.v1", "keda.scaledobject.ready.v1"]
