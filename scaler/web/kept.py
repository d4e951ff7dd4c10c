"""Answers that are asked for once and kept for a while: equal questions under way are one, an error is not kept, and
what is in use can be asked for again before it is too old, so that nobody waits for it."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

from scaler.errors import ClusterError

SIZE = 8192
"""Answers that are held; the one that was least recently used makes room."""

IDLE = 60.0
"""Seconds since its last use after which an answer is not renewed any more."""

Answer = TypeVar("Answer")
Ask = Callable[[], Awaitable[Answer]]


class Kept(Generic[Answer]):
    """`life` says how many seconds an answer is good for, `limit` how many seconds a question may take, `renewal` every
    how many seconds one in use is asked for anew. `async with` is the life of the questions."""

    def __init__(self, life: Callable[[Answer], float], *, limit: float, renewal: float | None = None) -> None:
        self._life, self._limit, self._renewal = life, limit, renewal
        self._held: OrderedDict[Hashable, tuple[Answer, float]] = OrderedDict()
        self._used: dict[Hashable, float] = {}
        self._under_way: dict[Hashable, asyncio.Task[Answer | ClusterError]] = {}
        self._renewing: set[asyncio.Task[None]] = set()
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> "Kept[Answer]":
        await self._tasks.__aenter__()
        self._time = asyncio.get_running_loop().time
        return self

    async def __aexit__(self, *raised: Any) -> None:
        for task in (*self._under_way.values(), *self._renewing):
            task.cancel()
        await self._tasks.__aexit__(*raised)

    def __len__(self) -> int:
        return len(self._held)

    async def get(self, key: Hashable, ask: Ask[Answer]) -> Answer:
        """What is held, else what `ask` gives. Raises `ClusterError`; a caller who gives up cancels nothing."""
        now = self._time()
        held = self._held.get(key)
        if held is None or held[1] <= now:
            answer = await self._asked(key, ask)
        else:
            answer = held[0]
            self._held.move_to_end(key)
        if self._renewal is not None:
            self._keep_renewed(key, ask, now)
        return answer

    async def _asked(self, key: Hashable, ask: Ask[Answer]) -> Answer:
        task = self._under_way.get(key)
        if task is None:
            task = self._tasks.create_task(self._answered(key, ask), name="review")
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        answer = await asyncio.shield(task)
        if isinstance(answer, ClusterError):
            raise ClusterError(str(answer))  # a new one for each who waits: what is raised gathers a traceback
        return answer

    async def _answered(self, key: Hashable, ask: Ask[Answer]) -> Answer | ClusterError:
        """An error is handed over as a value: raised, it would end everything that is under way."""
        try:
            async with asyncio.timeout(self._limit):
                answer = await ask()
        except ClusterError as error:
            return error
        except TimeoutError:
            return ClusterError(f"the API server did not answer within {self._limit:g} s")
        self._held[key] = (answer, self._time() + self._life(answer))
        self._held.move_to_end(key)
        if len(self._held) > SIZE:
            self._held.popitem(last=False)
        return answer

    def _keep_renewed(self, key: Hashable, ask: Ask[Answer], now: float) -> None:
        if key not in self._used:
            task = self._tasks.create_task(self._renewed(key, ask), name="renewal")
            self._renewing.add(task)
            task.add_done_callback(self._renewing.discard)
        self._used[key] = now

    async def _renewed(self, key: Hashable, ask: Ask[Answer]) -> None:
        """Ask again and again while somebody uses the answer. The one that is held stays where that fails: whoever
        comes when it is too old hears why."""
        try:
            while self._time() - self._used[key] < IDLE:
                await asyncio.sleep(self._renewal or 0)
                try:
                    await self._asked(key, ask)
                except ClusterError:
                    continue
        finally:
            del self._used[key]
