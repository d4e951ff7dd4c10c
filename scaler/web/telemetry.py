"""/metrics: one Prometheus collector that renders the board when it is asked, under KEDA's names, types and labels
(KEDA behaviour 5.3), and what KEDA has no name for under `event_scaler_…`. Nothing is counted here."""

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from scaler.core.model import Value
from scaler.engine.board import Board, Entry
from scaler.manifests.watched import Ref, Trigger, Watched

METRIC = ("namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type")
OBJECT = ("namespace", "scaledObject")
LATE = ("namespace", "type", "resource")

IRREGULAR = {
    "cpu": "cpuMemoryScaler",
    "memory": "cpuMemoryScaler",
    "metrics-api": "metricsAPIScaler",
    "nats-jetstream": "natsJetStreamScaler",
}
"""KEDA's Go types where they are not the trigger's type in camel case: dashboards filter by them."""


class BoardCollector(Collector):
    """`sources` tells how many connections there are, `skipped` how many rounds an object has missed, `late` how many
    seconds late its latest one began."""

    def __init__(
        self,
        board: Board,
        sources: Callable[[], int],
        skipped: Callable[[Ref], int],
        late: Callable[[Ref], float],
    ) -> None:
        self._board, self._sources, self._skipped, self._late = board, sources, skipped, late

    def collect(self) -> Iterable[Metric]:
        served = [(entry.watched, entry) for _, entry in self._board if entry.watched is not None]
        yield from _about_triggers(served)
        yield from _about_objects(served)
        yield from self._about_faults()
        yield from self._about_the_daemon(served)

    def _about_faults(self) -> Iterator[Metric]:
        errors = CounterMetricFamily(
            "keda_scaled_object_errors", "Rounds in which an object was not served.", labels=OBJECT
        )
        for ref, entry in self._board:
            errors.add_metric((ref.namespace, ref.name), entry.faults)
        yield errors

    def _about_the_daemon(self, served: Sequence[tuple[Watched, Entry]]) -> Iterator[Metric]:
        build = _gauge("keda_build_info", "What runs.", "version", "git_commit", "goversion", "goos", "goarch")
        python = f"python{platform.python_version()}"
        build.add_metric((version("event-scaler"), "", python, platform.system().lower(), platform.machine()), 1)
        yield build
        triggers = Counter(trigger.type for watched, _ in served for trigger in watched.triggers)
        registered = _gauge("keda_trigger_registered_total", "Triggers that are served, by type.", "type")
        for type_, count in sorted(triggers.items()):
            registered.add_metric((type_,), count)
        yield registered
        objects = Counter(ref.namespace for ref, _ in self._board)
        resources = _gauge("keda_resource_registered_total", "Objects that are known, by kind.", "type", "namespace")
        for namespace, count in sorted(objects.items()):
            resources.add_metric(("scaled_object", namespace), count)
        yield resources
        late = _gauge("keda_internal_scale_loop_latency_seconds", "How late its round began.", *LATE)
        for watched, _ in served:
            late.add_metric((watched.ref.namespace, "scaledobject", watched.ref.name), self._late(watched.ref))
        yield late
        skipped = CounterMetricFamily(
            "event_scaler_skipped_rounds", "Rounds missed: slower than the interval.", labels=OBJECT
        )
        for watched, _ in served:
            skipped.add_metric(_names(watched), self._skipped(watched.ref))
        yield skipped
        sources = _gauge("event_scaler_sources", "Distinct sources that are asked.")
        sources.add_metric((), self._sources())
        yield sources


def _about_triggers(served: Sequence[tuple[Watched, Entry]]) -> Iterator[Metric]:
    values = _gauge("keda_scaler_metrics_value", "The metric's latest value.", *METRIC)
    latency = _gauge("keda_scaler_metrics_latency_seconds", "How long the latest answer took.", *METRIC)
    active = _gauge("keda_scaler_active", "Whether the trigger is active.", *METRIC)
    errors = CounterMetricFamily("keda_scaler_detail_errors", "Failed attempts to read the metric.", labels=METRIC)
    backlog = _gauge("event_scaler_backlog", "What a queue says of itself, by part.", *METRIC, "part")
    for watched, entry in served:
        for trigger in watched.triggers:
            for goal in trigger.goals:
                labels = _labels(watched, trigger, goal.metric)
                errors.add_metric(labels, entry.errors[goal.metric])
                if goal.metric in entry.took:
                    latency.add_metric(labels, entry.took[goal.metric])
                reading = entry.readings.get(goal.metric)
                if isinstance(reading, Value):
                    values.add_metric(labels, reading.value)
                    active.add_metric(labels, float(bool(reading.active)))
                    for part, amount in asdict(reading.backlog).items() if reading.backlog else ():
                        if amount is not None and part != "value":
                            backlog.add_metric((*labels, part), amount)
    yield from (values, latency, active, errors, backlog)


def _about_objects(served: Sequence[tuple[Watched, Entry]]) -> Iterator[Metric]:
    paused = _gauge("keda_scaled_object_paused", "Whether the object is paused.", *OBJECT)
    wanted = _gauge("event_scaler_replicas_wanted", "Replicas that the workload was seen to want.", *OBJECT)
    ready = _gauge("event_scaler_replicas_ready", "Replicas that were seen ready.", *OBJECT)
    decided = _gauge("event_scaler_replicas_decided", "Replicas of the latest decision.", *OBJECT, "why")
    for watched, entry in served:
        names = _names(watched)
        paused.add_metric(names, float(watched.spec.pause.full))
        if entry.target is not None:
            wanted.add_metric(names, entry.target.wanted)
            ready.add_metric(names, entry.target.ready)
        if entry.decision is not None and entry.decision.replicas is not None:
            decided.add_metric((*names, entry.decision.why.name.lower()), entry.decision.replicas)
    yield from (paused, wanted, ready, decided)


def _gauge(name: str, help_: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_, labels=labels)


def _names(watched: Watched) -> tuple[str, str]:
    return watched.ref.namespace, watched.ref.name


def _labels(watched: Watched, trigger: Trigger, metric: str) -> tuple[str, ...]:
    namespace, name = _names(watched)
    return (namespace, metric, name, trigger.name or _go_type(trigger.type), str(trigger.index), "scaledobject")


def _go_type(type_: str) -> str:
    first, *others = type_.split("-")
    return IRREGULAR.get(type_, first + "".join(word.capitalize() for word in others) + "Scaler")


def routes(
    board: Board, sources: Callable[[], int], skipped: Callable[[Ref], int], late: Callable[[Ref], float]
) -> Iterable[web.RouteDef]:
    """A registry of its own: the board, this process, its garbage collector."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(BoardCollector(board, sources, skipped, late))

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    return (web.get("/metrics", metrics),)
