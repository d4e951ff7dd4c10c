"""The workload's own usage: the contract's vectors C10 to C13, and what is guessed of starting and silent pods."""

from dataclasses import replace

import pytest

from scaler.core import resource
from scaler.core.model import Goal, MetricType, Pod, Sample, Target
from scaler.core.ratio import Tolerance

NOW = 10_000.0
USUAL = Tolerance(0.1, 0.1)
CPU = Goal("cpu", 30.0, kind=MetricType.UTILIZATION, resource="cpu")


def average(target: float, resource: str = "memory") -> Goal:
    return Goal(resource, target, resource=resource)


def samples(*values: float, request: float | None = 1.0) -> tuple[Sample, ...]:
    return tuple(Sample(f"pod-{index}", value, request, at=NOW - 10) for index, value in enumerate(values))


def pods(count: int, **changed: Pod) -> tuple[Pod, ...]:
    """Ready ones that started long ago; `pod_1=…` replaces one."""
    names = [f"pod-{index}" for index in range(count)]
    usual = {name: Pod(name, ready=True, started=NOW - 9000, ready_changed=NOW - 8000) for name in names}
    return tuple(changed.get(name.replace("-", "_"), usual[name]) for name in names)


def target(wanted: int, *those: Pod) -> Target:
    return Target(wanted, len(those) or wanted, len(those) or wanted, pods=those)


UNREADY = Pod("pod-0", ready=False, started=NOW - 60, ready_changed=NOW - 60)
PENDING = Pod("pod-0", ready=False, pending=True)


@pytest.mark.parametrize(
    ("values", "aim", "tolerance", "replicas"),
    [
        pytest.param((20, 10, 30), 15, USUAL, 4, id="C10"),
        pytest.param((20, 21, 21), 20, USUAL, 3, id="C12"),
        pytest.param((20, 21, 21), 20, Tolerance(0.1, 0.01), 4, id="C12 with an up tolerance of .01"),
    ],
)
def test_pods_average(values: tuple[float, ...], aim: float, tolerance: Tolerance, replicas: int) -> None:
    assert resource.count(average(aim), samples(*values), target(3, *pods(3)), tolerance, NOW) == replicas


def test_utilization() -> None:
    used = samples(0.3, 0.5, 0.7)
    assert resource.count(CPU, used, target(3, *pods(3)), USUAL, NOW) == 5  # C13
    assert resource.count(CPU, used, target(3, *pods(3, pod_0=UNREADY)), USUAL, NOW) == 4


def test_where_the_pods_are_not_known_every_sample_is_one_of_a_ready_pod() -> None:
    assert resource.count(CPU, samples(0.3, 0.5, 0.7), Target(3, 3, 3), USUAL, NOW) == 5


def test_a_pending_pod_counts_nothing_when_going_up() -> None:
    """50 % of one request in three pods is 100 % in the two that count: up, but not as far as without the third."""
    used = samples(0.0, 0.9, 0.9)
    assert resource.count(CPU, used, target(3, *pods(3, pod_0=PENDING)), USUAL, NOW) == 6


def test_a_silent_pod_counts_fully_when_going_down() -> None:
    goal = replace(CPU, target=50.0)
    used = samples(0.1, 0.1)
    assert resource.count(goal, used, target(3, *pods(3)), USUAL, NOW) == 3
    assert resource.count(goal, used, target(2, *pods(2)), USUAL, NOW) == 1


def test_a_silent_pod_counts_nothing_when_going_up() -> None:
    used = samples(0.9, 0.9)
    assert resource.count(CPU, used, target(3, *pods(3)), USUAL, NOW) == 6
    assert resource.count(CPU, used, target(2, *pods(2)), USUAL, NOW) == 6


def test_a_silent_pod_is_at_its_target_for_an_average() -> None:
    assert resource.count(average(10), samples(1, 1), target(3, *pods(3)), USUAL, NOW) == 2


def test_a_guess_that_turns_the_direction_moves_nothing() -> None:
    """Above the target without the silent pods, below it with them."""
    used = samples(0.35)
    assert resource.count(CPU, used, target(2, *pods(2)), USUAL, NOW) == 2


def test_exactly_at_the_target_a_silent_pod_is_not_guessed_at() -> None:
    assert resource.count(average(10), samples(10, 10), target(3, *pods(3)), USUAL, NOW) == 3


def test_an_ended_pod_is_nobody() -> None:
    ended = Pod("pod-0", ready=False, ended=True)
    used = samples(9.0, 0.3, 0.3)
    assert resource.count(CPU, used, target(2, *pods(3, pod_0=ended)), USUAL, NOW) == 2


def test_nothing_is_known_without_samples_or_requests() -> None:
    assert resource.count(CPU, (), target(3, *pods(3)), USUAL, NOW) is None
    assert resource.count(CPU, samples(0.3, request=None), target(1, *pods(1)), USUAL, NOW) is None
    assert resource.count(CPU, samples(0.3), target(1, PENDING), USUAL, NOW) is None


@pytest.mark.parametrize(
    ("pod", "sampled", "starting"),
    [
        pytest.param(Pod("p", ready=True), NOW, True, id="no start time yet"),
        pytest.param(Pod("p", ready=True, started=NOW - 60), NOW, True, id="no Ready condition yet"),
        pytest.param(Pod("p", ready=False, started=NOW - 60, ready_changed=NOW - 60), NOW, True, id="young, not ready"),
        pytest.param(Pod("p", True, NOW - 60, NOW - 40), NOW - 20, True, id="young, the sample reaches before ready"),
        pytest.param(Pod("p", True, NOW - 60, NOW - 40), NOW - 10, False, id="young, sampled since it is ready"),
        pytest.param(Pod("p", False, NOW - 900, NOW - 880), NOW, True, id="old, never became ready"),
        pytest.param(Pod("p", False, NOW - 900, NOW - 100), NOW, False, id="old, was ready once"),
        pytest.param(Pod("p", True, NOW - 900, NOW - 890), NOW, False, id="old and ready"),
    ],
)
def test_a_starting_pod_says_nothing_about_cpu(pod: Pod, sampled: float, starting: bool) -> None:
    used = (Sample("p", 0.9, 1.0, at=sampled),)
    assert (resource.count(CPU, used, target(1, pod), USUAL, NOW) is None) is starting
    assert resource.count(average(0.9), used, target(1, pod), USUAL, NOW) == 1  # memory is what it is
