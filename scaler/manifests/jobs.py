"""From a ScaledJob's manifest to what decides: the rules by which it makes Jobs, and what is odd about it but accepted.
What a Job is made of stays in the manifest, for an adapter. `bind` does the rest, as for a ScaledObject."""

import math
from collections.abc import Iterator, Mapping

from scaler.core.model import Calculation, Goal, JobRules, Mode, Pause, Spec, Strategy
from scaler.manifests import annotations
from scaler.manifests.kinds import SCALED_JOB
from scaler.manifests.scaled_job import ScaledJobSpec, ScalingStrategy
from scaler.manifests.scaled_object import ScaleTargetRef
from scaler.manifests.watched import Manifest

MOST = 100
"""Jobs at a time where `maxReplicaCount` is not given (KEDA behaviour 2.1)."""

KIND = "batch/v1.Job"


def target_of(manifest: Manifest, spec: ScaledJobSpec) -> ScaleTargetRef:
    """The ScaledJob itself: its own template has the environment that `…FromEnv` parameters are read from."""
    return ScaleTargetRef(
        name=manifest.ref.name,
        api_version=SCALED_JOB.api_version,
        kind=SCALED_JOB.kind,
        env_source_container_name=spec.env_source_container_name,
    )


def spec_of(
    manifest: Manifest, spec: ScaledJobSpec, goals: tuple[Goal, ...], mode: Mode, notes: Mapping[str, str]
) -> Spec:
    """What decides, out of what was written. The ceiling holds, whether it is given or not (KEDA lets as many Jobs run
    beyond the 100 as the minimum has); only a minimum above it is kept, as in KEDA."""
    return Spec(
        name=str(manifest.ref),
        goals=goals,
        minimum=spec.min_replica_count,
        maximum=max(spec.min_replica_count, spec.max_replica_count or MOST),
        created=manifest.created,
        pause=Pause(full=annotations.truthy(notes, annotations.PAUSED)),
        mode=Mode.OBSERVE if mode is Mode.OBSERVE else Mode.DIRECT,
        target_name=manifest.ref.name,
        target_kind=KIND,
        jobs=_rules(spec),
    )


def odd(spec: ScaledJobSpec) -> Iterator[tuple[str, str]]:
    """What is accepted and has another effect than it seems to have, by path."""
    for index, trigger in enumerate(spec.triggers):
        if trigger.use_cached_metrics:
            yield f"spec.triggers[{index}].useCachedMetrics", "has no effect in a ScaledJob"
    if spec.min_replica_count > (spec.max_replica_count or MOST):
        yield "spec.minReplicaCount", "is above the maximum: so many Jobs run, and none beside them"
    if (written := spec.scaling_strategy) and written.strategy == Strategy.CUSTOM.value and _share(written) is None:
        path = "spec.scalingStrategy.customScalingRunningJobPercentage"
        yield path, "is not a number: the strategy is `default` without it"


def _rules(spec: ScaledJobSpec) -> JobRules:
    written, rollout = spec.scaling_strategy or ScalingStrategy(), spec.rollout
    share, strategy = _share(written), Strategy(written.strategy)
    return JobRules(
        strategy=Strategy.DEFAULT if strategy is Strategy.CUSTOM and share is None else strategy,
        calculation=Calculation(written.multiple_scalers_calculation),
        deduction=written.custom_scaling_queue_length_deduction or 0,
        share=share or 0.0,
        pod_conditions=written.pending_pod_conditions,
        succeeded=spec.successful_jobs_history_limit,
        failed=spec.failed_jobs_history_limit,
        gradual=(spec.rollout_strategy or (rollout and rollout.strategy)) == "gradual",
        foreground=bool(rollout and rollout.propagation_policy == "foreground"),
    )


def _share(written: ScalingStrategy) -> float | None:
    """`None` where it is no number that can be worked with; an empty one is none."""
    try:
        share = float(written.custom_scaling_running_job_percentage)
    except ValueError:
        return None
    return share if math.isfinite(share) else None
