"""What KEDA's OpenTelemetry metrics are called (KEDA behaviour 5.4), and which family of /metrics each of them is. Some
attributes are called otherwise than their label. What KEDA has not is called as on /metrics, with a dot after the
first words."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple

METER = "keda-open-telemetry-metrics"
"""KEDA's; whoever selects by the instrumentation scope finds the same one."""

OWN = "event_scaler_"

Labels = Mapping[str, str]
Attributes = Callable[[Labels], dict[str, str]]


class Shape(Enum):
    """What becomes of a family: as it is told there, or, of a gauge, a sum that goes up and down."""

    AS_TOLD = "as told"
    UP_DOWN = "up and down"


class Name(NamedTuple):
    """`family` is without the `_total` of counters; values are multiplied by `factor`."""

    name: str
    family: str
    attributes: Attributes
    unit: str = ""
    shape: Shape = Shape.AS_TOLD
    factor: float = 1.0


def same(labels: Labels) -> dict[str, str]:
    return dict(labels)


def of_trigger(labels: Labels) -> dict[str, str]:
    """The type is in the key of the name; the index of a ScaledObject's trigger has KEDA's older key."""
    job = labels["type"] == "scaledjob"
    return {
        "namespace": labels["namespace"],
        "scaledJob" if job else "scaledObject": labels["scaledObject"],
        "scaler": labels["scaler"],
        "triggerIndex" if job else "scalerIndex": labels["triggerIndex"],
        "metric": labels["metric"],
    }


def of_round(labels: Labels) -> dict[str, str]:
    return {"namespace": labels["namespace"], "type": labels["type"], "name": labels["resource"]}


def of_event(labels: Labels) -> dict[str, str]:
    return {"cloudEventSource" if key == "cloudeventsource" else key: value for key, value in labels.items()}


SECONDS, MILLISECONDS = "s", 1000.0
NAMES = (
    Name("keda.build.info", "keda_build_info", same),
    Name("keda.scaler.errors", "keda_scaler_detail_errors", of_trigger),
    Name("keda.scaledobject.errors", "keda_scaled_object_errors", same),
    Name("keda.scaledjob.errors", "keda_scaled_job_errors", same),
    Name("keda.trigger.registered.count", "keda_trigger_registered_total", same, shape=Shape.UP_DOWN),
    Name("keda.trigger.totals", "keda_trigger_registered_total", same, shape=Shape.UP_DOWN),
    Name("keda.resource.registered.count", "keda_resource_registered_total", same, shape=Shape.UP_DOWN),
    Name("keda.resource.totals", "keda_resource_registered_total", same, shape=Shape.UP_DOWN),
    Name("keda.scaler.empty.upstream.responses", "keda_scaler_empty_upstream_responses", same),
    Name("keda.scaler.metrics.value", "keda_scaler_metrics_value", of_trigger),
    Name("keda.scaler.metrics.latency.seconds", "keda_scaler_metrics_latency_seconds", of_trigger, SECONDS),
    Name("keda.scaler.metrics.latency", "keda_scaler_metrics_latency_seconds", of_trigger, factor=MILLISECONDS),
    Name("keda.internal.scale.loop.latency.seconds", "keda_internal_scale_loop_latency_seconds", of_round, SECONDS),
    Name("keda.internal.scale.loop.latency", "keda_internal_scale_loop_latency_seconds", of_round, factor=MILLISECONDS),
    Name("keda.scaler.active", "keda_scaler_active", of_trigger),
    Name("keda.scaled.object.paused", "keda_scaled_object_paused", same),
    Name("keda.cloudeventsource.events.emitted.count", "keda_cloudeventsource_events_emitted", of_event),
    Name("keda.cloudeventsource.events.queued", "keda_cloudeventsource_events_queued", same),
    Name("keda.scaler.http.requests.count", "keda_scaler_http_requests", same),
    Name("keda.scaler.http.request.duration.seconds", "keda_scaler_http_request_duration_seconds", same, SECONDS),
)


def names_of(family: str) -> tuple[Name, ...]:
    """Under which names the family is pushed; none for what KEDA pushes not, and is not ours."""
    if family.startswith(OWN):
        return (Name(f"event_scaler.{family.removeprefix(OWN)}", family, same),)
    return _BY_FAMILY.get(family, ())


_BY_FAMILY = {one.family: tuple(each for each in NAMES if each.family == one.family) for one in NAMES}
