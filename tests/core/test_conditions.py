"""Conditions and events in KEDA's words (KEDA behaviour 1.4, 1.6)."""

from dataclasses import replace

from scaler.core.model import ConditionType, Event, Fallback, Goal, Mode, Pause, State
from tests.core.story import START, Story, spec

READY, ACTIVE, FALLBACK, PAUSED = ConditionType
TWO = (Goal("s0-a", 5.0), Goal("s1-b", 5.0))


def test_all_four_are_said_each_time() -> None:
    story = Story(spec(), 1)
    story.at(0).load(5).expect(1)
    assert [one.type for one in story.decision.conditions] == [READY, ACTIVE, FALLBACK, PAUSED]


def test_active() -> None:
    story = Story(spec(cooldown=60), 1)
    story.at(0).load(5).expect(1).says(ACTIVE, "True", "ScalerActive")
    assert story.condition(ACTIVE).message == "Scaling is performed because triggers are active"
    story.at(30).load(0).expect(1).says(ACTIVE, "False", "ScalerCooldown")
    assert story.condition(ACTIVE).message == "Scaler cooling down because triggers are not active"
    story.at(60).load(0).expect(0).says(ACTIVE, "False", "ScalerNotActive")
    assert story.condition(ACTIVE).message == "Scaling is not performed because triggers are not active"
    story.edited(replace(story.spec, force=True)).at(90).load(0).expect(1).says(ACTIVE, "True", "ScalerActive")
    assert story.condition(ACTIVE).message == "Scaling is performed because activation is being forced by annotation"


def test_ready() -> None:
    story = Story(spec(*TWO), 1)
    story.at(0).load(5, 5).expect(1).says(READY, "True", "ScaledObjectReady")
    story.at(30).load(5, "no answer").expect(1).says(READY, "Unknown", "PartialTriggerError")
    assert story.condition(READY).message == (
        "Some triggers defined in ScaledObject are not working correctly: s1-b: no answer"
    )
    story.at(60).load(0, "no answer").expect(1).says(READY, "False", "TriggerError")
    assert (
        story.condition(READY).message == "Triggers defined in ScaledObject are not working correctly: s1-b: no answer"
    )
    story.at(90).load(5, 5).expect(1).says(READY, "True", "ScaledObjectReady")


def test_ready_while_a_fallback_waits_and_while_it_is_in_force() -> None:
    story = Story(replace(spec(), fallback=Fallback(1, 3)), 3)
    story.at(0).load("no answer").expect(3).says(READY, "True", "ScaledObjectReady").says(
        FALLBACK, "False", "NoFallbackFound"
    )
    story.at(30).load("no answer").expect(3).says(READY, "True", "ScaledObjectReady").says(
        FALLBACK, "True", "FallbackExists"
    )


def test_paused() -> None:
    story = Story(spec(), 1)
    story.at(0).load(5).expect(1).says(PAUSED, "False", "ScaledObjectUnpaused")
    for pause in (Pause(full=True), Pause(scale_in=True), Pause(scale_out=True)):
        story.edited(replace(spec(), pause=pause)).at(30).load("no answer").expect(1)
        story.says(PAUSED, "True", "ScaledObjectPaused")
        story.says(READY, "True" if pause.full else "False", "ScaledObjectReady" if pause.full else "TriggerError")


# ------------------------------------------------------------------------------------------------------------- events


def test_the_steps_from_and_to_zero_in_kedas_words() -> None:
    story = Story(spec(*TWO, cooldown=10, mode=Mode.HPA), 0, State(seen=0, ready=True))
    story.at(0).load(9, 9).expect(1)
    assert story.decision.events == (
        Event("KEDAScaleTargetActivated", "Scaled apps/v1.Deployment shop/worker from 0 to 1, triggered by s0-a;s1-b"),
    )
    story.at(30).load(0, 0).expect(0)
    assert story.decision.events == (
        Event("KEDAScaleTargetDeactivated", "Deactivated apps/v1.Deployment shop/worker from 1 to 0"),
    )
    story.edited(replace(story.spec, force=True)).at(60).load(0, 0).expect(1)
    assert story.decision.events == (
        Event(
            "KEDAScaleTargetActivated",
            "Scaled apps/v1.Deployment shop/worker from 0 to 1, caused by forced activation annotation",
        ),
    )


def test_an_event_is_posted_when_something_changes_not_each_time() -> None:
    story = Story(replace(spec(), fallback=Fallback(1, 3)), 3)
    story.at(0).load(15).expect(3).tells("ScaledObjectReady")
    story.at(30).load(15).expect(3).tells()
    story.at(60).load("no answer").expect(3).tells("KEDAScalerFailed")
    assert story.decision.events[0] == Event("KEDAScalerFailed", "s0-queue: no answer", warning=True)
    story.at(90).load("no answer").expect(3).tells("ScaledObjectFallbackActivated")
    story.at(120).load("no answer").expect(3).tells()
    story.at(150).load(15).expect(3).tells("ScaledObjectFallbackDeactivated")
    story.at(180).load("no answer").expect(3).tells("KEDAScalerFailed")


def test_a_fallback_in_force_at_the_first_failure_names_the_failure_too() -> None:
    story = Story(replace(spec(), fallback=Fallback(0, 3)), 3, State(seen=3, ready=True))
    story.at(0).load("no answer").expect(3).tells("ScaledObjectFallbackActivated", "KEDAScalerFailed")


def test_ready_is_told_when_it_becomes_true_again() -> None:
    story = Story(spec(), 3)
    story.at(0).load("no answer").expect(3).tells("KEDAScalerFailed")
    story.at(30).load("no answer").expect(3).tells()
    story.at(60).load(15).expect(3).tells("ScaledObjectReady")


def test_pauses_are_told_when_they_begin_and_end() -> None:
    story = Story(spec(), 3, State(seen=3, ready=True, last_active=START))
    story.edited(replace(spec(), pause=Pause(full=True))).at(0).load(15).expect(3).tells("ScaledObjectPaused")
    story.at(30).load(15).expect(3).tells()
    story.edited(replace(spec(), pause=Pause(scale_in=True))).at(60).load(15).expect(3).tells()
    story.edited(spec()).at(90).load(15).expect(3).tells("ScaledObjectUnpaused")


def test_a_step_back_by_policy_is_no_deactivation_yet() -> None:
    story = Story(spec(cooldown=0), 3, State(seen=3, ready=True, last_active=START - 10))
    story.at(0).load(0).expect(0).tells("KEDAScaleTargetDeactivated")
