"""What a ScaledJob's decision asks of the API server, and in which order."""

from dataclasses import replace
from typing import Any

from scaler.core.jobs import decide
from scaler.core.model import Decision, Jobs, State, Target, Value
from scaler.kubernetes.jobs.kinds import JOB
from scaler.kubernetes.jobs.objects import Job
from scaler.kubernetes.jobs.status import status_of
from scaler.kubernetes.jobs.steps import Forget, Make, RollOut, SeenJobs, steps
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.steps import PatchStatus, Post
from scaler.manifests.watched import Watched
from tests.kubernetes.jobs.scene import REF, job, observing, scaled_job, watched

START = 1_700_000_000.0


def decided(told: Watched, value: float = 0, running: int = 0, state: State | None = None) -> Decision:
    reading = Value("s0-queue", value, value > 0, START)
    return decide(told.spec, Target(running, running, running, jobs=Jobs(running)), (reading,), state or State(), START)


def seen(*jobs: Job, found: Custom | None = None, bound: Custom | None = None, fresh: bool = False) -> SeenJobs:
    found = found or scaled_job()
    return SeenJobs(found, bound or found, JOB, jobs, fresh=fresh)


def settled(told: Watched, decision: Decision, **meta: Any) -> Custom:
    """The object as such a decision left it."""
    return scaled_job(status=status_of(told, decision, {}), **meta)


def test_a_new_object_with_work_to_do() -> None:
    told, found = watched(), scaled_job()
    make, status, post = steps(told, seen(found=found), decided(told, 3))
    assert make == Make(found, 3, ())
    assert isinstance(status, PatchStatus)
    assert (status.ref, status.hurry) == (REF, True)
    assert [one["type"] for one in status.patch["conditions"]] == ["Ready", "Active", "Paused"]
    assert isinstance(post, Post)
    assert [(event.reason, event.message) for event in post.events] == [
        ("KEDAScalersStarted", "Scaler queue is built"),
        ("KEDAScalersStarted", "Started scalers watch"),
        ("ScaledJobReady", "ScaledJob is ready for scaling"),
        ("ScaledJobActive", "Scaling is performed because triggers are active"),
    ]


def test_what_is_odd_is_told_once() -> None:
    told = replace(watched(), warnings=("spec.triggers[0].useCachedMetrics: has no effect",))
    first = decided(told)
    *_, post = steps(told, seen(), first)
    assert isinstance(post, Post)
    assert post.events[1].reason == "KEDAScalerInfo"
    assert post.events[1].message == "spec.triggers[0].useCachedMetrics: has no effect"
    again = seen(found=settled(told, first))
    assert not [step for step in steps(told, again, decided(told, state=first.state)) if isinstance(step, Post)]


def test_while_nothing_happens_nothing_is_written() -> None:
    told = watched()
    first = decided(told)
    found = settled(told, first)
    assert steps(told, seen(found=found), decided(told, state=first.state)) == (PatchStatus(REF, {}, hurry=False),)


def test_what_is_said_of_a_new_generation_is_waited_for() -> None:
    told = watched()
    [status] = steps(told, seen(found=settled(told, decided(told)), fresh=True), decided(told, state=State(ready=True)))
    assert status == PatchStatus(REF, {}, hurry=True)


def test_jobs_are_made_beside_those_that_are_known() -> None:
    told, held = watched(), (job("a"), job("b", ended="Complete"))
    make = steps(told, seen(*held), decided(told, 3, running=1))[0]
    assert isinstance(make, Make)
    assert (make.count, make.known) == (2, held)


def test_jobs_are_made_of_what_was_bound() -> None:
    """What the manifest says now is refused, or not bound yet."""
    told, bound = watched(generation=1), scaled_job(generation=1)
    make = steps(told, seen(found=scaled_job(generation=2), bound=bound), decided(told, 1))[0]
    assert isinstance(make, Make)
    assert make.found is bound


def test_what_was_never_seen_as_it_was_bound_makes_nothing() -> None:
    told = watched(generation=1)
    there = SeenJobs(scaled_job(generation=2), None, JOB)
    assert not [one for one in steps(told, there, decided(told, 1)) if isinstance(one, Make)]


