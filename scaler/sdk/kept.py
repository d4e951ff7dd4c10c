"""What is had for a time only: a token, temporary keys. It is asked for anew before its end, by one while the others
wait; whoever finds the old one still good when that fails goes on with it. What is asked, and of whom, is not known."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from scaler.errors import SourceError

T = TypeVar("T")

Ask = Callable[[], Awaitable[tuple[T, float]]]
"""What there is now, and for how many seconds. Raises `SourceError`."""

PAUSE = 1.0
"""Seconds after a failed attempt in which the others who want it hear of that instead of trying themselves."""

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
    _renewal: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def get(self, ask: Ask[T]) -> T:
        """What there is, asked for where it is due. Raises `SourceError` where nothing good is at hand."""
        if self._now() >= self._due and not (self._renewal.locked() and self._good()):
            async with self._renewal:
                if self._now() >= self._due:
                    await self._renew(ask)
        if self._problem and not self._good():
            raise self._problem.with_traceback(None)
        return self._value  # type: ignore[return-value]  # good, or just had

    def forget(self) -> None:
        """Somebody does not accept it: the next who wants it asks, but after a failed attempt no sooner than others."""
        self._end = -math.inf
        if not self._problem:
            self._due = -math.inf

    def _good(self) -> bool:
        return self._now() < self._end

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
