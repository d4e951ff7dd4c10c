"""What a decision asks of the API server, told as lives: the decisions are the core's, the steps are taken upon objects
in memory, and the next look sees what came of them."""

from dataclasses import replace
from typing import Any

import pytest

from scaler.core.model import Decision, Event, Fallback, Goal, Mode, Pause, Spec, Why
from scaler.errors import Forbidden
from scaler.kubernetes.steps import (
    RESTORE,
    CreateHpa,
    DeleteHpa,
    PatchHpa,
    PatchStatus,
    Post,
    Scale,
    SetFinalizers,
    Step,
    check_failed,
    scale_failed,
)
from scaler.kubernetes.targets import DEPLOYMENT
from scaler.manifests.annotations import TRANSFER_HPA_OWNERSHIP
from tests.kubernetes.scene import LAG, NAMESPACE, REF, Life, custom, hpa, spec_of

CPU = Goal("cpu", 60.0, resource="cpu")
STEADY = [PatchStatus]
NAME = "keda-hpa-orders"


def posted(life: Life) -> list[tuple[str, str]]:
    return [(event.reason, event.message) for step in life.taken if isinstance(step, Post) for event in step.events]


def served(spec: Spec | None = None, *, replicas: int = 0, **more: Any) -> Life:
    """An object that was looked at once; where there are replicas, they have something to do."""
    life = Life(spec or spec_of(), replicas=replicas, **more)
    life.look(0, *[5 * min(1, replicas) for goal in life.watched.spec.goals if not goal.resource])
    return life


# -------------------------------------------------------------------------------------------------------- a new object


def test_a_new_object_with_work_to_do() -> None:
    life = Life(spec_of())
    taken = life.look(0, 35)
    assert life.kinds == [Scale, CreateHpa, PatchStatus, Post]
    assert taken[0] == Scale(DEPLOYMENT, NAMESPACE, "worker", 0, 1)
    assert posted(life) == [
        ("KEDAScalersStarted", "Scaler kafka is built"),
        ("KEDAScalersStarted", "Started scalers watch"),
        ("ScaledObjectReady", "ScaledObject is ready for scaling"),
        (
            "KEDAScaleTargetActivated",
            "Scaled apps/v1.Deployment shop/worker from 0 to 1, triggered by s0-kafka-orders",
        ),
    ]
    assert (life.replicas, list(life.hpas)) == (1, [NAME])


def test_a_new_object_without_work() -> None:
    life = Life(spec_of(LAG, Goal("s1-redis", 1.0)))
    life.look(0, 0, 0)
    assert life.kinds == [CreateHpa, PatchStatus, Post]
    assert [message for _, message in posted(life)] == [
        "Scaler kafka is built",
        "Scaler redis is built",
        "Started scalers watch",
        "ScaledObject is ready for scaling",
    ]


def test_the_first_status_is_one_patch_that_somebody_waits_for() -> None:
    life = served()
    [status] = [step for step in life.taken if isinstance(step, PatchStatus)]
    assert (status.ref, status.hurry) == (REF, True)
    assert [one["type"] for one in status.patch["conditions"]] == ["Ready", "Active", "Fallback", "Paused"]
    life.look(30, 0)
    assert life.taken == (PatchStatus(REF, {}, hurry=False),)


def test_what_is_said_of_a_new_generation_is_waited_for() -> None:
    life = served().edited(maximum=7)
    life.look(30, 0)
    assert life.kinds == [PatchHpa, PatchStatus]
    assert life.taken[-1] == PatchStatus(REF, {}, hurry=True)


@pytest.mark.parametrize("values", [(0,), (35,), ("away",)])
def test_while_nothing_happens_nothing_is_written(values: tuple[float | str, ...]) -> None:
    life = Life(spec_of(), replicas=2)
    life.look(0, *values)
    for round_ in range(1, 9):
        life.look(round_ * 30, *values)
        assert (life.kinds, life.patch) == (STEADY, {})


def test_an_object_that_was_only_refused_so_far_is_told_as_new() -> None:
    life = Life(spec_of(), found=custom(status={"conditions": [{"type": "Ready", "status": "False"}]}))
    life.look(0, 0)
    assert life.events == ["KEDAScalersStarted", "KEDAScalersStarted", "ScaledObjectReady"]


