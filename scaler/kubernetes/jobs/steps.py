"""What a ScaledJob's decision asks of the API server. Pure: taking the steps is `port`'s. Order: what a rollout ends,
what is made, what is said, what history has no room for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scaler.core.model import ConditionType, Decision, Event, JobRules, Mode
from scaler.kubernetes.jobs.ending import outdated, surplus
from scaler.kubernetes.jobs.kinds import JobKind
from scaler.kubernetes.jobs.objects import Job
from scaler.kubernetes.jobs.status import paused, served_before, status_of
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.status import condition_of, patch_of
from scaler.kubernetes.steps import PatchStatus, Post, oddities
from scaler.manifests.watched import Watched


@dataclass(frozen=True, slots=True)
class RollOut:
    """End the jobs of another generation; `foreground`: each is gone when its pods are."""

    jobs: tuple[Job, ...]
    foreground: bool


@dataclass(frozen=True, slots=True)
class Make:
    """So many more jobs than the `known` ones, from the template of the ScaledJob that was found."""

    found: Custom
    count: int
    known: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete jobs that have ended; nobody waits for it."""

    jobs: tuple[Job, ...]


JobStep = RollOut | Make | Forget | PatchStatus | Post


@dataclass(frozen=True, slots=True)
class SeenJobs:
    """What is there: the object, its jobs, and the object as it was when it was bound (`bound`, of which jobs are made:
    what it says now may be refused). `fresh`: nothing has been said of this generation yet."""

    found: Custom
    bound: Custom | None
    kind: JobKind
    jobs: tuple[Job, ...] = ()
    fresh: bool = False


def steps(watched: Watched, seen: SeenJobs, decision: Decision) -> tuple[JobStep, ...]:
    """In the order in which they are to be taken. A paused ScaledJob's jobs are left alone."""
    if watched.spec.mode is Mode.OBSERVE:
        return ()
    rules = watched.spec.jobs or JobRules()
    return (
        *_rolled_out(watched, seen, rules),
        *_made(seen, decision),
        *_told(watched, seen, decision),
        *_forgotten(watched, seen, rules),
    )


def _rolled_out(watched: Watched, seen: SeenJobs, rules: JobRules) -> Iterator[RollOut]:
    """Only to what could be bound: as long as it is refused, what was there goes on."""
    newest = seen.found.metadata.generation == watched.generation
    kept = rules.gradual or watched.spec.pause.full or not newest
    if not kept and (old := outdated(seen.jobs, watched.generation)):
        yield RollOut(old, rules.foreground)


def _made(seen: SeenJobs, decision: Decision) -> Iterator[Make]:
    if decision.create and seen.bound is not None:
        yield Make(seen.bound, decision.create, seen.jobs)


def _forgotten(watched: Watched, seen: SeenJobs, rules: JobRules) -> Iterator[Forget]:
    if not watched.spec.pause.full and (old := surplus(seen.kind, seen.jobs, rules)):
        yield Forget(old)


def _told(watched: Watched, seen: SeenJobs, decision: Decision) -> Iterator[PatchStatus | Post]:
    """The status, then the events (KEDA behaviour 1.6, 2.1)."""
    before = seen.found.status
    patch = patch_of(before, status_of(watched, decision, before))
    yield PatchStatus(watched.ref, patch, hurry=seen.fresh or not before.get("conditions"))
    if events := tuple(_events(watched, before, decision)):
        yield Post(watched.ref, events)


def _events(watched: Watched, before: Mapping[str, Any], decision: Decision) -> Iterator[Event]:
    """Ready is told when the status turns to it: whoever reads both must not see them differ."""
    ready = any(one.type is ConditionType.READY and one.status == "True" for one in decision.conditions)
    first, rests = not served_before(before), watched.spec.pause.full
    if first:
        yield from (Event("KEDAScalersStarted", f"Scaler {one.type} is built") for one in watched.triggers)
        yield from oddities(watched)
    if rests and not first and not paused(before):
        yield Event("KEDAScalersStopped", "Stopped scalers watch")
    if not rests and (first or paused(before)):
        yield Event("KEDAScalersStarted", "Started scalers watch")
    if ready and condition_of(before, "Ready").get("status") != "True":
        yield Event("ScaledJobReady", "ScaledJob is ready for scaling")
    yield from (event for event in decision.events if event.reason != "ScaledJobReady")
