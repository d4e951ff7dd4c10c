"""Kubernetes events: every field as the API server wants it, and how many there may be."""

import re
from dataclasses import replace
from typing import Any

import pytest

from scaler.core.model import Event
from scaler.kubernetes.events import BURST, MOST_OBJECTS, REFILL, Guard, event_of
from scaler.kubernetes.objects import Meta
from scaler.manifests.watched import Ref
from tests.kubernetes.scene import REF, START

META = Meta(name="orders", namespace="shop", uid="u1", resource_version="17")
READY = Event("ScaledObjectReady", "ScaledObject is ready for scaling")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def made(event: Event = READY, ref: Ref = REF, **more: Any) -> dict[str, Any]:
    given = {"api_version": "keda.sh/v1alpha1", "instance": "pod-1", "now": START + 0.25, "serial": 10, **more}
    return event_of(event, ref, META, **given)


def test_the_whole_event() -> None:
    assert made() == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"orders.{1_700_000_000_250_000:x}a", "namespace": "shop"},
        "eventTime": "2023-11-14T22:13:20.250000Z",
        "reportingController": "keda-operator",
        "reportingInstance": "pod-1",
        "action": "ScaledObjectReady",
        "reason": "ScaledObjectReady",
        "type": "Normal",
        "note": "ScaledObject is ready for scaling",
        "regarding": {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "namespace": "shop",
            "name": "orders",
            "uid": "u1",
            "resourceVersion": "17",
        },
    }


def test_a_warning() -> None:
    assert made(replace(READY, warning=True))["type"] == "Warning"


@pytest.mark.parametrize(
    ("event", "action"),
    [
        (Event("KEDAScalersStarted", "Started scalers watch"), "ScalersWatchStarted"),
        (Event("KEDAScalersStarted", "Scaler kafka is built"), "KEDAScalersStarted"),
        (Event("KEDAScalersStopped", "Stopped scalers watch"), "ScalersWatchStopped"),
    ],
)
def test_the_action_is_keda_s(event: Event, action: str) -> None:
    assert made(event)["action"] == action


def test_of_an_object_without_a_namespace_the_event_is_in_default() -> None:
    event = made(ref=Ref("ClusterTriggerAuthentication", "", "keys"))
    assert (event["metadata"]["namespace"], event["regarding"]["namespace"]) == ("default", "")


@pytest.mark.parametrize("name", ["orders", "a" * 253, "a" * 199 + "-" + "b", "a" * 199 + "." + "b", "a.b"])
def test_its_name_is_one(name: str) -> None:
    found = made(ref=Ref("ScaledObject", "shop", name))["metadata"]["name"]
    assert SUBDOMAIN.fullmatch(found)
    assert len(found) <= 253


def test_two_of_one_moment_have_two_names() -> None:
    assert made(serial=1)["metadata"]["name"] != made(serial=2)["metadata"]["name"]


@pytest.mark.parametrize(
    ("message", "note"),
    [
        ("a" * 1024, "a" * 1024),
        ("a" * 1025, "a" * 1021 + "…"),
        ("ä" * 512, "ä" * 512),
        ("ä" * 513, "ä" * 510 + "…"),
        ("a" + "ä" * 600, "a" + "ä" * 510 + "…"),
    ],
)
def test_a_note_is_no_longer_than_the_server_takes_in_bytes(message: str, note: str) -> None:
    found = made(replace(READY, message=message))["note"]
    assert found == note
    assert len(found.encode()) <= 1024


def test_the_other_texts_are_no_longer_either() -> None:
    event = made(Event("R" * 200, "x"), instance="i" * 200)
    assert [len(event[name]) for name in ("action", "reason", "reportingInstance")] == [128, 128, 128]


# ---------------------------------------------------------------------------------------------------------- the guard


def test_a_burst_and_then_one_every_few_minutes() -> None:
    guard = Guard()
    assert [guard.admits(REF, START) for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert not guard.admits(REF, START + REFILL - 1)
    assert guard.admits(REF, START + REFILL + 1)
    assert not guard.admits(REF, START + REFILL + 2)


def test_others_have_a_burst_of_their_own_and_so_has_one_that_is_made_anew() -> None:
    guard = Guard()
    for _ in range(BURST + 1):
        guard.admits(REF, START)
    assert guard.admits(REF._replace(name="bills"), START)
    assert not guard.admits(REF, START)
    guard.forget(REF)
    assert guard.admits(REF, START)


def test_a_day_of_silence_saves_no_more_than_a_burst() -> None:
    guard = Guard()
    guard.admits(REF, START)
    assert sum(guard.admits(REF, START + 86400) for _ in range(100)) == BURST


def test_a_clock_that_was_set_back_lets_nothing_through() -> None:
    guard = Guard()
    for _ in range(BURST):
        guard.admits(REF, START)
    assert not guard.admits(REF, START - 3600)


def test_of_the_many_the_quiet_ones_are_forgotten() -> None:
    guard = Guard()
    for _ in range(BURST):
        guard.admits(REF, START)
    for number in range(MOST_OBJECTS - 1):
        guard.admits(REF._replace(name=f"o{number}"), START)
    assert not guard.admits(REF, START)
    for number in range(MOST_OBJECTS):
        guard.admits(REF._replace(name=f"p{number}"), START)
    assert guard.admits(REF, START)
