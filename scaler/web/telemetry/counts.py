"""What others have counted: the admission webhook, the sinks of events, the cluster's adapter. Each of them keeps its
counts as plain numbers by label values, under the names of this table, and is asked for them when somebody looks; so
that a name, its type and its labels stand here once, and none of them needs to know Prometheus."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import Metric

from scaler.web.telemetry.families import counter, gauge

Counts = Mapping[str, Mapping[tuple[str, ...], float]]
"""Values by label values (in the table's order) by name."""

Counting = Callable[[], Counts]


class Counted(NamedTuple):
    """`name` is without the `_total` with which a counter is exposed."""

    name: str
    labels: tuple[str, ...]
    help: str
    counter: bool = True


CLIENT = ("code", "method", "host")
COUNTED = (
    Counted(
        "keda_cloudeventsource_events_emitted",
        ("namespace", "cloudeventsource", "eventsink", "state"),
        "Events that a sink took (emitted), and attempts that failed (failed).",
    ),
    Counted("keda_cloudeventsource_events_queued", ("namespace",), "Events that wait for a sink.", counter=False),
    Counted(
        "keda_webhook_scaled_object_validations",
        ("namespace", "action"),
        "ScaledObjects that were looked at on admission.",
    ),
    Counted(
        "keda_webhook_scaled_object_validation_errors",
        ("namespace", "action", "reason"),
        "ScaledObjects that were refused on admission.",
    ),
    Counted(
        "rest_client_requests", CLIENT, "Requests to the API server, by status; watches are counted when they begin."
    ),
    Counted(
        "event_scaler_cloud_events_dropped",
        ("namespace", "cloudeventsource", "eventsink"),
        "Events that were given up: too many waited, or the sink will never take them.",
    ),
    Counted("event_scaler_writes_waiting", (), "Statuses and events that wait to be written.", counter=False),
    Counted("event_scaler_leading", (), "Whether this replica leads (1) or not (0).", counter=False),
)
"""The first four names are KEDA's, the fifth is that of every Kubernetes client written in Go."""


def about_counts(counting: Iterable[Counting]) -> Iterator[Metric]:
    """All of the table, also what nobody counts here."""
    told = [counts() for counts in counting]
    for one in COUNTED:
        family = (counter if one.counter else gauge)(one.name, one.help, *one.labels)
        for counts in told:
            for labels, value in list(counts.get(one.name, {}).items()):
                family.add_metric(labels, value)
        yield family
