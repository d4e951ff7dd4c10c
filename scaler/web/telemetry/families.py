"""How a family of metrics is made, and the labels that KEDA gives its rows. What is told under them stands in the rooms
beside."""

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from scaler.core.naming import COMPOSITE
from scaler.manifests.watched import Ref, Trigger
from scaler.web.telemetry.go_types import go_type

METRIC = ("namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type")
"""Of one metric of one object; of a ScaledJob too, as in KEDA."""

OBJECT = ("namespace", "scaledObject")
JOB = ("namespace", "scaledJob")
RESOURCE = ("namespace", "type", "resource")
"""Of an object of either kind."""

SCALED_JOB = "ScaledJob"


def gauge(name: str, help_: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, labels=labels)


def counter(name: str, help_: str, *labels: str) -> CounterMetricFamily:
    """Exposed with `_total` at the end of its name."""
    return CounterMetricFamily(name, help_, labels=labels)


def type_of(ref: Ref) -> str:
    return "scaledjob" if ref.kind == SCALED_JOB else "scaledobject"


def names_of(ref: Ref) -> tuple[str, str]:
    return ref.namespace, ref.name


def resource_of(ref: Ref) -> tuple[str, str, str]:
    return ref.namespace, type_of(ref), ref.name


def labels_of(ref: Ref, trigger: Trigger, metric: str) -> tuple[str, ...]:
    return ref.namespace, metric, ref.name, trigger.name or go_type(trigger.type), str(trigger.index), type_of(ref)


def composite_of(ref: Ref, metric: str) -> tuple[str, ...]:
    """Of what a formula made of the triggers."""
    return ref.namespace, metric, ref.name, COMPOSITE, "0", type_of(ref)
