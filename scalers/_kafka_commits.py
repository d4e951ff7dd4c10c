"""What a group has committed: OffsetFetch up to version 7, which aiokafka does not speak. From there on a coordinator can
be asked for stable offsets only. Without that, one that has just taken over answers for a moment that nothing was ever
committed (seen with Kafka 4.1), and a trigger would count the whole log, or nothing."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.commit import OffsetFetchRequest_v1, OffsetFetchRequest_v2, OffsetFetchRequest_v3
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from scaler.sdk import SourceError
from scalers._kafka_errors import partition_failure

NAME = CompactString("utf-8")
TAGS = ("tags", TaggedFields)
Numbers = Mapping[int, int | SourceError]


class _Reply(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 9
    API_VERSION = 7
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", NAME),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", NAME),
                        ("error_code", Int16),
                        TAGS,
                    ),
                ),
                TAGS,
            ),
        ),
        ("error_code", Int16),
        TAGS,
    )


class _Request(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 9
    API_VERSION = 7
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Reply
    SCHEMA = Schema(
        ("consumer_group", NAME),
        ("topics", CompactArray(("topic", NAME), ("partitions", CompactArray(Int32)), TAGS)),
        ("require_stable", Boolean),
        TAGS,
    )


class Commits(Request[OffsetFetchRequest_v1 | OffsetFetchRequest_v2 | OffsetFetchRequest_v3 | _Request]):  # type: ignore[misc]  # aiokafka has no types
    """A group's offsets in these partitions, or (`None`) all of them; `stable` where the broker knows what that is."""

    API_KEY = 9

    def __init__(self, group: str, topics: Mapping[str, Iterable[int]] | None, *, stable: bool) -> None:
        self._group = group
        self._topics = topics
        self._stable = stable

    def build(self, kind: Any) -> Any:
        topics = self._topics
        if kind is _Request:
            rows = None if topics is None else [(topic, numbers, {}) for topic, numbers in topics.items()]
            return kind(self._group, rows, self._stable, {})
        return kind(self._group, None if topics is None else [*topics.items()])


def committed(reply: Any) -> dict[str, Numbers]:
    """The offsets in a reply of any version."""
    at = 4 if reply.API_VERSION == _Reply.API_VERSION else 3
    return {
        topic: {row[0]: partition_failure(topic, row[0], row[at]) if row[at] else row[1] for row in rows}
        for topic, rows, *_ in reply.topics
    }
