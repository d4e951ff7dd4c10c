"""What the workload's own usage of cpu or memory asks for (the HPA's pods and resource arithmetic, contract 2.3). Pods
that are starting or silent are guessed at, always towards staying."""

from collections.abc import Iterable
from typing import NamedTuple

from scaler.core.model import Goal, MetricType, Pod, Sample, Target
from scaler.core.quantity import milli_of
from scaler.core.ratio import Tolerance, ceil32, within

CPU_INITIALIZATION = 300.0
READINESS_DELAY = 30.0


class _Pods(NamedTuple):
    """Pods by how the HPA looks at them: counted, not ready yet, without a sample. The samples of unready and of ended
    ones are ignored."""

    ready: int
    unready: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()


class _Usage(NamedTuple):
    """Usage and request of one pod in thousandths; `request` is 0 where none was given."""

    value: int
    request: int


def count(goal: Goal, samples: tuple[Sample, ...], target: Target, tolerance: Tolerance, now: float) -> int | None:
    """The replicas that usage asks for; `None` where it cannot be known (no sample, a pod without a request). What goes
    the other way once the guesses are in goes nowhere."""
    pods, wanted = _grouped(goal, samples, target, now), target.wanted
    known = {sample.pod: _usage(sample) for sample in samples if sample.pod not in pods.ignored}
    ratio = _ratio(goal, known.values())
    if ratio is None:
        return None
    if not pods.missing and not (pods.unready and ratio > 1.0):
        return wanted if within(ratio, tolerance) else ceil32(ratio * pods.ready)
    known.update(_guesses(goal, pods, ratio, max(usage.request for usage in known.values())))
    again = _ratio(goal, known.values()) or 0.0
    replicas = ceil32(again * len(known))
    turned = (ratio < 1.0 < again) or (again < 1.0 < ratio)
    against = replicas > wanted if again < 1.0 else replicas < wanted
    return wanted if turned or against or within(again, tolerance) else replicas


def _guesses(goal: Goal, pods: _Pods, ratio: float, request: int) -> dict[str, _Usage]:
    """Silent pods are taken at their target when going down, at nothing when going up; starting ones at nothing."""
    if ratio > 1.0:
        return dict.fromkeys(pods.missing | pods.unready, _Usage(0, request))
    return dict.fromkeys(pods.missing, _assumed(goal, request)) if ratio < 1.0 else {}


def _assumed(goal: Goal, request: int) -> _Usage:
    if goal.kind is MetricType.UTILIZATION:
        return _Usage(request * max(100, int(goal.target)) // 100, request)
    return _Usage(milli_of(goal.target), request)


def _ratio(goal: Goal, usages: Iterable[_Usage]) -> float | None:
    values = [usage.value for usage in usages]
    if not values:
        return None
    if goal.kind is not MetricType.UTILIZATION:
        return float(sum(values) // len(values)) / float(max(1, milli_of(goal.target)))
    requests = [usage.request for usage in usages]
    return float(100 * sum(values) // sum(requests)) / float(max(1, int(goal.target))) if all(requests) else None


def _usage(sample: Sample) -> _Usage:
    return _Usage(milli_of(sample.value), milli_of(sample.request or 0.0))


def _grouped(goal: Goal, samples: tuple[Sample, ...], target: Target, now: float) -> _Pods:
    """Where the pods are not known every sample is one of a ready pod."""
    if not target.pods:
        return _Pods(len(samples))
    sampled = {sample.pod: sample for sample in samples}
    alive = {pod.name: pod for pod in target.pods if not pod.ended}
    missing = frozenset(name for name, pod in alive.items() if not pod.pending and name not in sampled)
    unready = frozenset(
        name
        for name, pod in alive.items()
        if pod.pending or (name in sampled and _starting(goal, pod, sampled[name], now))
    )
    ended = frozenset(pod.name for pod in target.pods if pod.ended)
    return _Pods(len(alive) - len(missing) - len(unready), unready, missing, unready | ended)


def _starting(goal: Goal, pod: Pod, sample: Sample, now: float) -> bool:
    """Whether a pod's cpu is still that of its start; memory does not fall again, so it always counts."""
    if goal.resource != "cpu":
        return False
    if pod.started is None or pod.ready_changed is None:
        return True
    if now < pod.started + CPU_INITIALIZATION:
        return not pod.ready or sample.at < pod.ready_changed + sample.window
    return not pod.ready and pod.ready_changed < pod.started + READINESS_DELAY
