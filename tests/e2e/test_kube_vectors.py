"""The contract's vectors A, B, D, E and the two ways up of J: what the real HPA controller makes of them, and that the
core makes the same. The others take minutes or need the usage of pods; they are tables in tests/core."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from scaler.core import hpa, policy, ratio
from scaler.core.fallback import Input
from scaler.core.model import (
    Advice,
    Behavior,
    Failure,
    Goal,
    MetricType,
    Note,
    Policy,
    PolicyType,
    Reading,
    Rules,
    Spec,
    State,
    Target,
    Value,
    Why,
)
from scaler.core.quantity import MAX64, milli
from scaler.core.ratio import MAX32
from tests.core.story import Story
from tests.e2e.vectors import KIND, Record, Vector, play, reason
from tests.rig.control_plane import ControlPlane, Options

pytestmark = pytest.mark.timeout(420)

# A minimum of zero is allowed, and without behavior nothing waits for its window to pass.
GATE = ("--feature-gates=HPAScaleToZero=true",)
OPTIONS = Options(downscale_stabilization="0s", aggregator_routing=False, api_server_flags=GATE, controller_flags=GATE)
NOW = 1_700_000_000.0
FAILED = "FailedGetExternalMetric"
WITHIN = "DesiredWithinRange"
REASONS = {
    Why.NO_READING: FAILED,
    Why.UNKNOWN: FAILED,
    Why.LOWERED_TO_MAXIMUM: "",
    Why.RAISED_TO_MINIMUM: "",
    Why.STABILIZED_DOWN: "ScaleDownStabilized",
    Why.LIMITED_UP: "ScaleUpLimit",
    Why.AT_MAXIMUM: "TooManyReplicas",
    Why.AT_MINIMUM: "TooFewReplicas",
}

Samples = tuple[int, ...] | None


# ---------------------------------------------------------------------------------------------------------- the vectors


def spec(name: str, *targets: int, minimum: int = 1, maximum: int = MAX32, behavior: Behavior | None = None) -> Spec:
    """A goal for each target, which is in thousandths."""
    goals = tuple([Goal(f"s{index}-{name}", one / 1000) for index, one in enumerate(targets)])
    return Spec(name, goals, minimum, maximum, behavior=behavior, target_name=name, target_kind=KIND)


def free(wanted: int, tolerance: float | None = None) -> Behavior:
    """Nothing holds a step back; with one pod more the sum would be too large for the HPA's 32 bits."""
    up = Rules(policies=(Policy(PolicyType.PODS, MAX32 - wanted, 15),), tolerance=tolerance)
    return Behavior(up, Rules(window=0))


def average(name: str, seen: tuple[int, int], samples: Samples, target: int, result: tuple[int, int]) -> Vector:
    """`seen` are the wanted and those that exist, `result` the count and the average as shown. Where the result is
    zero, zero is allowed."""
    wanted, exists = seen
    replicas, shown = result
    return Vector(
        name=name,
        spec=spec(name, target, minimum=min(1, replicas), behavior=free(wanted)),
        target=Target(wanted, exists, exists),
        samples=(samples,),
        replicas=replicas,
        shown=shown,
    )


def value(name: str, pods: tuple[int, int], share: tuple[int, int], replicas: int, up: float | None = None) -> Vector:
    """`pods` are those there are and the ready ones, `share` the sample and its target, `up` is the tolerance."""
    exists, ready = pods
    sample, target = share
    told = spec(name, target, behavior=free(exists, up))
    return Vector(
        name=name,
        spec=replace(told, goals=tuple([replace(goal, kind=MetricType.VALUE) for goal in told.goals])),
        target=Target(exists, exists, ready),
        samples=((sample,),),
        replicas=replicas,
        pods=True,
    )


def one_step(told: Spec, wanted: int, samples: tuple[int | None, ...], replicas: int, why: str = WITHIN) -> Vector:
    """All that are wanted exist."""
    return Vector(
        name=told.name,
        spec=told,
        target=Target(wanted, wanted, wanted),
        samples=tuple([None if one is None else (one,) for one in samples]),
        replicas=replicas,
        reason=why,
    )


