"""/metrics: one Prometheus collector that renders the board when it is asked, under KEDA's names, types and labels
(KEDA behaviour 5.3), and what KEDA has no name for under `event_scaler_…`. Nothing is counted here. Ten thousand
objects are a second of work: it is done in a thread, so it looks things up and never walks what the line may change."""

import asyncio
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from scaler.catalog import DISTRIBUTION
from scaler.core.model import Backlog, Failure, Mode, Reading, Value
from scaler.engine.board import Board, Entry
from scaler.manifests.watched import Ref, Trigger, Watched
from scaler.web.go_types import go_type

METRIC = ("namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type")
OBJECT = ("namespace", "scaledObject")
LATE = ("namespace", "type", "resource")
BUILD = ("version", "git_commit", "goversion", "goos", "goarch")

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Go's names of machines."""

Served = Sequence[tuple[Watched, Entry]]


class BoardCollector(Collector):
    """`board` gives the board of the moment, `sources` how many connections there are, `skipped` how many rounds an
    object has missed, `late` how many seconds late its latest one began."""

    def __init__(
        self,
        board: Callable[[], Board],
        sources: Callable[[], int],
        skipped: Callable[[Ref], int],
        late: Callable[[Ref], float],
    ) -> None:
        self._board, self._sources, self._skipped, self._late = board, sources, skipped, late
        self._build = _build()

    def collect(self) -> Iterator[Metric]:
        entries = list(self._board())
        served = [(entry.watched, entry) for _, entry in entries if entry.watched is not None]
        yield self._build
        yield from _about_triggers(served)
        yield from _about_objects(served)
        yield from _about_errors(entries)
        yield from _about_numbers(entries)
        yield from self._about_rounds(served)

    def _about_rounds(self, served: Served) -> Iterator[Metric]:
        late = _gauge("keda_internal_scale_loop_latency_seconds", "How much later than due its round began.", *LATE)
        skipped = _counter("event_scaler_skipped_rounds", "Rounds that fell due while one was under way.", *OBJECT)
        for watched, _ in served:
            late.add_metric((watched.ref.namespace, "scaledobject", watched.ref.name), self._late(watched.ref))
            skipped.add_metric(_names(watched.ref), self._skipped(watched.ref))
        sources = _gauge("event_scaler_sources", "Distinct sources that are asked.")
        sources.add_metric((), self._sources())
        yield from (late, skipped, sources)


def _about_triggers(served: Served) -> Iterator[Metric]:
    values = _gauge("keda_scaler_metrics_value", "The metric's value, or what stands in for it.", *METRIC)
    active = _gauge("keda_scaler_active", "Whether the trigger is active (1) or not (0).", *METRIC)
    latency = _gauge("keda_scaler_metrics_latency_seconds", "How long the latest answer took.", *METRIC)
    errors = _counter("keda_scaler_detail_errors", "Failed attempts to read the metric.", *METRIC)
    backlog = _gauge("event_scaler_backlog", "What a queue says of itself, by part.", *METRIC, "part")
    oldest = _gauge("event_scaler_backlog_oldest_age_seconds", "Age of the oldest in the queue.", *METRIC)
    for watched, entry in served:
        for trigger, metric in _metrics(watched):
            labels = _labels(watched.ref, trigger, metric)
            reading = entry.readings.get(metric)
            errors.add_metric(labels, entry.errors[metric])
            if (value := _value(entry, metric)) is not None:
                values.add_metric(labels, value)
            if (state := _active(reading)) is not None:
                active.add_metric(labels, float(state))
            if isinstance(reading, Value) and metric in entry.took:
                latency.add_metric(labels, entry.took[metric])
            if isinstance(reading, Value) and reading.backlog is not None:
                for part, count in _parts(reading.backlog):
                    backlog.add_metric((*labels, part), count)
                if reading.backlog.oldest_age is not None:
                    oldest.add_metric(labels, reading.backlog.oldest_age)
    yield from (values, active, latency, errors, backlog, oldest)


