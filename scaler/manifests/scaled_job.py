"""ScaledJob's spec as declared classes (KEDA behaviour 2.1). What a Job may hold is the API server's to say and differs
between its versions: of `jobTargetRef` only what scaling will read is declared. The rest, the whole pod template above
all (KEDA's CRD spells out 600 KB of it), is kept as it was written and judged when a Job is made of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ConfigDict

from scaler.declare import Resource, param
from scaler.manifests.scaled_object import USAGE, TriggerEntry, check_triggers


class JobTargetRef(Resource):
    """The Job that is made for each piece of work: a JobSpec of batch/v1."""

    model_config = ConfigDict(extra="allow")

    template: Mapping[str, Any] = param("Its pods: a PodTemplateSpec.")
    parallelism: int | None = param("Pods at a time.", default=None)
    completions: int | None = param("Pods that must end well.", default=None)
    backoff_limit: int | None = param("Pods that may fail.", default=None)
    active_deadline_seconds: int | None = param("Seconds it may take.", default=None, format="int64")
    ttl_seconds_after_finished: int | None = param("Seconds it is kept when it has ended.", default=None)
    suspend: bool | None = param("Whether it waits to be started by somebody.", default=None)


class Rollout(Resource):
    """What a change of the ScaledJob does to running Jobs."""

    strategy: str | None = param(
        "immediate deletes them, gradual lets them end; immediate where it is not given.",
        default=None,
        choices=("gradual", "immediate"),
    )
    propagation_policy: str | None = param(
        "How they are deleted; background where it is not given.", default=None, choices=("foreground", "background")
    )


class ScalingStrategy(Resource):
    """How many Jobs are made of what the triggers say."""

    strategy: str = param("The rule.", default="default", choices=("default", "custom", "accurate", "eager"))
    custom_scaling_queue_length_deduction: int | None = param("Taken off the number, by `custom`.", default=None)
    custom_scaling_running_job_percentage: str = param(
        "Part of the running Jobs that is taken off, by `custom`: a number as text.", default=""
    )
    pending_pod_conditions: tuple[str, ...] = param("A Job is pending until a pod has all of these.", default=())
    multiple_scalers_calculation: str = param(
        "How several triggers make one number.", default="max", choices=("max", "min", "avg", "sum")
    )


class ScaledJobSpec(Resource):
    """`spec` of a ScaledJob."""

    job_target_ref: JobTargetRef = param("The Job that is made.")
    triggers: tuple[TriggerEntry, ...] = param("What is watched.", filled=True)
    polling_interval: int = param("Seconds between two looks at the triggers.", default=30, at_least=1)
    min_replica_count: int = param("Jobs that run whatever the triggers say.", default=0, at_least=0)
    max_replica_count: int | None = param("Most Jobs at a time; 100 where it is not given.", default=None, at_least=1)
    successful_jobs_history_limit: int = param("Jobs kept that ended well.", default=100, at_least=0)
    failed_jobs_history_limit: int = param("Jobs kept that failed.", default=100, at_least=0)
    env_source_container_name: str = param(
        "Container whose environment feeds `…FromEnv` parameters; the first one where it is not given.", default=""
    )
    scaling_strategy: ScalingStrategy | None = param("How many Jobs are made.", default=None)
    rollout: Rollout | None = param("What a change does to running Jobs.", default=None)
    rollout_strategy: str | None = param(
        "The old name of rollout.strategy; wins where both are given.", default=None, choices=("gradual", "immediate")
    )

    def check(self) -> Iterator[tuple[str, str]]:
        """The rules over several fields (KEDA behaviour 2.1, 4.3)."""
        yield from check_triggers(self.triggers)
        for index, trigger in enumerate(self.triggers):
            if trigger.metric_type is not None:
                yield f"triggers[{index}].metricType", "Cannot set metricType in ScaledJob triggers"
            if trigger.type in USAGE:
                yield f"triggers[{index}].type", f"{trigger.type} says nothing of work that waits: it makes no Jobs"
