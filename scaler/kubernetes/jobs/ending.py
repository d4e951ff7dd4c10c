"""Which jobs are to be deleted (KEDA behaviour 2.1): those beyond the history limits, and at a rollout those of another
generation. Pure. A job that somebody else controls is never ours to delete, whatever its labels say."""

from collections.abc import Iterable, Iterator

from scaler.core.model import JobRules
from scaler.kubernetes.jobs.kinds import Ending, JobKind
from scaler.kubernetes.jobs.objects import Job
from scaler.kubernetes.status import moment
from scaler.manifests.kinds import SCALED_JOB


def surplus(kind: JobKind, jobs: Iterable[Job], rules: JobRules) -> tuple[Job, ...]:
    """Beyond the limits, those that ended first come first. (Of a failed job KEDA knows no end: any of them goes.)"""
    ended: dict[Ending, list[Job]] = {ending: [] for ending in Ending}
    for job in _deletable(jobs):
        if (ending := kind.ended(job)) is not None:
            ended[ending].append(job)
    found: list[Job] = []
    for ending, limit in ((Ending.SUCCEEDED, rules.succeeded), (Ending.FAILED, rules.failed)):
        held = ended[ending]
        if len(held) > limit:
            found.extend(sorted(held, key=_end)[: len(held) - limit])
    return tuple(found)


def outdated(jobs: Iterable[Job], generation: int) -> tuple[Job, ...]:
    """Made for another generation of the ScaledJob, or for none that is known; whether they have ended or not."""
    return tuple(job for job in _deletable(jobs) if job.generation != str(generation))


def _deletable(jobs: Iterable[Job]) -> Iterator[Job]:
    return (job for job in jobs if not job.metadata.deletion_timestamp and _ours(job))


def _ours(job: Job) -> bool:
    """Controlled by the ScaledJob that its label names, or (orphaned) by nobody."""
    owner = next((one for one in job.metadata.owner_references if one.controller), None)
    return owner is None or (owner.kind, owner.name) == (SCALED_JOB.kind, job.scaled_job)


def _end(job: Job) -> tuple[float, str]:
    changed = (one.last_transition_time for one in job.status.conditions if one.status == "True")
    told = (job.status.completion_time, *changed, job.metadata.creation_timestamp)
    return next((at for at in map(moment, told) if at is not None), 0.0), job.metadata.name
