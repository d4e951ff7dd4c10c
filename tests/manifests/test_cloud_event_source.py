"""A CloudEventSource by itself."""

from typing import Any

import pytest

from scaler.declare import load_document
from scaler.manifests.cloud_event_source import CloudEventSourceSpec, EventType

READY = EventType.SCALED_OBJECT_READY.value
TOPIC = "azureEventGridTopic.endpoint"
HTTP = {"http": {"uri": "http://events"}}


def test_a_whole_source() -> None:
    document = {
        "clusterName": "c",
        "destination": {**HTTP, "azureEventGridTopic": {"endpoint": "http://topic"}},
        "authenticationRef": {"name": "a", "kind": "ClusterTriggerAuthentication"},
        "eventSubscription": {"includedEventTypes": [READY]},
    }
    loaded = load_document(CloudEventSourceSpec, document, "spec")
    assert (loaded.problems, loaded.notes) == ({}, {})
    assert loaded.value is not None
    assert loaded.value.event_subscription is not None
    assert loaded.value.event_subscription.included_event_types == (EventType.SCALED_OBJECT_READY,)


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        ({}, "spec.destination", "is required"),
        ({"destination": {"http": {}}}, "spec.destination.http.uri", "is required"),
        (
            {"destination": HTTP, "eventSubscription": {"excludedEventTypes": ["keda.none.v1"]}},
            "spec.eventSubscription.excludedEventTypes[0]",
            "must be one of keda.scaledobject.ready.v1, keda.scaledobject.failed.v1,",
        ),
        (
            {"destination": HTTP, "eventSubscription": {"includedEventTypes": [READY], "excludedEventTypes": [READY]}},
            "spec.eventSubscription.excludedEventTypes",
            "together",
        ),
    ],
)
def test_one_problem(spec: dict[str, Any], path: str, words: str) -> None:
    assert words in load_document(CloudEventSourceSpec, spec, "spec").problems[path]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sink/events",
        "ftp://sink",
        "http://",
        "http:///events",
        "http://[::1",
        "http://sink:99999",
        "http://xn--a/",
        "http://xn--/",
        "https://a.xn--a.b/",
        "http://xn--é/",
        "http://\u2100/",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    for at, destination in (("http.uri", {"http": {"uri": url}}), (TOPIC, {"azureEventGridTopic": {"endpoint": url}})):
        problems = load_document(CloudEventSourceSpec, {"destination": destination}, "spec").problems
        assert problems == {f"spec.destination.{at}": "must be an http or https URL"}


@pytest.mark.parametrize("url", [" http://sink\n", "https://user:word@sink.example.com:8443/a?b=c", "http://xn--9ca.x"])
def test_an_address(url: str) -> None:
    assert load_document(CloudEventSourceSpec, {"destination": {"http": {"uri": url}}}, "spec").problems == {}


def test_an_address_that_nobody_uses_does_not_matter() -> None:
    both = {"destination": {**HTTP, "azureEventGridTopic": {"endpoint": ""}}}
    assert load_document(CloudEventSourceSpec, both, "spec").problems == {}


def test_there_are_kedas_19_types() -> None:
    assert len(EventType) == 19