# ---------------------------------------------------------------------------------------------------- whose move it is


def test_from_and_to_rest_are_ours_and_what_is_between_is_the_hpa_s() -> None:
    life = served()
    assert life.look(30, 95)[0] == Scale(DEPLOYMENT, NAMESPACE, "worker", 0, 1)
    life.look(60, 95)
    assert (life.decision.replicas, life.kinds, life.replicas) == (4, STEADY, 1)
    life.replicas = 10  # the HPA
    for at in range(90, 360, 30):
        life.look(at, 0)
        assert Scale not in life.kinds
    assert life.look(600, 0)[0] == Scale(DEPLOYMENT, NAMESPACE, "worker", 10, 0)
    assert life.events == ["KEDAScaleTargetDeactivated"]


@pytest.mark.parametrize(
    ("spec", "replicas", "value", "expected"),
    [
        (spec_of(minimum=3), 1, 0, 3),
        (spec_of(minimum=3), 0, 0, 3),
        (spec_of(minimum=3, idle=1), 1, 5, 3),
        (spec_of(minimum=3, idle=1), 5, 0, 1),
        (spec_of(force=True), 0, 0, 1),
        (spec_of(pause=Pause(full=True, replicas=4)), 1, 50, 4),
        (spec_of(pause=Pause(full=True)), 2, 0, None),
        (spec_of(maximum=5), 9, 95, None),
        (spec_of(pause=Pause(scale_out=True)), 0, 95, None),
        (spec_of(pause=Pause(scale_in=True)), 4, 0, None),
        (spec_of(), 0, "away", None),
        (spec_of(), 4, "away", None),
        (spec_of(), 4, 20, None),
    ],
)
def test_which_moves_are_written(spec: Spec, replicas: int, value: float | str, expected: int | None) -> None:
    life = Life(spec, replicas=replicas)
    life.look(1000, value)
    moves = [step for step in life.taken if isinstance(step, Scale)]
    assert moves == ([] if expected is None else [Scale(DEPLOYMENT, NAMESPACE, "worker", replicas, expected)])


def test_where_usage_counts_only_the_hpa_knows() -> None:
    life = Life(spec_of(CPU), replicas=3)
    life.look(0)
    assert (life.decision.replicas, life.kinds) == (None, [CreateHpa, PatchStatus, Post])
    life.look(30)
    assert (life.kinds, life.patch) == (STEADY, {})


def test_a_number_that_was_reached_meanwhile_is_not_written() -> None:
    life = served()
    life.cached = 1
    life.look(30, 95)
    assert (life.decision.replicas, Scale in life.kinds) == (1, False)


def test_a_move_is_from_the_number_that_was_decided_on() -> None:
    life = served(replicas=2)
    life.look(600, 0)
    assert life.decision.state.seen == 2
    assert life.taken[0] == Scale(DEPLOYMENT, NAMESPACE, "worker", 2, 0)


# ------------------------------------------------------------------------------------------------------------- the HPA


def test_an_hpa_that_somebody_edited_is_put_right() -> None:
    life = served()
    life.hpas[NAME] = hpa(NAME, owner="orders")
    life.look(30, 0)
    assert life.kinds == [PatchHpa, PatchStatus]
    life.look(60, 0)
    assert life.kinds == STEADY


def test_an_hpa_that_somebody_deleted_is_made_again() -> None:
    life = served()
    del life.hpas[NAME]
    life.look(30, 0)
    assert life.kinds == [CreateHpa, PatchStatus]


def test_an_hpa_that_is_being_deleted_is_left_alone() -> None:
    life = served()
    life.hpas[NAME] = hpa(NAME, owner="orders", deletionTimestamp="2026-01-01T00:00:00Z")
    life.look(30, 0)
    assert life.kinds == STEADY


def test_renamed_the_old_hpa_goes_before_the_new_one_comes() -> None:
    life = served().asks(advanced={"horizontalPodAutoscalerConfig": {"name": "mine"}})
    life.look(30, 0)
    assert life.kinds == [DeleteHpa, CreateHpa, PatchStatus]
    assert (list(life.hpas), life.status["hpaName"]) == (["mine"], "mine")
    life.look(60, 0)
    assert (life.kinds, life.patch) == (STEADY, {})


