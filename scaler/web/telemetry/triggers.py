"""What is told of each metric of each object, from the board: its value, whether it is active, how long its answer
took, how often it could not be read, what a queue says of itself."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import Metric

from scaler.core.model import Backlog, Failure, Reading, Value
from scaler.core.model import Metric as Published
from scaler.engine.board import Entry
from scaler.manifests.watched import Trigger, Watched
from scaler.web.telemetry.families import METRIC, composite_of, counter, gauge, labels_of

Served = Sequence[tuple[Watched, Entry]]

EMPTY = ("namespace", "scaledResource", "triggerName", "metricName", "resourceType", "ignoreNullValues")


def about_triggers(served: Served) -> Iterator[Metric]:
    values = gauge("keda_scaler_metrics_value", "The metric's value, or what stands in for it.", *METRIC)
    active = gauge("keda_scaler_active", "Whether the trigger is active (1) or not (0).", *METRIC)
    latency = gauge("keda_scaler_metrics_latency_seconds", "How long the latest answer took.", *METRIC)
    errors = counter("keda_scaler_detail_errors", "Failed attempts to read the metric.", *METRIC)
    for watched, entry in served:
        for trigger, metric in metrics_of(watched):
            labels = labels_of(watched.ref, trigger, metric)
            reading = entry.readings.get(metric)
            errors.add_metric(labels, entry.errors[metric])
            if (value := _value(entry, metric)) is not None:
                values.add_metric(labels, value)
            if (state := _active(reading)) is not None:
                active.add_metric(labels, float(state))
            if isinstance(reading, Value) and metric in entry.took:
                latency.add_metric(labels, entry.took[metric])
        for one in _composed(watched, entry):
            labels = composite_of(watched.ref, one.name)
            active.add_metric(labels, float(one.active))
            if not one.problem:
                values.add_metric(labels, one.value)
    yield from (values, active, latency, errors)
    yield from _about_backlogs(served)
    yield _about_empty_answers(served)


def _about_backlogs(served: Served) -> Iterator[Metric]:
    backlog = gauge("event_scaler_backlog", "What a queue says of itself, by part.", *METRIC, "part")
    oldest = gauge("event_scaler_backlog_oldest_age_seconds", "Age of the oldest in the queue.", *METRIC)
    for watched, entry in served:
        for trigger, metric in metrics_of(watched):
            reading = entry.readings.get(metric)
            if not isinstance(reading, Value) or reading.backlog is None:
                continue
            labels = labels_of(watched.ref, trigger, metric)
            for part, count in _parts(reading.backlog):
                backlog.add_metric((*labels, part), count)
            if reading.backlog.oldest_age is not None:
                oldest.add_metric(labels, reading.backlog.oldest_age)
    yield from (backlog, oldest)


def _about_empty_answers(served: Served) -> Metric:
    """Only of those that gave one: few sources can."""
    empty = counter("keda_scaler_empty_upstream_responses", "Answers of the source with nothing in them.", *EMPTY)
    for watched, entry in served:
        for trigger, metric in metrics_of(watched):
            if count := entry.empty[metric]:
                ignores = "true" if getattr(trigger.scaler, "ignore_null_values", False) else "false"
                whose = (watched.ref.namespace, watched.ref.name, trigger.name, metric, watched.ref.kind, ignores)
                empty.add_metric(whose, count)
    return empty


def _value(entry: Entry, metric: str) -> float | None:
    """What was read; where it cannot be read, what the fallback says, or nothing: failing is not zero."""
    reading, decision = entry.readings.get(metric), entry.decision
    if isinstance(reading, Value):
        return reading.value
    if reading is None or decision is None:
        return None
    return next((one.value for one in decision.metrics if one.name == metric and one.fallback), None)


def _active(reading: Reading | None) -> bool | None:
    """As in KEDA, what cannot be read is not active, and nothing is said of the workload's own usage."""
    if isinstance(reading, Failure):
        return False
    return reading.active if reading else None


def _composed(watched: Watched, entry: Entry) -> Iterator[Published]:
    """What no trigger measures: a formula made it."""
    if entry.decision is not None and watched.spec.formula:
        measured = {goal.metric for goal in watched.spec.goals}
        yield from (one for one in entry.decision.metrics if one.name not in measured)


def _parts(backlog: Backlog) -> Iterator[tuple[str, float]]:
    for part, count in (("ready", backlog.ready), ("in_flight", backlog.in_flight), ("delayed", backlog.delayed)):
        if count is not None:
            yield part, count


def metrics_of(watched: Watched) -> Iterator[tuple[Trigger, str]]:
    return ((trigger, goal.metric) for trigger in watched.triggers for goal in trigger.goals)
