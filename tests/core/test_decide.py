"""KEDA's decision table as stories of minutes (KEDA behaviour 3.3, 3.4, 3.8, 3.10, 3.13)."""

from dataclasses import replace

import msgspec
import pytest

from scaler.core.decide import decide
from scaler.core.model import (
    Advice,
    Behavior,
    Decision,
    Fallback,
    Goal,
    MetricType,
    Mode,
    Pause,
    Policy,
    PolicyType,
    Rules,
    Sample,
    Spec,
    State,
    Target,
    Value,
    Why,
)
from tests.core.story import QUEUE, START, Story, spec

BOTH = pytest.mark.parametrize("mode", [Mode.HPA, Mode.DIRECT])
TWO = (Goal("s0-a", 5.0), Goal("s1-b", 5.0))


def paused(told: Spec, **how: bool | int) -> Spec:
    return replace(told, pause=msgspec.convert(how, Pause))


def active_at(seconds: float, replicas: int) -> State:
    """An earlier decision knew the workload at this size and saw it active then."""
    return State(seen=replicas, last_active=START + seconds)


# ------------------------------------------------------------------------------------------------------- up from zero


def test_a_burst_and_its_end() -> None:
    story = Story(spec(cooldown=60), 0)
    story.at(0).load(0).expect(0, Why.RESTING)
    story.at(30).load(400).expect(80, Why.ACTIVATED)
    story.at(60).load(400).expect(80, Why.STEADY)
    story.at(90).load(0).expect(80, Why.COOLING, again=120)
    story.at(120).load(0).expect(0, Why.DEACTIVATED)
    story.at(150).load(0).expect(0, Why.RESTING)


def test_keda_activates_to_one_and_leaves_the_rest_to_the_hpa() -> None:
    story = Story(spec(mode=Mode.HPA), 0)
    story.at(0).load(400).expect(1, Why.ACTIVATED)
    story.at(30).load(400).expect(4, Why.LIMITED_UP)


@pytest.mark.parametrize(("minimum", "load", "replicas"), [(0, 1, 1), (3, 1, 3), (3, 400, 80), (3, 4000, 100)], ids=str)
def test_direct_activates_to_what_is_asked_for_within_the_bounds(minimum: int, load: float, replicas: int) -> None:
    Story(spec(minimum=minimum), 0).at(0).load(load).expect(replicas, Why.ACTIVATED)


def test_keda_activates_to_the_minimum() -> None:
    Story(spec(minimum=3, mode=Mode.HPA), 0).at(0).load(400).expect(3, Why.ACTIVATED)


@BOTH
def test_one_active_trigger_is_enough(mode: Mode) -> None:
    Story(spec(*TWO, mode=mode), 0).at(0).load(0, 1).expect(1, Why.ACTIVATED)


@BOTH
def test_activity_is_above_the_activation_not_at_it(mode: Mode) -> None:
    goal = replace(QUEUE, activation=10.0)
    Story(spec(goal, mode=mode), 0).at(0).load(10).expect(0, Why.RESTING)
    Story(spec(goal, mode=mode), 0).at(0).load(10.5).expect(3 if mode is Mode.DIRECT else 1, Why.ACTIVATED)


def test_activity_compares_the_number_as_it_was_read() -> None:
    """A negative one is published as 0, but is not above an activation of -1 as 0 would be."""
    goal = replace(QUEUE, activation=-1.0)
    story = Story(spec(goal), 0)
    story.at(0).hear(Value("s0-queue", -3.0, None, START)).expect(0, Why.RESTING)
    assert story.decision.metrics[0].value == 0.0
    story.at(30).hear(Value("s0-queue", -0.5, None, START)).expect(1, Why.ACTIVATED)


@BOTH
def test_a_step_that_did_not_happen_is_decided_again(mode: Mode) -> None:
    story = Story(spec(mode=mode), 0)
    story.at(0).load(1).expect(1, Why.ACTIVATED, obeyed=False).tells("ScaledObjectReady", "KEDAScaleTargetActivated")
    story.at(30).load(1).expect(1, Why.ACTIVATED).tells()
    story.at(60).load(1).expect(1, Why.STEADY)
    story.sees(0).at(90).load(1).expect(1, Why.ACTIVATED).tells("KEDAScaleTargetActivated")


# ------------------------------------------------------------------------------------------------------- down to zero


