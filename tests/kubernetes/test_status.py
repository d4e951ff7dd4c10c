"""A ScaledObject's status: what it says, when it changes, and what a new leader finds in it."""

from dataclasses import replace
from typing import Any

import pytest

from scaler.core.model import ConditionType, Decision, Failures, Fallback, Goal, Pause, Spec, State, Why
from scaler.errors import InternalError, ManifestError, NotFound
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.status import (
    Facts,
    condition_of,
    moment,
    patch_of,
    problem_of,
    remembered,
    served_before,
    stamp,
    status_of,
)
from scaler.kubernetes.targets import DEPLOYMENT, Resource
from tests.kubernetes.scene import LAG, START, Life, custom, hpa, merged, spec_of, watched_of

CPU = Goal("cpu", 60.0, resource="cpu")
PROXY = Goal("cpu/proxy", 60.0, resource="cpu", container="proxy")
OTHER = Goal("s1-redis", 5.0)


def time(seconds: float) -> str:
    return stamp(START + seconds)


# ---------------------------------------------------------------------------------------------------------- the whole


def test_the_whole_status() -> None:
    life = Life(spec_of(LAG, OTHER, CPU, PROXY, fallback=Fallback(3, 4)), replicas=2)
    life.watched = replace(life.watched, authentications=("ClusterTriggerAuthentication", "TriggerAuthentication"))
    life.look(0, 35, 0)
    assert life.status == {
        "scaleTargetKind": "apps/v1.Deployment",
        "scaleTargetGVKR": {"group": "apps", "version": "v1", "kind": "Deployment", "resource": "deployments"},
        "originalReplicaCount": 2,
        "lastActiveTime": time(0),
        "externalMetricNames": ["s0-kafka-orders", "s1-redis"],
        "resourceMetricNames": ["cpu"],
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "ScaledObjectReady",
                "message": "ScaledObject is defined correctly and is ready for scaling",
            },
            {
                "type": "Active",
                "status": "True",
                "reason": "ScalerActive",
                "message": "Scaling is performed because triggers are active",
            },
            {
                "type": "Fallback",
                "status": "False",
                "reason": "NoFallbackFound",
                "message": "No fallbacks are active on this scaled object",
            },
            {
                "type": "Paused",
                "status": "False",
                "reason": "ScaledObjectUnpaused",
                "message": "ScaledObject is not paused",
            },
        ],
        "health": {
            "s0-kafka-orders": {"numberOfFailures": 0, "status": "Happy"},
            "s1-redis": {"numberOfFailures": 0, "status": "Happy"},
        },
        "triggersActivity": {"s0-kafka-orders": {"isActive": True}, "s1-redis": {"isActive": False}},
        "hpaName": "keda-hpa-orders",
        "triggersTypes": "kafka,redis,cpu",
        "authenticationsTypes": "ClusterTriggerAuthentication,TriggerAuthentication",
    }


def test_what_others_wrote_stays_and_what_no_longer_holds_goes() -> None:
    others: dict[str, Any] = {"somebodys": "x"}
    before = {**others, "compositeScalerName": "x", "pausedReplicaCount": 3, "health": {"s0-gone": {}}}
    life = Life(spec_of(), found=custom(status=before))
    life.look(0, 0)
    assert life.status["somebodys"] == "x"
    assert life.patch.keys() >= {"compositeScalerName", "pausedReplicaCount", "health"}
    assert not {"compositeScalerName", "pausedReplicaCount", "health"} & life.status.keys()


def test_with_a_formula_the_triggers_keep_their_names_and_activity() -> None:
    composite = Goal("composite-metric", 5.0)
    told = spec_of(LAG, OTHER, formula="a", variables=(("a", OTHER.metric),), composite=composite)
    life = Life(told, replicas=1)
    life.look(0, 35, 20)
    assert life.status["compositeScalerName"] == "composite-metric"
    assert life.status["externalMetricNames"] == ["s0-kafka-orders", "s1-redis"]
    assert life.status["triggersActivity"].keys() == {"s0-kafka-orders", "s1-redis"}