def test_a_foreign_hpa_stops_all_writing_but_the_status() -> None:
    life = Life(spec_of())
    life.hpas["theirs"] = hpa("theirs")
    life.look(0, 95)
    assert (life.kinds, life.replicas) == ([PatchStatus, Post], 0)
    sentence = "the workload 'worker' of type 'apps/v1.Deployment' is already managed by the hpa 'theirs'"
    assert life.status["conditions"][0] == {
        "type": "Ready",
        "status": "False",
        "reason": "ScaledObjectCheckFailed",
        "message": sentence,
    }
    assert posted(life)[-1] == ("ScaledObjectCheckFailed", sentence)
    assert "KEDAScaleTargetActivated" not in life.events
    assert "ScaledObjectReady" not in life.events
    life.look(30, 95)
    assert (life.kinds, life.patch, life.events) == (STEADY, {}, [])


def test_a_foreign_hpa_that_comes_later_leaves_ours_as_it_is_and_may_go_again() -> None:
    life = served(replicas=1)
    life.hpas["theirs"] = hpa("theirs")
    life.look(30, 95)
    assert (life.kinds, life.events) == ([PatchStatus, Post], ["ScaledObjectCheckFailed"])
    assert set(life.hpas) == {NAME, "theirs"}
    del life.hpas["theirs"]
    life.look(60, 95)
    assert (life.condition("Ready")[0], life.events) == ("True", ["ScaledObjectReady"])


def test_the_second_object_on_a_target_gives_way_to_the_first() -> None:
    life = served(replicas=1)
    life.first = "bills"
    life.look(30, 95)
    sentence = "the workload 'worker' of type 'apps/v1.Deployment' is already managed by the ScaledObject 'bills'"
    assert (life.kinds, life.hpas) == ([DeleteHpa, PatchStatus, Post], {})
    assert posted(life) == [("ScaledObjectCheckFailed", sentence)]
    assert life.condition("Ready") == ("False", "ScaledObjectCheckFailed")
    life.look(60, 95)
    assert (life.kinds, life.patch) == (STEADY, {})
    life.first = ""
    life.look(90, 95)
    assert (life.kinds, life.events) == ([CreateHpa, PatchStatus, Post], ["ScaledObjectReady"])


def test_what_the_second_object_s_hpa_waits_for_is_not_asked_for_twice() -> None:
    life = Life(spec_of())
    life.hpas[NAME] = hpa(NAME, owner="orders", deletionTimestamp="2026-01-01T00:00:00Z")
    life.hpas["theirs"] = hpa("theirs", owner="bills")
    life.first = "bills"
    life.look(0, 95)
    assert life.kinds == [PatchStatus, Post]


def test_paused_beside_a_foreign_hpa_is_told_once() -> None:
    life = served(replicas=1)
    life.hpas["theirs"] = hpa("theirs")
    life.look(30, 0)
    life.edited(pause=Pause(full=True)).look(60, 0)
    assert life.events == ["KEDAScalersStopped", "ScaledObjectPaused"]
    for at in (90, 120):
        life.look(at, 0)
        assert (life.kinds, life.patch) == (STEADY, {})


def test_an_hpa_that_is_offered_is_adopted() -> None:
    life = Life(spec_of(), replicas=3, found=custom(annotations={TRANSFER_HPA_OWNERSHIP: "true"}))
    life.asks(advanced={"horizontalPodAutoscalerConfig": {"name": "theirs"}})
    life.hpas["theirs"] = hpa("theirs")
    life.look(0, 30)
    assert life.kinds == [PatchHpa, PatchStatus, Post]
    assert [one.name for one in life.hpas["theirs"].metadata.owner_references] == ["orders"]
    assert "originalReplicaCount" not in life.status


# ------------------------------------------------------------------------------------------------------------- pausing


def test_paused_the_hpa_goes_before_the_number_comes_and_once() -> None:
    life = served(replicas=5).edited(pause=Pause(full=True, replicas=2))
    life.look(30, 95)
    assert life.kinds == [DeleteHpa, Scale, PatchStatus, Post]
    assert life.events == ["KEDAScalersStopped", "ScaledObjectPaused"]
    assert (life.replicas, life.hpas, life.status["pausedReplicaCount"]) == (2, {}, 2)
    assert (life.condition("Ready")[0], life.condition("Paused")[0]) == ("True", "True")
    life.look(60, 95)
    life.replicas = 7  # by hand
    life.look(90, 95)
    assert (life.kinds, life.replicas) == (STEADY, 7)


