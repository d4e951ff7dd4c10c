"""Events as CloudEvents, on a real control plane: an object's life as its owner's sink hears of it, a sink that is dead
and comes back, a topic of Event Grid (a fake on the wire) with a key that comes late and is replaced."""

from typing import Any

from scaler.manifests.annotations import PAUSED
from scaler.sinks.event import TYPES
from tests.e2e.kube_objects import (
    authentication,
    authentications,
    cloud_event_source,
    condition,
    events,
    objects,
    place,
    secret,
    secrets,
)
from tests.e2e.kube_scene import Scene
from tests.rig.kube_client import Object
from tests.rig.process import free_ports
from tests.sinks.event_grid import Topic, topic
from tests.sinks.receiver import Receiver, receiving

GOOD, FAILED = "CloudEventSourceActive", "CloudEventSourceFailed"


def source(name: str, uri: str, *, cluster: bool = False, **spec: Any) -> Object:
    made = cloud_event_source(name, cluster=cluster)
    return {**made, "spec": {"destination": {"http": {"uri": uri}}, **spec}}


async def told(scene: Scene, manifest: Object, status: str, reason: str, says: str = "") -> Object:
    """The source as soon as its condition is like that."""

    def holds(found: Object) -> bool:
        its = condition(found, "Active")
        return its[:2] == (status, reason) and says in its[2]

    return await scene.kube.until(f"{place(manifest, scene.namespace)}/{manifest['metadata']['name']}", holds)


async def test_the_life_of_an_object(scene: Scene) -> None:
    """Its owner's sink gets every event that there is in the cluster and that is a CloudEvent, once; a cluster-wide
    source the same; one that wants something else only that."""
    async with receiving() as sink, receiving() as everything, receiving() as chosen:
        all_ = source(f"all-{scene.namespace}", everything.url, cluster=True, clusterName="rig")
        only = {"includedEventTypes": ["keda.authentication.triggerauthentication.updated.v1"]}
        made = [source("with.dots", sink.url), source("only", chosen.url, eventSubscription=only), all_]
        for manifest in made:
            await scene.add(manifest)
            await told(scene, manifest, "True", GOOD)
        await _live(scene, sink)
        await everything.until(8)
        await chosen.until(1)
        posted = await _posted(scene)
        heard = [(one.data["reason"], one.data["message"]) for one in sink.received]
        assert sorted(heard) == sorted(posted)
        assert [one.what for one in sink.received if one.what[0].startswith("keda.scaledobject")] == [
            (f"keda.scaledobject.{what}.v1", f"/kubernetes-default/{scene.namespace}/scaledobject/worker")
            for what in ("ready", "paused", "unpaused", "failed", "removed")
        ]
        assert {one.attributes["source"] for one in sink.received} == {"/kubernetes-default/event-scaler/keda"}
        own = [one for one in everything.received if f"/{scene.namespace}/" in one.attributes["subject"]]
        assert sorted(one.attributes["id"] for one in own) == sorted(one.attributes["id"] for one in sink.received)
        assert {one.attributes["source"] for one in own} == {"/rig/event-scaler/keda"}
        assert chosen.types == ["keda.authentication.triggerauthentication.updated.v1"]
        sent = {"namespace": scene.namespace, "cloudeventsource": "with.dots", "eventsink": "http"}
        count = await scene.daemon.metric("keda_cloudeventsource_events_emitted_total", **sent, state="emitted")
        assert count == len(sink.received)
        await scene.kube.delete(f"{place(all_, '')}/{all_['metadata']['name']}")


async def _live(scene: Scene, sink: Receiver) -> None:
    """Ready, paused, unpaused, failed, removed; and an authentication comes, changes, and goes."""
    await scene.pair("worker")
    await scene.ready("worker")
    await sink.until(1)
    await scene.annotate("worker", {PAUSED: "true"})
    await sink.until(2)
    await scene.annotate("worker", {PAUSED: None})
    await sink.until(3)
    await scene.edit("worker", triggers=[scene.asks("worker", "zero")])
    await sink.until(4)
    await scene.kube.delete(objects(scene.namespace, "worker"))
    await sink.until(5)
    await scene.add(authentication("login", ("password", "login", "password")))
    await sink.until(6)
    await scene.kube.patch(authentications(scene.namespace, "login"), {"spec": {"secretTargetRef": []}})
    await sink.until(7)
    await scene.kube.delete(authentications(scene.namespace, "login"))
    await sink.until(8)


async def _posted(scene: Scene) -> list[tuple[str, str]]:
    """(reason, note) of the cluster's events that are CloudEvents."""
    listed = await scene.kube.until(events(scene.namespace), lambda found: len(_mapped(found)) >= 8)
    return _mapped(listed)


def _mapped(listed: Object) -> list[tuple[str, str]]:
    return [(one["reason"], one["note"]) for one in listed["items"] if one["reason"] in TYPES]


async def test_a_dead_sink_delays_nothing_and_may_come_back(scene: Scene) -> None:
    [port] = free_ports(1)
    dead, hangs = source("dead", f"http://127.0.0.1:{port}/events"), source("hangs", "")
    async with receiving() as hanging:
        hanging.always = "hang"
        hangs["spec"]["destination"]["http"]["uri"] = hanging.url
        for manifest in (dead, hangs):
            await scene.add(manifest)
            await told(scene, manifest, "True", GOOD)
        scene.answers["worker"] = 3
        await scene.pair("worker")
        await scene.replicas("worker", 1)
        await scene.ready("worker")
        failed = await told(scene, dead, "False", FAILED, "cannot be reached")
        assert condition(failed, "Active")[2].startswith("Failed to send events to the configured destination: ")
        scene.answers["worker"] = 0
        await scene.replicas("worker", 0)
        async with receiving(port) as sink:
            await sink.until(1)
            assert sink.types == ["keda.scaledobject.ready.v1"]
            await told(scene, dead, "True", GOOD)
    written = [one for one in scene.writes("/cloudeventsources/dead/status") if one.code == 200]
    assert len(written) == 3, "True, False, True: nothing else"


async def test_a_topic_of_event_grid(scene: Scene) -> None:
    """The condition says what is missing, before there is an event; a replaced key is read anew."""
    async with topic("b25l") as grid:
        wanted = {"azureEventGridTopic": {"endpoint": grid.url}}
        manifest = source("grid", "", destination=wanted, authenticationRef={"name": "grid"})
        await scene.add(manifest)
        await told(scene, manifest, "False", FAILED, "there is no TriggerAuthentication grid")
        await scene.add(authentication("grid", ("accessKey", "grid", "key")))
        await told(scene, manifest, "False", FAILED, "there is no Secret grid")
        await scene.add(secret("grid", key="b25l"))
        await told(scene, manifest, "True", GOOD)
        await scene.pair("worker")
        told_of = ["authentication.triggerauthentication.created", "scaledobject.ready", "scaledobject.paused"]
        await scene.daemon.until(lambda: _types(grid) == told_of[:2], "the topic has what waited, and what came")
        grid.key = "dHdv"
        await scene.kube.patch(secrets(scene.namespace, "grid"), {"stringData": {"key": "dHdv"}})
        await scene.annotate("worker", {PAUSED: "true"})
        await scene.daemon.until(lambda: _types(grid) == told_of, "the topic has what its new key was needed for")
        assert {status for status, _ in grid.refused} == {401}
        assert "dHdv" not in scene.daemon.said()
        assert "b25l" not in scene.daemon.said()


def _types(grid: Topic) -> list[str]:
    return [one["type"].removeprefix("keda.").removesuffix(".v1") for one in grid.events]