@BOTH
def test_the_cooldown_counts_from_the_last_active_round(mode: Mode) -> None:
    story = Story(spec(cooldown=100, mode=mode), 1)
    story.at(0).load(5).expect(1)
    story.at(50).load(5).expect(1)
    story.at(149).load(0).expect(1, Why.COOLING, again=150)
    story.at(150).load(0).expect(0, Why.DEACTIVATED, again=None)


@BOTH
def test_a_spark_starts_the_cooldown_anew(mode: Mode) -> None:
    story = Story(spec(cooldown=100, mode=mode), 1)
    story.at(0).load(5).expect(1)
    story.at(90).load(1).expect(1)
    story.at(110).load(0).expect(1, Why.COOLING, again=190)


@BOTH
def test_from_many_it_jumps_straight_to_zero(mode: Mode) -> None:
    story = Story(spec(cooldown=10, mode=mode), 50)
    story.at(0).load(250).expect(50)
    story.at(30).load(0).expect(0, Why.DEACTIVATED)


@BOTH
def test_the_hpa_goes_on_while_it_cools(mode: Mode) -> None:
    goal = replace(QUEUE, activation=20.0)
    story = Story(replace(spec(goal, cooldown=900, mode=mode), behavior=Behavior(down=Rules(window=0))), 10)
    story.at(0).load(50).expect(10)
    story.at(30).load(15).expect(3, Why.BELOW_TARGET, again=900).rules(Why.COOLING, Why.BELOW_TARGET)
    story.at(60).load(15).expect(3, Why.COOLING).rules(Why.STEADY, Why.COOLING)


@BOTH
def test_the_initial_cooldown_counts_from_the_creation(mode: Mode) -> None:
    story = Story(replace(spec(mode=mode), initial_cooldown=120.0), 2)
    story.at(0).load(0).expect(2, Why.INITIAL_COOLING, again=120)
    story.at(119).load(0).expect(2, Why.INITIAL_COOLING, again=120)
    story.at(120).load(0).expect(0, Why.DEACTIVATED)


@BOTH
def test_after_the_first_activity_only_the_cooldown_counts(mode: Mode) -> None:
    story = Story(replace(spec(cooldown=30, mode=mode), initial_cooldown=600.0), 1)
    story.at(0).load(5).expect(1)
    story.at(30).load(0).expect(0, Why.DEACTIVATED)


@BOTH
def test_without_an_initial_cooldown_a_new_object_rests_at_once(mode: Mode) -> None:
    Story(spec(mode=mode), 2).at(1).load(0).expect(0, Why.DEACTIVATED)


@BOTH
def test_with_a_minimum_there_is_no_zero(mode: Mode) -> None:
    story = Story(spec(minimum=2, cooldown=10, mode=mode), 2, active_at(-900, 2))
    story.at(0).load(0).expect(2, Why.AT_MINIMUM)
    story.at(900).load(0).expect(2)


# ---------------------------------------------------------------------------------------------------------- the bounds


@BOTH
def test_below_the_minimum_is_raised_at_once_even_from_zero_by_hand(mode: Mode) -> None:
    Story(spec(minimum=3, mode=mode), 0).at(0).load(0).expect(3, Why.RAISED_TO_MINIMUM)
    Story(spec(minimum=3, mode=mode), 1).at(0).load(0).expect(3, Why.RAISED_TO_MINIMUM)
    Story(spec(minimum=3, mode=mode), 1).at(0).load(400).expect(3, Why.RAISED_TO_MINIMUM)


@BOTH
def test_above_the_maximum_is_lowered_at_once(mode: Mode) -> None:
    Story(spec(maximum=5, mode=mode), 9).at(0).load(400).expect(5, Why.LOWERED_TO_MAXIMUM)


def test_the_metrics_may_ask_for_more_than_the_maximum() -> None:
    Story(spec(maximum=5), 3).at(0).load(400).expect(5, Why.AT_MAXIMUM).rules(Why.ABOVE_TARGET, Why.AT_MAXIMUM)


# ---------------------------------------------------------------------------------------------------------------- idle


@BOTH
@pytest.mark.parametrize("idle", [0, 1])
def test_idle_is_where_an_inactive_object_rests(mode: Mode, idle: int) -> None:
    story = Story(spec(minimum=3, idle=idle, cooldown=60, mode=mode), idle)
    story.at(0).load(0).expect(idle, Why.RESTING)
    story.at(30).load(1).expect(3, Why.ACTIVATED)
    story.at(89).load(0).expect(3, Why.COOLING, again=90)
    story.at(90).load(0).expect(idle, Why.DEACTIVATED)
    story.at(120).load(0).expect(idle, Why.RESTING)