def test_unpaused_the_hpa_comes_again() -> None:
    life = served(replicas=1).edited(pause=Pause(full=True))
    life.look(30, 5)
    assert "pausedReplicaCount" not in life.status
    life.edited(pause=Pause()).look(60, 5)
    assert life.kinds == [CreateHpa, PatchStatus, Post]
    assert life.events == ["KEDAScalersStarted", "ScaledObjectUnpaused"]
    assert life.condition("Paused") == ("False", "ScaledObjectUnpaused")


def test_paused_an_hpa_that_is_being_deleted_already_is_not_deleted_again() -> None:
    life = served(replicas=1).edited(pause=Pause(full=True))
    life.hpas[NAME] = hpa(NAME, owner="orders", deletionTimestamp="2026-01-01T00:00:00Z")
    life.look(30, 5)
    assert DeleteHpa not in life.kinds


def test_paused_from_the_beginning() -> None:
    life = Life(spec_of(pause=Pause(full=True)))
    life.look(0, 95)
    assert life.kinds == [PatchStatus, Post]
    assert life.events == ["KEDAScalersStarted", "ScaledObjectReady", "ScaledObjectPaused"]
    assert posted(life)[0] == ("KEDAScalersStarted", "Scaler kafka is built")


def test_a_pause_of_one_direction_keeps_the_hpa_and_the_triggers() -> None:
    life = served(replicas=1).edited(pause=Pause(scale_in=True))
    life.look(30, 5)
    assert (life.kinds, life.events) == ([PatchHpa, PatchStatus, Post], ["ScaledObjectPaused"])
    life.look(45, 5)
    assert (life.kinds, life.patch) == (STEADY, {})
    life.edited(pause=Pause()).look(60, 5)
    assert (life.kinds, life.events) == ([PatchHpa, PatchStatus, Post], ["ScaledObjectUnpaused"])


def test_what_could_only_be_adopted_is_not_deleted_by_a_pause() -> None:
    labels = {"app.kubernetes.io/managed-by": "keda-operator", "app.kubernetes.io/part-of": "orders"}
    life = Life(spec_of(pause=Pause(full=True)), replicas=1)
    life.hpas[NAME] = hpa(NAME, labels=labels)
    life.look(0, 5)
    assert DeleteHpa not in life.kinds


# ----------------------------------------------------------------------------------------------------- the other modes


def test_observing_nothing_is_done_and_nothing_said() -> None:
    life = Life(spec_of(mode=Mode.OBSERVE))
    assert life.look(0, 95) == ()
    assert life.decision.replicas == 1


def test_direct_mode_deletes_its_hpa_before_it_scales_by_itself() -> None:
    life = served(replicas=2).edited(mode=Mode.DIRECT)
    life.look(30, 95)
    assert life.kinds == [DeleteHpa, Scale, PatchStatus]
    assert (life.hpas, life.replicas) == ({}, 10)
    assert "hpaName" not in life.status
    life.look(60, 135)
    assert life.taken[0] == Scale(DEPLOYMENT, NAMESPACE, "worker", 10, 14)


def test_direct_mode_beside_another_hpa_writes_nothing_but_that() -> None:
    life = Life(spec_of(mode=Mode.DIRECT))
    life.hpas["theirs"] = hpa("theirs")
    life.look(0, 95)
    assert life.kinds == [PatchStatus, Post]
    assert (life.replicas, list(life.hpas)) == (0, ["theirs"])
    assert life.condition("Ready")[0] == "False"
    assert "already managed by the hpa 'theirs'" in life.says("Ready")


def test_direct_mode_held_back_says_so_and_writes_no_number() -> None:
    life = served(spec_of(mode=Mode.DIRECT), replicas=2)
    life.held, life.remark = True, "argocd changes the replicas, too"
    life.look(30, 95)
    assert life.kinds == [PatchStatus]
    assert life.replicas == 2
    assert life.says("Ready").endswith("; argocd changes the replicas, too")
    life.held, life.remark = False, ""
    life.look(60, 95)
    assert (life.replicas, "argocd" in life.says("Ready")) == (10, False)


