"""What is told of each metric of each object."""

from dataclasses import replace
from typing import Any

import pytest

from scaler.core.model import Failure, Goal, Metric, Value
from scaler.core.naming import COMPOSITE
from scaler.engine.board import Board
from tests.web.telemetry.scene import NOW, filled, only, publish, ref, samples, scraped, serving, trigger, watched


@pytest.fixture
def board() -> Board:
    return filled()


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


async def test_a_scaled_jobs_rows_are_of_its_type() -> None:
    board, job = Board(), ref("batch", kind="ScaledJob")
    board.place(watched(of=job))
    publish(board, Value("s0-kafka-topic", 7.0, True, NOW), of=job)
    told = samples(await scraped(board), "keda_scaler_metrics_value", "scaledObject", "type")
    assert told == {("batch", "scaledjob"): 7}


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


async def test_the_scaler_is_the_triggers_name_where_it_has_one() -> None:
    board = Board()
    board.place(watched(trigger(0, name="orders-lag")))
    assert list(samples(await scraped(board), "keda_scaler_detail_errors_total", "scaler")) == [("orders-lag",)]


async def test_what_a_formula_makes_has_rows_of_its_own() -> None:
    board = Board()
    board.place(watched(trigger(0, name="a"), formula="a * 2", composite=Goal(COMPOSITE, 5.0)))
    publish(board, Value("s0-kafka-topic", 7.0, True, NOW), metrics=(Metric(COMPOSITE, 14.0, NOW, active=True),))
    families = await scraped(board)
    assert samples(families, "keda_scaler_metrics_value", "metric", "scaler") == {
        ("s0-kafka-topic", "a"): 7,
        ("composite-metric", "composite-metric"): 14,
    }
    assert samples(families, "keda_scaler_active", "scaler")[("composite-metric",)] == 1


async def test_a_formula_that_cannot_be_computed_has_no_value() -> None:
    board = Board()
    board.place(watched(trigger(0, name="a"), formula="a * 2", composite=Goal(COMPOSITE, 5.0)))
    publish(
        board,
        Failure("s0-kafka-topic", "no answer", "SourceError", NOW),
        metrics=(Metric(COMPOSITE, problem="a cannot be read"),),
    )
    families = await scraped(board)
    assert not families["keda_scaler_metrics_value"].samples
    assert samples(families, "keda_scaler_active", "scaler")[("composite-metric",)] == 0


@pytest.mark.parametrize(("metadata", "told"), [({}, "true"), ({"ignore_null_values": False}, "false")])
async def test_answers_with_nothing_in_them_are_counted(metadata: dict[str, Any], told: str) -> None:
    board = Board()
    board.place(watched(trigger(0, "prometheus", name="rps", **metadata)))
    for _ in range(2):
        board.answered_nothing(ref(), "s0-prometheus-topic")
    [sample] = (await scraped(board))["keda_scaler_empty_upstream_responses_total"].samples
    assert sample.value == 2
    assert sample.labels == {
        "namespace": "shop",
        "scaledResource": "orders",
        "triggerName": "rps",
        "metricName": "s0-prometheus-topic",
        "resourceType": "ScaledObject",
        "ignoreNullValues": told,
    }


async def test_a_queues_parts(board: Board) -> None:
    families = await scraped(board)
    assert samples(families, "event_scaler_backlog", "part") == {("ready",): 20, ("in_flight",): 5}
    assert only(families, "event_scaler_backlog_oldest_age_seconds") == 90


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