def test_from_idle_direct_goes_in_one_step_too() -> None:
    Story(spec(minimum=3, idle=1), 1).at(0).load(400).expect(80, Why.ACTIVATED)


@BOTH
def test_between_idle_and_the_minimum_active_goes_up_inactive_cools(mode: Mode) -> None:
    told = spec(minimum=3, idle=0, cooldown=60, mode=mode)
    Story(told, 2).at(0).load(1).expect(3, Why.ACTIVATED)
    Story(told, 2, active_at(-10, 2)).at(0).load(0).expect(3, Why.RAISED_TO_MINIMUM, again=50)
    Story(told, 2, active_at(-60, 2)).at(0).load(0).expect(0, Why.DEACTIVATED)


@BOTH
def test_below_idle_an_inactive_object_is_left_alone(mode: Mode) -> None:
    Story(spec(minimum=3, idle=1, mode=mode), 0).at(0).load(0).expect(0, Why.RESTING)


def test_written_policies_lead_down_to_idle() -> None:
    told = replace(
        spec(minimum=5, idle=2, cooldown=0),
        behavior=Behavior(down=Rules(policies=(Policy(PolicyType.PODS, 4, 60),))),
    )
    story = Story(told, 9, active_at(-10, 9))
    story.at(0).load(0).expect(5, Why.LIMITED_DOWN, again=60)
    story.at(60).load(0).expect(2, Why.DEACTIVATED)


# --------------------------------------------------------------------------------------------------- forced activation


@BOTH
def test_force_is_as_good_as_an_active_trigger(mode: Mode) -> None:
    story = Story(replace(spec(cooldown=0, mode=mode), force=True), 0)
    story.at(0).load(0).expect(1, Why.FORCED)
    story.at(900).load(0).expect(1)
    assert story.state.last_active == START + 900
    story.edited(replace(story.spec, force=False)).at(930).load(0).expect(0, Why.DEACTIVATED)


@BOTH
def test_force_wakes_without_any_reading(mode: Mode) -> None:
    Story(replace(spec(minimum=2, mode=mode), force=True), 0).at(0).load("no answer").expect(2, Why.FORCED)


# --------------------------------------------------------------------------------------------------------------- errors


@BOTH
def test_all_unreadable_move_nothing(mode: Mode) -> None:
    for replicas in (0, 1, 7):
        story = Story(spec(cooldown=0, mode=mode), replicas, active_at(-900, replicas))
        story.at(0).load("no answer").expect(replicas, Why.NO_READING)


@BOTH
def test_one_unreadable_and_none_active_moves_nothing(mode: Mode) -> None:
    for replicas in (0, 1, 7):
        story = Story(spec(*TWO, cooldown=0, mode=mode), replicas, active_at(-900, replicas))
        story.at(0).load(0, "no answer").expect(replicas, Why.UNKNOWN)


@BOTH
def test_one_unreadable_beside_an_active_one_scales_up_only(mode: Mode) -> None:
    story = Story(spec(*TWO, mode=mode), 4)
    story.at(0).load(5, "no answer").expect(4, Why.UNKNOWN)
    story.at(400).load(35, "no answer").expect(7, Why.ABOVE_TARGET)
    assert story.decision.trail[0].by == "s1-b"
    assert story.state.last_active is None


@BOTH
def test_one_unreadable_does_not_hinder_an_activation(mode: Mode) -> None:
    story = Story(spec(*TWO, mode=mode), 0)
    story.at(0).load(5, "no answer").expect(1, Why.ACTIVATED)
    assert story.state.last_active == START


@BOTH
def test_while_one_is_unreadable_the_cooldown_stands_still(mode: Mode) -> None:
    story = Story(spec(*TWO, cooldown=100, mode=mode), 1)
    story.at(0).load(5, 5).expect(1)
    story.at(60).load(5, "no answer").expect(1)
    story.at(120).load(0, 0).expect(0, Why.DEACTIVATED)


@BOTH
def test_a_fallback_that_waits_lets_nothing_go_down(mode: Mode) -> None:
    for replicas in (0, 3):
        told = replace(spec(cooldown=0, mode=mode), fallback=Fallback(5, replicas))
        story = Story(told, 4, active_at(-900, 4))
        story.at(0).load("no answer").expect(4, Why.NO_READING)


@BOTH
def test_idle_without_readings_stays(mode: Mode) -> None:
    Story(spec(minimum=3, idle=1, mode=mode), 1).at(0).load("no answer").expect(1, Why.NO_READING)