def test_a_workload_at_zero_was_at_zero_and_may_be_paused_there() -> None:
    life = Life(spec_of(pause=Pause(full=True, replicas=0)))
    life.look(0, 5)
    assert (life.status["originalReplicaCount"], life.status["pausedReplicaCount"]) == (0, 0)


def test_a_kind_of_the_core_group() -> None:
    facts = Facts(Resource("", "v1", "ReplicationController", "replicationcontrollers"))
    told = status_of(watched_of(spec_of()), Decision(1, Why.STEADY), {}, facts)
    assert told["scaleTargetGVKR"]["group"] == ""
    assert "hpaName" not in told


# -------------------------------------------------------------------------------------------------------- last active


def test_last_active_moves_when_activity_begins_and_when_it_ends() -> None:
    life = Life(spec_of(cooldown=300.0), replicas=1)
    story: list[tuple[float, float | str, float | None]] = [
        (0, 0, None),
        (30, 5, 30),  # begins
        (60, 5, 30),
        (90, "away", 60),  # has ended, its last moment
        (120, 5, 120),
        (150, 0, 120),
        (180, 0, 120),
        (210, 5, 210),
        (240, 0, 210),
    ]
    for at, value, expected in story:
        life.look(at, value)
        assert life.status.get("lastActiveTime") == (None if expected is None else time(expected)), at


def test_an_activation_is_written_at_once() -> None:
    life = Life(spec_of())
    life.look(0, 0)
    life.look(30, 5)
    assert life.patch["lastActiveTime"] == time(30)


def test_partly_failing_while_active_activity_lasts_on() -> None:
    life = Life(spec_of(LAG, OTHER), replicas=1)
    life.look(0, 5, 5)
    life.look(30, 5, "away")
    assert (life.status["lastActiveTime"], life.condition("Ready")) == (time(0), ("Unknown", "PartialTriggerError"))
    life.look(60, 0, "away")
    assert life.status["lastActiveTime"] == time(0)


def test_a_moment_that_is_later_than_ours_is_not_set_back() -> None:
    """The leader before had a clock of its own."""
    before = {"lastActiveTime": time(500), "conditions": [{"type": "Active", "status": "False"}]}
    decision = Decision(1, Why.STEADY, state=State(last_active=START + 100.7))
    told = status_of(watched_of(spec_of()), decision, before, Facts(DEPLOYMENT))
    assert told["lastActiveTime"] == time(500)


def test_fractions_of_a_second_do_not_rewrite_it() -> None:
    life = Life(spec_of(), replicas=1)
    life.look(0.7, 5)
    life.look(30.2, 0)
    assert life.status["lastActiveTime"] == time(0)
    life.look(60.4, 0)
    assert life.patch == {}


# ----------------------------------------------------------------------------------------------------------- original


def test_the_first_count_is_written_once() -> None:
    life = Life(spec_of(minimum=1), replicas=3)
    life.look(0, 0)
    life.replicas = 8
    life.look(30, 50)
    assert life.status["originalReplicaCount"] == 3


@pytest.mark.parametrize("status", [{"lastActiveTime": time(-500)}, {}])
def test_the_first_count_is_never_what_somebody_has_made_of_it(status: dict[str, Any]) -> None:
    life = Life(spec_of(), replicas=7, found=custom(status=status))
    if not status:
        life.hpas["keda-hpa-orders"] = hpa("keda-hpa-orders", owner="orders")
    life.look(0, 5)
    assert "originalReplicaCount" not in life.status


# ------------------------------------------------------------------------------------------------------------- health


def test_of_failures_the_first_is_counted_and_the_one_that_brings_the_fallback() -> None:
    life = Life(spec_of(LAG, OTHER, fallback=Fallback(3, 4)), replicas=1)
    story = [(0, 0), (30, 1), (60, 1), (90, 1), (120, 4), (150, 4), (180, 4)]
    life.look(0, 5, 5)
    for at, count in story[1:]:
        life.look(at, "away", 5)
        assert life.status["health"] == {
            "s0-kafka-orders": {"numberOfFailures": count, "status": "Failing"},
            "s1-redis": {"numberOfFailures": 0, "status": "Happy"},
        }, at
    assert life.condition("Fallback") == ("True", "FallbackExists")
    life.look(210, 5, 5)
    assert life.patch["health"] == {"s0-kafka-orders": {"numberOfFailures": 0, "status": "Happy"}}


