"""Who else moves the number of a workload that this daemon scales by itself (direct mode). A single change by another
hand is simply the new count. Where the other hand comes back again and again, or puts the workload at zero, two
programs pull at one number: then this one gives way, writes seldom, and says who the other is. It asks nothing and
writes nothing."""

from collections import deque
from dataclasses import dataclass, field

from scaler.manifests.watched import Ref

AFTER_OURS = 60.0
"""Seconds after a write of ours within which another's counts as an answer to it."""

REMEMBERED = 600.0
TIMES = 3
"""So many answers within the remembered time are a tug of war."""

SELDOM = 15.0
"""Seconds between two writes of ours while it lasts."""


@dataclass(slots=True)
class _Rope:
    wrote: float
    number: int
    answers: deque[float] = field(default_factory=deque)
    zeroed: float = float("-inf")
    told: bool = False
    who: str = ""


class Tugs:
    """Of all workloads that were written by ourselves."""

    def __init__(self) -> None:
        self._ropes: dict[Ref, _Rope] = {}

    def wrote(self, target: Ref, number: int, now: float) -> None:
        """This daemon has written a number."""
        rope = self._ropes.setdefault(target, _Rope(now, number))
        rope.wrote, rope.number = now, number

    def saw(self, target: Ref, number: int, now: float) -> None:
        """The workload is seen to want that many: another's doing, where it is not what was written last."""
        rope = self._ropes.get(target)
        if rope is None or number == rope.number:
            return
        rope.number = number
        if number == 0:
            rope.zeroed = now
        if now <= rope.wrote + AFTER_OURS:
            rope.answers.append(now)
        while rope.answers and rope.answers[0] < now - REMEMBERED:
            rope.answers.popleft()

    def contested(self, target: Ref, now: float) -> bool:
        rope = self._ropes.get(target)
        if rope is None:
            return False
        recent = sum(at >= now - REMEMBERED for at in rope.answers)
        return recent >= TIMES or rope.zeroed >= now - REMEMBERED

    def may_write(self, target: Ref, now: float) -> bool:
        rope = self._ropes.get(target)
        return rope is None or not self.contested(target, now) or now >= rope.wrote + SELDOM

    def news(self, target: Ref, now: float) -> bool:
        """Whether a tug of war has begun of which nothing has been told yet."""
        contested, rope = self.contested(target, now), self._ropes.get(target)
        if rope is None or contested == rope.told:
            return False
        rope.told = contested
        return contested

    def name(self, target: Ref, who: str) -> None:
        if rope := self._ropes.get(target):
            rope.who = who

    def remark(self, target: Ref, now: float) -> str:
        """For the object's owner; empty where nobody else pulls."""
        rope = self._ropes.get(target)
        if rope is None or not self.contested(target, now):
            return ""
        return f"{rope.who or 'somebody else'} changes the replicas, too: they are written at most every {SELDOM:g} s"

    def forget(self, target: Ref) -> None:
        self._ropes.pop(target, None)
