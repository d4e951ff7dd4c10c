"""One Prometheus collector over the board. Ten thousand objects are a second of work: it is done in a thread, so it
looks things up and never walks what the line may change."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from scaler.engine.board import Board
from scaler.manifests.watched import Ref
from scaler.web.requests import Requests
from scaler.web.telemetry.build import build
from scaler.web.telemetry.counts import Counting, about_counts
from scaler.web.telemetry.families import RESOURCE, counter, gauge, resource_of
from scaler.web.telemetry.objects import about_conditions, about_errors, about_numbers, about_objects
from scaler.web.telemetry.traffic import about_metric_requests, about_sources
from scaler.web.telemetry.triggers import Served, about_triggers


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to tell. `board` gives the board of the moment, `sources` how many connections there are, `skipped`
    how many rounds an object has missed, `late` how many seconds late its latest one began, `known` the objects by kind
    and namespace; `requests` are the HPA's, and `counting` gives what others have counted."""

    board: Callable[[], Board]
    sources: Callable[[], int] = lambda: 0
    skipped: Callable[[Ref], int] = lambda _: 0
    late: Callable[[Ref], float] = lambda _: 0.0
    known: Callable[[], Mapping[tuple[str, str], int]] = dict
    requests: Requests | None = None
    counting: Sequence[Counting] = ()


class BoardCollector(Collector):
    def __init__(self, told: Told) -> None:
        self._told = told
        self._requests = told.requests or Requests()
        self._build = build()

    def collect(self) -> Iterator[Metric]:
        board = self._told.board()
        entries = list(board)
        served = [(entry.watched, entry) for _, entry in entries if entry.watched is not None]
        yield self._build
        yield from about_triggers(served)
        yield from about_objects(served)
        yield from about_errors(entries)
        yield about_conditions(entries)
        yield from about_numbers(entries, self._told.known())
        yield from self._about_rounds(served)
        yield from about_sources(board.traffic)
        yield from about_metric_requests(self._requests)
        yield from about_counts(self._told.counting)

    def _about_rounds(self, served: Served) -> Iterator[Metric]:
        late = gauge("keda_internal_scale_loop_latency_seconds", "How much later than due its round began.", *RESOURCE)
        skipped = counter("event_scaler_skipped_rounds", "Rounds that fell due while one was under way.", *RESOURCE)
        for watched, _ in served:
            late.add_metric(resource_of(watched.ref), self._told.late(watched.ref))
            skipped.add_metric(resource_of(watched.ref), self._told.skipped(watched.ref))
        sources = gauge("event_scaler_sources", "Distinct sources that are asked.")
        sources.add_metric((), self._told.sources())
        yield from (late, skipped, sources)
