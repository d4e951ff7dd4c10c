"""The HPA's reconcile as the contract's pseudo-code has it (2.4, 2.5): lists of every recommendation and of every scale
event, slots written over, nothing clever. What the core does with monotone queues must come out the same."""

import math
from dataclasses import dataclass, field
from typing import Self

from scaler.core import model
from scaler.core.model import Policy, PolicyType, Select

Record = tuple[float, int]
"""When, and how many."""


@dataclass
class Rules:
    """One direction of `behavior`, defaults filled in."""

    window: float
    policies: tuple[Policy, ...]
    select: Select = Select.MAX

    @classmethod
    def of(cls, rules: model.Rules) -> Self:
        return cls(float(rules.window or 0), rules.policies, rules.select or Select.MAX)


@dataclass
class Naive:
    """One HPA. Without `up` and `down` it has no behavior."""

    low: int
    high: int
    up: Rules | None = None
    down: Rules | None = None
    advice: list[Record] = field(default_factory=list)
    ups: list[Record] = field(default_factory=list)
    downs: list[Record] = field(default_factory=list)

    def reconcile(self, current: int, desired: int, now: float) -> int:
        if not self.advice:
            self.advice = [(now, current)]
        if current > self.high:
            result = self.high
        elif current < self.low:
            result = self.low
        elif self.up and self.down:
            result = self.with_behavior(self.up, self.down, current, desired, now)
        else:
            result = self.without_behavior(current, desired, now)
        if result != current and self.up and self.down:
            self.store(result - current, now, self.up if result > current else self.down)
        return result

    def without_behavior(self, current: int, desired: int, now: float) -> int:
        steady = self.stabilized(desired, now, 300.0)
        cap = min(self.high, max(2 * current, 4))
        return self.low if steady < self.low else min(steady, cap)

    def stabilized(self, desired: int, now: float, window: float) -> int:
        most, old = desired, None
        for index, (at, count) in enumerate(self.advice):
            if at < now - window:
                old = index
            elif count > most:
                most = count
        self.record(old, (now, desired))
        return most

    def with_behavior(self, up: Rules, down: Rules, current: int, desired: int, now: float) -> int:
        steady = self.stabilized_both(up.window, down.window, current, desired, now)
        if steady > current:
            limit = max(self.limit(up, current, now, rising=True), current)
            return min(steady, self.high, limit)
        if steady < current:
            limit = min(self.limit(down, current, now, rising=False), current)
            return max(steady, self.low, limit)
        return steady

    def stabilized_both(self, up: float, down: float, current: int, desired: int, now: float) -> int:
        least = most = desired
        old = None
        for index, (at, count) in enumerate(self.advice):
            if at > now - up:
                least = min(least, count)
            if at > now - down:
                most = max(most, count)
            if at < now - up and at < now - down:
                old = index
        self.record(old, (now, desired))
        return min(max(current, least), most)

    def record(self, old: int | None, one: Record) -> None:
        if old is None:
            self.advice.append(one)
        else:
            self.advice[old] = one

    def limit(self, rules: Rules, current: int, now: float, *, rising: bool) -> int:
        if rules.select is Select.DISABLED:
            return current
        limits = []
        for policy in rules.policies:
            since = now - policy.period
            added = sum(count for at, count in self.ups if at > since)
            removed = sum(count for at, count in self.downs if at > since)
            start = current - added + removed
            if policy.type is PolicyType.PODS:
                limits.append(start + policy.value if rising else start - policy.value)
            elif rising:
                limits.append(math.ceil(start * (1 + policy.value / 100)))
            else:
                limits.append(math.trunc(start * (1 - policy.value / 100)))
        return max(limits) if rising is (rules.select is Select.MAX) else min(limits)

    def store(self, by: int, now: float, rules: Rules) -> None:
        events = self.ups if by > 0 else self.downs
        longest = max(policy.period for policy in rules.policies)
        old = [index for index, (at, _) in enumerate(events) if at < now - longest]
        if old:
            events[old[-1]] = (now, abs(by))
        else:
            events.append((now, abs(by)))
