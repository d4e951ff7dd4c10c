"""Metric and HPA names, as KEDA spells them (KEDA behaviour 3.5): dashboards, HPAs and status fields hold them."""

COMPOSITE = "composite-metric"
"""The one metric that a formula makes of all."""

_NORMAL = str.maketrans(dict.fromkeys("/.:%()", "-"))


def normalise(name: str) -> str:
    """KEDA's spelling of free text in a metric name: each of `/ . : % ( )` becomes `-`."""
    return name.translate(_NORMAL)


def metric(index: int, label: str) -> str:
    """The external metric's name of the trigger at `index` of `spec.triggers`: `s0-kafka-orders`."""
    return f"s{index}-{normalise(label)}"


def hpa(scaled_object: str) -> str:
    """The HPA's name where `advanced.horizontalPodAutoscalerConfig.name` does not say otherwise."""
    return f"keda-hpa-{scaled_object}"
