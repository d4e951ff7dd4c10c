"""Who is due: plain data that is rung, poked and read. It knows no clock and no scheduler (`now` is an argument), so
tests ring it by hand; what it means to serve a key is the loop's business.

A key is handed out once at a time. Rung or poked while it is served, it comes again after `done`; rung, that is a
skipped round and counted. New keys of sources that answer one query at a time are swept in, evenly, at twice the rate
at which their slots will ring, so that ten thousand objects do not ask one server at once."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

PER_PASS = 100
"""Keys handed out in one pass of the event loop: a metric request never waits for a herd."""

LEAST_SWEEP_RATE = 20.0
"""Keys a second that are swept in at least, so that a handful is in at once."""


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A phase of a polling interval: `phase` in tenths of a second."""

    interval: float
    phase: int


@dataclass(slots=True)
class _Sweep(Generic[K]):
    """The new keys of one interval that wait for their first turn, those at zero replicas first."""

    first: deque[K] = field(default_factory=deque)
    then: deque[K] = field(default_factory=deque)
    size: int = 0
    credit: float = 1.0
    looked: float | None = None


class Agenda(Generic[K]):
    def __init__(self) -> None:
        self._slot: dict[K, Slot] = {}
        self._members: dict[Slot, dict[K, None]] = {}
        self._due: dict[K, None] = {}
        self._busy: set[K] = set()
        self._marked: set[K] = set()
        self._waiting: set[K] = set()
        self._served: dict[K, float] = {}
        self._sweeps: dict[float, _Sweep[K]] = {}
        self._wake = asyncio.Event()
        self.skipped: Counter[K] = Counter()

    def __len__(self) -> int:
        return len(self._slot)

    @property
    def slots(self) -> frozenset[Slot]:
        """The slots in use: what the timetable has to ring."""
        return frozenset(self._members)

    @property
    def sweeping(self) -> bool:
        return bool(self._sweeps)

    def put(self, key: K, slot: Slot) -> None:
        """The key is polled in this slot from now on, and is due at once."""
        self._place(key, slot)
        self.poke(key)

    def sweep_in(self, key: K, slot: Slot, *, first: bool) -> None:
        """Like `put`, but the first turn comes by `sweep`; `first` for a key that must not wait behind the others."""
        self._place(key, slot)
        sweep = self._sweeps.setdefault(slot.interval, _Sweep())
        (sweep.first if first else sweep.then).append(key)
        sweep.size += 1
        self._waiting.add(key)

    def drop(self, key: K) -> None:
        """Forget the key; being served now, it ends unheard."""
        self._leave(key)
        for held in (self._slot, self._due, self._served, self.skipped):
            held.pop(key, None)
        self._marked.discard(key)
        self._waiting.discard(key)

    def poke(self, key: K) -> None:
        """The key is due now, whatever its slot says."""
        if key not in self._slot:
            return
        self._waiting.discard(key)
        if key in self._busy:
            self._marked.add(key)
        else:
            self._due[key] = None
            self._wake.set()

    def ring(self, slot: Slot, now: float) -> None:
        """The slot's moment has come. Left out is who still waits to be swept in, and who was served less than half an
        interval ago by another entrance."""
        for key in self._members.get(slot, ()):
            if key in self._waiting or now - self._served.get(key, float("-inf")) < slot.interval / 2:
                continue
            if key in self._busy:
                self.skipped[key] += 1
            self.poke(key)

    def sweep(self, now: float) -> None:
        """Let in as many waiting keys as the time since the last call allows."""
        for interval, sweep in list(self._sweeps.items()):
            passed = 0.0 if sweep.looked is None else now - sweep.looked
            rate = max(2 * sweep.size / interval, LEAST_SWEEP_RATE)
            sweep.looked = now
            sweep.credit = min(sweep.credit + passed * rate, rate)
            while sweep.credit >= 1 and (queue := sweep.first or sweep.then):
                if (key := queue.popleft()) in self._waiting:
                    sweep.credit -= 1
                    self.poke(key)
            if not (sweep.first or sweep.then):
                del self._sweeps[interval]

    def done(self, key: K, now: float) -> None:
        """The key was served; it may be handed out again."""
        self._busy.discard(key)
        if key not in self._slot:
            return
        self._served[key] = now
        if key in self._marked:
            self._marked.discard(key)
            self.poke(key)

    async def __aiter__(self) -> AsyncIterator[K]:
        """Each key that is due and not being served, for ever."""
        handed = 0
        while True:
            while not self._due:
                self._wake.clear()
                await self._wake.wait()
                handed = 0
            key = next(iter(self._due))
            del self._due[key]
            self._busy.add(key)
            yield key
            handed += 1
            if handed % PER_PASS == 0:
                await asyncio.sleep(0)

    def _place(self, key: K, slot: Slot) -> None:
        if self._slot.get(key) != slot:
            self._leave(key)
            self._slot[key] = slot
            self._members.setdefault(slot, {})[key] = None

    def _leave(self, key: K) -> None:
        if (slot := self._slot.get(key)) is not None:
            members = self._members[slot]
            members.pop(key, None)
            if not members:
                del self._members[slot]
