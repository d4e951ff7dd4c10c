"""How many metric requests were begun and answered, with which status, how long they took: kept by who answers them,
shown by /metrics."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from scaler.engine.tally import Durations

BOUNDS = (0.001, 0.01, 0.1, 0.3, 0.6, 1.0, 3.0, 6.0, 9.0, 20.0, 30.0, 60.0, 90.0, 120.0)
"""Seconds; those of KEDA's calls between its processes."""


class Requests:
    """All that there were since the process began."""

    def __init__(self) -> None:
        self.begun = 0
        self.answered: Counter[int] = Counter()
        self.took = Durations(BOUNDS)

    @contextmanager
    def one(self) -> Iterator["One"]:
        """The life of one request; whoever answers it says with which status. One whose asker has gone is never
        answered."""
        loop, one = asyncio.get_running_loop(), One()
        self.begun += 1
        began = loop.time()
        yield one
        self.answered[one.status] += 1
        self.took.add(loop.time() - began)


class One:
    """A request that is being answered."""

    __slots__ = ("status",)

    def __init__(self) -> None:
        self.status = 500
