"""A count of durations, kept where they happen, in the shape in which Prometheus and OpenTelemetry take it. It knows no
name and no label: whoever shows it gives it those."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; those of Prometheus' own clients, so that KEDA's dashboards find the buckets they name."""


class Durations:
    """`count` of them, `total` seconds altogether. One thread adds, others may read: what they see is whole numbers,
    and at most one duration behind."""

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Sequence[float] = BOUNDS) -> None:
        self.bounds = tuple(bounds)
        self._counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    def merged(self, other: "Durations") -> "Durations":
        """Those of both, which stay what they are; they have the same bounds."""
        made = Durations(self.bounds)
        made._counts = [mine + theirs for mine, theirs in zip(self._counts, other._counts, strict=True)]
        made.total = self.total + other.total
        return made

    @property
    def count(self) -> int:
        return sum(self._counts)

    def cumulated(self) -> Iterator[tuple[str, int]]:
        """(upper bound as Prometheus writes it, how many were not longer), up to `+Inf`."""
        so_far = 0
        for bound, count in zip((*self.bounds, None), tuple(self._counts), strict=True):
            so_far += count
            yield ("+Inf" if bound is None else str(bound)), so_far
