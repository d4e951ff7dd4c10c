"""Asking: one keeper for each distinct source, made when the first question comes and gone when nobody asks any more.
Equal sources are one key, so sharing needs no registry; how a keeper asks is its own business (`keeper.py`)."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from scaler.engine.keeper import STOPPING, Answered, Keeper
from scaler.errors import SourceError
from scaler.sdk.source import AnySource

RESTS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds of rest after the first, second, … failure of the connection in a row."""

IDLE = 300.0
"""Seconds without a question after which a connection is closed."""


class Pool:
    """All keepers. `async with Pool(...) as pool:` is their life; `clock` gives the epoch for what people see, the
    event loop's own time measures rests and idleness."""

    def __init__(self, clock: Callable[[], float], *, rests: Sequence[float] = RESTS, idle: float = IDLE) -> None:
        self._clock = clock
        self._rests = tuple(rests)
        self._idle = idle
        self._keepers: dict[AnySource, Keeper] = {}
        self._tasks = asyncio.TaskGroup()
        self._closed = False

    async def __aenter__(self) -> "Pool":
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        self._closed = True
        keepers = list(self._keepers.values())
        for keeper in keepers:
            keeper.close()
        try:
            await self._tasks.__aexit__(*raised)
        finally:
            for keeper in keepers:  # one that was closed before its first step has told nobody
                keeper.abandon()

    def __len__(self) -> int:
        """Sources that have a keeper now."""
        return len(self._keepers)

    async def ask(self, source: AnySource, query: Any, *, interval: float, fresh: float = 0.0) -> Answered:
        """The answer to one question; never raises `SourceError`, it is the `answer` then. `interval` is how often the
        asker comes (no rest is longer); an answer not older than `fresh` seconds will do without asking."""
        keeper = self._keepers.get(source)
        if keeper is None:
            if self._closed:
                return Answered(SourceError(STOPPING, at=self._clock()), self._clock())
            keeper = Keeper(source, self._clock, self._rests, self._idle)
            keeper.task = self._tasks.create_task(self._keep(keeper), name=f"keeper {source}")
            self._keepers[source] = keeper
        return await keeper.ask(query, interval, fresh)

    async def _keep(self, keeper: Keeper) -> None:
        try:
            await keeper.run()
        except asyncio.CancelledError:
            if not keeper.closed:
                raise
        finally:
            self._keepers.pop(keeper.source, None)
            keeper.abandon()
