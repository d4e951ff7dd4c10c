"""What is told of requests: sources', and those for metrics."""

from typing import Any

import pytest

from scaler.engine.board import Board
from scaler.engine.traffic import Traffic
from scaler.sdk.exchanges import Exchange
from scaler.web.requests import Requests
from tests.web.telemetry.scene import ref, samples, scraped, trigger, watched

STARTED = "keda_internal_metricsservice_grpc_server_started_total"
HANDLED = "keda_internal_metricsservice_grpc_server_handled_total"
HANDLING = "keda_internal_metricsservice_grpc_server_handling_seconds"
DURATION = "keda_scaler_http_request_duration_seconds"


def asked(*, detailed: bool) -> Board:
    """Two triggers of one type that one server answered."""
    board = Board(Traffic(detailed=detailed))
    bound = trigger(0, "prometheus", name="rps"), trigger(1, "prometheus")
    board.place(watched(*bound))
    board.traffic.heard(ref(), bound[0], [Exchange(200, 0.02), Exchange(200, 0.2)])
    board.traffic.heard(ref(), bound[1], [Exchange(503, 4.0)])
    return board


async def test_http_requests_by_trigger_and_status() -> None:
    families = await scraped(asked(detailed=False))
    names = ("namespace", "scaled_resource", "scaler", "trigger_name", "metric_name", "status_code")
    assert samples(families, "keda_scaler_http_requests_total", *names) == {
        ("shop", "orders", "prometheus", "rps", "s0-prometheus-topic", "200"): 2,
        ("shop", "orders", "prometheus", "", "s1-prometheus-topic", "503"): 1,
    }


@pytest.mark.parametrize(
    ("detailed", "labels", "counts"),
    [
        (False, ("scaler", "status_code"), {("prometheus", "200"): 2, ("prometheus", "503"): 1}),
        (
            True,
            ("scaled_resource", "trigger_name", "metric_name", "status_code"),
            {
                ("orders", "rps", "s0-prometheus-topic", "200"): 2,
                ("orders", "", "s1-prometheus-topic", "503"): 1,
            },
        ),
    ],
)
async def test_their_durations_are_as_detailed_as_is_wanted(detailed: bool, labels: Any, counts: Any) -> None:
    families = await scraped(asked(detailed=detailed))
    assert samples(families, f"{DURATION}_count", *labels) == counts
    buckets = samples(families, f"{DURATION}_bucket", "status_code", "le")
    assert (buckets["200", "0.025"], buckets["200", "0.25"], buckets["200", "+Inf"]) == (1, 2, 2)
    assert (buckets["503", "2.5"], buckets["503", "5.0"]) == (0, 1)
    [total] = [
        value for (status,), value in samples(families, f"{DURATION}_sum", "status_code").items() if status == "503"
    ]
    assert total == 4


async def test_an_object_that_is_gone_has_no_requests() -> None:
    board = asked(detailed=True)
    board.drop(ref())
    families = await scraped(board)
    assert not families["keda_scaler_http_requests_total"].samples
    assert not families[DURATION].samples


async def test_metric_requests_have_the_names_of_kedas_calls() -> None:
    requests = Requests()
    requests.begun = 7
    for status, count in ((200, 3), (404, 1), (500, 1), (503, 1)):
        requests.answered[status] = count
    requests.took.add(0.05)
    families = await scraped(Board(), requests=requests)
    call = ("GetMetrics", "api.MetricsService", "unary")
    names = ("grpc_method", "grpc_service", "grpc_type")
    assert samples(families, STARTED, *names) == {call: 7}
    assert samples(families, HANDLED, "grpc_code") == {
        ("OK",): 3,
        ("NotFound",): 1,
        ("Unknown",): 1,
        ("Unavailable",): 1,
    }
    assert samples(families, f"{HANDLING}_count", *names) == {call: 1}
    assert samples(families, f"{HANDLING}_bucket", "le")[("0.1",)] == 1


async def test_before_the_first_of_them_there_are_none() -> None:
    families = await scraped(Board())
    assert samples(families, HANDLED, "grpc_code") == {("OK",): 0}
    assert samples(families, STARTED, "grpc_type") == {("unary",): 0}
