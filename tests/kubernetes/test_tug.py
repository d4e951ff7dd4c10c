"""When another hand on the replicas is a tug of war, how this daemon then gives way, and when that ends."""

from typing import Any

from scaler.kubernetes.objects import ManagedField
from scaler.kubernetes.targets import other_hand
from scaler.kubernetes.tug import AFTER_OURS, REMEMBERED, SELDOM, Tugs
from scaler.manifests.watched import Ref

TARGET = Ref("Deployment", "shop", "worker")


def answered(tugs: Tugs, times: int, start: float = 0.0) -> float:
    """We write 5, they write 1, every 20 s; gives the moment after the last."""
    now = start
    for _ in range(times):
        tugs.wrote(TARGET, 5, now)
        tugs.saw(TARGET, 5, now + 1)
        tugs.saw(TARGET, 1, now + 10)
        now += 20
    return now


def test_our_own_writes_are_nobody_else_s() -> None:
    tugs = Tugs()
    for now in range(10):
        tugs.wrote(TARGET, now, now)
        tugs.saw(TARGET, now, now + 0.5)
    assert not tugs.contested(TARGET, 10)
    assert tugs.remark(TARGET, 10) == ""


def test_a_single_change_is_simply_the_new_count() -> None:
    tugs = Tugs()
    now = answered(tugs, 2)
    assert not tugs.contested(TARGET, now)
    assert tugs.may_write(TARGET, now)


def test_the_third_answer_within_the_time_is_a_tug_of_war() -> None:
    tugs = Tugs()
    now = answered(tugs, 3)
    assert tugs.contested(TARGET, now)
    assert tugs.news(TARGET, now)
    assert not tugs.news(TARGET, now + 1)


def test_while_it_lasts_writes_are_seldom() -> None:
    tugs = Tugs()
    now = answered(tugs, 3)
    tugs.wrote(TARGET, 5, now)
    assert not tugs.may_write(TARGET, now + SELDOM - 0.1)
    assert tugs.may_write(TARGET, now + SELDOM)


def test_it_is_over_when_the_answers_are_forgotten() -> None:
    tugs = Tugs()
    now = answered(tugs, 3)
    later = now + REMEMBERED
    assert not tugs.contested(TARGET, later)
    assert not tugs.news(TARGET, later)
    assert tugs.may_write(TARGET, later)
    answered(tugs, 3, later)
    assert tugs.news(TARGET, later + 60)


def test_a_change_long_after_ours_is_no_answer() -> None:
    tugs = Tugs()
    for start in (0.0, 100.0, 200.0, 300.0):
        tugs.wrote(TARGET, 5, start)
        tugs.saw(TARGET, 1, start + AFTER_OURS + 1)
    assert not tugs.contested(TARGET, 400.0)


def test_zero_by_another_hand_is_one_at_once() -> None:
    tugs = Tugs()
    tugs.wrote(TARGET, 5, 0.0)
    tugs.saw(TARGET, 0, 200.0)
    assert tugs.contested(TARGET, 200.0)


def test_zero_by_ourselves_is_none() -> None:
    tugs = Tugs()
    tugs.wrote(TARGET, 0, 0.0)
    tugs.saw(TARGET, 0, 1.0)
    assert not tugs.contested(TARGET, 1.0)


def test_what_we_never_wrote_is_not_ours_to_watch() -> None:
    tugs = Tugs()
    for now in range(10):
        tugs.saw(TARGET, now, now)
    assert not tugs.contested(TARGET, 10)
    assert tugs.may_write(TARGET, 10)


def test_the_other_is_named() -> None:
    tugs = Tugs()
    now = answered(tugs, 3)
    assert tugs.remark(TARGET, now).startswith("somebody else changes the replicas")
    tugs.name(TARGET, "argocd")
    assert tugs.remark(TARGET, now).startswith("argocd changes the replicas, too")


def test_a_forgotten_workload_begins_anew() -> None:
    tugs = Tugs()
    now = answered(tugs, 3)
    tugs.forget(TARGET)
    assert not tugs.contested(TARGET, now)


def test_the_last_other_writer_of_the_replicas_is_the_other_hand() -> None:
    writes: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
    fields = (
        ManagedField("kubectl", "2026-01-01T00:00:00Z", "scale", writes),
        ManagedField("argocd", "2026-01-02T00:00:00Z", "", writes),
        ManagedField("event-scaler", "2026-01-03T00:00:00Z", "scale", writes),
        ManagedField("controller", "2026-01-04T00:00:00Z", "status", {"f:status": {}}),
    )
    assert other_hand(fields, "event-scaler") == "argocd"
    assert other_hand(fields[2:], "event-scaler") == ""
