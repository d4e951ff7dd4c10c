"""KEDA's names of OpenTelemetry metrics, and which family each is."""

import pytest

from scaler.telemetry.names import NAMES, Shape, names_of, of_event, of_round, of_trigger
from tests.web.telemetry.expected import ALL

KEDA = {
    "keda.build.info",
    "keda.scaler.errors",
    "keda.scaledobject.errors",
    "keda.scaledjob.errors",
    "keda.trigger.registered.count",
    "keda.trigger.totals",
    "keda.resource.registered.count",
    "keda.resource.totals",
    "keda.scaler.empty.upstream.responses",
    "keda.scaler.metrics.value",
    "keda.scaler.metrics.latency.seconds",
    "keda.scaler.metrics.latency",
    "keda.internal.scale.loop.latency.seconds",
    "keda.internal.scale.loop.latency",
    "keda.scaler.active",
    "keda.scaled.object.paused",
    "keda.cloudeventsource.events.emitted.count",
    "keda.cloudeventsource.events.queued",
    "keda.scaler.http.requests.count",
    "keda.scaler.http.request.duration.seconds",
}
"""KEDA behaviour 5.4, the older names included."""


def test_they_are_kedas() -> None:
    assert {one.name for one in NAMES} == KEDA
    assert len(NAMES) == len(KEDA)


def test_each_is_a_family_of_the_page() -> None:
    families = {name.removesuffix("_total") if type_ == "counter" else name for name, (type_, _) in ALL.items()}
    assert {one.family for one in NAMES} <= families


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("keda_scaler_active", ["keda.scaler.active"]),
        ("keda_trigger_registered_total", ["keda.trigger.registered.count", "keda.trigger.totals"]),
        ("event_scaler_backlog_oldest_age_seconds", ["event_scaler.backlog_oldest_age_seconds"]),
        ("process_cpu_seconds", []),
    ],
)
def test_a_familys_names(family: str, names: list[str]) -> None:
    assert [one.name for one in names_of(family)] == names


def test_what_is_registered_goes_up_and_down() -> None:
    assert {one.name for one in NAMES if one.shape is Shape.UP_DOWN} == {
        f"keda.{what}.{count}" for what in ("trigger", "resource") for count in ("registered.count", "totals")
    }


def test_a_scaled_objects_attributes_are_not_a_scaled_jobs() -> None:
    labels = {"namespace": "n", "metric": "m", "scaledObject": "o", "scaler": "s", "triggerIndex": "1"}
    shared = {"namespace": "n", "metric": "m", "scaler": "s"}
    assert of_trigger({**labels, "type": "scaledobject"}) == {**shared, "scaledObject": "o", "scalerIndex": "1"}
    assert of_trigger({**labels, "type": "scaledjob"}) == {**shared, "scaledJob": "o", "triggerIndex": "1"}


def test_other_attributes_with_another_key() -> None:
    assert of_round({"namespace": "n", "type": "scaledjob", "resource": "o"}) == {
        "namespace": "n",
        "type": "scaledjob",
        "name": "o",
    }
    assert of_event({"namespace": "n", "cloudeventsource": "c"}) == {"namespace": "n", "cloudEventSource": "c"}
