"""`behavior` with its gaps filled in, and how far its policies let the replicas move (contract 2.5, 2.7).

In hpa mode Kubernetes' defaults fill the gaps. In direct mode only the window of scaling down keeps its default: a
policy that nobody wrote holds nothing back (architecture 7 a), and policies count from at least max(minimum, 1), so
that one of percent can leave zero (b)."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from scaler.core.model import Change, Mode, Policy, PolicyType, Rules, Select, Spec
from scaler.core.ratio import MAX32, Tolerance, ceil32

DOWN_WINDOW = 300.0
TOLERANCE = 0.1


class Direction(NamedTuple):
    """One direction with nothing left open. No policies: nothing limits it."""

    window: float
    policies: tuple[Policy, ...] = ()
    disabled: bool = False
    smallest: bool = False

    @property
    def longest(self) -> float:
        return max((policy.period for policy in self.policies), default=0)


class Regime(NamedTuple):
    """Which arithmetic holds, and its bounds above zero. `plain` is the HPA's algorithm without behavior."""

    low: int
    high: int
    up: Direction
    down: Direction
    tolerance: Tolerance
    plain: bool = False
    direct: bool = False


_TOLERANCE = Tolerance(TOLERANCE, TOLERANCE)
_UP = Direction(0.0)
_DOWN = Direction(DOWN_WINDOW)
_HPA_UP = Direction(0.0, (Policy(PolicyType.PODS, 4, 15), Policy(PolicyType.PERCENT, 100, 15)))
_HPA_DOWN = Direction(DOWN_WINDOW, (Policy(PolicyType.PERCENT, 100, 15),))


def regime(spec: Spec) -> Regime:
    """KEDA writes a pause of one direction into the HPA's behavior; that alone ends the algorithm without behavior."""
    low, direct, behavior = max(spec.minimum, 1), spec.mode is Mode.DIRECT, spec.behavior
    up, down = (_UP, _DOWN) if direct else (_HPA_UP, _HPA_DOWN)
    if behavior is None:
        if direct or spec.pause.scale_in or spec.pause.scale_out:
            return Regime(low, spec.maximum, up, down, _TOLERANCE, direct=direct)
        return Regime(low, spec.maximum, _UP, _DOWN, _TOLERANCE, plain=True)
    return Regime(
        low,
        spec.maximum,
        _direction(behavior.up, up),
        _direction(behavior.down, down),
        Tolerance(_tolerance(behavior.down), _tolerance(behavior.up)),
        direct=direct,
    )


def _direction(rules: Rules, default: Direction) -> Direction:
    """Each field that was left open is filled in by itself (contract 2.7)."""
    return Direction(
        default.window if rules.window is None else rules.window,
        rules.policies or default.policies,
        rules.select is Select.DISABLED,
        rules.select is Select.MIN,
    )


def _tolerance(rules: Rules) -> float:
    return TOLERANCE if rules.tolerance is None else rules.tolerance


def up_limit(current: int, rules: Regime, changes: tuple[Change, ...], now: float) -> int:
    """How far up the policies let `current` go; without behavior to the double, or to 4."""
    if rules.plain:
        return max(2 * current, 4)
    if rules.up.disabled:
        return current
    if not rules.up.policies:
        return MAX32
    pick = min if rules.up.smallest else max
    return pick(_above(policy, _start(current, policy, rules, changes, now)) for policy in rules.up.policies)


def down_limit(current: int, rules: Regime, changes: tuple[Change, ...], now: float) -> int:
    """How far down the policies let `current` go."""
    if rules.down.disabled:
        return current
    if not rules.down.policies:
        return 0
    pick = max if rules.down.smallest else min
    return pick(_below(policy, _start(current, policy, rules, changes, now)) for policy in rules.down.policies)


def relaxed_at(direction: Direction, changes: tuple[Change, ...], now: float) -> float | None:
    """When the first change that a policy still counts leaves its period, `None` where none is counted."""
    ends = (change.at + policy.period for policy in direction.policies for change in changes)
    return min((end for end in ends if end > now), default=None)


def remembered(spec: Spec, changes: tuple[Change, ...], change: Change) -> tuple[Change, ...]:
    """The changes with one more, without those that no policy of their direction counts any longer. The HPA
    does not count steps from and to zero, which are KEDA's; direct mode takes them itself and does."""
    rules = regime(spec)
    if rules.plain:
        return ()
    up, down = change.at - rules.up.longest, change.at - rules.down.longest
    return tuple(one for one in (*changes, change) if one.at > (up if one.by > 0 else down))


def _start(current: int, policy: Policy, rules: Regime, changes: Iterable[Change], now: float) -> int:
    """How many there were when the policy's period began."""
    since = now - policy.period
    start = current - sum(change.by for change in changes if change.at > since)
    return max(start, rules.low) if rules.direct else start


def _above(policy: Policy, start: int) -> int:
    if policy.type is PolicyType.PODS:
        return start + policy.value
    return ceil32(start * (1 + policy.value / 100))


def _below(policy: Policy, start: int) -> int:
    if policy.type is PolicyType.PODS:
        return start - policy.value
    return math.trunc(start * (1 - policy.value / 100))
