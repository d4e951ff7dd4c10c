"""What a ScaledJob's decision sees of its jobs (KEDA behaviour 2.1). Pure; where they come from is `watching`'s."""

from collections.abc import Callable, Iterable

from scaler.core.model import JobRules, Jobs, Strategy, Target
from scaler.kubernetes.jobs.kinds import JobKind
from scaler.kubernetes.jobs.objects import Job, JobPod

HEED_PENDING = frozenset((Strategy.ACCURATE, Strategy.EAGER))
"""Strategies that look at pending jobs; for the others no pods are watched."""


def seen(kind: JobKind, jobs: Iterable[Job], pods: Callable[[Job], Iterable[JobPod]], rules: JobRules) -> Target:
    """Those that have not ended, in whatever state; a job whose deletion waits for its pods among them."""
    running = [job for job in jobs if kind.ended(job) is None]
    heeds = rules.strategy in HEED_PENDING
    pending = sum(kind.pending(pods(job), rules.pod_conditions) for job in running) if heeds else 0
    return Target(len(running), len(running), len(running) - pending, jobs=Jobs(len(running), pending))
