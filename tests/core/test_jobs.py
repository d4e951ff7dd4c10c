"""How many Jobs are made, by KEDA's tables (KEDA behaviour 2.1), and what is said of it."""

from typing import Any

import pytest

from scaler.core.jobs import decide
from scaler.core.model import (
    Calculation,
    ConditionType,
    Decision,
    Failure,
    Failures,
    Goal,
    JobRules,
    Jobs,
    Mode,
    Pause,
    Reading,
    Spec,
    State,
    Strategy,
    Target,
    Value,
    Why,
)
from tests.core.story import START

READY, ACTIVE, PAUSED = ConditionType.READY, ConditionType.ACTIVE, ConditionType.PAUSED
DEFAULT, CUSTOM, ACCURATE, EAGER = Strategy
MAX, MIN, AVG, SUM = Calculation
ONE, TWO = Goal("s0-queue", 1.0), Goal("s1-lag", 10.0)


def spec(*goals: Goal, minimum: int = 0, maximum: int = 100, paused: bool = False, **rules: Any) -> Spec:
    """A Job for each message of one queue, unless said otherwise."""
    return Spec(
        "shop/orders",
        goals or (ONE,),
        minimum=minimum,
        maximum=maximum,
        pause=Pause(full=paused),
        mode=Mode.DIRECT,
        target_kind="batch/v1.Job",
        jobs=JobRules(**rules),
    )


def seen(running: int = 0, pending: int = 0) -> Target:
    return Target(running, running, running - pending, jobs=Jobs(running, pending))


def read(told: Spec, *values: float | str | tuple[float, bool]) -> list[Reading]:
    """A value for each goal; a text is why there is none, a pair says besides whether it is active."""
    found: list[Reading] = []
    for goal, value in zip(told.goals, values, strict=True):
        if isinstance(value, str):
            found.append(Failure(goal.metric, value, "SourceError", START))
        elif isinstance(value, tuple):
            found.append(Value(goal.metric, value[0], value[1], START))
        else:
            found.append(Value(goal.metric, value, value > goal.activation, START))
    return found


def decided(
    told: Spec, target: Target, *values: float | str | tuple[float, bool], state: State | None = None
) -> Decision:
    return decide(told, target, read(told, *values), state or State(), START)


# ---------------------------------------------------------------------------------------------------- the strategies


@pytest.mark.parametrize(
    ("queue", "running", "create"),
    [
        (0, 0, 0),
        (3, 0, 3),
        (3, 2, 1),
        (3, 3, 0),
        (3, 5, 0),
        (12, 0, 5),
        (12, 4, 1),
        (12, 5, 0),
        (12, 9, 0),
        (2.2, 0, 3),
    ],
)
def test_default_takes_off_what_runs(queue: float, running: int, create: int) -> None:
    assert decided(spec(maximum=5), seen(running), queue).create == create


@pytest.mark.parametrize(
    ("queue", "running", "deduction", "share", "create"),
    [
        (8, 0, 0, 0.0, 8),
        (8, 0, 3, 0.0, 5),
        (8, 4, 0, 0.5, 6),
        (8, 4, 1, 0.5, 5),
        (8, 3, 0, 0.5, 7),  # of 1.5 the fraction is dropped
        (8, 4, 0, 2.0, 0),
        (8, 4, 9, 0.0, 0),
        (100, 10, 0, 0.5, 10),  # KEDA: 15, and then 25 run of at most 20
        (100, 20, 0, 0.0, 0),  # KEDA: 20 more
        (8, 4, 0, 1e300, 0),
        (8, 4, 0, -1e300, 8),
        (8, 0, -4, 0.0, 8),
    ],
)
def test_custom_takes_off_a_number_and_a_share(
    queue: float, running: int, deduction: int, share: float, create: int
) -> None:
    told = spec(maximum=20, strategy=CUSTOM, deduction=deduction, share=share)
    assert decided(told, seen(running), queue).create == create


