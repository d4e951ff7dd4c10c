"""Which jobs are deleted: beyond the history limits the oldest first, at a rollout those of another generation."""

import itertools

import msgspec
import pytest

from scaler.core.model import JobRules
from scaler.kubernetes.jobs.ending import outdated, surplus
from scaler.kubernetes.jobs.kinds import JOB
from scaler.kubernetes.jobs.objects import Job, JobCondition, JobStatus
from tests.kubernetes.jobs.scene import job


def names(jobs: tuple[Job, ...]) -> list[str]:
    return [one.metadata.name for one in jobs]


def history(ended: str, *minutes: str) -> list[Job]:
    return [job(f"{ended[0].lower()}{minute}", ended=ended, at=minute) for minute in minutes]


@pytest.mark.parametrize(
    ("succeeded", "failed", "gone"),
    [
        (100, 100, []),
        (3, 2, []),
        (2, 2, ["c01"]),
        (1, 1, ["c01", "c02", "f05"]),
        (0, 0, ["c01", "c02", "c03", "f05", "f06"]),
    ],
)
def test_each_way_of_ending_has_its_history(succeeded: int, failed: int, gone: list[str]) -> None:
    held = [*history("Complete", "02", "03", "01"), *history("Failed", "06", "05"), job("runs")]
    assert names(surplus(JOB, held, JobRules(succeeded=succeeded, failed=failed))) == gone


def test_the_order_of_a_list_does_not_matter() -> None:
    rules = JobRules(succeeded=1)
    for held in itertools.permutations(history("Complete", "02", "03", "01")):
        assert names(surplus(JOB, held, rules)) == ["c01", "c02"]


def test_of_a_job_without_times_its_creation_counts() -> None:
    old = job("old", ended="Failed", creationTimestamp="2026-11-30T09:00:00Z")
    untimed = msgspec.structs.replace(old, status=JobStatus((JobCondition("Failed", "True"),)))
    assert names(surplus(JOB, [*history("Failed", "01"), untimed], JobRules(failed=1))) == ["old"]


def test_what_is_being_deleted_already_is_not_deleted_again_and_does_not_count() -> None:
    going = job("going", ended="Complete", at="00", deletionTimestamp="2026-11-30T10:30:00Z")
    held = [going, *history("Complete", "01", "02")]
    assert names(surplus(JOB, held, JobRules(succeeded=2))) == []
    assert names(outdated([going], 2)) == []


def test_of_another_generation_or_of_none_that_is_known() -> None:
    held = [
        job("now", generation=2),
        job("before", generation=1),
        job("later", generation=3),
        job("done", generation=1, ended="Complete"),
        job("unknown", generation=""),
    ]
    assert names(outdated(held, 2)) == ["before", "later", "done", "unknown"]


@pytest.mark.parametrize(
    ("owner", "kind", "ours"),
    [("orders", "ScaledJob", True), ("", "", True), ("other", "ScaledJob", False), ("orders", "CronJob", False)],
)
def test_what_somebody_else_controls_is_left_alone(owner: str, kind: str, ours: bool) -> None:
    """Whatever its labels say; what nobody controls was orphaned."""
    one = job("a", ended="Complete", owner=owner, kind=kind)
    assert bool(surplus(JOB, [one], JobRules(succeeded=0))) is ours
    assert bool(outdated([one], 2)) is ours
