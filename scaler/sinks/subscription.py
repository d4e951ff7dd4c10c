"""Which events a source gets: those of its own namespace, or of all where it belongs to none, of the types it wants."""

from dataclasses import dataclass

from scaler.manifests.cloud_event_source import CloudEventSourceSpec, EventType
from scaler.sinks.event import Happening


@dataclass(frozen=True, slots=True)
class Subscription:
    """`included` alone, where there are some; else all but `excluded`. Without a `namespace`: of every object."""

    namespace: str = ""
    included: frozenset[EventType] = frozenset()
    excluded: frozenset[EventType] = frozenset()

    def admits(self, one: Happening) -> bool:
        if self.namespace not in ("", one.ref.namespace):
            return False
        return one.type in self.included if self.included else one.type not in self.excluded


def subscription(spec: CloudEventSourceSpec, namespace: str) -> Subscription:
    """Of a source in that namespace; a ClusterCloudEventSource is in none. (KEDA sends each source the events of all
    namespaces; what happens to one tenant's objects is not another tenant's to know.)"""
    wanted = spec.event_subscription
    if wanted is None:
        return Subscription(namespace)
    return Subscription(namespace, frozenset(wanted.included_event_types), frozenset(wanted.excluded_event_types))
