"""The second lane: what nobody waits for. Statuses and events are written at a bounded rate, so that an activation, a
new object or a deletion never stands in a queue behind them; and of each object only its latest status."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from scaler.errors import ClusterError, Conflict, Forbidden, Invalid, NotFound, NotLeading, Terminating
from scaler.manifests.watched import Ref

log = logging.getLogger(__name__)

RATE = 50.0
"""Writes a second."""

AT_ONCE = 4
QUIET = frozenset(("triggersActivity",))
"""What changes often and tells little: alone it is written at most every `SPACE` seconds for one object."""

SPACE = 5.0
AGAIN = 5.0
"""Seconds until a write is tried again after the API server could not be reached."""

MOST_ERRANDS = 20_000

Json = dict[str, Any]
Errand = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class _Status:
    """`latest`: nothing newer is known of the object; else it is not worth a second attempt."""

    patch: Json
    write: Callable[[Json], Awaitable[None]]
    not_before: float
    latest: bool = True


class Books:
    """`run` is its life, and begins with empty books: what waited when it last ended is another leader's to tell.
    Nothing here raises: what cannot be written is tried again or given up, and said once."""

    def __init__(self, rate: float = RATE) -> None:
        self._pause = 1.0 / rate
        self._statuses: OrderedDict[Ref, _Status] = OrderedDict()
        self._under_way: dict[Ref, _Status] = {}
        self._errands: deque[Errand] = deque()
        self._written: dict[Ref, float] = {}
        self._arrived = asyncio.Event()
        self._complained = ""

    def __len__(self) -> int:
        """What waits."""
        return len(self._statuses) + len(self._errands)

    def status(self, ref: Ref, patch: Json, write: Callable[[Json], Awaitable[None]]) -> None:
        """The latest that is to be written of the object; an empty patch: nothing any more."""
        self._outdate(ref)
        if not patch:
            self._statuses.pop(ref, None)
            return
        earliest = self._written.get(ref, float("-inf")) + SPACE if patch.keys() <= QUIET else float("-inf")
        waiting = self._statuses.get(ref)
        if waiting is None:
            self._statuses[ref] = _Status(patch, write, earliest)
        else:
            waiting.patch, waiting.write, waiting.not_before = patch, write, earliest
        self._arrived.set()

    def errand(self, errand: Errand) -> None:
        """Something else to be written, in its turn."""
        if len(self._errands) >= MOST_ERRANDS:
            self._complain("more is to be written down than the API server takes: the oldest is given up")
            self._errands.popleft()
        self._errands.append(errand)
        self._arrived.set()

    def forget(self, ref: Ref) -> None:
        """The object is gone."""
        self._outdate(ref)
        self._statuses.pop(ref, None)
        self._written.pop(ref, None)

    def _outdate(self, ref: Ref) -> None:
        if (writing := self._under_way.get(ref)) is not None:
            writing.latest = False

    async def run(self) -> None:
        for book in (self._statuses, self._under_way, self._errands, self._written):
            book.clear()
        places = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            while True:
                await places.acquire()
                errand = await self._next()
                tasks.create_task(self._run(errand, places))
                await asyncio.sleep(self._pause)

    async def _next(self) -> Errand:
        """Events and statuses in turn; a status that must wait a little lets others pass. Two of one object are never
        under way at once: the older one could come last."""
        loop = asyncio.get_running_loop()
        while True:
            self._arrived.clear()
            if self._errands and len(self._errands) >= len(self._statuses):
                return self._errands.popleft()
            now, soonest = loop.time(), float("inf")
            for ref, status in self._statuses.items():
                if ref in self._under_way:
                    continue
                if status.not_before <= now:
                    del self._statuses[ref]
                    self._written[ref], self._under_way[ref] = now, status
                    return self._writing(ref, status)
                soonest = min(soonest, status.not_before)
            if self._errands:
                return self._errands.popleft()
            await self._wait(soonest - now)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(None if seconds == float("inf") else max(0.01, seconds)):
                await self._arrived.wait()
        except TimeoutError:
            return

    def _writing(self, ref: Ref, status: _Status) -> Errand:
        async def write() -> None:
            try:
                await status.write(status.patch)
            except (NotFound, NotLeading, Conflict, Invalid, Forbidden):
                raise
            except ClusterError:
                if status.latest:
                    status.not_before = asyncio.get_running_loop().time() + AGAIN
                    self._statuses[ref] = status
                raise
            finally:
                del self._under_way[ref]
                self._arrived.set()

        return write

    async def _run(self, errand: Errand, places: asyncio.Semaphore) -> None:
        try:
            await errand()
            self._complained = ""
        except (NotFound, NotLeading, Terminating):
            return
        except ClusterError as error:
            self._complain(str(error))
        finally:
            places.release()

    def _complain(self, sentence: str) -> None:
        if sentence != self._complained:
            self._complained = sentence
            log.warning("something could not be written down: %s", sentence)
