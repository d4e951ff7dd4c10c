"""What an event becomes as a CloudEvent: every type, every attribute, both ways to write it down."""

import json

import pytest

from scaler.core.model import Event
from scaler.manifests.cloud_event_source import EventType
from scaler.sinks.event import MOST_TEXT, TYPES, Origin, attributes, batch, binary, happening
from tests.sinks.happenings import NOW, ORIGIN, happened, ref


def test_the_whole_event_in_binary_mode() -> None:
    headers, body = binary(happened(message="ScaledObject is ready for scaling"), ORIGIN)
    assert dict(headers) == {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/prod/keda/keda",
        "ce-type": "keda.scaledobject.ready.v1",
        "ce-subject": "/prod/shop/scaledobject/orders",
        "ce-time": "2023-11-14T22:13:20.250000Z",
    }
    assert json.loads(body) == {"reason": "ScaledObjectReady", "message": "ScaledObject is ready for scaling"}


def test_the_whole_event_in_a_batch() -> None:
    [found] = json.loads(batch(happened(), ORIGIN))
    assert found == {
        "specversion": "1.0",
        "id": "1",
        "source": "/prod/keda/keda",
        "type": "keda.scaledobject.ready.v1",
        "subject": "/prod/shop/scaledobject/orders",
        "time": "2023-11-14T22:13:20.250000Z",
        "datacontenttype": "application/json",
        "data": {"reason": "ScaledObjectReady", "message": "all"},
    }


@pytest.mark.parametrize(
    ("reason", "kind", "type_"),
    [
        ("ScaledObjectReady", "ScaledObject", "keda.scaledobject.ready.v1"),
        ("ScaledObjectCheckFailed", "ScaledObject", "keda.scaledobject.failed.v1"),
        ("ScaledObjectDeleted", "ScaledObject", "keda.scaledobject.removed.v1"),
        ("ScaledObjectPaused", "ScaledObject", "keda.scaledobject.paused.v1"),
        ("ScaledObjectUnpaused", "ScaledObject", "keda.scaledobject.unpaused.v1"),
        ("ScaledJobReady", "ScaledJob", "keda.scaledjob.ready.v1"),
        ("ScaledJobCheckFailed", "ScaledJob", "keda.scaledjob.failed.v1"),
        ("ScaledJobDeleted", "ScaledJob", "keda.scaledjob.removed.v1"),
        ("ScaledJobPaused", "ScaledJob", "keda.scaledjob.paused.v1"),
        ("ScaledJobUnpaused", "ScaledJob", "keda.scaledjob.unpaused.v1"),
        ("ScaledJobRolloutCleanupStarted", "ScaledJob", "keda.scaledjob.rolloutcleanup.started.v1"),
        ("ScaledJobRolloutCleanupCompleted", "ScaledJob", "keda.scaledjob.rolloutcleanup.completed.v1"),
        ("ScaledJobRolloutCleanupFailed", "ScaledJob", "keda.scaledjob.rolloutcleanup.failed.v1"),
        (
            "TriggerAuthenticationAdded",
            "TriggerAuthentication",
            "keda.authentication.triggerauthentication.created.v1",
        ),
        (
            "ClusterTriggerAuthenticationUpdated",
            "ClusterTriggerAuthentication",
            "keda.authentication.clustertriggerauthentication.updated.v1",
        ),
    ],
)
def test_types_are_keda_s(reason: str, kind: str, type_: str) -> None:
    assert attributes(happened(reason, to=ref(kind=kind)), ORIGIN)["type"] == type_


def test_every_type_has_a_reason() -> None:
    assert set(TYPES.values()) == set(EventType)


@pytest.mark.parametrize("reason", ["KEDAScalersStarted", "KEDAScalerFailed", "KEDAScaleTargetActivated", "Else"])
def test_other_events_are_told_in_the_cluster_alone(reason: str) -> None:
    assert happening(ref(), Event(reason, "all"), at=NOW, id="1") is None


def test_an_object_without_a_namespace_has_an_empty_one_in_the_subject() -> None:
    one = happened("ClusterTriggerAuthenticationAdded", to=ref("Vault", "", "ClusterTriggerAuthentication"))
    assert attributes(one, ORIGIN)["subject"] == "/prod//clustertriggerauthentication/vault"


def test_what_may_not_stand_in_a_header_is_encoded() -> None:
    headers, _ = binary(happened(), Origin('eu "west" 50% é\r\nX: y', "keda"))
    assert dict(headers)["ce-source"] == "/eu%20%22west%22%2050%25%20%C3%A9%0D%0AX:%20y/keda/keda"


def test_a_long_message_is_cut() -> None:
    assert len(happened(message="x" * MOST_TEXT).message) == MOST_TEXT
    cut = happened(message="x" * (MOST_TEXT + 1)).message
    assert (len(cut), cut[-2:]) == (MOST_TEXT, "x…")


def test_any_text_is_json() -> None:
    _, body = binary(happened(message='"}\n\ud800 é'), ORIGIN)
    assert json.loads(body)["message"] == '"}\n\ud800 é'
