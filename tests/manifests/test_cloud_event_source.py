"""A CloudEventSource by itself."""

from typing import Any

import pytest

from scaler.declare import load_document
from scaler.manifests.cloud_event_source import CloudEventSourceSpec, EventType

READY = EventType.SCALED_OBJECT_READY.value
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


def test_there_are_kedas_19_types() -> None:
    assert len(EventType) == 19
