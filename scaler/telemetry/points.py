"""Data points of OpenTelemetry, made of the families of /metrics. Where the receiver wants what was added since the
last push instead of what there is altogether (`delta`), the last push is remembered: of the series that still are."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
)
from prometheus_client.core import Metric as Family

from scaler.telemetry.names import Name, Shape, names_of

Key = tuple[str, frozenset[tuple[str, str]]]
Counts = tuple[float, ...]

INFO = "_info"


class Points:
    """`collect` gives the families; `delta` says whether counts are told as what was added; `now` gives nanoseconds
    since the epoch."""

    def __init__(self, collect: Callable[[], Iterable[Family]], *, delta: bool, now: Callable[[], int]) -> None:
        self._collect, self._now = collect, now
        self._temporality = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
        self._delta = delta
        self._begun = self._last = now()
        self._before: Mapping[Key, Counts] = {}
        self._told: dict[Key, Counts] = {}

    def made(self) -> list[Metric]:
        """All metrics, as they are now."""
        now = self._now()
        self._told = {}
        made = [
            Metric(one.name, family.documentation, one.unit, data)
            for family in self._collect()
            for one in names_of(family.name)
            if (data := self._data(one, family, now)).data_points
        ]
        self._before, self._last = self._told, now
        return made

    def _data(self, one: Name, family: Family, now: int) -> Gauge | Sum | Histogram:
        if family.type == "histogram":
            return Histogram(list(self._histograms(one, family, now)), self._temporality)
        if family.type == "counter":
            return Sum(list(self._sums(one, family, now)), self._temporality, is_monotonic=True)
        points = [
            NumberDataPoint(one.attributes(labels), self._begun, now, value * one.factor)
            for labels, value in _numbers(family)
        ]
        if one.shape is Shape.UP_DOWN:
            return Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=False)
        return Gauge(points)

    def _sums(self, one: Name, family: Family, now: int) -> Iterator[NumberDataPoint]:
        for labels, value in _numbers(family):
            (added,), start = self._since(one, labels, (value,))
            yield NumberDataPoint(one.attributes(labels), start, now, added)

    def _histograms(self, one: Name, family: Family, now: int) -> Iterator[HistogramDataPoint]:
        for labels, bounds, counts, total in _histograms(family):
            (total, *counts), start = self._since(one, labels, (total, *counts))
            yield HistogramDataPoint(
                attributes=one.attributes(labels),
                start_time_unix_nano=start,
                time_unix_nano=now,
                count=int(sum(counts)),
                sum=total,
                bucket_counts=[int(count) for count in counts],
                explicit_bounds=bounds,
                min=None,  # type: ignore[arg-type]  # optional in OTLP, and not known
                max=None,  # type: ignore[arg-type]  # as above
            )

    def _since(self, one: Name, labels: Mapping[str, str], counts: Counts) -> tuple[Counts, int]:
        """(what to tell, since when). A count that has become less began anew, as after another leader's term."""
        if not self._delta:
            return counts, self._begun
        key = one.name, frozenset(labels.items())
        self._told[key] = counts
        before = self._before.get(key)
        if before is None or any(now < then for now, then in zip(counts, before, strict=True)):
            return counts, self._last
        return tuple(now - then for now, then in zip(counts, before, strict=True)), self._last


def _numbers(family: Family) -> Iterator[tuple[Mapping[str, str], float]]:
    name = family.name + {"counter": "_total", "info": INFO}.get(family.type, "")
    return ((sample.labels, sample.value) for sample in family.samples if sample.name == name)


def _histograms(family: Family) -> Iterator[tuple[dict[str, str], list[float], list[float], float]]:
    """(labels, upper bounds, count of each bucket, sum of all) of each series."""
    bounds: list[float] = []
    so_far: list[float] = []
    for sample in family.samples:
        labels = dict(sample.labels)
        if sample.name == f"{family.name}_bucket":
            if (bound := float(labels["le"])) != float("inf"):
                bounds.append(bound)
            so_far.append(sample.value)
        elif sample.name == f"{family.name}_sum":
            counts = [count - before for count, before in zip(so_far, [0.0, *so_far], strict=False)]
            yield labels, bounds, counts, sample.value
            bounds, so_far = [], []
