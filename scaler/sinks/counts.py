"""How many events were sent to whom: what `/metrics` tells of sinks (KEDA behaviour 5.3), under names that its own
table knows. Counts never go down, also when a source is gone or this daemon no longer leads."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

EMITTED = "keda_cloudeventsource_events_emitted"
QUEUED = "keda_cloudeventsource_events_queued"
DROPPED = "event_scaler_cloud_events_dropped"


class Sent(NamedTuple):
    """Whose count it is: the namespace of the object that the event is about, the source's name, what kind of a sink it
    has."""

    namespace: str
    source: str
    sink: str


@dataclass(slots=True)
class Counts:
    """`emitted` are events that a sink took, `failed` attempts that failed, `dropped` events that were given up."""

    emitted: Counter[Sent] = field(default_factory=Counter)
    failed: Counter[Sent] = field(default_factory=Counter)
    dropped: Counter[Sent] = field(default_factory=Counter)

    def told(self, queued: Mapping[str, int]) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        """By label values, by name; `queued` are the events that wait, by the namespace of their source. Whoever looks
        may stand in another thread."""
        states = {"emitted": self.emitted, "failed": self.failed}
        return {
            EMITTED: {
                (*whose, state): count for state, found in states.items() for whose, count in list(found.items())
            },
            QUEUED: {(namespace,): count for namespace, count in queued.items()},
            DROPPED: dict(list(self.dropped.items())),
        }