def _about_objects(served: Served) -> Iterator[Metric]:
    paused = _gauge("keda_scaled_object_paused", "Whether the object is paused (1) or not (0).", *OBJECT)
    wanted = _gauge("event_scaler_replicas_wanted", "Replicas that the workload was seen to want.", *OBJECT)
    ready = _gauge("event_scaler_replicas_ready", "Replicas that were seen ready.", *OBJECT)
    decided = _gauge("event_scaler_replicas_decided", "Replicas of the latest decision.", *OBJECT)
    why = InfoMetricFamily("event_scaler_decision", "Why the latest decision is what it is.", labels=OBJECT)
    for watched, entry in served:
        names, target, decision = _names(watched.ref), entry.target, entry.decision
        paused.add_metric(names, float(watched.spec.pause.full))
        if target is not None:
            wanted.add_metric(names, target.wanted)
            ready.add_metric(names, target.ready)
        if decision is not None:
            why.add_metric(names, {"why": decision.why.name.lower()})
            if decision.replicas is not None:
                decided.add_metric(names, decision.replicas)
    yield from (paused, wanted, ready, decided, why, _about_disagreements(served))


def _about_disagreements(served: Served) -> Metric:
    """Only of what is observed: of the others nobody else decides."""
    found = _gauge("event_scaler_disagreement", "Whether it is lastingly scaled otherwise than here (1).", *OBJECT)
    for watched, entry in served:
        if watched.spec.mode is Mode.OBSERVE:
            found.add_metric(_names(watched.ref), float(entry.disagreement is not None and entry.disagreement.lasting))
    return found


def _about_errors(entries: Sequence[tuple[Ref, Entry]]) -> Iterator[Metric]:
    errors = _counter(
        "keda_scaled_object_errors", "Failed attempts to serve the object or one of its metrics.", *OBJECT
    )
    for ref, entry in entries:
        errors.add_metric(_names(ref), entry.faults + entry.errors.total())
    yield errors


def _about_numbers(entries: Sequence[tuple[Ref, Entry]]) -> Iterator[Metric]:
    """Two gauges whose names end like a counter's: they are KEDA's."""
    types = Counter(trigger.type for _, entry in entries if entry.watched for trigger in entry.watched.triggers)
    triggers = _gauge("keda_trigger_registered_total", "Triggers that are served, by type.", "type")
    for type_, count in sorted(types.items()):
        triggers.add_metric((type_,), count)
    namespaces = Counter(ref.namespace for ref, _ in entries)
    resources = _gauge("keda_resource_registered_total", "Objects that are known, by kind.", "type", "namespace")
    for namespace, count in sorted(namespaces.items()):
        resources.add_metric(("scaled_object", namespace), count)
    yield from (triggers, resources)


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


def _parts(backlog: Backlog) -> Iterator[tuple[str, float]]:
    for part, count in (("ready", backlog.ready), ("in_flight", backlog.in_flight), ("delayed", backlog.delayed)):
        if count is not None:
            yield part, count


def _metrics(watched: Watched) -> Iterator[tuple[Trigger, str]]:
    return ((trigger, goal.metric) for trigger in watched.triggers for goal in trigger.goals)


def _names(ref: Ref) -> tuple[str, str]:
    return ref.namespace, ref.name


def _labels(ref: Ref, trigger: Trigger, metric: str) -> tuple[str, ...]:
    return (ref.namespace, metric, ref.name, trigger.name or go_type(trigger.type), str(trigger.index), "scaledobject")


def _build() -> Metric:
    try:
        release = version(DISTRIBUTION)
    except PackageNotFoundError:
        release = ""
    build = _gauge("keda_build_info", "What runs.", *BUILD)
    machine = MACHINES.get(platform.machine(), platform.machine())
    build.add_metric((release, "", f"python{platform.python_version()}", platform.system().lower(), machine), 1)
    return build


def _gauge(name: str, help_: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, labels=labels)


def _counter(name: str, help_: str, *labels: str) -> CounterMetricFamily:
    """Exposed with `_total` at the end of its name."""
    return CounterMetricFamily(name, help_, labels=labels)


def routes(
    board: Callable[[], Board],
    sources: Callable[[], int],
    skipped: Callable[[Ref], int],
    late: Callable[[Ref], float],
) -> Iterable[web.RouteDef]:
    """A registry of its own: the board, this process, its garbage collector."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(BoardCollector(board, sources, skipped, late))

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(",".join(request.headers.getall("Accept", ())))
        response = web.Response(body=await asyncio.to_thread(encode, registry), headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    return (web.get("/metrics", metrics),)
