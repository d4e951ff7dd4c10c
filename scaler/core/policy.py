"""`behavior` with its gaps filled in, and how far its policies let the replicas move (contract 2.5, 2.7).

In hpa mode Kubernetes' defaults fill the gaps. In direct mode only the window of scaling down keeps its default: a
policy that nobody wrote holds nothing back (architecture 7 a), and policies count from at least max(minimum, 1), so
that one of percent can leave zero (b)."""

import math
from typing import NamedTuple

from scaler.core.model import Change, Mode, Policy, PolicyType, Rules, Select, Spec
from scaler.core.ratio import MAX32, Tolerance, ceil32

Changes = tuple[Change, ...]

DOWN_WINDOW = 300.0
TOLERANCE = 0.1


class Direction(NamedTuple):
    """One direction with nothing left open. No policies: nothing limits it."""

    window: float
    policies: tuple[Policy, ...] = ()
    disabled: bool = False
    smallest: bool = False


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


def up_limit(current: int, rules: Regime, changes: Changes, now: float) -> int:
    """How far up the policies let `current` go; without behavior to the double, or to 4."""
    if rules.plain:
        return max(2 * current, 4)
    if rules.up.disabled:
        return current
    if not rules.up.policies:
        return MAX32
    pick = min if rules.up.smallest else max
    return pick(_above(policy, _start(current, policy, rules, changes, now)) for policy in rules.up.policies)


def down_limit(current: int, rules: Regime, changes: Changes, now: float) -> int:
    """How far down the policies let `current` go."""
    if rules.down.disabled:
        return current
    if not rules.down.policies:
        return 0
    pick = max if rules.down.smallest else min
    return pick(_below(policy, _start(current, policy, rules, changes, now)) for policy in rules.down.policies)


def relaxed_at(direction: Direction, changes: Changes, now: float) -> float | None:
    """When a policy will allow more than now: at the end of the period of the first change that it counts, which may be
    the step of this very moment."""
    ends = []
    for policy in direction.policies:
        first = _first(changes, policy.period, now)
        ends.append(policy.period + (changes[first].at if first < len(changes) else now))
    return min(ends, default=None)


def remembered(spec: Spec, changes: Changes, by: int, at: float) -> Changes:
    """The changes with one more, without those that no policy counts any longer."""
    rules = regime(spec)
    longest = max((policy.period for policy in (*rules.up.policies, *rules.down.policies)), default=0)
    if not longest:
        return ()
    return (*changes[_first(changes, longest, at) :], Change(by, at, by + (changes[-1].total if changes else 0)))


def _start(current: int, policy: Policy, rules: Regime, changes: Changes, now: float) -> int:
    """How many there were when the policy's period began."""
    first = _first(changes, policy.period, now)
    moved = changes[-1].total - changes[first].total + changes[first].by if first < len(changes) else 0
    return max(current - moved, rules.low) if rules.direct else current - moved


def _first(changes: Changes, period: float, now: float) -> int:
    """The index of the first change within the period: one exactly as old is not counted."""
    low, high = 0, len(changes)
    while low < high:
        middle = (low + high) // 2
        if changes[middle].at + period > now:
            high = middle
        else:
            low = middle + 1
    return low


def _above(policy: Policy, start: int) -> int:
    if policy.type is PolicyType.PODS:
        return start + policy.value
    return ceil32(start * (1 + policy.value / 100))


def _below(policy: Policy, start: int) -> int:
    if policy.type is PolicyType.PODS:
        return start - policy.value
    return math.trunc(start * (1 - policy.value / 100))
