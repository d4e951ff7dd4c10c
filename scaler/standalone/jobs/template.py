"""What the Jobs of a ScaledJob are made of: its `jobTargetRef`, as far as local processes can honour it. What they
cannot, and what would change how a Job ends, is refused with a sentence; what is bookkeeping of a cluster is not looked
at."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from msgspec import Struct

from scaler.manifests.watched import Manifest
from scaler.standalone.deployment import Template
from scaler.standalone.workload import Workload, digest, problems, refused, sentence, without_nulls

JOB = "spec.jobTargetRef"
WHERE = f"{JOB}.template.spec.containers[0]"

MOST = 1000
"""Processes that one Job may have, one after the other or at once."""

STARTED = frozenset(("PodScheduled", "PodReadyToStartContainers", "Initialized"))
READY = frozenset(("ContainersReady", "Ready"))
"""Conditions of a pod that a process has when it was started, and when its readiness probe passes."""


class _Written(Struct, frozen=True, rename="camel"):
    """What is not named here is not looked at."""


class JobSpec(_Written, frozen=True):
    """batch/v1, with Kubernetes' defaults. The last five change how a Job's end is judged, and are not honoured."""

    template: Template
    parallelism: int | None = None
    completions: int | None = None
    completion_mode: str = "NonIndexed"
    backoff_limit: int = 6
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
    suspend: bool = False
    pod_failure_policy: Any = None
    success_policy: Any = None
    backoff_limit_per_index: Any = None
    max_failed_indexes: Any = None
    managed_by: Any = None


class ScalingStrategy(_Written, frozen=True):
    pending_pod_conditions: tuple[str, ...] = ()


class ScaledJobSpec(_Written, frozen=True):
    job_target_ref: JobSpec
    scaling_strategy: ScalingStrategy = ScalingStrategy()


class ScaledJob(_Written, frozen=True):
    spec: ScaledJobSpec


@dataclass(frozen=True, slots=True)
class JobTemplate:
    """A Job needs `needed` processes that end well, or (`queue`) one of so many that share its work; `parallelism` run
    at once, `retries` is how many may fail. With `indexed` each is told its number. `waits`: nothing is started. A Job
    that has ended is `kept` so long. Times are seconds."""

    workload: Workload
    generation: int
    needed: int
    parallelism: int
    queue: bool
    indexed: bool
    retries: int
    deadline: float | None
    kept: float | None
    waits: bool
    conditions: frozenset[str]


def generation_of(manifest: Manifest) -> int:
    """Another one for each other spec, whatever is changed in it, as under Kubernetes; the same for the same."""
    return int(digest(manifest.body.get("spec"))[:12], 16)


def numbered(manifest: Manifest) -> Manifest:
    """With its generation, as a server would tell it."""
    metadata = {**manifest.body["metadata"], "generation": generation_of(manifest)}
    return replace(manifest, body={**manifest.body, "metadata": metadata})


def template_of(manifest: Manifest) -> JobTemplate:
    """Read a ScaledJob. Raises `ClusterError` naming the field that cannot be run."""
    try:
        spec = msgspec.convert(without_nulls(manifest.body), ScaledJob).spec
    except msgspec.ValidationError as error:
        raise refused(manifest.ref, sentence(error)) from None
    job = spec.job_target_ref
    template = JobTemplate(
        workload=_workload(manifest, job),
        generation=generation_of(manifest),
        needed=max(1, job.parallelism or 1) if job.completions is None else job.completions,
        parallelism=max(1, job.parallelism or 1),
        queue=job.completions is None,
        indexed=job.completion_mode == "Indexed",
        retries=job.backoff_limit,
        deadline=_seconds(job.active_deadline_seconds),
        kept=_seconds(job.ttl_seconds_after_finished),
        waits=job.suspend or job.parallelism == 0,
        conditions=frozenset(spec.scaling_strategy.pending_pod_conditions),
    )
    if problem := next(_problems(spec, template), None):
        raise refused(manifest.ref, problem)
    return template


def _workload(manifest: Manifest, job: JobSpec) -> Workload:
    pod = job.template.spec
    return Workload(
        ref=manifest.ref,
        containers=pod.containers,
        grace=float(pod.termination_grace_period_seconds),
        replicas=None,
        recreate=False,
        digest="",
        where=WHERE,
    )


def _seconds(written: int | None) -> float | None:
    return None if written is None else float(written)


def _problems(spec: ScaledJobSpec, template: JobTemplate) -> Iterator[str]:
    job = spec.job_target_ref
    yield from problems(template.workload)
    if job.template.spec.restart_policy not in ("", "OnFailure", "Never"):
        yield f"{JOB}.template.spec.restartPolicy: must be OnFailure or Never"
    if job.completion_mode not in ("NonIndexed", "Indexed"):
        yield f"{JOB}.completionMode: must be NonIndexed or Indexed"
    if template.indexed and job.completions is None:
        yield f"{JOB}.completions: is required where completionMode is Indexed"
    for name, value in (("parallelism", job.parallelism), ("completions", job.completions)):
        if not 0 <= (value or 0) <= MOST:
            yield f"{JOB}.{name}: must be from 0 to {MOST} for local processes"
    yield from _negative(job)
    yield from _unknown(spec)


def _negative(job: JobSpec) -> Iterator[str]:
    for name, value in (
        ("backoffLimit", job.backoff_limit),
        ("activeDeadlineSeconds", job.active_deadline_seconds),
        ("ttlSecondsAfterFinished", job.ttl_seconds_after_finished),
    ):
        if (value or 0) < 0:
            yield f"{JOB}.{name}: must not be negative"


def _unknown(spec: ScaledJobSpec) -> Iterator[str]:
    """What a local process does not know, and would be judged by."""
    job = spec.job_target_ref
    for name, value in (
        ("podFailurePolicy", job.pod_failure_policy),
        ("successPolicy", job.success_policy),
        ("backoffLimitPerIndex", job.backoff_limit_per_index),
        ("maxFailedIndexes", job.max_failed_indexes),
        ("managedBy", job.managed_by),
    ):
        if value is not None:
            yield f"{JOB}.{name}: is not supported for local processes"
    for condition in spec.scaling_strategy.pending_pod_conditions:
        if condition not in STARTED | READY:
            yield f"spec.scalingStrategy.pendingPodConditions: a local process never has the condition {condition}"