@pytest.mark.parametrize(
    ("queue", "running", "pending", "create"),
    [
        (3, 0, 0, 3),
        (3, 2, 0, 3),  # those that run are not counted in the queue any more
        (3, 2, 2, 1),  # the pending ones still are
        (3, 3, 3, 0),
        (10, 0, 0, 10),
        (8, 5, 0, 5),  # 8 + 5 > 10: what is left
        (8, 5, 3, 5),  # 8 + 5 - 3 = 10: not more than the ceiling
        (8, 5, 2, 5),  # 8 + 5 - 2 > 10
        (5, 10, 10, 0),
        (5, 10, 0, 0),
        (5, 12, 0, 0),
    ],
)
def test_accurate_takes_off_what_is_pending(queue: float, running: int, pending: int, create: int) -> None:
    assert decided(spec(maximum=10, strategy=ACCURATE), seen(running, pending), queue).create == create


@pytest.mark.parametrize(
    ("queue", "running", "pending", "create"),
    [
        (3, 0, 0, 3),
        (3, 3, 0, 3),  # however many run already
        (3, 3, 3, 3),
        (3, 5, 3, 2),
        (3, 8, 0, 2),
        (30, 0, 0, 10),
        (30, 10, 0, 0),
        (0, 4, 0, 0),
    ],
)
def test_eager_fills_what_there_is_room_for(queue: float, running: int, pending: int, create: int) -> None:
    assert decided(spec(maximum=10, strategy=EAGER), seen(running, pending), queue).create == create


def test_eager_is_not_held_to_the_length_of_the_queue() -> None:
    halved = Goal("s0-queue", 0.5)
    assert decided(spec(halved, strategy=EAGER), seen(), 3).create == 6
    assert decided(spec(halved), seen(), 3).create == 3


@pytest.mark.parametrize(("value", "target", "create"), [(100, 10, 10), (101, 10, 11), (5, 10, 1), (3, 0.1, 3)])
def test_a_job_is_for_as_much_as_the_target(value: float, target: float, create: int) -> None:
    assert decided(spec(Goal("s0-lag", target)), seen(), value).create == create


def test_a_target_of_zero_is_for_nobody() -> None:
    assert decided(spec(Goal("s0-lag", 0.0)), seen(), 5).create == 0


# ------------------------------------------------------------------------------------------------------- the minimum


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize(
    ("running", "queue", "create"), [(0, 0, 3), (1, 0, 2), (2, 50, 1), (3, 0, 0), (3, 2, 2), (3, 50, 7), (9, 50, 1)]
)
def test_first_comes_the_minimum(strategy: Strategy, running: int, queue: float, create: int) -> None:
    """It is filled in one round, the rest of the ceiling from the next on; jobs beyond it count against the queue."""
    assert decided(spec(minimum=3, maximum=10, strategy=strategy), seen(running), queue).create == create


def test_the_minimum_is_kept_whatever_fails() -> None:
    found = decided(spec(minimum=2), seen(1), "no answer")
    assert (found.create, found.why) == (1, Why.RAISED_TO_MINIMUM)


def test_a_minimum_is_activity() -> None:
    found = decided(spec(minimum=1), seen(1), 0)
    assert [one.status for one in found.conditions if one.type is ACTIVE] == ["True"]
    assert found.state.last_active == START


# ------------------------------------------------------------------------------------------------- several triggers


