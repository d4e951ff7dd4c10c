"""What is told of requests: those that sources were asked with over HTTP, and those that the HPA asked us with."""

from collections.abc import Iterator

from prometheus_client.core import HistogramMetricFamily, Metric

from scaler.engine.tally import Durations
from scaler.engine.traffic import Traffic
from scaler.web.requests import Requests
from scaler.web.telemetry.families import counter

WHOSE = ("namespace", "scaled_resource", "scaler", "trigger_name", "metric_name")
GRPC = ("grpc_method", "grpc_service", "grpc_type")
CALL = ("GetMetrics", "api.MetricsService", "unary")
"""What one metric request is in KEDA: a call between its two processes. Here there is one process; the names are kept
for the request itself."""

CODES = {200: "OK", 400: "InvalidArgument", 401: "Unauthenticated", 403: "PermissionDenied", 404: "NotFound"}
"""What gRPC calls a status of HTTP; any other is `Unavailable` at 503, else `Unknown`."""


def about_sources(traffic: Traffic) -> Iterator[Metric]:
    requests = counter(
        "keda_scaler_http_requests", "HTTP requests that answered the trigger, by status.", *WHOSE, "status_code"
    )
    for name, whose, count in traffic.requests():
        requests.add_metric((*name, whose.type, whose.name, whose.metric, str(whose.status)), count)
    yield requests
    names = (*WHOSE, "status_code") if traffic.detailed else ("scaler", "status_code")
    durations = HistogramMetricFamily(
        "keda_scaler_http_request_duration_seconds", "How long those requests took.", labels=names
    )
    for name, whose, held in traffic.durations():
        _add(durations, (*name, whose.type, whose.name, whose.metric, str(whose.status)), held)
    for kind, held in traffic.durations_by_kind():
        _add(durations, (kind.type, str(kind.status)), held)
    yield durations


def about_metric_requests(requests: Requests) -> Iterator[Metric]:
    started = counter(
        "keda_internal_metricsservice_grpc_server_started", "Requests for a metric that were begun.", *GRPC
    )
    handled = counter(
        "keda_internal_metricsservice_grpc_server_handled",
        "Requests for a metric that were answered.",
        *GRPC,
        "grpc_code",
    )
    handling = HistogramMetricFamily(
        "keda_internal_metricsservice_grpc_server_handling_seconds", "How long their answers took.", labels=GRPC
    )
    started.add_metric(CALL, requests.begun)
    codes: dict[str, int] = {"OK": 0}
    for status, count in list(requests.answered.items()):
        code = CODES.get(status, "Unavailable" if status == 503 else "Unknown")
        codes[code] = codes.get(code, 0) + count
    for code, count in codes.items():
        handled.add_metric((*CALL, code), count)
    _add(handling, CALL, requests.took)
    yield from (started, handled, handling)


def _add(family: HistogramMetricFamily, labels: tuple[str, ...], durations: Durations) -> None:
    family.add_metric(labels, buckets=list(durations.cumulated()), sum_value=durations.total)
