"""ScaledObject's spec as declared classes (KEDA behaviour 1.1-1.3). What the fields mean for a decision stands in the
core; how they are bound, in `bind`. Defaults and bounds are KEDA's."""

from collections import Counter
from collections.abc import Iterator

from scaler.declare import QuantityText, Resource, param

USAGE = ("cpu", "memory")


class ScaleTargetRef(Resource):
    """The workload that is scaled."""

    name: str = param("Name of the object to scale, in the ScaledObject's namespace.")
    api_version: str = param("Group and version of the object.", default="apps/v1")
    kind: str = param("Kind of the object; anything with a scale subresource.", default="Deployment")
    env_source_container_name: str = param(
        "Container whose environment feeds `…FromEnv` parameters; the first one where it is not given.", default=""
    )

    def check(self) -> Iterator[tuple[str, str]]:
        if not self.name:
            yield "name", "must not be empty"


class AuthenticationRef(Resource):
    """Where a trigger's credentials come from."""

    name: str = param("Name of the TriggerAuthentication or ClusterTriggerAuthentication.")
    kind: str = param(
        "Its kind.", default="TriggerAuthentication", choices=("TriggerAuthentication", "ClusterTriggerAuthentication")
    )


class TriggerEntry(Resource):
    """One entry of `spec.triggers`."""

    type: str = param("The scaler: one of `scaler scalers`.")
    name: str = param("Name of this trigger, unique in the object.", default="")
    metadata: dict[str, str] = param("The scaler's parameters; all values are text.", default={})
    authentication_ref: AuthenticationRef | None = param("Where its credentials come from.", default=None)
    metric_type: str | None = param(
        "How the value is compared with the target; Utilization is for cpu and memory only.",
        default=None,
        choices=("AverageValue", "Value", "Utilization"),
    )
    use_cached_metrics: bool = param("Answer metric requests from the last poll, never by asking.", default=False)


class FallbackEntry(Resource):
    """What stands in for a metric that cannot be read."""

    failure_threshold: int = param("Consecutive failures that are tolerated.", at_least=0)
    replicas: int = param("Replicas to fall back to.", at_least=0)
    behavior: str = param(
        "How `replicas` and the current count make up the number.",
        default="static",
        choices=(
            "static",
            "currentReplicas",
            "currentReplicasIfHigher",
            "currentReplicasIfLower",
            "scalingModifiers",
        ),
    )


class ScalingPolicy(Resource):
    """One policy of a direction (autoscaling/v2 HPAScalingPolicy)."""

    type: str = param("Pods or Percent.", choices=("Pods", "Percent"))
    value: int = param("How many pods or percent.", above=0)
    period_seconds: int = param("Within how many seconds.", above=0, at_most=1800)


class ScalingRules(Resource):
    """One direction of `behavior` (autoscaling/v2 HPAScalingRules)."""

    stabilization_window_seconds: int | None = param(
        "Seconds of past recommendations that hold the count.", default=None, at_least=0, at_most=3600
    )
    select_policy: str | None = param("Which policy wins.", default=None, choices=("Max", "Min", "Disabled"))
    policies: tuple[ScalingPolicy, ...] = param("How fast the count may move.", default=())
    tolerance: QuantityText | None = param("Deviation from the target that moves nothing.", default=None)


class ScalingBehavior(Resource):
    """autoscaling/v2 HorizontalPodAutoscalerBehavior."""

    scale_up: ScalingRules | None = param("Rules for more replicas.", default=None)
    scale_down: ScalingRules | None = param("Rules for fewer replicas.", default=None)


class HorizontalPodAutoscalerConfig(Resource):
    """How the HPA is made."""

    name: str = param("Name of the HPA; `keda-hpa-<name>` where it is not given.", default="")
    behavior: ScalingBehavior | None = param("The HPA's behavior, verbatim.", default=None)


class ScalingModifiers(Resource):
    """A formula over the triggers' values."""

    formula: str = param("The formula.", default="")
    target: str = param("Target of the composite metric.", default="")
    activation_target: str = param("The composite is active above this.", default="")
    metric_type: str | None = param("Its type.", default=None, choices=("AverageValue", "Value"))


class Advanced(Resource):
    """`spec.advanced`."""

    restore_to_original_replica_count: bool = param("On deletion, restore the count found at first.", default=False)
    horizontal_pod_autoscaler_config: HorizontalPodAutoscalerConfig | None = param("The HPA.", default=None)
    scaling_modifiers: ScalingModifiers | None = param("A formula over the triggers.", default=None)


class ScaledObjectSpec(Resource):
    """`spec` of a ScaledObject."""

    scale_target_ref: ScaleTargetRef = param("What is scaled.")
    polling_interval: int = param("Seconds between two looks at the triggers.", default=30, at_least=1)
    cooldown_period: int = param("Seconds without activity before going to zero (or idle).", default=300, at_least=0)
    initial_cooldown_period: int = param("The same before the first activity ever.", default=0, at_least=0)
    idle_replica_count: int | None = param("Replicas while no trigger is active.", default=None, at_least=0)
    min_replica_count: int | None = param("Fewest replicas while active.", default=None, at_least=0)
    max_replica_count: int = param("Most replicas.", default=100, at_least=1)
    triggers: tuple[TriggerEntry, ...] = param("What is watched.")
    fallback: FallbackEntry | None = param("What stands in for metrics that cannot be read.", default=None)
    advanced: Advanced | None = param("Everything else.", default=None)

    @property
    def minimum(self) -> int:
        return self.min_replica_count or 0

    def check(self) -> Iterator[tuple[str, str]]:
        """The rules over several fields (KEDA behaviour 4.1, 4.2)."""
        for name, problem in self.scale_target_ref.check():
            yield f"scaleTargetRef.{name}", problem
        if self.minimum > self.max_replica_count:
            yield (
                "minReplicaCount",
                f"MinReplicaCount={self.minimum} must be less than MaxReplicaCount={self.max_replica_count}",
            )
        if self.idle_replica_count is not None and self.idle_replica_count >= self.minimum:
            yield (
                "idleReplicaCount",
                f"IdleReplicaCount={self.idle_replica_count} must be less than MinReplicaCount={self.minimum}",
            )
        yield from self._check_triggers()
        yield from self._check_fallback()
        if self.advanced and self.advanced.scaling_modifiers and self.advanced.scaling_modifiers.formula:
            yield "advanced.scalingModifiers.formula", "formulas are not supported by this version"

    def _check_triggers(self) -> Iterator[tuple[str, str]]:
        if not self.triggers:
            yield "triggers", "no triggers defined in the ScaledObject/ScaledJob"
        counts = Counter(trigger.name for trigger in self.triggers if trigger.name)
        for index, trigger in enumerate(self.triggers):
            if counts[trigger.name] > 1:
                yield f"triggers[{index}].name", f"triggerName {trigger.name!r} is defined multiple times"
        if self.triggers and self._only_usage() and not self.minimum:
            yield (
                "minReplicaCount",
                "scaledobject has only cpu/memory triggers AND minReplica is 0 "
                "(scale to zero doesn't work in this case)",
            )

    def _check_fallback(self) -> Iterator[tuple[str, str]]:
        if self.fallback and self.triggers and self._only_usage():
            yield "fallback", "cpu and memory triggers never fall back, and there is no other"
        if self.fallback and self.fallback.behavior == "scalingModifiers":
            yield "fallback.behavior", "scalingModifiers needs advanced.scalingModifiers.formula"

    def _only_usage(self) -> bool:
        return all(trigger.type in USAGE for trigger in self.triggers)
