"""What happened in each round, moment by moment, for whoever follows (traces): noted after the fact, by a line that
never waits for it. While nobody follows there is none of this. It keeps the latest, and counts what nobody took in
time."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scaler.core.model import Decision, Reading, Target
from scaler.manifests.watched import Ref, Watched

MOST = 2000
"""Rounds that wait to be taken; of more, the oldest are given up."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The write that followed; `problem` is the reason where it failed."""

    began: float
    ended: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one object. Times are seconds since the epoch: when it `began` to ask, when everything was `read`,
    when the workload was `seen`, when it was `decided` and published. When an answer came is its reading's `at`; `took`
    is how long that was awaited, by metric."""

    watched: Watched
    readings: Sequence[Reading]
    took: Mapping[str, float]
    target: Target
    decision: Decision
    began: float
    read: float
    seen: float
    decided: float
    applied: Applied | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is to be different after it: replicas, jobs, or what is said of the object."""
        decision = self.decision
        moves = decision.replicas is not None and decision.replicas != self.target.wanted
        return moves or bool(decision.create or decision.events)


class Rounds:
    """The loop tells `decided`, `writing` and `applied`; a follower takes. What is decided during a write is another
    round than the one that is written."""

    def __init__(self) -> None:
        self._open: dict[Ref, Round] = {}
        self._writing: dict[Ref, Round] = {}
        self._done: deque[Round] = deque()
        self._arrived = asyncio.Event()
        self.missed = 0

    def decided(self, round_: Round) -> None:
        """Its write, if there is one, is still to come; one before it that was never written is over."""
        before = self._open.pop(round_.watched.ref, None)
        if before is not None:
            self._close(before)
        self._open[round_.watched.ref] = round_

    def writing(self, ref: Ref) -> None:
        """The latest decision is written from now on, one at a time for each object."""
        if (round_ := self._open.pop(ref, None)) is not None:
            self._writing[ref] = round_

    def applied(self, ref: Ref, applied: Applied) -> None:
        """What was being written is, or could not be."""
        if (round_ := self._writing.pop(ref, None)) is not None:
            self._close(replace(round_, applied=applied))

    def forget(self, ref: Ref) -> None:
        """The object is gone: whatever becomes of its last writes, its rounds are over."""
        for held in (self._writing, self._open):
            if (round_ := held.pop(ref, None)) is not None:
                self._close(round_)

    async def taken(self) -> Sequence[Round]:
        """Everything that there is, as soon as there is anything."""
        await self._arrived.wait()
        self._arrived.clear()
        taken, self._done = self._done, deque()
        return tuple(taken)

    def _close(self, round_: Round) -> None:
        if len(self._done) >= MOST:
            self._done.popleft()
            self.missed += 1
        self._done.append(round_)
        self._arrived.set()