@pytest.mark.parametrize(
    ("calculation", "queue", "lag", "create"),
    [
        (MAX, 3, 50, 5),
        (MAX, 3, 2000, 100),
        (MAX, 50, 60, 6),  # the larger number, though it is for fewer jobs
        (MAX, 60, 50, 60),
        (MIN, 3, 50, 3),
        (MIN, 30, 20, 2),
        (AVG, 4, 60, 5),  # 32 messages, (4 + 6) / 2 jobs
        (AVG, 3, 60, 5),  # 4.5 jobs
        (SUM, 4, 60, 10),
        (SUM, 90, 600, 100),
        (MAX, 0, 0, 0),
        (MIN, 0, 50, 5),  # what is not active is not heard
        (AVG, 0, 60, 6),
        (SUM, 0, 60, 6),
    ],
)
def test_several_triggers_make_one_number(calculation: Calculation, queue: float, lag: float, create: int) -> None:
    assert decided(spec(ONE, TWO, calculation=calculation), seen(), queue, lag).create == create


@pytest.mark.parametrize(
    ("calculation", "active", "by"),
    [(MAX, "False", ""), (MIN, "True", "s0-queue"), (AVG, "True", "s0-queue"), (SUM, "True", "s0-queue")],
)
def test_an_active_trigger_with_an_empty_queue(calculation: Calculation, active: str, by: str) -> None:
    found = decided(spec(ONE, TWO, calculation=calculation), seen(), (0, True), 0)
    assert [one.status for one in found.conditions if one.type is ACTIVE] == [active]
    assert (found.create, found.trail[0].by) == (0, by)


@pytest.mark.parametrize("values", [(0, 3, 5), (3, 0, 5), (5, 0, 3), (3, 5, 0)])
def test_the_smallest_does_not_depend_on_the_order(values: tuple[float, ...]) -> None:
    """KEDA starts anew behind an empty queue of an active trigger."""
    goals = tuple(Goal(f"s{index}-q", 1.0) for index in range(3))
    assert decided(spec(*goals, calculation=MIN), seen(), *((value, True) for value in values)).create == 3


def test_a_trigger_below_its_activation_is_not_heard() -> None:
    waits = Goal("s0-queue", 1.0, activation=10.0)
    assert decided(spec(waits), seen(), 10).create == 0
    assert decided(spec(waits), seen(), 11).create == 11


def test_several_metrics_of_one_trigger_are_one_entry() -> None:
    """The first one's value, the mean of the targets; what another says of activity counts."""
    pair = (Goal("s0-a", 4.0), Goal("s0-b", 6.0))
    told = spec(*pair, TWO, calculation=AVG)
    assert decided(told, seen(), 20, 7, 0).create == 4
    assert decided(told, seen(), (20, False), (0, True), 0).create == 4
    assert decided(told, seen(), (20, False), (0, False), 0).create == 0
    assert decided(told, seen(), "no answer", 7, 0).create == 0


# ----------------------------------------------------------------------------------------------------- what is unknown


def test_what_fails_is_not_zero_and_the_others_go_on() -> None:
    told = spec(ONE, TWO)
    found = decided(told, seen(1), 5, "no answer")
    assert found.create == 4
    [ready] = [one for one in found.conditions if one.type is READY]
    assert (ready.status, ready.reason) == ("Unknown", "PartialTriggerError")
    assert ready.message == "Some triggers defined in ScaledJob are not working correctly: s1-lag: no answer"
    found = decided(told, seen(1), 0, "no answer")
    [ready] = [one for one in found.conditions if one.type is READY]
    assert (ready.status, ready.reason) == ("False", "TriggerError")
    assert ready.message == "Triggers defined in ScaledJob are not working correctly: s1-lag: no answer"
    assert decided(told, seen(1), "no answer", "no answer").why is Why.NO_READING


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_makes_no_jobs(value: float) -> None:
    assert decided(spec(), seen(), (value, True)).create == 0


def test_less_than_nothing_makes_no_jobs() -> None:
    assert decided(spec(calculation=SUM), seen(), (-5, True)).create == 0


# ----------------------------------------------------------------------------------------------------- what is said


