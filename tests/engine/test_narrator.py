"""What is said, and that it is said once."""

from dataclasses import replace

import pytest

from scaler.core.disagreement import Disagreement
from scaler.core.model import Decision, Failure, Mode, Reading, Spec, Target, Value, Why
from scaler.engine.narrator import Narrator
from scaler.errors import ClusterError, ManifestError
from scaler.manifests.watched import Ref, Watched
from tests.engine.scene import ref, trigger
from tests.engine.sources import Batch
from tests.engine.test_board import _never


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level("DEBUG", logger="scaler")
    return caplog


@pytest.fixture
def narrator() -> Narrator:
    return Narrator()


def watched(*warnings: str, name: str = "orders") -> Watched:
    triggers = (trigger(Batch("a"), "x"), trigger(Batch("a"), "y", index=1))
    goals = tuple(goal for one in triggers for goal in one.goals)
    spec = Spec(f"default/{name}", goals)
    return Watched(ref(name), spec, triggers, 30.0, ref("target"), frozenset(), _never, warnings=warnings)


def value(number: float, metric: str = "s0-x") -> Value:
    return Value(metric, number, True, 0.0)


def failure(problem: str = "no answer", metric: str = "s0-x", at: float = 0.0) -> Failure:
    return Failure(metric, problem, "SourceError", at)


def decided(
    narrator: Narrator, *readings: Reading, replicas: int | None = 1, wanted: int = 1, why: Why = Why.STEADY
) -> None:
    narrator.decided(watched(), readings, Target(wanted, wanted, wanted), Decision(replicas, why))


def lines(said: pytest.LogCaptureFixture) -> list[str]:
    """Level and text of what was said since the last call."""
    found = [f"{record.levelname} {record.getMessage()}" for record in said.records]
    said.clear()
    return found


# --------------------------------------------------------------------------------------------------------- decisions