def test_with_a_threshold_of_zero_the_first_failure_is_beyond_it() -> None:
    life = Life(spec_of(fallback=Fallback(0, 4)), replicas=1)
    life.look(0, "away")
    assert life.status["health"]["s0-kafka-orders"] == {"numberOfFailures": 1, "status": "Failing"}
    assert life.condition("Fallback")[0] == "True"


def test_without_a_fallback_there_is_no_health() -> None:
    life = Life(spec_of(), replicas=1)
    life.look(0, "away")
    assert "health" not in life.status


def test_entries_of_metrics_that_are_gone_are_dropped() -> None:
    life = Life(spec_of(LAG, OTHER, fallback=Fallback(3, 4)), replicas=1)
    life.look(0, 5, "away")
    life.edited(goals=(LAG,)).look(30, 5)
    assert life.status["health"].keys() == life.status["triggersActivity"].keys() == {"s0-kafka-orders"}


# ---------------------------------------------------------------------------------------------------------- HPAActive


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (("True", "ValidMetricFound", "fine"), ("True", "HPAActive")),
        (("False", "ScalingDisabled", "at zero"), ("True", "ScalingDisabled")),
        (("False", "FailedGetExternalMetric", "no answer"), ("False", "FailedGetExternalMetric")),
        (("False", "", "no answer"), ("False", "HPAMetricsUnavailable")),
    ],
)
def test_the_hpa_s_own_word_is_mirrored(condition: tuple[str, str, str], expected: tuple[str, str]) -> None:
    told = dict(zip(("status", "reason", "message"), condition, strict=True))
    found = hpa("keda-hpa-orders", owner="orders", status={"conditions": [{"type": "ScalingActive", **told}]})
    life = Life(spec_of(), replicas=1)
    life.look(0, 5)
    assert [one["type"] for one in life.status["conditions"]] == ["Ready", "Active", "Fallback", "Paused"]
    life.hpas["keda-hpa-orders"] = found
    life.look(30, 5)
    assert life.condition("HPAActive") == expected
    assert life.status["conditions"][-1]["type"] == "HPAActive"


def test_an_hpa_that_says_nothing_leaves_it_as_it_was() -> None:
    life = Life(spec_of(), replicas=1)
    active = {"conditions": [{"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound"}]}
    life.hpas["keda-hpa-orders"] = hpa("keda-hpa-orders", owner="orders", status=active)
    life.look(0, 5)
    life.hpas["keda-hpa-orders"] = hpa("keda-hpa-orders", owner="orders")
    life.look(30, 5)
    assert life.condition("HPAActive") == ("True", "HPAActive")


# ----------------------------------------------------------------------------------------------------------- problems


def test_an_object_that_cannot_be_bound_says_why() -> None:
    told = problem_of(ManifestError({"spec.triggers[0].type": "is unknown"}), {"hpaName": "x"})
    assert told == {
        "hpaName": "x",
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "reason": "ScaledObjectCheckFailed",
                "message": "spec.triggers[0].type: is unknown",
            },
            {
                "type": "Active",
                "status": "Unknown",
                "reason": "UnknownState",
                "message": "ScaledObject check failed",
            },
            {"type": "Fallback", "status": "Unknown", "reason": "", "message": ""},
            {"type": "Paused", "status": "False", "reason": "", "message": ""},
        ],
    }
    assert not served_before(told)


