"""/metrics: KEDA's names, types and labels, from a board that was filled by hand."""

import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from prometheus_client import Metric as Family
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from scaler.core.decide import decide
from scaler.core.model import Backlog, Decision, Failure, Goal, Metric, Mode, Pause, Reading, Spec, Target, Value, Why
from scaler.engine.board import Board
from scaler.manifests.watched import Ref, Trigger, Watched
from scaler.sdk import Scaler, param, secret
from scaler.web import telemetry
from scaler.web.go_types import go_type
from scaler.web.server import listening
from tests.engine.sources import Batch

METRIC = {"namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type"}
OBJECT = {"namespace", "scaledObject"}

KEDA = {
    "keda_build_info": ("gauge", {"version", "git_commit", "goversion", "goos", "goarch"}),
    "keda_scaler_metrics_value": ("gauge", METRIC),
    "keda_scaler_metrics_latency_seconds": ("gauge", METRIC),
    "keda_scaler_active": ("gauge", METRIC),
    "keda_scaler_detail_errors_total": ("counter", METRIC),
    "keda_scaled_object_paused": ("gauge", OBJECT),
    "keda_scaled_object_errors_total": ("counter", OBJECT),
    "keda_trigger_registered_total": ("gauge", {"type"}),
    "keda_resource_registered_total": ("gauge", {"type", "namespace"}),
    "keda_internal_scale_loop_latency_seconds": ("gauge", {"namespace", "type", "resource"}),
}
"""KEDA behaviour 5.3, as far as there is something to tell."""

OWN = {
    "event_scaler_backlog": ("gauge", METRIC | {"part"}),
    "event_scaler_backlog_oldest_age_seconds": ("gauge", METRIC),
    "event_scaler_replicas_wanted": ("gauge", OBJECT),
    "event_scaler_replicas_ready": ("gauge", OBJECT),
    "event_scaler_replicas_decided": ("gauge", OBJECT),
    "event_scaler_decision_info": ("gauge", OBJECT | {"why"}),
    "event_scaler_skipped_rounds_total": ("counter", OBJECT),
    "event_scaler_sources": ("gauge", set()),
    "event_scaler_disagreement": ("gauge", OBJECT),
}

NOW = 1_700_000_000.0


class Guarded(Scaler[str, Any]):
    """A scaler with a secret."""

    address: str = param("Where.", default="")
    password: str = secret("How.", default="")


def ref(name: str = "orders", namespace: str = "shop") -> Ref:
    return Ref("ScaledObject", namespace, name)


def trigger(index: int = 0, type_: str = "kafka", *, name: str = "", resource: str = "") -> Trigger:
    goal = Goal(resource or f"s{index}-{type_}-topic", 10.0, resource=resource)
    scaler = Guarded(address="broker", password="hunter2-scaler")
    return Trigger(index, type_, scaler, Batch("a", password="hunter2-source"), "topic", (goal,), name)


def watched(*triggers: Trigger, of: Ref | None = None, **spec: Any) -> Watched:
    whose = of or ref()
    bound = triggers or (trigger(),)
    goals = tuple(goal for one in bound for goal in one.goals)
    return Watched(
        whose, Spec(str(whose), goals, **spec), bound, 30.0, Ref("Deployment", "shop", "x"), frozenset(), decide
    )


def publish(board: Board, *readings: Reading, of: Ref | None = None, **decision: Any) -> None:
    made = Decision(**{"replicas": 3, "why": Why.ABOVE_TARGET, **decision})
    took = {reading.metric: 0.25 for reading in readings if isinstance(reading, Value)}
    board.publish(of or ref(), readings, Target(wanted=2, exists=2, ready=1), made, NOW, took)


@pytest.fixture
def board() -> Board:
    """One object with one kafka trigger that was read."""
    made = Board()
    made.place(watched())
    publish(made, Value("s0-kafka-topic", 25.0, True, NOW, Backlog(20.0, in_flight=5.0, oldest_age=90.0)))
    return made


@asynccontextmanager
async def serving(
    board: Board,
    *,
    sources: Callable[[], int] = lambda: 0,
    skipped: Callable[[Ref], int] = lambda _: 0,
    late: Callable[[Ref], float] = lambda _: 0.0,
) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        listening("127.0.0.1", 0, telemetry.routes(lambda: board, sources, skipped, late)) as (_, port),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def scraped(board: Board, **handed: Any) -> dict[str, Family]:
    """The page, parsed; each family by the name that its samples have."""
    async with serving(board, **handed) as client, client.get("/metrics") as reply:
        assert reply.status == 200
        return {_on_the_wire(family): family for family in parse_text(await reply.text())}


