"""What is told of each object, and how many of everything there are."""

import pytest

from scaler.core.model import Condition, ConditionType, Failure, Jobs, Pause, Value, Why
from scaler.engine.board import Board
from tests.web.telemetry.scene import NOW, filled, only, publish, ref, samples, scraped, trigger, watched

READY, FALLBACK, ACTIVE = ConditionType.READY, ConditionType.FALLBACK, ConditionType.ACTIVE


@pytest.fixture
def board() -> Board:
    return filled()


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


async def test_all_kinds_are_counted_where_the_cluster_counts_them(board: Board) -> None:
    known = {
        ("ScaledObject", "shop"): 1,
        ("ScaledJob", "shop"): 2,
        ("TriggerAuthentication", "back"): 3,
        ("ClusterTriggerAuthentication", ""): 4,
        ("CloudEventSource", "shop"): 5,
        ("ClusterCloudEventSource", ""): 6,
    }
    families = await scraped(board, known=lambda: known)
    assert samples(families, "keda_resource_registered_total", "type", "namespace") == {
        ("scaled_object", "shop"): 1,
        ("scaled_job", "shop"): 2,
        ("trigger_authentication", "back"): 3,
        ("cluster_trigger_authentication", "default"): 4,
        ("cloudevent_source", "shop"): 5,
        ("cloudevent_source", "default"): 6,
    }


async def test_a_scaled_jobs_errors_are_its_own() -> None:
    board, job = Board(), ref("batch", kind="ScaledJob")
    board.place(watched(of=job))
    publish(board, Failure("s0-kafka-topic", "no answer", "SourceError", NOW), of=job)
    families = await scraped(board)
    assert samples(families, "keda_scaled_job_errors_total", "namespace", "scaledJob") == {("shop", "batch"): 1}
    for name in ("keda_scaled_object_errors_total", "keda_scaled_object_paused", "event_scaler_replicas_wanted"):
        assert not families[name].samples


async def test_an_object_and_a_job_of_one_name_are_two() -> None:
    """One series twice would make a page that Prometheus refuses."""
    board = Board()
    for whose in (ref(), ref(kind="ScaledJob")):
        board.place(watched(of=whose))
        publish(board, Value("s0-kafka-topic", 1.0, True, NOW), of=whose)
    for name, family in (await scraped(board)).items():
        rows = [(sample.name, *sorted(sample.labels.items())) for sample in family.samples]
        assert len(rows) == len(set(rows)), name


async def test_jobs_are_told_by_state() -> None:
    board, job = Board(), ref("batch", kind="ScaledJob")
    board.place(watched(of=job))
    publish(board, of=job, jobs=Jobs(running=5, pending=2))
    told = samples(await scraped(board), "event_scaler_jobs", "scaledJob", "state")
    assert told == {("batch", "running"): 5, ("batch", "pending"): 2}


async def test_conditions_that_have_no_other_metric(board: Board) -> None:
    told = (Condition(READY, "True", "", ""), Condition(FALLBACK, "Unknown", "", ""), Condition(ACTIVE, "True", "", ""))
    publish(board, conditions=told)
    families = await scraped(board)
    assert samples(families, "event_scaler_condition", "type", "resource", "condition", "status") == {
        ("scaledobject", "orders", "Ready", "True"): 1,
        ("scaledobject", "orders", "Fallback", "Unknown"): 1,
    }


async def test_what_is_not_served_is_not_ready(board: Board) -> None:
    publish(board, conditions=(Condition(READY, "True", "", ""),))
    board.fault(ref(), "the cluster cannot be reached")
    board.fault(ref("other"), "no triggers")
    families = await scraped(board)
    assert samples(families, "event_scaler_condition", "resource", "condition", "status") == {
        ("orders", "Ready", "False"): 1,
        ("other", "Ready", "False"): 1,
    }


async def test_replicas_and_why(board: Board) -> None:
    families = await scraped(board)
    assert [only(families, f"event_scaler_replicas_{name}") for name in ("wanted", "ready", "decided")] == [2, 1, 3]
    assert samples(families, "event_scaler_decision_info", "scaledObject", "why") == {("orders", "above_target"): 1}


async def test_what_only_the_hpa_can_know_is_not_told(board: Board) -> None:
    publish(board, replicas=None, why=Why.LEFT_TO_HPA)
    families = await scraped(board)
    assert not families["event_scaler_replicas_decided"].samples
    assert samples(families, "event_scaler_decision_info", "why") == {("left_to_hpa",): 1}
