"""Which jobs have ended, which run and which are pending (KEDA behaviour 2.1)."""

from collections.abc import Callable

import msgspec
import pytest

from scaler.core.model import JobRules, Jobs, Strategy, Target
from scaler.kubernetes.jobs.counting import seen
from scaler.kubernetes.jobs.kinds import JOB, Ending, waits
from scaler.kubernetes.jobs.objects import Job, JobPod
from tests.kubernetes.jobs.scene import job, pod

ACCURATE = JobRules(strategy=Strategy.ACCURATE)


def pods(**by_job: list[JobPod]) -> Callable[[Job], list[JobPod]]:
    return lambda one: by_job.get(one.metadata.name, [])


@pytest.mark.parametrize(
    ("ended", "ending"),
    [
        ("", None),
        ("Complete", Ending.SUCCEEDED),
        ("Failed", Ending.FAILED),
        ("Suspended", None),
        ("SuccessCriteriaMet", None),
        ("FailureTarget", None),
    ],
)
def test_how_a_job_ended(ended: str, ending: Ending | None) -> None:
    assert JOB.ended(job("a", ended=ended)) is ending


def test_a_condition_that_does_not_hold_says_nothing() -> None:
    found = msgspec.convert({"status": {"conditions": [{"type": "Complete", "status": "False"}]}}, Job)
    assert JOB.ended(found) is None


def test_what_has_not_ended_runs_whatever_it_does() -> None:
    """A suspended one, one whose deletion waits for its pods, one without pods."""
    held = [
        job("a"),
        job("b", ended="Suspended"),
        job("c", deletionTimestamp="2026-11-30T10:00:00Z"),
        job("d", ended="Complete"),
        job("e", ended="Failed"),
    ]
    assert seen(JOB, held, pods(), JobRules()) == Target(3, 3, 3, jobs=Jobs(3, 0))


@pytest.mark.parametrize(
    ("phases", "pending"),
    [
        ([], True),
        (["Pending"], True),
        (["Failed"], True),
        (["Unknown"], True),
        (["Running"], False),
        (["Succeeded"], False),
        (["Pending", "Running"], False),
        (["Failed", "Succeeded"], False),
    ],
)
def test_a_job_is_pending_until_a_pod_runs_or_has(phases: list[str], pending: bool) -> None:
    assert waits([pod(f"p{at}", "a", phase) for at, phase in enumerate(phases)], ()) is pending


@pytest.mark.parametrize(
    ("holds", "pending"),
    [
        ([], True),
        ([["Ready"]], True),
        ([["Ready"], ["Initialized"]], True),
        ([["Ready", "Initialized"]], False),
        ([["Ready"], ["Initialized", "PodScheduled", "Ready"]], False),
    ],
)
def test_with_conditions_it_is_pending_until_one_pod_has_all_of_them(holds: list[list[str]], pending: bool) -> None:
    found = [pod(f"p{at}", "a", "Running", *one) for at, one in enumerate(holds)]
    assert waits(found, ("Ready", "Initialized")) is pending


def test_pending_jobs_are_counted_where_the_strategy_asks() -> None:
    held = [job("a"), job("b"), job("c"), job("d", ended="Complete")]
    there = pods(a=[pod("a-1", "a", "Running", "Ready")], b=[pod("b-1", "b")])
    assert seen(JOB, held, there, ACCURATE) == Target(3, 3, 1, jobs=Jobs(3, 2))
    assert seen(JOB, held, there, JobRules(strategy=Strategy.EAGER)).jobs == Jobs(3, 2)
    assert seen(JOB, held, there, JobRules(strategy=Strategy.CUSTOM)).jobs == Jobs(3, 0)
    strict = JobRules(strategy=Strategy.ACCURATE, pod_conditions=("Ready", "Warm"))
    assert seen(JOB, held, there, strict).jobs == Jobs(3, 3)