def _on_the_wire(family: Family) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def samples(families: dict[str, Family], name: str, *labels: str) -> dict[Any, float]:
    """Value by the given labels' values."""
    return {
        tuple(sample.labels[label] for label in labels): sample.value
        for sample in families[name].samples
        if sample.name == name
    }


def only(families: dict[str, Family], name: str) -> float:
    [sample] = families[name].samples
    return sample.value


# ------------------------------------------------------------------------------------------------- names, types, labels


@pytest.mark.parametrize(("name", "type_", "labels"), [(name, *rest) for name, rest in {**KEDA, **OWN}.items()])
async def test_names_types_and_labels(board: Board, name: str, type_: str, labels: set[str]) -> None:
    board.place(watched(of=ref("other"), mode=Mode.OBSERVE))  # whose disagreements alone are told
    family = (await scraped(board))[name]
    assert family.type == type_
    assert family.samples
    for sample in family.samples:
        assert (sample.name, set(sample.labels)) == (name, labels)
    assert family.documentation.endswith(".")


async def test_nothing_else_is_told_but_of_the_process(board: Board) -> None:
    others = {name for name in await scraped(board) if name not in {**KEDA, **OWN}}
    assert all(name.startswith(("process_", "python_")) for name in others)
    assert "process_resident_memory_bytes" in others


async def test_a_gauge_whose_name_ends_like_a_counters_is_a_gauge_on_the_wire(board: Board) -> None:
    async with serving(board) as client, client.get("/metrics") as reply:
        page = (await reply.text()).splitlines()
    assert "# TYPE keda_trigger_registered_total gauge" in page
    assert 'keda_trigger_registered_total{type="kafka"} 1.0' in page
    assert "# TYPE keda_scaled_object_errors_total counter" in page
    assert 'keda_scaled_object_errors_total{namespace="shop",scaledObject="orders"} 0.0' in page


async def test_an_empty_board_has_every_name() -> None:
    families = await scraped(Board())
    assert {**KEDA, **OWN}.keys() <= families.keys()
    assert all(not families[name].samples for name in KEDA if name != "keda_build_info")


async def test_two_boards_in_one_process_do_not_mix(board: Board) -> None:
    async with serving(Board()):
        assert only(await scraped(board), "keda_scaler_metrics_value") == 25


# --------------------------------------------------------------------------------------------------- what KEDA tells


async def test_what_is_told_of_a_metric(board: Board) -> None:
    families = await scraped(board)
    labels = {
        "namespace": "shop",
        "metric": "s0-kafka-topic",
        "scaledObject": "orders",
        "scaler": "kafkaScaler",
        "triggerIndex": "0",
        "type": "scaledobject",
    }
    for name, value in (
        ("keda_scaler_metrics_value", 25.0),
        ("keda_scaler_active", 1.0),
        ("keda_scaler_metrics_latency_seconds", 0.25),
        ("keda_scaler_detail_errors_total", 0.0),
    ):
        [sample] = families[name].samples
        assert (sample.labels, sample.value) == (labels, value)


async def test_failing_is_not_zero() -> None:
    board = Board()
    board.place(watched())
    for attempt in range(3):
        publish(board, Failure("s0-kafka-topic", "no answer", "SourceError", NOW + attempt))
    families = await scraped(board)
    assert not families["keda_scaler_metrics_value"].samples
    assert not families["keda_scaler_metrics_latency_seconds"].samples
    assert only(families, "keda_scaler_active") == 0
    assert only(families, "keda_scaler_detail_errors_total") == 3
    assert only(families, "keda_scaled_object_errors_total") == 3


async def test_a_fallback_stands_in_for_the_value(board: Board) -> None:
    publish(
        board,
        Failure("s0-kafka-topic", "no answer", "SourceError", NOW),
        metrics=(Metric("s0-kafka-topic", 60.0, NOW, fallback=True),),
    )
    assert only(await scraped(board), "keda_scaler_metrics_value") == 60


