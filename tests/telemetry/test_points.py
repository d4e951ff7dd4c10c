"""Data points, made of families."""

from collections.abc import Iterable
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import AggregationTemporality, Gauge, Histogram, Metric, NumberDataPoint, Sum
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.core import Metric as Family

from scaler.telemetry.points import Points

CUMULATIVE, DELTA = AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA


class Page:
    """What is told now, and what the clock says."""

    def __init__(self) -> None:
        self.families: list[Family] = []
        self.now = 100

    def __call__(self) -> Iterable[Family]:
        return self.families

    def clock(self) -> int:
        return self.now


@pytest.fixture
def page() -> Page:
    return Page()


def made(points: Points) -> dict[str, Metric]:
    return {one.name: one for one in points.made()}


def numbers_of(metric: Metric) -> list[NumberDataPoint]:
    return [point for point in metric.data.data_points if isinstance(point, NumberDataPoint)]


def counted(**values: float) -> CounterMetricFamily:
    family = CounterMetricFamily("keda_scaled_object_errors", "Failed.", labels=("namespace", "scaledObject"))
    for name, value in values.items():
        family.add_metric(("shop", name), value)
    return family


def took(counts: list[tuple[str, float]], total: float) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        "keda_scaler_http_request_duration_seconds", "Took.", labels=("scaler", "status_code")
    )
    family.add_metric(("prometheus", "200"), buckets=counts, sum_value=total)
    return family


def test_a_gauge(page: Page) -> None:
    family = GaugeMetricFamily("keda_scaled_object_paused", "Paused.", labels=("namespace", "scaledObject"))
    family.add_metric(("shop", "orders"), 1)
    page.families = [family]
    metric = made(Points(page, delta=False, now=page.clock))["keda.scaled.object.paused"]
    assert isinstance(metric.data, Gauge)
    [point] = metric.data.data_points
    assert (metric.description, point.value, point.time_unix_nano) == ("Paused.", 1, 100)
    assert point.attributes == {"namespace": "shop", "scaledObject": "orders"}


def test_milliseconds_are_told_under_the_older_name(page: Page) -> None:
    family = GaugeMetricFamily(
        "keda_internal_scale_loop_latency_seconds", "Late.", labels=("namespace", "type", "resource")
    )
    family.add_metric(("shop", "scaledobject", "orders"), 0.25)
    page.families = [family]
    found = made(Points(page, delta=False, now=page.clock))
    for name, value, unit in (
        ("keda.internal.scale.loop.latency.seconds", 0.25, "s"),
        ("keda.internal.scale.loop.latency", 250, ""),
    ):
        [point] = numbers_of(found[name])
        assert (point.value, found[name].unit) == (value, unit)


def test_what_is_registered_is_a_sum_that_may_go_down(page: Page) -> None:
    family = GaugeMetricFamily("keda_trigger_registered_total", "Triggers.", labels=("type",))
    family.add_metric(("kafka",), 3)
    page.families = [family]
    data = made(Points(page, delta=True, now=page.clock))["keda.trigger.registered.count"].data
    assert isinstance(data, Sum)
    assert (data.is_monotonic, data.aggregation_temporality, data.data_points[0].value) == (False, CUMULATIVE, 3)


def test_why_is_told_as_an_attribute(page: Page) -> None:
    family = InfoMetricFamily("event_scaler_decision", "Why.", labels=("namespace", "scaledObject"))
    family.add_metric(("shop", "orders"), {"why": "resting"})
    page.families = [family]
    [point] = numbers_of(made(Points(page, delta=False, now=page.clock))["event_scaler.decision"])
    assert (dict(point.attributes or {})["why"], point.value) == ("resting", 1)


def test_a_count_from_its_beginning(page: Page) -> None:
    page.families = [counted(orders=5)]
    points = Points(page, delta=False, now=page.clock)
    made(points)
    page.now, page.families = 200, [counted(orders=7)]
    data = made(points)["keda.scaledobject.errors"].data
    assert isinstance(data, Sum)
    [point] = data.data_points
    assert (data.is_monotonic, data.aggregation_temporality) == (True, CUMULATIVE)
    assert (point.value, point.start_time_unix_nano, point.time_unix_nano) == (7, 100, 200)


def test_what_was_added_since_the_last_push(page: Page) -> None:
    page.families = [counted(orders=5)]
    points = Points(page, delta=True, now=page.clock)
    page.now = 150
    assert _values(made(points)) == {"orders": (5, 100)}
    page.now, page.families = 200, [counted(orders=7, other=1)]
    assert _values(made(points)) == {"orders": (2, 150), "other": (1, 150)}
    page.now = 250
    assert _values(made(points)) == {"orders": (0, 200), "other": (0, 200)}


def test_a_count_that_began_anew_is_told_whole(page: Page) -> None:
    page.families = [counted(orders=5)]
    points = Points(page, delta=True, now=page.clock)
    made(points)
    page.families = [counted(orders=2)]
    assert _values(made(points)) == {"orders": (2, 100)}


def test_what_is_gone_is_not_remembered(page: Page) -> None:
    page.families = [counted(orders=5)]
    points = Points(page, delta=True, now=page.clock)
    made(points)
    page.families = []
    made(points)
    assert not points._before
    page.families = [counted(orders=6)]
    assert _values(made(points)) == {"orders": (6, 100)}


def test_durations_have_the_pages_buckets(page: Page) -> None:
    page.families = [took([("0.1", 1), ("1.0", 3), ("+Inf", 4)], 9.5)]
    data = made(Points(page, delta=False, now=page.clock))["keda.scaler.http.request.duration.seconds"].data
    assert isinstance(data, Histogram)
    [point] = data.data_points
    assert (point.count, point.sum) == (4, 9.5)
    assert (list(point.explicit_bounds), list(point.bucket_counts)) == ([0.1, 1.0], [1, 2, 1])
    assert point.attributes == {"scaler": "prometheus", "status_code": "200"}


def test_durations_that_were_added(page: Page) -> None:
    page.families = [took([("0.1", 1), ("+Inf", 4)], 9.5)]
    points = Points(page, delta=True, now=page.clock)
    made(points)
    page.families = [took([("0.1", 2), ("+Inf", 6)], 10.0)]
    data = made(points)["keda.scaler.http.request.duration.seconds"].data
    assert isinstance(data, Histogram)
    [point] = data.data_points
    assert (data.aggregation_temporality, point.count, point.sum, list(point.bucket_counts)) == (DELTA, 2, 0.5, [1, 1])


def test_what_has_nothing_to_tell_is_not_pushed(page: Page) -> None:
    page.families = [counted(), GaugeMetricFamily("process_open_fds", "Ours not.", value=3)]
    assert made(Points(page, delta=False, now=page.clock)) == {}


def _values(found: dict[str, Metric]) -> dict[str, tuple[float, int]]:
    points: Any = found["keda.scaledobject.errors"].data.data_points
    return {one.attributes["scaledObject"]: (one.value, one.start_time_unix_nano) for one in points}
