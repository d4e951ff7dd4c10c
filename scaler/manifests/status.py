"""The status of every kind as declared classes (KEDA behaviour 1.4, 2): what an adapter that keeps objects on a server
writes beside a spec. Nobody but the daemon writes it, so that nothing here is checked, and all of it may be missing."""

from collections.abc import Mapping

from scaler.declare import Resource, param


class Condition(Resource):
    """One side of how an object is; without times, as KEDA writes it."""

    type: str = param("What is said: Ready, Active, Fallback, Paused, HPAActive.")
    status: str = param("True, False or Unknown.")
    reason: str = param("Why, as one word.", default="")
    message: str = param("Why, as a sentence.", default="")


class Health(Resource):
    """How one metric has been read lately."""

    number_of_failures: int | None = param("Failures in a row.", default=None)
    status: str = param("Happy or Failing.", default="")


class Activity(Resource):
    """Whether one trigger is active."""

    is_active: bool = param("Whether it is.", default=False)


class Resolved(Resource):
    """What discovery made of the target's kind."""

    group: str = param("Its group.")
    version: str = param("Its version.")
    kind: str = param("Its kind.")
    resource: str = param("Its name in URLs.")


class Scaled(Resource):
    """What is said of a ScaledObject and of a ScaledJob alike."""

    conditions: tuple[Condition, ...] = param("How the object is.", default=())
    last_active_time: str | None = param("When a trigger was last active.", default=None, format="date-time")
    external_metric_names: tuple[str, ...] = param("Names of its external metrics.", default=())
    triggers_activity: Mapping[str, Activity] = param("Activity by external metric.", default={})
    triggers_types: str = param("Types of its triggers, in one text.", default="")
    authentications_types: str = param("Kinds of its authentications, in one text.", default="")


class ScaledObjectStatus(Scaled):
    """`status` of a ScaledObject."""

    scale_target_kind: str = param("Group, version and kind of the target, in one text.", default="")
    scale_target_gvkr: Resolved | None = param(
        "The target's kind as the server knows it.", default=None, names=("scaleTargetGVKR",)
    )
    original_replica_count: int | None = param("Replicas that the target had at first.", default=None)
    paused_replica_count: int | None = param("Replicas that a pause asked for and got.", default=None)
    resource_metric_names: tuple[str, ...] = param("Names of its resource metrics.", default=())
    composite_scaler_name: str = param("Name of the metric of its formula.", default="")
    health: Mapping[str, Health] = param("Failures by external metric.", default={})
    hpa_name: str = param("Name of its HPA.", default="")


class ScaledJobStatus(Scaled):
    """`status` of a ScaledJob."""

    paused: str = param("Whether it is paused, as text.", default="", names=("Paused",))


class TriggerAuthenticationStatus(Resource):
    """`status` of a TriggerAuthentication or ClusterTriggerAuthentication."""

    scaledobjects: str = param("Names of the ScaledObjects that use it, in one text.", default="")
    scaledjobs: str = param("Names of the ScaledJobs that use it, in one text.", default="")


class CloudEventSourceStatus(Resource):
    """`status` of a CloudEventSource or ClusterCloudEventSource."""

    conditions: tuple[Condition, ...] = param("How the object is.", default=())