# ------------------------------------------------------------------------------------------------ cpu and memory only

CPU = Goal("cpu", 50.0, kind=MetricType.UTILIZATION, resource="cpu")


def usage(value: float) -> Value:
    return Value("cpu", value, None, START, samples=(Sample("pod-0", value, 1.0, START),))


def test_an_object_with_nothing_but_usage_is_active() -> None:
    story = Story(spec(CPU, cooldown=0, mode=Mode.HPA), 1)
    story.at(0).hear(usage(0.0)).expect(1)
    assert story.state.last_active == START
    Story(spec(CPU, mode=Mode.HPA), 0).at(0).hear().expect(1, Why.ACTIVATED)
    Story(spec(CPU), 1).at(0).hear(usage(1.0)).expect(2, Why.ABOVE_TARGET)


def test_usage_that_is_unreadable_is_no_activity() -> None:
    Story(spec(CPU), 0).at(0).hear().expect(0, Why.NO_READING)


def test_beside_a_queue_usage_says_nothing_about_activity() -> None:
    story = Story(spec(CPU, QUEUE, cooldown=0), 1, active_at(-900, 1))
    story.at(0).hear(usage(1.0), Value("s0-queue", 0.0, False, START)).expect(0, Why.DEACTIVATED)


def test_what_only_the_hpa_can_know_is_none_and_still_cools_down() -> None:
    story = Story(spec(CPU, QUEUE, cooldown=60, mode=Mode.HPA), 3)
    story.at(0).hear(Value("s0-queue", 50.0, True, START)).expect(None, Why.LEFT_TO_HPA)
    story.at(30).hear(Value("s0-queue", 0.0, False, START)).expect(None, again=60)
    story.at(60).hear(Value("s0-queue", 0.0, False, START)).expect(0, Why.DEACTIVATED)
    story.at(90).hear(Value("s0-queue", 9.0, True, START)).expect(1, Why.ACTIVATED)


# --------------------------------------------------------------------------------------------------------------- pauses


@BOTH
@pytest.mark.parametrize(("replicas", "load"), [(0, 400), (5, 400), (5, 0), (200, 0)])
def test_a_pause_freezes(mode: Mode, replicas: int, load: float) -> None:
    story = Story(paused(spec(minimum=1, cooldown=0, mode=mode), full=True), replicas, active_at(-900, replicas))
    story.at(0).load(load).expect(replicas, Why.PAUSED, again=None)


@BOTH
def test_paused_replicas_are_brought_about_once(mode: Mode) -> None:
    story = Story(paused(spec(mode=mode), full=True, replicas=3), 7)
    story.at(0).load(35).expect(3, Why.PAUSED_AT, obeyed=False)
    story.at(30).load(35).expect(3, Why.PAUSED_AT)
    story.at(60).load(35).expect(3, Why.PAUSED_AT)
    story.sees(5).at(90).load(35).expect(5, Why.PAUSED_AT)
    story.edited(paused(story.spec, full=True, replicas=0)).at(120).load(35).expect(0, Why.PAUSED_AT)


@BOTH
def test_a_full_pause_comes_before_the_pause_of_a_direction(mode: Mode) -> None:
    told = paused(spec(mode=mode), full=True, replicas=3, scale_in=True, scale_out=True)
    Story(told, 1).at(0).load(35).expect(3, Why.PAUSED_AT)
    Story(told, 7).at(0).load(35).expect(3, Why.PAUSED_AT)


@BOTH
def test_an_unpause_never_scales_down_at_once(mode: Mode) -> None:
    story = Story(spec(mode=mode), 10)
    story.at(0).load(50).expect(10)
    story.edited(paused(story.spec, full=True)).at(30).load(5).expect(10, Why.PAUSED)
    story.at(900).load(5).expect(10, Why.PAUSED)
    story.edited(spec(mode=mode)).at(930).load(5).expect(10, Why.STABILIZED_DOWN)
    assert story.state.paused_at is None


@BOTH
def test_paused_scale_in_blocks_everything_down(mode: Mode) -> None:
    told = paused(spec(cooldown=0, mode=mode), scale_in=True)
    story = Story(told, 4, active_at(-900, 4))
    story.at(0).load(0).expect(4, Why.PAUSED_IN)
    story.at(900).load(5).expect(4, Why.PAUSED_IN)
    story.at(930).load(30).expect(6, Why.ABOVE_TARGET)
    Story(paused(spec(maximum=5, mode=mode), scale_in=True), 9).at(0).load(5).expect(9, Why.PAUSED_IN)