def test_a_round_in_which_nothing_happens_says_nothing(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        decided(narrator, value(5))
    assert lines(said) == []


def test_a_decision_that_changes_something_is_one_line(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    decided(narrator, value(2, "s1-y"), value(250), replicas=1, wanted=0, why=Why.ACTIVATED)
    [record] = said.records
    assert (record.levelname, record.getMessage()) == ("INFO", "default/orders 0→1 a trigger became active")
    assert vars(record) | {"trigger": "s0-x,s1-y", "value": "250,2"} == vars(record)


def test_a_step_that_is_not_seen_to_happen_is_said_once(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    for number in (250, 260, 270):
        decided(narrator, value(number), replicas=3, wanted=1, why=Why.ABOVE_TARGET)
    assert len(lines(said)) == 1
    decided(narrator, value(270), replicas=5, wanted=1, why=Why.ABOVE_TARGET)
    assert len(lines(said)) == 1


def test_the_same_step_later_is_said_again(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    for replicas, wanted in ((3, 1), (3, 3), (1, 3), (1, 1), (3, 1)):
        decided(narrator, replicas=replicas, wanted=wanted)
    assert [line.split()[2] for line in lines(said)] == ["1→3", "3→1", "1→3"]


def test_what_only_the_hpa_can_know_is_not_said(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    decided(narrator, replicas=None)
    assert lines(said) == []


# ---------------------------------------------------------------------------------------------------------- readings


def test_a_failure_is_one_line_when_it_begins_and_one_when_it_ends(
    narrator: Narrator, said: pytest.LogCaptureFixture
) -> None:
    for at in range(3):
        decided(narrator, failure(at=at))
    [record] = said.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "no answer")
    assert vars(record) | {"metric": "s0-x", "reason": "SourceError"} == vars(record)
    said.clear()
    for _ in range(3):
        decided(narrator, value(5))
    assert lines(said) == ["INFO can be read again"]


def test_a_failure_that_becomes_another_is_said(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    decided(narrator, failure("no answer"))
    decided(narrator, failure("login refused"))
    assert lines(said) == ["WARNING no answer", "WARNING login refused"]


def test_each_metric_fails_by_itself(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    decided(narrator, failure(), failure(metric="s1-y"))
    decided(narrator, value(5), failure(metric="s1-y"))
    assert lines(said) == ["WARNING no answer", "WARNING no answer", "INFO can be read again"]


# ----------------------------------------------------------------------------------------------------------- objects


def test_all_problems_of_a_manifest_are_said_once(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    error = ManifestError({"spec.triggers[0].metadata.topic": "is required", "spec.maxReplicaCount": "must be above 0"})
    assert narrator.failed(ref("orders"), error)
    assert not narrator.failed(ref("orders"), error)
    assert lines(said) == [
        "ERROR spec.triggers[0].metadata.topic: is required",
        "ERROR spec.maxReplicaCount: must be above 0",
    ]
    narrator.bound(watched())
    narrator.bound(watched())
    assert lines(said) == ["INFO can be served again"]
    assert narrator.failed(ref("orders"), error)


def test_a_fault_ends_when_a_round_went_all_the_way(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    narrator.failed(ref("orders"), ClusterError("writing took longer than 10 s"))
    decided(narrator, value(5))
    assert lines(said) == ["ERROR writing took longer than 10 s"], "nothing is written yet"
    narrator.served(ref("orders"))
    narrator.served(ref("orders"))
    assert lines(said) == ["INFO is served again"]


def test_the_reason_goes_with_a_fault(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    narrator.failed(ref("orders"), ClusterError("writing took longer than 10 s"))
    assert vars(said.records[0])["reason"] == "ClusterError"


def test_what_is_odd_about_a_manifest_is_said_when_it_is_new(
    narrator: Narrator, said: pytest.LogCaptureFixture
) -> None:
    for warnings in (("topics: did you mean topic?",), ("topics: did you mean topic?",), (), ("100 % sure: %s",)):
        narrator.bound(watched(*warnings))
    assert lines(said) == ["WARNING topics: did you mean topic?", "WARNING 100 % sure: %s"]


def test_objects_are_told_apart(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    error = ClusterError("writing took longer than 10 s")
    assert narrator.failed(ref("orders"), error)
    assert narrator.failed(ref("others"), error)
    assert narrator.failed(Ref("ScaledObject", "other", "orders"), error)
    assert len(lines(said)) == 3


def test_an_object_that_comes_back_is_a_new_one(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    def all_of_it() -> None:
        narrator.bound(watched("topics: did you mean topic?"))
        decided(narrator, failure(), replicas=3, wanted=1)
        narrator.failed(ref("orders"), ClusterError("writing took longer than 10 s"))

    all_of_it()
    assert len(lines(said)) == 4
    all_of_it()
    again = lines(said)
    narrator.forget(ref("orders"))
    narrator.forget(ref("orders"))
    all_of_it()
    assert (len(again), len(lines(said))) == (2, 4)  # only the fault ends and begins again


# ------------------------------------------------------------------------------------------------------- disagreements


def test_a_disagreement_is_told_when_it_lasts_and_when_it_is_over(
    narrator: Narrator, said: pytest.LogCaptureFixture
) -> None:
    narrator.compared(ref("orders"), None)
    narrator.compared(ref("orders"), Disagreement(0.0, 5, 1, lasting=False))
    assert lines(said) == []
    for replicas in (1, 2):
        narrator.compared(ref("orders"), Disagreement(0.0, 5, replicas, lasting=True))
    assert lines(said) == ["WARNING default/orders has 1 replicas, here it would have 5"]
    for _ in range(2):
        narrator.compared(ref("orders"), None)
    assert lines(said) == ["INFO default/orders has the replicas again that it would have here"]


def test_jobs_that_are_made_are_told_each_time(narrator: Narrator, said: pytest.LogCaptureFixture) -> None:
    """However many, and though the numbers are the same; but not while they are only observed."""
    made = Decision(2, Why.MORE_JOBS, create=2)
    for _ in range(2):
        narrator.decided(watched(), [value(2)], Target(0, 0, 0), made)
    line = "INFO default/orders 0→2 the triggers ask for more jobs than there are"
    assert lines(said) == [line, line]
    told = watched()
    observed = replace(told, spec=replace(told.spec, mode=Mode.OBSERVE))
    for _ in range(2):
        narrator.decided(observed, [value(2)], Target(0, 0, 0), made)
    assert lines(said) == []