def test_a_pause_makes_nothing_and_ends_nothing() -> None:
    found = decided(spec(minimum=2, paused=True), seen(1), 50)
    assert (found.create, found.replicas, found.why) == (0, 1, Why.PAUSED)
    assert [(one.type, one.status, one.reason) for one in found.conditions] == [
        (READY, "True", "ScaledJobReady"),
        (ACTIVE, "True", "ScalerActive"),
        (PAUSED, "True", "ScaledJobPaused"),
    ]
    assert found.conditions[0].message == found.conditions[2].message == "ScaledJob is paused"
    assert found.state.last_active is None


def test_conditions_of_one_that_works() -> None:
    found = decided(spec(), seen(), 1)
    assert [(one.type, one.status, one.reason, one.message) for one in found.conditions] == [
        (READY, "True", "ScaledJobReady", "ScaledJob is defined correctly and is ready for scaling"),
        (ACTIVE, "True", "ScalerActive", "Scaling is performed because triggers are active"),
        (PAUSED, "False", "ScaledJobUnpaused", "ScaledJob is not paused"),
    ]
    rests = decided(spec(), seen(), 0)
    assert [one.reason for one in rests.conditions] == ["ScaledJobReady", "ScalerNotActive", "ScaledJobUnpaused"]


def test_events_come_with_changes_alone() -> None:
    told, state = spec(), State()
    story: list[tuple[Spec, float | str, list[str]]] = [
        (told, 0, ["ScaledJobReady"]),
        (told, 3, ["ScaledJobActive"]),
        (told, 4, []),
        (told, "no answer", ["KEDAScalerFailed", "ScaledJobInactive"]),
        (told, "no answer", []),
        (told, 1, ["ScaledJobReady", "ScaledJobActive"]),
        (spec(paused=True), 1, ["ScaledJobPaused"]),
        (spec(paused=True), 1, []),
        (told, 1, ["ScaledJobUnpaused"]),
        (told, 0, ["ScaledJobInactive"]),
    ]
    for at, (now, value, events) in enumerate(story):
        found = decide(now, seen(), read(now, value), state, START + at)
        assert [one.reason for one in found.events] == events, at
        state = found.state


def test_what_is_remembered() -> None:
    found = decided(spec(ONE, TWO), seen(3), 5, "no answer", state=State(last_active=1.0))
    assert found.state == State(
        last_active=START,
        failures=(Failures("s1-lag", 1, START),),
        seen=3,
        ready=None,
        active=True,
        at=START,
        mode=Mode.DIRECT,
    )
    assert decided(spec(), seen(), 0, state=State(last_active=1.0)).state.last_active == 1.0


@pytest.mark.parametrize(
    ("running", "queue", "why", "by"),
    [
        (0, 0, Why.RESTING, ""),
        (0, 2, Why.MORE_JOBS, "s0-queue"),
        (2, 2, Why.ENOUGH_JOBS, "s0-queue"),
        (5, 50, Why.AT_MAXIMUM, "s0-queue"),
        (0, "no answer", Why.NO_READING, ""),
    ],
)
def test_why(running: int, queue: float | str, why: Why, by: str) -> None:
    found = decided(spec(maximum=5), seen(running), queue)
    assert (found.why, found.trail[0].rule, found.trail[0].by) == (why, why, by)
    assert (found.trail[0].before, found.trail[0].after) == (running, found.replicas)


def test_that_the_ceiling_was_reached_is_told_beside_the_reason() -> None:
    found = decided(spec(maximum=5), seen(), 50)
    assert [note.rule for note in found.trail] == [Why.MORE_JOBS, Why.AT_MAXIMUM]


def test_metrics_are_for_the_status() -> None:
    found = decided(spec(ONE, TWO), seen(), 5, "no answer")
    assert [(one.name, one.value, one.active, one.problem) for one in found.metrics] == [
        ("s0-queue", 5, True, ""),
        ("s1-lag", 0, False, "no answer"),
    ]


def test_jobs_that_were_not_seen_are_none() -> None:
    """An adapter that cannot see them raises; the core has nothing to ask."""
    assert decided(spec(), Target(0, 0, 0), 3).create == 3
