"""ScaledObject's spec as declared classes (KEDA behaviour 1.1-1.3). What the fields mean for a decision stands in the
core; how they are bound, in `bind`. Defaults and bounds are KEDA's."""

import math
from collections import Counter
from collections.abc import Iterator

from pydantic import ValidationInfo, field_validator

from scaler.core import formula
from scaler.core.formula import FormulaError
from scaler.declare import QuantityText, Resource, Rule, param

USAGE = ("cpu", "memory")


class ScaleTargetRef(Resource):
    """The workload that is scaled."""

    name: str = param("Name of the object to scale, in the ScaledObject's namespace.", filled=True)
    api_version: str = param("Group and version of the object.", default="apps/v1")
    kind: str = param("Kind of the object; anything with a scale subresource.", default="Deployment")
    env_source_container_name: str = param(
        "Container whose environment feeds `…FromEnv` parameters; the first one where it is not given.", default=""
    )

    @field_validator("api_version", "kind")
    @classmethod
    def _given(cls, value: str, info: ValidationInfo) -> str:
        """To a client in Go what is empty was not given."""
        return value or str(cls.model_fields[info.field_name or ""].default)

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

    type: str = param("The scaler: one of `scaler scalers`.", filled=True)
    name: str = param("Name of this trigger, unique in the object.", default="")
    metadata: dict[str, str] = param("The scaler's parameters; all values are text.", default={})
    authentication_ref: AuthenticationRef | None = param("Where its credentials come from.", default=None)
    metric_type: str | None = param(
        "How the value is compared with the target; Utilization is for cpu and memory only.",
        default=None,
        choices=("AverageValue", "Value", "Utilization"),
        loose=True,
    )
    use_cached_metrics: bool = param("Answer metric requests from the last poll, never by asking.", default=False)


def check_triggers(triggers: tuple[TriggerEntry, ...]) -> Iterator[tuple[str, str]]:
    """The rules over all triggers of an object, whatever its kind."""
    if not triggers:
        yield "triggers", "no triggers defined in the ScaledObject/ScaledJob"
    counts = Counter(trigger.name for trigger in triggers if trigger.name)
    for index, trigger in enumerate(triggers):
        if not trigger.type:
            yield f"triggers[{index}].type", "must not be empty"
        if counts[trigger.name] > 1:
            yield f"triggers[{index}].name", f"triggerName {trigger.name!r} is defined multiple times"


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

    type: str = param("Pods or Percent.", choices=("Pods", "Percent"), loose=True)
    value: int = param("How many pods or percent.", above=0, loose=True)
    period_seconds: int = param("Within how many seconds.", above=0, at_most=1800, loose=True)


class ScalingRules(Resource):
    """One direction of `behavior` (autoscaling/v2 HPAScalingRules)."""

    stabilization_window_seconds: int | None = param(
        "Seconds of past recommendations that hold the count.", default=None, at_least=0, at_most=3600
    )
    select_policy: str | None = param(
        "Which policy wins.", default=None, choices=("Max", "Min", "Disabled"), loose=True
    )
    policies: tuple[ScalingPolicy, ...] = param("How fast the count may move.", default=())
    tolerance: QuantityText | None = param("Deviation from the target that moves nothing.", default=None)


class ScalingBehavior(Resource):
    """autoscaling/v2 HorizontalPodAutoscalerBehavior."""

    scale_up: ScalingRules | None = param("Rules for more replicas.", default=None)
    scale_down: ScalingRules | None = param("Rules for fewer replicas.", default=None)


class HorizontalPodAutoscalerConfig(Resource):
    """How the HPA is made."""

    rules = (Rule("!has(self.name) || size(self.name) <= 63", "name must have at most 63 characters"),)

    name: str = param("Name of the HPA; `keda-hpa-<name>` where it is not given.", default="")
    behavior: ScalingBehavior | None = param("The HPA's behavior, verbatim.", default=None)

    def check(self) -> Iterator[tuple[str, str]]:
        if len(self.name) > 63:
            yield "name", "must have at most 63 characters"


def _number(text: str) -> float:
    """NaN where there is none that can be worked with."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


class ScalingModifiers(Resource):
    """A formula over the triggers' values."""

    rules = (
        Rule(
            "has(self.formula) && self.formula != '' || (!has(self.target) || self.target == '') && "
            "(!has(self.activationTarget) || self.activationTarget == '') && !has(self.metricType)",
            "formula is required with scalingModifiers",
        ),
        Rule(
            "!has(self.formula) || self.formula == '' || has(self.target) && self.target != ''",
            "target is required with a formula",
        ),
    )

    formula: str = param("What to make of the named triggers' values: docs/formulas.md.", default="")
    target: str = param("Target of the composite metric.", default="")
    activation_target: str = param("The composite is active above this.", default="")
    metric_type: str | None = param("Its type.", default=None, choices=("AverageValue", "Value"))

    def check(self) -> Iterator[tuple[str, str]]:
        if not self.formula:
            if self.target or self.activation_target or self.metric_type:
                yield "formula", "is required with scalingModifiers"
            return
        if not self.target:
            yield "target", "is required with a formula"
        elif not _number(self.target) > 0:
            yield "target", "error validating target in ScalingModifiers: must be a number greater than 0"
        if self.activation_target and math.isnan(_number(self.activation_target)):
            yield "activationTarget", "must be a number"