async def test_usage_says_nothing_about_activity() -> None:
    board = Board()
    board.place(watched(trigger(0, "cpu", resource="cpu"), trigger(1)))
    publish(board, Value("cpu", 0.8, None, NOW), Value("s1-kafka-topic", 0.0, False, NOW))
    families = await scraped(board)
    assert samples(families, "keda_scaler_metrics_value", "metric", "scaler") == {
        ("cpu", "cpuMemoryScaler"): 0.8,
        ("s1-kafka-topic", "kafkaScaler"): 0.0,
    }
    assert samples(families, "keda_scaler_active", "metric") == {("s1-kafka-topic",): 0.0}


async def test_a_trigger_that_was_not_read_yet_has_its_errors_only() -> None:
    board = Board()
    board.place(watched())
    families = await scraped(board)
    assert only(families, "keda_scaler_detail_errors_total") == 0
    assert not families["keda_scaler_metrics_value"].samples
    assert not families["keda_scaler_active"].samples
    assert not families["event_scaler_replicas_wanted"].samples


async def test_an_object_that_cannot_be_bound_counts() -> None:
    board = Board()
    board.fault(ref(), "spec.triggers: no triggers defined")
    board.fault(ref(), "spec.triggers: no triggers defined")
    families = await scraped(board)
    assert samples(families, "keda_scaled_object_errors_total", "namespace", "scaledObject") == {("shop", "orders"): 2}
    assert samples(families, "keda_resource_registered_total", "type", "namespace") == {("scaled_object", "shop"): 1}
    assert not families["keda_trigger_registered_total"].samples


async def test_an_objects_errors_never_go_down(board: Board) -> None:
    publish(board, Failure("s0-kafka-topic", "no answer", "SourceError", NOW))
    board.fault(ref(), "the cluster cannot be reached")
    board.place(watched(trigger(0, "cron")))
    families = await scraped(board)
    assert only(families, "keda_scaled_object_errors_total") == 2
    assert samples(families, "keda_scaler_detail_errors_total", "metric") == {("s0-cron-topic",): 0}


@pytest.mark.parametrize(
    ("pause", "told"),
    [(Pause(), 0), (Pause(full=True), 1), (Pause(full=True, replicas=4), 1), (Pause(scale_in=True), 0)],
)
async def test_paused_is_what_keda_calls_so(pause: Pause, told: float) -> None:
    board = Board()
    board.place(watched(pause=pause))
    assert only(await scraped(board), "keda_scaled_object_paused") == told


async def test_objects_and_triggers_are_counted() -> None:
    board = Board()
    board.place(watched(trigger(0), trigger(1), trigger(2, "cron")))
    board.place(watched(of=ref("other")))
    board.place(watched(trigger(0, "my-queue"), of=ref("third", "back")))
    families = await scraped(board)
    assert samples(families, "keda_trigger_registered_total", "type") == {("kafka",): 3, ("cron",): 1, ("my-queue",): 1}
    assert samples(families, "keda_resource_registered_total", "namespace") == {("shop",): 2, ("back",): 1}


async def test_a_dropped_object_is_gone(board: Board) -> None:
    board.drop(ref())
    families = await scraped(board)
    assert all(not families[name].samples for name in KEDA if name != "keda_build_info")


async def test_what_runs(board: Board) -> None:
    [sample] = (await scraped(board))["keda_build_info"].samples
    assert sample.value == 1
    assert sample.labels["goos"] == "linux"
    assert sample.labels["goversion"].startswith("python3.")
    assert sample.labels["version"]


@pytest.mark.parametrize(
    ("type_", "told"),
    [
        ("kafka", "kafkaScaler"),
        ("apache-kafka", "apacheKafkaScaler"),
        ("cron", "cronScaler"),
        ("azure-queue", "azureQueueScaler"),
        ("nats-jetstream", "natsJetStreamScaler"),
        ("metrics-api", "metricsAPIScaler"),
        ("cpu", "cpuMemoryScaler"),
        ("memory", "cpuMemoryScaler"),
        ("prometheus", "prometheusScaler"),
        ("rabbitmq", "rabbitMQScaler"),
        ("redis-cluster-streams", "redisStreamsScaler"),
        ("my-own-queue", "myOwnQueueScaler"),
    ],
)
def test_the_scaler_is_kedas_go_type(type_: str, told: str) -> None:
    assert go_type(type_) == told


async def test_the_scaler_is_the_triggers_name_where_it_has_one() -> None:
    board = Board()
    board.place(watched(trigger(0, name="orders-lag")))
    assert list(samples(await scraped(board), "keda_scaler_detail_errors_total", "scaler")) == [("orders-lag",)]


# ------------------------------------------------------------------------------------------------------ what we tell