AVERAGES = [
    average("a1", (1, 1), (MAX64,), 1, (MAX32, MAX64)),
    average("a3", (1, 0), (20000,), 5000, (4, 0)),
    average("a4", (5, 0), (0,), 5000, (0, 0)),
    average("a6", (5, 5), (8600,), 2867, (3, 1720)),
    average("a7", (5, 3), (8600,), 2900, (3, 2867)),
    average("a9", (3, 3), (8600,), 2222, (4, 2867)),
    average("a10", (5, 4), (8600,), 2200, (4, 2150)),
    average("a12", (3, 3), (33001,), 10000, (4, 11001)),
    average("a13", (5, 3), (27000,), 10000, (3, 9000)),
    average("a15", (3, 3), (-1,), 1000, (MAX32, MAX64)),
    average("a16", (10, 11), (10000,), 1000, (11, 910)),
    average("a-just-within", (5, 3), (33000,), 10000, (3, 11000)),
    average("a-added-up", (2, 2), (4000, 6000), 2000, (5, 5000)),
    average("a-overflowing", (2, 2), (MAX64, 1), 1000, (MAX32, MAX64)),
]
VALUES = [
    value("b1", (3, 1), (8600, 4400), 2),
    value("b3", (3, 3), (8600, 8888), 3),
    value("b-within", (3, 3), (9600, 8800), 3),
    value("b4", (3, 3), (8900, 8800), 4, 0.01),
    value("b6", (3, 3), (8600, 6666), 4),
    value("b7", (4, 4), (8600, 8666), 4),
    replace(value("b9", (3, 3), (-1000, 1000), 1), reason="TooFewReplicas"),
    replace(value("b-nobody", (0, 0), (20000, 10000), 3), reason=FAILED, target=Target(3, 0, 0)),
]
# Where the contract speaks of cpu an external metric stands for it: nobody measures pods here.
RECONCILES = [
    one_step(spec("d3", 1000, maximum=5), 10, (None,), 5, ""),
    one_step(spec("d-below-the-minimum", 1000, minimum=4), 1, (None,), 4, ""),
    one_step(spec("d4", 1000, 1000), 3, (4000, None), 4),
    one_step(spec("d4-not-down", 1000, 1000), 3, (1000, None), 3, FAILED),
    one_step(spec("d6", 1000, behavior=Behavior(down=Rules(window=300))), 5, (3000,), 5, "ScaleDownStabilized"),
    one_step(spec("d7", 1000, 1000), 3, (None, None), 3, FAILED),
]
LIMITS = [
    one_step(spec("e1", 1000, minimum=3, maximum=8), 5, (7000,), 7),
    one_step(spec("e2", 1000, minimum=2, maximum=8), 3, (1000,), 2, "TooFewReplicas"),
    one_step(spec("e3", 1000, minimum=0, maximum=10), 1, (0,), 0),
    one_step(spec("e4", 1000, maximum=10), 20, (1000_000,), 10, ""),
    one_step(spec("e5", 1000, maximum=2000), 3, (1000_000,), 6, "ScaleUpLimit"),
]
VECTORS = [*AVERAGES, *VALUES, *RECONCILES, *LIMITS]
AT_ZERO = one_step(spec("d1", 1000, minimum=3), 0, (None,), 0, "ScalingDisabled")
WAYS_UP = {
    "j-default": (Behavior(), [1, 5, 10, 20, 40, 80, 100]),
    "j-plain": (None, [1, 4, 8, 16, 32, 64, 100]),
}
CLIMBING = [
    replace(one_step(spec(name, 1000, maximum=100, behavior=behavior), 1, (100_000,), counts[1]), obeys=True)
    for name, (behavior, counts) in WAYS_UP.items()
]


@pytest.fixture(scope="module")
def record(control_planes: Callable[[Options], AbstractContextManager[ControlPlane]]) -> Record:
    """All at once, on a control plane that is there for nothing else."""
    with control_planes(OPTIONS) as plane:
        return asyncio.run(play(plane, [*VECTORS, AT_ZERO, *CLIMBING]))


# ---------------------------------------------------------------------------------------------------- through the core


def advised(vector: Vector, wanted: int) -> tuple[int | None, str]:
    """How many the core would have, and why not others, in the controller's word."""
    told, target = vector.spec, replace(vector.target, wanted=wanted)
    seed = (Advice(vector.target.wanted, NOW - (0 if told.behavior else policy.DOWN_WINDOW + 1)),)
    state = State(highest=seed, lowest=seed)
    if told.minimum == 0:
        return _with_zero(told, target, _inputs(vector), state)
    answer = hpa.advise(told, target, _inputs(vector), state, NOW)
    return answer.replicas, _word(answer.trail[-1])


def _with_zero(told: Spec, target: Target, inputs: list[Input], state: State) -> tuple[int, str]:
    """The last replica is never the core's HPA's to take, but its arithmetic is the same."""
    rules = policy.regime(told)._replace(low=0)
    asked = hpa.ask(inputs[0], target, rules, state, NOW).replicas
    assert asked is not None
    steady = hpa.stabilized(target.wanted, asked, rules, state, NOW)
    limited = hpa.limited_to(target.wanted, steady.replicas, rules, (), NOW)
    return limited.replicas, _word(limited.note)