def test_a_bug_of_ours_is_nobody_s_fault() -> None:
    ready = problem_of(InternalError("a bug"), {})["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("Unknown", "InternalError")


def test_a_problem_leaves_what_was_said_of_everything_else() -> None:
    life = Life(spec_of(fallback=Fallback(0, 4)), replicas=1)
    life.look(0, "away")
    told = problem_of(NotFound("there is no Deployment worker"), life.status)
    assert condition_of(told, "Fallback") == condition_of(life.status, "Fallback")
    assert (told["health"], served_before(told)) == (life.status["health"], True)


# ------------------------------------------------------------------------------------------------------------ patches

BEFORE = {"a": 1, "b": {"c": 1, "d": 2}, "e": [1, 2], "f": {}}


@pytest.mark.parametrize(
    ("after", "patch"),
    [
        (BEFORE, {}),
        ({**BEFORE, "a": 2}, {"a": 2}),
        ({**BEFORE, "b": {"c": 1}}, {"b": {"d": None}}),
        ({**BEFORE, "b": {"c": 1, "d": 2, "x": {}}}, {"b": {"x": {}}}),
        ({**BEFORE, "e": [1]}, {"e": [1]}),
        ({**BEFORE, "b": 7, "f": [1]}, {"b": 7, "f": [1]}),
        ({"a": 1}, {"b": None, "e": None, "f": None}),
    ],
)
def test_a_merge_patch_makes_the_one_of_the_other(after: dict[str, Any], patch: dict[str, Any]) -> None:
    assert patch_of(BEFORE, after) == patch
    assert merged(BEFORE, patch) == after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-11-14T22:13:20Z", START),
        ("2023-11-14T22:13:20.500000Z", START + 0.5),
        ("2023-11-14T23:13:20+01:00", START),
        ("yesterday", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_moments(text: Any, expected: float | None) -> None:
    assert moment(text) == expected
    assert stamp(START + 0.9) == "2023-11-14T22:13:20Z"


# ------------------------------------------------------------------------------------------------------- a new leader


def test_nobody_served_it_yet() -> None:
    assert remembered(custom(), START) is None
    assert remembered(custom(status={"hpaName": "x"}), START) is None


def test_everything_that_is_remembered() -> None:
    life = Life(spec_of(LAG, OTHER, fallback=Fallback(2, 4), pause=Pause(full=True, replicas=0)), replicas=3)
    life.look(0, "away", 0)
    life.edited(pause=Pause(full=True, replicas=2)).look(30, "away", 0)
    life.look(60, "away", 0)
    assert remembered(life.found, START + 300) == State(
        last_active=START + 300,  # the fallback counts as activity, which lasts
        failures=(Failures("s0-kafka-orders", 3, 0.0),),
        original_replicas=3,
        paused_at=2,
        ready=True,
        active=True,
        fallback=True,
        paused=True,
    )


@pytest.mark.parametrize(
    ("values", "ready", "active"),
    [((5, 5), True, True), ((0, 0), True, False), ((5, "away"), None, True), ((0, "away"), False, False)],
)
def test_the_conditions_are_remembered(values: tuple[float | str, ...], ready: bool | None, active: bool) -> None:
    life = Life(spec_of(LAG, OTHER), replicas=1)
    life.look(0, *values)
    state = remembered(life.found, START + 10)
    assert state is not None
    assert (state.ready, state.active) == (ready, active)


def test_nothing_of_keda_s_own_status_is_misread() -> None:
    """Health of a metric that was happy again, an Active that nobody has looked at yet, an empty paused count."""
    status = {
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Active", "status": "Unknown"}],
        "health": {"s0-a": {"numberOfFailures": 0, "status": "Happy"}, "s1-b": {"status": "Failing"}},
        "lastActiveTime": time(-7),
    }
    assert remembered(custom(status=status), START) == State(last_active=START - 7, ready=True)


@pytest.mark.parametrize(
    ("values", "replicas"), [((0, 0), 0), ((5, 5), 1), ((5, "away"), 1), ((0, "away"), 2), (("away", "away"), 1)]
)
def test_steady_a_new_leader_has_nothing_to_write_or_to_say(values: tuple[float | str, ...], replicas: int) -> None:
    life = Life(spec_of(LAG, OTHER, fallback=Fallback(5, 4)), replicas=replicas)
    life.look(0, *[5 * min(1, replicas)] * 2)
    for at in (30, 60, 90):
        life.look(at, *values)
    life.taken_over(100).look(101, *values)
    assert (life.patch, life.events, life.replicas) == ({}, [], replicas)


def test_the_fallback_goes_on_and_is_not_told_again() -> None:
    life = Life(spec_of(fallback=Fallback(3, 4)), replicas=1)
    for at in range(0, 150, 30):
        life.look(at, "away")
    assert life.condition("Fallback")[0] == "True"
    life.taken_over(160).look(161, "away")
    assert (life.decision.metrics[0].fallback, life.patch, life.events) == (True, {}, [])


def test_failures_that_were_counted_are_not_told_again_and_count_on() -> None:
    life = Life(spec_of(fallback=Fallback(3, 4)), replicas=1)
    life.look(0, "away")
    life.taken_over(10)
    events = []
    for at in (11, 41, 71):
        life.look(at, "away")
        events.append(life.events)
    assert events == [[], [], ["ScaledObjectFallbackActivated"]]


def test_while_activity_lasts_a_new_leader_s_first_look_counts_as_its_last_moment() -> None:
    life = Life(spec_of(cooldown=300.0), replicas=1)
    life.look(0, 5)
    life.taken_over(1000).look(1001, 0)
    assert (life.replicas, life.status["lastActiveTime"]) == (1, time(1000))
    life.look(1299, 0)
    assert life.replicas == 1
    life.look(1300, 0)
    assert life.replicas == 0


def test_a_cooldown_that_ran_runs_on() -> None:
    life = Life(spec_of(cooldown=300.0), replicas=1)
    life.look(0, 5)
    life.look(30, 0)
    life.taken_over(200).look(201, 0)
    assert (life.replicas, life.patch) == (1, {})
    life.look(301, 0)
    assert life.replicas == 0


def test_a_pause_s_number_is_not_applied_again() -> None:
    life = Life(spec_of(pause=Pause(full=True, replicas=2)), replicas=5)
    life.look(0, 0)
    life.replicas = 7  # by hand
    life.taken_over(60).look(61, 0)
    assert (life.replicas, life.patch, life.events) == (7, {}, [])


def test_a_pause_s_new_number_is() -> None:
    life = Life(spec_of(pause=Pause(full=True, replicas=2)), replicas=5)
    life.look(0, 0)
    life.edited(pause=Pause(full=True, replicas=3)).taken_over(60).look(61, 0)
    assert life.replicas == 3


def test_an_object_that_was_refused_is_remembered_as_such() -> None:
    found = Custom(custom().metadata, {}, problem_of(NotFound("no"), {}))
    assert remembered(found, START) == State(ready=False)


def test_a_condition_that_is_not_there() -> None:
    assert condition_of({}, ConditionType.READY) == {}
    assert condition_of({"conditions": None}, "Ready") == {}


def test_specs_are_what_they_seem() -> None:
    """The scene's own defaults, which the stories above count on."""
    made: Spec = spec_of()
    assert (made.cooldown, made.minimum, made.idle, made.mode.value) == (300.0, 0, None, "hpa")


# ------------------------------------------------------------------------------------------------- what KEDA has left


def test_a_count_beyond_the_threshold_that_keda_wrote_stands() -> None:
    """KEDA counts on and on; a takeover is no reason to write another number."""
    failing = {LAG.metric: {"numberOfFailures": 17, "status": "Failing"}}
    conditions = [{"type": "Fallback", "status": "True"}, {"type": "Ready", "status": "True"}]
    life = Life(spec_of(fallback=Fallback(3, 2)), replicas=2)
    life.found = custom(status={"health": failing, "conditions": conditions})
    life.taken_over(0)
    for at in range(6):
        life.look(at, "no answer")
    assert life.status["health"][LAG.metric] == {"numberOfFailures": 17, "status": "Failing"}


@pytest.mark.parametrize(
    ("fallback", "paused", "ready", "served"),
    [
        ("Unknown", "False", "Unknown", False),
        ("Unknown", "False", "False", False),
        ("False", "False", "True", True),
        ("True", "False", "Unknown", True),
        ("Unknown", "True", "True", True),
    ],
)
def test_which_objects_somebody_has_served(fallback: str, paused: str, ready: str, served: bool) -> None:
    """The last is KEDA's, paused from its birth."""
    states = {"Fallback": fallback, "Paused": paused, "Ready": ready}
    status = {"conditions": [{"type": type_, "status": state} for type_, state in states.items()]}
    assert served_before(status) is served
