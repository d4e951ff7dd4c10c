"""Recorded answers as a source: what is tested with it asks, shares and fails as with a real one."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from scaler.errors import SourceError
from scaler.sdk.http import Reply
from scaler.sdk.source import Source, Together


@dataclass(frozen=True)
class Recorded(Source[Any, Any]):
    """`answers` holds what comes back for each query: an answer, or the `SourceError` in its place. With `gone` there
    is no connection to be had."""

    how: ClassVar[Together] = Together()

    name: str
    answers: Mapping[Any, Any] = field(default_factory=dict, repr=False, hash=False)
    gone: SourceError | None = field(default=None, hash=False)

    def __str__(self) -> str:
        return self.name

    @asynccontextmanager
    async def open(self) -> AsyncIterator["RecordedConnection"]:
        if self.gone is not None:
            raise self.gone
        yield RecordedConnection(self.answers)


class RecordedConnection:
    """Answers without asking anybody; a query that nothing was recorded for fails by itself."""

    def __init__(self, answers: Mapping[Any, Any]) -> None:
        self._answers = answers

    async def fetch(self, queries: Sequence[Any]) -> Sequence[Any]:
        return [self._answers.get(query, SourceError("nothing was recorded for this query")) for query in queries]


def reply(content: Any) -> Reply:
    """What an `Http` source hands over for this content: bytes and text as they are, anything else as JSON."""
    if isinstance(content, str):
        return Reply(content.encode())
    return Reply(content if isinstance(content, bytes) else json.dumps(content).encode())