async def test_a_queues_parts(board: Board) -> None:
    families = await scraped(board)
    assert samples(families, "event_scaler_backlog", "part") == {("ready",): 20, ("in_flight",): 5}
    assert only(families, "event_scaler_backlog_oldest_age_seconds") == 90


async def test_replicas_and_why(board: Board) -> None:
    families = await scraped(board)
    assert [only(families, f"event_scaler_replicas_{name}") for name in ("wanted", "ready", "decided")] == [2, 1, 3]
    assert samples(families, "event_scaler_decision_info", "scaledObject", "why") == {("orders", "above_target"): 1}


async def test_what_only_the_hpa_can_know_is_not_told(board: Board) -> None:
    publish(board, replicas=None, why=Why.LEFT_TO_HPA)
    families = await scraped(board)
    assert not families["event_scaler_replicas_decided"].samples
    assert samples(families, "event_scaler_decision_info", "why") == {("left_to_hpa",): 1}


async def test_the_rounds(board: Board) -> None:
    families = await scraped(board, sources=lambda: 7, skipped={ref(): 4}.__getitem__, late={ref(): 1.5}.__getitem__)
    assert only(families, "event_scaler_sources") == 7
    assert only(families, "event_scaler_skipped_rounds_total") == 4
    assert samples(families, "keda_internal_scale_loop_latency_seconds", "namespace", "type", "resource") == {
        ("shop", "scaledobject", "orders"): 1.5
    }


# ---------------------------------------------------------------------------------------------------- how it is told


async def test_no_secret_is_told() -> None:
    board = Board()
    bound = watched(trigger(0, name="named"), trigger(1))
    board.place(replace(bound, warnings=("hunter2-warning",)))
    publish(board, Failure("s0-kafka-topic", "hunter2-problem", "SourceError", NOW))
    board.fault(ref(), "hunter2-fault")
    async with serving(board) as client, client.get("/metrics") as reply:
        assert "hunter2" not in await reply.text()


@pytest.mark.parametrize("name", ['quo"ted', "back\\slash", "two\nlines", "ünïcode ✓", 'a"} 1\nfake_metric 7'])
async def test_labels_are_escaped(name: str) -> None:
    board = Board()
    board.place(watched(trigger(0, name=name)))
    families = await scraped(board)
    assert list(samples(families, "keda_scaler_detail_errors_total", "scaler")) == [(name,)]
    assert "fake_metric" not in families


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text; version=1.0.0"),
    ],
)
async def test_the_format_is_the_readers_choice(board: Board, accept: str, told: str) -> None:
    async with serving(board) as client, client.get("/metrics", headers={"Accept": accept}) as reply:
        assert reply.headers["Content-Type"].startswith(told)
        page = await reply.text()
    assert page.endswith("# EOF\n") is ("openmetrics" in told)


async def test_open_metrics_is_well_formed(board: Board) -> None:
    headers = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with serving(board) as client, client.get("/metrics", headers=headers) as reply:
        parse: Callable[[str], Iterable[Family]] = openmetrics.text_string_to_metric_families
        families = {family.name: family for family in parse(await reply.text())}
    assert families["keda_trigger_registered_total"].type == "gauge"
    assert families["keda_scaler_detail_errors"].type == "counter"
    assert families["event_scaler_decision"].type == "info"


async def test_it_is_compressed_for_who_wants_it(board: Board) -> None:
    async with serving(board) as client, client.get("/metrics", headers={"Accept-Encoding": "gzip"}) as reply:
        assert reply.headers["Content-Encoding"] == "gzip"
        assert "keda_scaler_metrics_value" in await reply.text()


async def test_the_event_loop_goes_on_while_it_is_made(board: Board) -> None:
    made_in: list[threading.Thread] = []

    def sources() -> int:
        made_in.append(threading.current_thread())
        return 0

    await scraped(board, sources=sources)
    assert made_in[0] is not threading.main_thread()


async def test_the_board_may_change_while_it_is_made(board: Board) -> None:
    """Objects come and go in the middle of a scrape: what was there at its beginning is told."""
    for number in range(10):
        board.place(watched(of=ref(f"o{number}")))

    def late(whose: Ref) -> float:
        board.place(watched(of=ref(f"new-{whose.name}")))
        board.drop(ref("o9"))
        return 0.0

    families = await scraped(board, late=late)
    assert len(samples(families, "keda_scaled_object_errors_total", "scaledObject")) == 11
