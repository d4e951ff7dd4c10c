"""Who is due: plain data that is rung, poked and read. It knows no clock and no scheduler (`now` is an argument), so
tests ring it by hand; what it means to serve a key is the loop's business.

A key is handed out once at a time. Rung or poked while it is served, it comes again after `done`; rung, that is a
skipped round, counted and late. New keys of sources that answer one query at a time are swept in, evenly, at nearly
twice the rate at which their slots will ring, so that ten thousand objects do not ask one server at once."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

PER_PASS = 100
"""Keys handed out in one pass of the event loop: a metric request never waits for a herd."""

SWEEP = 1.8
"""How many times faster than their slots will ring newcomers are let in: a little less than twice, so that what the
network bunches together still is no more than that."""

LEAST_SWEEP_RATE = 20.0
"""Keys a second that are swept in at least, so that a handful is in at once."""

BURST = 0.1
"""Seconds' worth of keys that `sweep` lets in after a pause, however long it was: it is to be called that often."""


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A phase of a polling interval; how many there are and how long they take is the timetable's."""

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
        self._slots: frozenset[Slot] | None = None
        self._due: dict[K, float | None] = {}
        self._busy: dict[K, float | None] = {}
        self._marked: dict[K, float | None] = {}
        self._waiting: set[K] = set()
        self._served: dict[K, float] = {}
        self._sweeps: dict[float, _Sweep[K]] = {}
        self._wake = asyncio.Event()
        self.skipped: Counter[K] = Counter()
        self.late: dict[K, float] = {}

    def __len__(self) -> int:
        return len(self._slot)

    @property
    def slots(self) -> frozenset[Slot]:
        """The slots in use: what the timetable has to ring. The same object until they change."""
        if self._slots is None:
            self._slots = frozenset(self._members)
        return self._slots

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
        for held in (self._slot, self._due, self._marked, self._served, self.skipped, self.late):
            held.pop(key, None)
        self._waiting.discard(key)

    def poke(self, key: K) -> None:
        """The key is due now, whatever its slot says."""
        if key not in self._slot:
            return
        self._waiting.discard(key)
        if key in self._busy:
            self._marked.setdefault(key, None)
        else:
            self._enter(key, None)

    def ring(self, slot: Slot, now: float, late: float = 0.0) -> None:
        """The slot's moment has come, `late` seconds ago. Left out is who still waits to be swept in, and who was
        served less than half an interval ago by another entrance."""
        for key in self._members.get(slot, ()):
            if key in self._waiting or now - self._served.get(key, float("-inf")) < slot.interval / 2:
                self.late[key] = 0.0
                continue
            if key not in self._busy:
                self.late[key] = late
                self._enter(key, now)
                continue
            self.skipped[key] += 1
            if self._marked.get(key) is None:
                self._marked[key] = now - late

    def sweep(self, now: float) -> None:
        """Let in as many waiting keys as the time since the last call allows."""
        for interval, sweep in list(self._sweeps.items()):
            passed = 0.0 if sweep.looked is None else now - sweep.looked
            rate = max(SWEEP * sweep.size / interval, LEAST_SWEEP_RATE)
            sweep.looked = now
            sweep.credit = min(sweep.credit + passed * rate, 1 + rate * BURST)
            while sweep.credit >= 1 and (queue := sweep.first or sweep.then):
                if (key := queue.popleft()) in self._waiting:
                    sweep.credit -= 1
                    self.poke(key)
            if not (sweep.first or sweep.then):
                del self._sweeps[interval]

    def done(self, key: K, now: float) -> None:
        """The key was served; it may be handed out again. A rung round counts from its ring, else a source that takes
        more than half the interval to answer would be asked half as often."""
        begun = self._busy.pop(key, None)
        if key not in self._slot:
            return
        self._served[key] = now if begun is None else begun
        if key not in self._marked:
            return
        if (moment := self._marked.pop(key)) is not None:
            self.late[key] = now - moment
        self._enter(key, None if moment is None else now)

    def served(self, key: K, now: float) -> None:
        """The key was read by another entrance: its slot leaves it out for half an interval."""
        if key in self._slot:
            self._served[key] = now
            self.late[key] = 0.0

    async def __aiter__(self) -> AsyncIterator[K]:
        """Each key that is due and not being served, for ever."""
        handed = 0
        while True:
            while not self._due:
                self._wake.clear()
                await self._wake.wait()
                handed = 0
            key = next(iter(self._due))
            self._busy[key] = self._due.pop(key)
            yield key
            handed += 1
            if handed % PER_PASS == 0:
                await asyncio.sleep(0)

    def _enter(self, key: K, rung: float | None) -> None:
        """Due from now on; `rung` is when, where its slot rang."""
        self._due.setdefault(key, rung)
        self._wake.set()

    def _place(self, key: K, slot: Slot) -> None:
        if self._slot.get(key) != slot:
            self._leave(key)
            self._slot[key] = slot
            if slot not in self._members:
                self._members[slot], self._slots = {}, None
            self._members[slot][key] = None

    def _leave(self, key: K) -> None:
        if (slot := self._slot.get(key)) is not None:
            members = self._members[slot]
            members.pop(key, None)
            if not members:
                del self._members[slot]
                self._slots = None