def test_from_mode_to_mode_no_replica_moves() -> None:
    """At a load that asks for what is there, whichever way; a lower one waits for the window of the new mode."""
    life = served(spec_of(), replicas=4)
    at = 0.0
    for mode in (Mode.OBSERVE, Mode.DIRECT, Mode.HPA, Mode.DIRECT, Mode.OBSERVE, Mode.HPA):
        at += 30
        life.edited(mode=mode).look(at, 40)
        assert life.replicas == 4
        life.look(at + 1, 10)
        assert life.replicas == 4
    assert list(life.hpas) == [NAME]


# ---------------------------------------------------------------------------------------------------------- finalizers


def test_the_finalizer_comes_and_goes_with_the_wish() -> None:
    life = Life(spec_of(), found=custom(finalizers=("theirs",))).asks(advanced={"restoreToOriginalReplicaCount": True})
    life.look(0, 0)
    assert life.kinds == [CreateHpa, SetFinalizers, PatchStatus, Post]
    [wish] = [step for step in life.taken if isinstance(step, SetFinalizers)]
    assert (wish.ref, wish.seen.resource_version, wish.finalizers) == (REF, "1", ("theirs", RESTORE))
    life.look(30, 0)
    assert life.kinds == STEADY
    life.asks(advanced={"restoreToOriginalReplicaCount": False}).look(60, 0)
    assert life.kinds == [SetFinalizers, PatchStatus]
    assert life.found.metadata.finalizers == ("theirs",)


def test_nothing_is_added_to_an_object_that_is_being_deleted() -> None:
    life = Life(spec_of(), found=custom(deletion_timestamp="2026-01-01T00:00:00Z"))
    life.asks(advanced={"restoreToOriginalReplicaCount": True}).look(0, 0)
    assert SetFinalizers not in life.kinds


# -------------------------------------------------------------------------------------------------------------- events


def test_failing_and_recovering() -> None:
    life = served(spec_of(fallback=Fallback(1, 4)), replicas=1)
    life.look(30, "away")
    assert life.events == ["KEDAScalerFailed"]
    life.look(60, "away")
    assert life.events == ["ScaledObjectFallbackActivated"]
    life.look(90, 5)
    assert life.events == ["ScaledObjectFallbackDeactivated"]


def test_ready_is_told_when_the_status_turns_to_it() -> None:
    """The core remembers that it was told once, but the write of it failed: the status decides."""
    life = Life(spec_of())
    life.look(0, "away")
    assert (life.condition("Ready")[0], "ScaledObjectReady" in life.events) == ("False", False)
    life.look(30, 0)
    assert life.events == ["ScaledObjectReady"]
    told = life.found
    life.look(60, 0)
    assert life.events == []
    life.found = custom(status={**told.status, "conditions": [{"type": "Ready", "status": "False"}]})
    life.look(90, 0)
    assert life.events[-1] == "ScaledObjectReady"


def test_the_sentence_of_what_could_not_be_served() -> None:
    assert check_failed("as it is") == Event("ScaledObjectCheckFailed", "as it is", warning=True)


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (Why.ACTIVATED, "KEDAScaleTargetActivationFailed"),
        (Why.RAISED_TO_MINIMUM, "KEDAScaleTargetActivationFailed"),
        (Why.DEACTIVATED, "KEDAScaleTargetDeactivationFailed"),
    ],
)
def test_a_step_that_the_cluster_did_not_take(why: Why, reason: str) -> None:
    told = scale_failed(Decision(1, why), served().watched, Forbidden("not allowed"))
    assert told == Event(reason, "Failed to scale apps/v1.Deployment shop/worker: not allowed", warning=True)


def test_what_is_odd_is_told_once() -> None:
    life = Life(spec_of())
    life.watched = replace(life.watched, warnings=("spec.triggers[0].metadata.topc: is not known", "another"))
    life.look(0, 0)
    info = [message for reason, message in posted(life) if reason == "KEDAScalerInfo"]
    assert info == ["spec.triggers[0].metadata.topc: is not known; another"]
    life.look(30, 0)
    assert life.events == []


def test_steps_are_values() -> None:
    first: tuple[Step, ...] = Life(spec_of()).look(0, 35)
    assert first == Life(spec_of()).look(0, 35)