def test_a_rollout_ends_jobs_of_another_generation_before_new_ones_are_made() -> None:
    told, old, new = watched(generation=2), job("old", generation=1), job("new", generation=2)
    taken = steps(told, seen(old, new, found=scaled_job(generation=2)), decided(told, 5, running=2))
    assert [type(one) for one in taken] == [RollOut, Make, PatchStatus, Post]
    assert taken[0] == RollOut((old,), foreground=False)
    told = watched(generation=2, foreground=True)
    assert steps(told, seen(old, found=scaled_job(generation=2)), decided(told))[0] == RollOut((old,), foreground=True)


def test_a_gradual_rollout_lets_them_end() -> None:
    told = watched(generation=2, gradual=True)
    taken = steps(told, seen(job("old", generation=1), found=scaled_job(generation=2)), decided(told))
    assert not [one for one in taken if isinstance(one, RollOut)]


def test_nothing_is_rolled_out_to_what_is_refused() -> None:
    told = watched(generation=1)
    found, bound = scaled_job(generation=2), scaled_job(generation=1)
    taken = steps(told, seen(job("a", generation=1), found=found, bound=bound), decided(told))
    assert not [one for one in taken if isinstance(one, RollOut)]


def test_a_pause_leaves_jobs_alone() -> None:
    """Those of another generation, and those that have ended; it is told when it begins and when it ends."""
    told = watched(generation=2, paused=True, succeeded=0)
    held = (job("old", generation=1), job("done", generation=2, ended="Complete"))
    first = decided(watched(generation=2), 3)
    found = settled(watched(generation=2), first, generation=2)
    paused = decided(told, 3, state=first.state)
    status, post = steps(told, seen(*held, found=found), paused)
    assert isinstance(status, PatchStatus)
    assert status.patch["Paused"] == "true"
    assert isinstance(post, Post)
    assert [event.reason for event in post.events] == ["KEDAScalersStopped", "ScaledJobPaused"]
    found = scaled_job(generation=2, status=status_of(told, paused, found.status))
    again = watched(generation=2)
    post = steps(again, seen(found=found), decided(again, 3, running=3, state=paused.state))[-1]
    assert isinstance(post, Post)
    assert [event.reason for event in post.events] == ["KEDAScalersStarted", "ScaledJobUnpaused"]


def test_one_that_is_paused_from_its_birth_starts_when_it_is_not() -> None:
    told = watched(paused=True)
    first = decided(told)
    post = steps(told, seen(), first)[-1]
    assert isinstance(post, Post)
    assert [event.reason for event in post.events] == ["KEDAScalersStarted", "ScaledJobReady", "ScaledJobPaused"]
    post = steps(watched(), seen(found=settled(told, first)), decided(watched(), state=first.state))[-1]
    assert isinstance(post, Post)
    assert [event.reason for event in post.events] == ["KEDAScalersStarted", "ScaledJobUnpaused"]


def test_history_comes_last() -> None:
    told, done = watched(succeeded=1), [job(f"d{at}", ended="Complete", at=f"0{at}") for at in range(3)]
    taken = steps(told, seen(*done), decided(told, 1))
    assert [type(one) for one in taken] == [Make, PatchStatus, Post, Forget]
    assert taken[-1] == Forget((done[0], done[1]))


def test_what_is_only_observed_is_not_written() -> None:
    told = observing(watched(generation=2, succeeded=0))
    held = (job("old", generation=1), job("done", ended="Complete"))
    assert steps(told, seen(*held, found=scaled_job(generation=2)), decided(told, 3)) == ()


def test_ready_is_told_when_the_status_turns_to_it() -> None:
    """A new leader knows from the status alone that it was told."""
    told = watched()
    found = settled(told, decided(told))
    taken = steps(told, seen(found=found), decided(told))
    assert taken == (PatchStatus(REF, {}, hurry=False),)
    refused = scaled_job(status={**found.status, "conditions": [{"type": "Ready", "status": "False"}]})
    post = steps(told, seen(found=refused), decided(told, state=State(ready=True)))[-1]
    assert isinstance(post, Post)
    assert "ScaledJobReady" in [event.reason for event in post.events]
