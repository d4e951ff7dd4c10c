"""The time of day as a source, so that what depends on it is asked, recorded and replayed like everything else."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from scaler.sdk import Source


@dataclass(frozen=True)
class Clock(Source[str, float]):
    """Answers any query with the seconds since the epoch."""

    def __str__(self) -> str:
        return "the clock"

    @asynccontextmanager
    async def open(self) -> AsyncIterator["ClockConnection"]:
        yield ClockConnection()


class ClockConnection:
    """All who ask together get the same moment."""

    async def fetch(self, queries: Sequence[str]) -> Sequence[float]:
        return [time.time()] * len(queries)