@BOTH
def test_paused_scale_out_blocks_everything_up(mode: Mode) -> None:
    told = paused(spec(mode=mode), scale_out=True)
    story = Story(told, 0)
    story.at(0).load(30).expect(0, Why.PAUSED_OUT).tells("ScaledObjectReady", "ScaledObjectPaused")
    assert story.state.last_active is None
    Story(told, 4).at(0).load(30).expect(4, Why.PAUSED_OUT)
    Story(paused(spec(minimum=3, mode=mode), scale_out=True), 0).at(0).load(0).expect(0, Why.PAUSED_OUT)
    Story(paused(spec(minimum=3, mode=mode), scale_out=True), 1).at(0).load(0).expect(1, Why.PAUSED_OUT)
    Story(paused(spec(minimum=3, idle=1, mode=mode), scale_out=True), 1).at(0).load(9).expect(1, Why.PAUSED_OUT)


@BOTH
def test_paused_scale_out_still_goes_down(mode: Mode) -> None:
    story = Story(paused(spec(cooldown=60, mode=mode), scale_out=True), 4)
    story.at(0).load(20).expect(4)
    story.at(60).load(0).expect(0, Why.DEACTIVATED)


# ----------------------------------------------------------------------------------------------------------- the state


def test_the_first_sight_is_remembered() -> None:
    story = Story(spec(), 4)
    story.at(0).load(20).expect(4)
    assert (story.state.seen, story.state.original_replicas) == (4, 4)
    story.at(30).load(400).expect(80)
    story.at(60).load(400).expect(80)
    assert (story.state.seen, story.state.original_replicas) == (80, 4)


def test_what_an_earlier_daemon_left_in_the_status_is_kept() -> None:
    left = State(last_active=START - 10, original_replicas=2)
    story = Story(spec(cooldown=60), 4, left)
    story.at(0).load(0).expect(4, Why.COOLING, again=50)
    assert story.state.original_replicas == 2
    assert story.state.highest[0] == Advice(4, START)


def test_a_state_survives_being_written_down() -> None:
    policies = (Policy(PolicyType.PODS, 2, 600),)
    told = replace(spec(*TWO), behavior=Behavior(Rules(0, policies=policies), Rules(300, policies=policies)))
    told = replace(told, fallback=Fallback(1, 5))
    story = Story(told, 3)
    for second, load in ((0, 50.0), (15, 10.0), (30, 40.0), (45, 5.0)):
        story.at(second).load(load, "no answer")
        story.expect(story.decide().replicas)
    assert story.state.changes
    assert msgspec.json.decode(msgspec.json.encode(story.state), type=State) == story.state


def test_the_number_is_explained_from_beginning_to_end() -> None:
    told = replace(spec(maximum=50), behavior=Behavior(up=Rules(policies=(Policy(PolicyType.PODS, 60, 60),))))
    story = Story(told, 1)
    story.at(0).load(400).expect(50, Why.AT_MAXIMUM)
    assert [(note.rule, note.before, note.after, note.by) for note in story.decision.trail] == [
        (Why.ABOVE_TARGET, 1, 80, "s0-queue"),
        (Why.AT_MAXIMUM, 80, 50, ""),
    ]


def test_an_object_without_metrics_moves_nothing() -> None:
    decision = decide(Spec("a/b", ()), Target(3, 3, 3), (), State(seen=3, last_active=START), START)
    assert isinstance(decision, Decision)
    assert decision.replicas == 3


# ---------------------------------------------------------------------------------------------------------- the modes


def test_another_mode_begins_with_what_it_sees() -> None:
    """Neither the advice of the mode before nor its changes count: a switch by itself moves nothing."""
    story = Story(spec(mode=Mode.HPA), replicas=4)
    story.at(0).load(20).expect(4)
    story.at(30).load(5).expect(4, Why.STABILIZED_DOWN)
    story.edited(spec(mode=Mode.DIRECT)).at(280).load(5).expect(4, Why.STABILIZED_DOWN)
    story.at(310).load(5).expect(4, Why.STABILIZED_DOWN)
    assert story.state.mode is Mode.DIRECT
    story.at(581).load(5).expect(1, Why.BELOW_TARGET)


def test_a_state_that_knows_no_mode_is_taken_as_it_is() -> None:
    seeded = Story(spec(), replicas=4).at(0).load(20).expect(4).state
    story = Story(spec(), replicas=4, state=replace(seeded, mode=None))
    story.at(301).load(5).expect(1, Why.BELOW_TARGET)
