"""A ScaledJob's status in KEDA's fields, written when it changes."""

from dataclasses import replace
from typing import Any

import pytest

from scaler.core.jobs import decide
from scaler.core.model import Decision, Jobs, State, Target, Value
from scaler.errors import InternalError, ManifestError
from scaler.kubernetes.jobs.status import problem_of, served_before, status_of
from scaler.kubernetes.status import patch_of, remembered
from tests.kubernetes.jobs.scene import scaled_job, watched

START = 1_700_000_000.0
Json = dict[str, Any]


def decided(value: float, at: float = 0, *, paused: bool = False, state: State | None = None) -> Decision:
    told = watched(paused=paused).spec
    reading = Value("s0-queue", value, value > 0, START + at)
    return decide(told, Target(0, 0, 0, jobs=Jobs()), (reading,), state or State(), START + at)


def test_the_whole_of_it() -> None:
    assert status_of(watched(), decided(3), {}) == {
        "lastActiveTime": "2023-11-14T22:13:20Z",
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "ScaledJobReady",
                "message": "ScaledJob is defined correctly and is ready for scaling",
            },
            {
                "type": "Active",
                "status": "True",
                "reason": "ScalerActive",
                "message": "Scaling is performed because triggers are active",
            },
            {
                "type": "Paused",
                "status": "False",
                "reason": "ScaledJobUnpaused",
                "message": "ScaledJob is not paused",
            },
        ],
        "externalMetricNames": ["s0-queue"],
        "triggersActivity": {"s0-queue": {"isActive": True}},
        "triggersTypes": "queue",
    }


def test_the_kinds_of_its_authentications() -> None:
    told = replace(watched(), authentications=("ClusterTriggerAuthentication", "TriggerAuthentication"))
    found = status_of(told, decided(3), {})
    assert found["authenticationsTypes"] == "ClusterTriggerAuthentication,TriggerAuthentication"


def test_a_pause_is_told_in_its_own_field_as_well() -> None:
    found = status_of(watched(paused=True), decided(3, paused=True), {})
    assert found["Paused"] == "true"
    after = status_of(watched(), decided(3, 30), found)
    assert "Paused" not in after
    assert patch_of(found, after)["Paused"] is None


def test_while_it_is_active_nothing_is_written() -> None:
    before = status_of(watched(), decided(3), {})
    assert patch_of(before, status_of(watched(), decided(9, 30), before)) == {}
    ended = status_of(watched(), decided(0, 60, state=State(last_active=START + 30)), before)
    assert ended["lastActiveTime"] == "2023-11-14T22:13:50Z"
    assert patch_of(ended, status_of(watched(), decided(0, 90, state=State(last_active=START + 30)), ended)) == {}


def test_what_keda_left_is_put_in_order() -> None:
    """KEDA begins with a condition that a ScaledJob has no use for."""
    before = {"conditions": [{"type": "Fallback", "status": "Unknown"}, {"type": "Ready", "status": "Unknown"}]}
    found = status_of(watched(), decided(0), before)
    assert [one["type"] for one in found["conditions"]] == ["Ready", "Active", "Paused"]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ManifestError({"spec.triggers": "no triggers"}), "False", "ScaledJobCheckFailed"),
        (InternalError("a bug"), "Unknown", "InternalError"),
    ],
)
def test_one_that_is_not_served(error: ManifestError | InternalError, status: str, reason: str) -> None:
    found = problem_of(error, {"triggersTypes": "queue"})
    ready, active, paused = found["conditions"]
    assert ready == {"type": "Ready", "status": status, "reason": reason, "message": str(error)}
    assert active == {
        "type": "Active",
        "status": "Unknown",
        "reason": "UnknownState",
        "message": "ScaledJob check failed",
    }
    assert paused == {"type": "Paused", "status": "False"}
    assert found["triggersTypes"] == "queue"
    assert not served_before(found)


@pytest.mark.parametrize(
    ("status", "served"),
    [
        ({}, False),
        (status_of(watched(), decided(0), {}), True),
        (status_of(watched(paused=True), decided(0), {}), True),
    ],
)
def test_whether_it_was_served_before(status: Json, served: bool) -> None:
    assert served_before(status) is served


def test_what_a_new_leader_reads_of_it() -> None:
    found = status_of(watched(paused=True), decided(3, paused=True, state=State(last_active=START)), {})
    state = remembered(scaled_job(status=found), START + 60)
    assert state is not None
    assert (state.last_active, state.ready, state.active, state.paused) == (START + 60, True, True, True)
    assert remembered(scaled_job(), START) is None
