"""What a job may be, as a table: one row for each kind of object that does a piece of work and ends. Where a ScaledJob
has its template, how one has ended, and when it still waits, is a row's to say; all else is the same for every kind."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from scaler.kubernetes.jobs.objects import Job, JobPod


class Ending(Enum):
    """How a job ended; each way has a history of its own."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobKind:
    """`template` is the field of a ScaledJob's spec that holds the spec of one, `pods` the way from there to what its
    pods are made of; `endings` are the conditions (type, status) that say that it has ended. `pending` judges one that
    has not by its pods, and by the conditions that one of them must have."""

    api_version: str
    kind: str
    plural: str
    template: str
    pods: tuple[str, ...]
    endings: Mapping[tuple[str, str], Ending]
    pending: Callable[[Iterable[JobPod], tuple[str, ...]], bool]

    def path(self, namespace: str = "", name: str = "") -> str:
        """Where the API server has them: all, those of a namespace, or one."""
        within = f"/namespaces/{namespace}" if namespace else ""
        collection = f"/apis/{self.api_version}{within}/{self.plural}"
        return f"{collection}/{name}" if name else collection

    def ended(self, job: Job) -> Ending | None:
        """How it ended; nothing while it has not, and a suspended one has not."""
        found = (self.endings.get((one.type, one.status)) for one in job.status.conditions)
        return next((ending for ending in found if ending), None)


def waits(pods: Iterable[JobPod], conditions: tuple[str, ...]) -> bool:
    """Whether no pod runs, or has, as yet; or, with `conditions` (`pendingPodConditions`), none has all of them (KEDA
    behaviour 2.1)."""
    if conditions:
        return not any(set(conditions) <= set(pod.holds) for pod in pods)
    return not any(pod.status.phase in ("Running", "Succeeded") for pod in pods)


JOB = JobKind(
    api_version="batch/v1",
    kind="Job",
    plural="jobs",
    template="jobTargetRef",
    pods=("template",),
    endings={("Complete", "True"): Ending.SUCCEEDED, ("Failed", "True"): Ending.FAILED},
    pending=waits,
)