def _word(note: Note | None) -> str:
    return REASONS.get(note.rule, WITHIN) if note else WITHIN


def _inputs(vector: Vector) -> list[Input]:
    pairs = zip(vector.spec.goals, vector.samples, strict=True)
    return [Input(goal, _reading(goal, samples)) for goal, samples in pairs]


def _reading(goal: Goal, samples: Samples) -> Reading:
    if samples is None:
        return Failure(goal.metric, "no answer", "SourceError", NOW)
    return Value(goal.metric, _usage(goal, samples) / 1000, True, NOW)


def _usage(goal: Goal, samples: tuple[int, ...]) -> int:
    return sum(samples) if goal.kind is MetricType.VALUE else ratio.total(samples)


# ------------------------------------------------------------------------------------------------------------ the tests


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one.name)
def test_the_first_step_is_the_contracts_and_ours(record: Record, vector: Vector) -> None:
    life = record.life(vector.name)
    assert (life.counts[:2][-1], reason(life.hpas[0])) == (vector.replicas, vector.reason)
    assert advised(vector, vector.target.wanted) == (vector.replicas, vector.reason)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one.name)
def test_where_it_comes_to_rest_we_would_too(record: Record, vector: Vector) -> None:
    """After dozens of looks at the same numbers."""
    life = record.life(vector.name)
    assert advised(vector, life.counts[-1]) == (life.counts[-1], reason(life.hpas[-1]))


@pytest.mark.parametrize("vector", AVERAGES, ids=lambda one: one.name)
def test_the_average_that_is_shown(record: Record, vector: Vector) -> None:
    [goal], [samples] = vector.spec.goals, vector.samples
    assert samples is not None
    assert ratio.shown_average(vector.target.exists, _usage(goal, samples)) == vector.shown
    if vector.target.exists:
        assert shown(record, vector.name) == vector.shown


def test_a3_of_nobody_1_36_shows_what_its_machine_makes_of_infinity(record: Record) -> None:
    """Zero it is in the contract and here. Where this fails, Kubernetes is mended and the exception above can go."""
    assert abs(shown(record, "a3")) >= MAX64


def shown(record: Record, name: str) -> int:
    [metric] = record.life(name).hpas[0]["status"]["currentMetrics"]
    return milli(metric["external"]["current"]["averageValue"])


def test_e4_once_at_the_maximum_it_is_held_by_it(record: Record) -> None:
    """It began above: that the controller corrects without a look at the metrics."""
    assert reason(record.life("e4").hpas[-1]) == "TooManyReplicas"


def test_d1_at_zero_nothing_is_asked_and_nothing_written(record: Record) -> None:
    """Nor do we go up for it, where the source says nothing; what it says is our own business there."""
    life = record.life("d1")
    assert (life.counts, {reason(one) for one in life.hpas}) == ([0], {"ScalingDisabled"})
    assert record.asked["s0-d1"] == 0
    Story(AT_ZERO.spec, 0).at(0).load("no answer").expect(0, Why.NO_READING)


def test_d3_outside_the_bounds_nothing_is_asked_first(record: Record) -> None:
    for name in ("d3", "d-below-the-minimum"):
        first = record.life(name).hpas[0]["status"]
        assert not first.get("currentMetrics"), name


def test_d4_the_metric_that_failed_has_an_empty_place(record: Record) -> None:
    first = record.life("d4").hpas[0]["status"]
    assert [one["type"] for one in first["currentMetrics"]] == ["External", ""]


def test_d7_what_was_desired_is_not_touched(record: Record) -> None:
    assert {one["status"]["desiredReplicas"] for one in record.life("d7").hpas} == {0}


@pytest.mark.parametrize("vector", CLIMBING, ids=lambda one: one.name)
def test_j_the_way_up(record: Record, vector: Vector) -> None:
    """We are asked at the moments of the controller's writes, and where a policy holds it back also between them."""
    life = record.life(vector.name)
    _, counts = WAYS_UP[vector.name]
    assert life.counts == counts
    assert len(life.moments) == len(counts) - 1
    story = Story(vector.spec, 1)
    for index, (moment, count) in enumerate(zip(life.moments, counts[1:], strict=True)):
        if index and vector.spec.behavior:
            between = (life.moments[index - 1] + moment) / 2
            story.at(between - life.moments[0]).load(100).expect(counts[index], Why.LIMITED_UP)
        story.at(moment - life.moments[0]).load(100).expect(count)
