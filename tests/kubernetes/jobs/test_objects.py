"""Of jobs and pods only what is asked of them is kept."""

import msgspec
import pytest

from scaler.kubernetes.jobs.objects import Job
from tests.kubernetes.jobs.scene import job, job_manifest, pod


def test_a_job() -> None:
    found = job("a", number=7, generation=3)
    assert (found.scaled_job, found.number, found.generation) == ("orders", 7, "3")
    assert (found.metadata.labels, found.metadata.annotations) == ({}, {})
    assert found.metadata.owner_references[0].name == "orders"


def test_a_job_that_somebody_else_made() -> None:
    found = job("a", generation="")
    assert (found.scaled_job, found.number, found.generation) == ("orders", 0, "")


@pytest.mark.parametrize("number", ["x", "-1", "1.5", "9" * 16, "9" * 5000, ""])
def test_a_number_that_is_none(number: str) -> None:
    found = job_manifest("a")
    found["metadata"]["annotations"]["event-scaler.dev/number"] = number
    assert msgspec.json.decode(msgspec.json.encode(found), type=Job).number == 0


def test_it_stays_as_it_is_when_a_part_is_replaced() -> None:
    found = job("a", number=7)
    moved = msgspec.structs.replace(found, metadata=msgspec.structs.replace(found.metadata, resource_version="9"))
    assert (moved.number, moved.scaled_job, moved.metadata.resource_version) == (7, "orders", "9")


def test_a_pod() -> None:
    found = pod("a-1", "a", "Running", "Ready", "Initialized")
    assert (found.job, found.status.phase, found.holds) == ("uid-a", "Running", ("Ready", "Initialized"))
    assert (found.status.conditions, found.metadata.labels, found.metadata.owner_references) == ((), {}, ())
