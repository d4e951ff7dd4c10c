"""Kubernetes events (KEDA behaviour 1.6): what one looks like, and how many there may be. An event is a courtesy: it is
never worth a failed decision, nor a flooded API server."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from scaler.core.model import Event
from scaler.kubernetes.objects import Meta
from scaler.manifests.watched import Ref

Json = dict[str, Any]

CONTROLLER = "keda-operator"
"""Who KEDA's events are from; tools look for it."""

BURST, REFILL = 25, 300.0
"""Events that one object may have at once, and seconds until it may have one more (client-go's guard, contract 4)."""

MOST_OBJECTS = 10_000
_ACTIONS: Mapping[tuple[str, str], str] = {
    ("KEDAScalersStarted", "Started scalers watch"): "ScalersWatchStarted",
    ("KEDAScalersStopped", "Stopped scalers watch"): "ScalersWatchStopped",
}
_NOTE, _SHORT = 1024, 128
"""Bytes that the API server takes of a note, and of the other texts."""


def event_of(event: Event, ref: Ref, meta: Meta, *, api_version: str, instance: str, now: float, serial: int) -> Json:
    """An events.k8s.io/v1 Event about an object; `serial` tells two of one moment apart."""
    namespace = ref.namespace or "default"
    moment = datetime.fromtimestamp(now, UTC)
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{ref.name[:200].rstrip('-.')}.{int(now * 1e6):x}{serial:x}", "namespace": namespace},
        "eventTime": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:_SHORT],
        "action": _ACTIONS.get((event.reason, event.message), event.reason)[:_SHORT],
        "reason": event.reason[:_SHORT],
        "type": "Warning" if event.warning else "Normal",
        "note": _cut(event.message),
        "regarding": {
            "apiVersion": api_version,
            "kind": ref.kind,
            "namespace": ref.namespace,
            "name": ref.name,
            "uid": meta.uid,
            "resourceVersion": meta.resource_version,
        },
    }


def _cut(text: str) -> str:
    """Counted are bytes; a sign is not cut in two."""
    written = text.encode()
    return text if len(written) <= _NOTE else written[: _NOTE - len("…".encode())].decode(errors="ignore") + "…"


class Guard:
    """How many events each object may still have. Of the objects that were quiet for longest nothing is remembered."""

    def __init__(self) -> None:
        self._left: OrderedDict[Ref, tuple[float, float]] = OrderedDict()

    def admits(self, ref: Ref, now: float) -> bool:
        """Whether one more may be posted; it counts as posted then."""
        left, at = self._left.pop(ref, (float(BURST), now))
        left = min(float(BURST), left + max(0.0, now - at) / REFILL)
        admitted = left >= 1.0
        self._left[ref] = (left - admitted, now)
        while len(self._left) > MOST_OBJECTS:
            self._left.popitem(last=False)
        return admitted

    def forget(self, ref: Ref) -> None:
        self._left.pop(ref, None)
