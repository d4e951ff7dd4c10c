"""What is had for a time only: a token, temporary keys. It is asked for anew before its end, once for all who want it,
in a task that none of them ends; whoever finds the old one still good when that fails, or takes long, goes on with it.
What is asked, and of whom, is not known."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from scaler.errors import SourceError

T = TypeVar("T")

Ask = Callable[[], Awaitable[tuple[T, float]]]
"""What there is now, and for how many seconds. Raises `SourceError`. It ends by itself, and needs nothing that is
his who hands it over: it may go on when he has given up."""

PAUSE = 1.0
"""Seconds after a failed attempt in which the others who want it hear of that instead of trying themselves."""

PATIENCE = 1.0
"""Seconds for which a renewal is waited for while the old one is good."""

CALM = 10.0
"""Seconds after a refusal in which further ones change nothing: requests were under way with what was refused, and a
server that refuses everything must not cost a question for each query."""

AT_LEAST = 1.0
"""Seconds for which it is kept, however soon it ends."""


@dataclass(slots=True)
class Kept(Generic[T]):
    """`early` are the seconds before its end at which it is asked for anew. Time is the running loop's."""

    early: float = 30.0
    _value: T | None = field(default=None, repr=False)
    _due: float = -math.inf
    _end: float = -math.inf
    _problem: SourceError | None = field(default=None, repr=False)
    _refused: float = -math.inf
    _renewal: asyncio.Task[None] | None = field(default=None, repr=False)

    async def get(self, ask: Ask[T]) -> T:
        """What there is, asked for where it is due. Raises `SourceError` where nothing good is at hand."""
        if self._now() >= self._due and not (self._renewing() and self._good()):
            await self._renewed(ask)
        if self._problem and not self._good():
            raise self._problem.with_traceback(None)
        return self._value  # type: ignore[return-value]  # good, or just had

    def forget(self, value: T | None = None) -> None:
        """Somebody does not accept it, or this `value` that he had: the next who wants it asks, but after a failed
        attempt no sooner than others, and soon after another refusal not at all."""
        if (value is not None and value != self._value) or self._now() < self._refused + CALM:
            return
        self._refused, self._end = self._now(), -math.inf
        if not self._problem:
            self._due = -math.inf

    def _good(self) -> bool:
        return self._now() < self._end

    def _renewing(self) -> bool:
        return self._renewal is not None and not self._renewal.done()

    async def _renewed(self, ask: Ask[T]) -> None:
        """When there is an answer, whoever asked for it; being cancelled ends the waiting alone."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(ask), name="renewal of what is kept")
        renewal = self._renewal
        await asyncio.wait({renewal}, timeout=PATIENCE if self._good() else None)
        if renewal.done():
            renewal.result()

    async def _renew(self, ask: Ask[T]) -> None:
        try:
            value, lifetime = await ask()
        except SourceError as error:
            self._problem, self._due = error, self._now() + PAUSE
            return
        now = self._now()
        self._value, self._problem = value, None
        self._due, self._end = now + max(lifetime - self.early, AT_LEAST), now + max(lifetime, AT_LEAST)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