class Advanced(Resource):
    """`spec.advanced`."""

    restore_to_original_replica_count: bool = param("On deletion, restore the count found at first.", default=False)
    horizontal_pod_autoscaler_config: HorizontalPodAutoscalerConfig | None = param("The HPA.", default=None)
    scaling_modifiers: ScalingModifiers | None = param("A formula over the triggers.", default=None)

    def check(self) -> Iterator[tuple[str, str]]:
        parts = {
            "horizontalPodAutoscalerConfig": self.horizontal_pod_autoscaler_config,
            "scalingModifiers": self.scaling_modifiers,
        }
        for name, part in parts.items():
            yield from ((f"{name}.{at}", problem) for at, problem in (part.check() if part else ()))


class ScaledObjectSpec(Resource):
    """`spec` of a ScaledObject."""

    rules = (
        Rule(
            "!has(self.minReplicaCount) || "
            "self.minReplicaCount <= (has(self.maxReplicaCount) ? self.maxReplicaCount : 100)",
            "minReplicaCount must not be greater than maxReplicaCount (100 where it is not given)",
        ),
        Rule(
            "!has(self.idleReplicaCount) || "
            "self.idleReplicaCount < (has(self.minReplicaCount) ? self.minReplicaCount : 0)",
            "idleReplicaCount must be less than minReplicaCount (0 where it is not given)",
        ),
        Rule(
            "!has(self.fallback) || !has(self.fallback.behavior) || self.fallback.behavior != 'scalingModifiers' || "
            "has(self.advanced) && has(self.advanced.scalingModifiers) && "
            "has(self.advanced.scalingModifiers.formula) && self.advanced.scalingModifiers.formula != ''",
            "fallback.behavior scalingModifiers needs advanced.scalingModifiers.formula",
        ),
    )

    scale_target_ref: ScaleTargetRef = param("What is scaled.")
    polling_interval: int = param("Seconds between two looks at the triggers.", default=30, at_least=1)
    cooldown_period: int = param("Seconds without activity before going to zero (or idle).", default=300, at_least=0)
    initial_cooldown_period: int = param("The same before the first activity ever.", default=0, at_least=0)
    idle_replica_count: int | None = param("Replicas while no trigger is active.", default=None, at_least=0)
    min_replica_count: int | None = param("Fewest replicas while active.", default=None, at_least=0)
    max_replica_count: int = param("Most replicas.", default=100, at_least=1)
    triggers: tuple[TriggerEntry, ...] = param("What is watched.", filled=True)
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
        yield from check_triggers(self.triggers)
        if self.triggers and self._only_usage() and not self.minimum:
            yield (
                "minReplicaCount",
                "scaledobject has only cpu/memory triggers AND minReplica is 0 "
                "(scale to zero doesn't work in this case)",
            )
        yield from self._check_fallback()
        for name, problem in self.advanced.check() if self.advanced else ():
            yield f"advanced.{name}", problem
        yield from self._check_formula()

    def _check_fallback(self) -> Iterator[tuple[str, str]]:
        if self.fallback and self.triggers and self._only_usage() and not self.modifiers:
            yield "fallback", "cpu and memory triggers never fall back, and there is no other"
        if self.fallback and self.fallback.behavior == "scalingModifiers" and not self.modifiers:
            yield "fallback.behavior", "scalingModifiers needs advanced.scalingModifiers.formula"

    def _check_formula(self) -> Iterator[tuple[str, str]]:
        """Compiled and computed once with -1 for each trigger, as KEDA does (KEDA behaviour 3.9)."""
        if self.modifiers is None:
            return
        try:
            formula.check(self.modifiers.formula, self.variables)
        except FormulaError as error:
            sentence = f"error validating formula in ScalingModifiers: {error}"
            yield "advanced.scalingModifiers.formula", sentence

    @property
    def modifiers(self) -> ScalingModifiers | None:
        """Where there is a formula."""
        found = self.advanced.scaling_modifiers if self.advanced else None
        return found if found and found.formula else None

    @property
    def variables(self) -> tuple[str, ...]:
        """What a formula may call by name: triggers that have one, but for those whose value only the HPA reads."""
        return tuple(trigger.name for trigger in self.triggers if trigger.name and trigger.type not in USAGE)

    def _only_usage(self) -> bool:
        return all(trigger.type in USAGE for trigger in self.triggers)
