"""What an event about an object becomes as a CloudEvent (CloudEvents 1.0, KEDA behaviour 2.3): its type, its source,
its subject and its data, in KEDA's words. Pure; how it travels is known by `http` and `event_grid`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from scaler.core.model import Event
from scaler.manifests.cloud_event_source import EventType
from scaler.manifests.watched import Ref

Headers = tuple[tuple[str, str], ...]

MOST_TEXT = 16 * 1024
"""Characters of a message that are sent, and kept while they wait."""

JSON = "application/json"
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
"""What may stand in a header as it is (HTTP binding of CloudEvents, 3.1.3.2)."""

TYPES: Mapping[str, EventType] = {
    "ScaledObjectReady": EventType.SCALED_OBJECT_READY,
    "ScaledObjectCheckFailed": EventType.SCALED_OBJECT_FAILED,
    "ScaledObjectUpdateFailed": EventType.SCALED_OBJECT_FAILED,
    "ScaledObjectDeleted": EventType.SCALED_OBJECT_REMOVED,
    "ScaledObjectPaused": EventType.SCALED_OBJECT_PAUSED,
    "ScaledObjectUnpaused": EventType.SCALED_OBJECT_UNPAUSED,
    "ScaledJobReady": EventType.SCALED_JOB_READY,
    "ScaledJobCheckFailed": EventType.SCALED_JOB_FAILED,
    "ScaledJobUpdateFailed": EventType.SCALED_JOB_FAILED,
    "ScaledJobPauseFailed": EventType.SCALED_JOB_FAILED,
    "ScaledJobDeleted": EventType.SCALED_JOB_REMOVED,
    "ScaledJobPaused": EventType.SCALED_JOB_PAUSED,
    "ScaledJobUnpaused": EventType.SCALED_JOB_UNPAUSED,
    "ScaledJobRolloutCleanupStarted": EventType.ROLLOUT_CLEANUP_STARTED,
    "ScaledJobRolloutCleanupCompleted": EventType.ROLLOUT_CLEANUP_COMPLETED,
    "ScaledJobRolloutCleanupFailed": EventType.ROLLOUT_CLEANUP_FAILED,
    "TriggerAuthenticationAdded": EventType.AUTHENTICATION_CREATED,
    "TriggerAuthenticationUpdated": EventType.AUTHENTICATION_UPDATED,
    "TriggerAuthenticationDeleted": EventType.AUTHENTICATION_REMOVED,
    "ClusterTriggerAuthenticationAdded": EventType.CLUSTER_AUTHENTICATION_CREATED,
    "ClusterTriggerAuthenticationUpdated": EventType.CLUSTER_AUTHENTICATION_UPDATED,
    "ClusterTriggerAuthenticationDeleted": EventType.CLUSTER_AUTHENTICATION_REMOVED,
}
"""Reasons of events that are CloudEvents, too; the others are told in the cluster alone, as in KEDA."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened to an object, before it is addressed to anybody. `id` is the same at every attempt to send it, so
    that a receiver who gets it twice can tell."""

    ref: Ref
    type: EventType
    reason: str
    message: str
    at: float
    id: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where events are from: the cluster's name, and the namespace that KEDA would be in."""

    cluster: str
    namespace: str


def happening(ref: Ref, event: Event, *, at: float, id: str) -> Happening | None:
    """`None` for what is no CloudEvent."""
    type_ = TYPES.get(event.reason)
    if type_ is None:
        return None
    text = event.message
    message = text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"
    return Happening(ref, type_, event.reason, message, at, id)


def attributes(one: Happening, origin: Origin) -> dict[str, str]:
    """All but the data."""
    ref = one.ref
    moment = datetime.fromtimestamp(one.at, UTC).isoformat(timespec="microseconds")
    return {
        "specversion": "1.0",
        "id": one.id,
        "source": f"/{origin.cluster}/{origin.namespace}/keda",
        "type": one.type.value,
        "subject": f"/{origin.cluster}/{ref.namespace}/{ref.kind.lower()}/{ref.name.lower()}",
        "time": moment.replace("+00:00", "Z"),
        "datacontenttype": JSON,
    }


def data(one: Happening) -> dict[str, str]:
    return {"reason": one.reason, "message": one.message}


def binary(one: Happening, origin: Origin) -> tuple[Headers, bytes]:
    """Headers and body of binary content mode, the one that KEDA sends: attributes are headers, the body is data."""
    named = attributes(one, origin)
    content_type = ("Content-Type", named.pop("datacontenttype"))
    headers = ((f"ce-{name}", quote(value, safe=_PLAIN, errors="replace")) for name, value in named.items())
    return (content_type, *headers), _json(data(one))


def batch(one: Happening, origin: Origin) -> bytes:
    """The body of batched content mode, for a batch of one."""
    return _json([{**attributes(one, origin), "data": data(one)}])


def _json(content: Any) -> bytes:
    """A lone surrogate that somebody has put into a name or a message is written as an escape."""
    return json.dumps(content, separators=(",", ":")).encode("ascii")
