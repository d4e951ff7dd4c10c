"""The values that decisions are made of: frozen, slotted, comparable, hashable (lists are tuples, maps tuples of
pairs). Times are seconds since the epoch and called `now` or `at`; durations are seconds. No rule stands here,
only nouns."""

import math
from dataclasses import dataclass, field
from enum import Enum, StrEnum


class MetricType(StrEnum):
    """How a metric is compared with its target (autoscaling/v2 MetricTargetType)."""

    AVERAGE_VALUE = "AverageValue"
    VALUE = "Value"
    UTILIZATION = "Utilization"


class Mode(StrEnum):
    """Who moves the replicas above zero: the cluster's HPA, this daemon, or nobody (all is shown, nothing written)."""

    HPA = "hpa"
    DIRECT = "direct"
    OBSERVE = "observe"


# ---------------------------------------------------------------------------------------------------- what is wished


@dataclass(frozen=True, slots=True)
class Goal:
    """What one metric aims at. `metric` is the full name, `sN-…`; `resource` is `cpu` or `memory` where the metric is
    the workload's own usage (it then says nothing about activity and never falls back), `container` the one whose
    usage alone counts. `written` is the target's own text where that is a quantity: an HPA shows `2Gi` as `2Gi`."""

    metric: str
    target: float
    activation: float = 0.0
    kind: MetricType = MetricType.AVERAGE_VALUE
    resource: str = ""
    container: str = ""
    written: str = ""


class PolicyType(StrEnum):
    PODS = "Pods"
    PERCENT = "Percent"


class Select(StrEnum):
    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `value` pods or percent within `period` seconds (autoscaling/v2 HPAScalingPolicy)."""

    type: PolicyType
    value: int
    period: int


@dataclass(frozen=True, slots=True)
class Rules:
    """One direction of `behavior`. `None` and `()` mean that the manifest does not say; what is then filled in depends
    on the mode (`hpa.py`)."""

    window: int | None = None
    select: Select | None = None
    policies: tuple[Policy, ...] = ()
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class Behavior:
    up: Rules = Rules()
    down: Rules = Rules()


class FallbackBehavior(StrEnum):
    STATIC = "static"
    CURRENT = "currentReplicas"
    CURRENT_IF_HIGHER = "currentReplicasIfHigher"
    CURRENT_IF_LOWER = "currentReplicasIfLower"
    SCALING_MODIFIERS = "scalingModifiers"


@dataclass(frozen=True, slots=True)
class Fallback:
    """In force for a metric whose consecutive failures exceed `threshold`."""

    threshold: int
    replicas: int
    behavior: FallbackBehavior = FallbackBehavior.STATIC


@dataclass(frozen=True, slots=True)
class Pause:
    """What the four pause annotations ask for. `replicas` implies `full`."""

    full: bool = False
    replicas: int | None = None
    scale_in: bool = False
    scale_out: bool = False


class Strategy(StrEnum):
    """How many Jobs are made of what the triggers ask for (KEDA behaviour 2.1)."""

    DEFAULT = "default"
    CUSTOM = "custom"
    ACCURATE = "accurate"
    EAGER = "eager"


class Calculation(StrEnum):
    """How several triggers of a ScaledJob make one number."""

    MAX = "max"
    MIN = "min"
    AVG = "avg"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class JobRules:
    """What a ScaledJob has instead of an HPA. `deduction` and `share` (of the Jobs that run) are for the strategy
    `custom`. `pod_conditions` say when a Job is no longer pending: when one of its pods has them all, or, where there
    are none, when one runs. An adapter keeps the latest `succeeded` and `failed` Jobs that have ended; Jobs of an older
    generation are left to end where it is `gradual`, else deleted, with `foreground` after their pods."""

    strategy: Strategy = Strategy.DEFAULT
    calculation: Calculation = Calculation.MAX
    deduction: int = 0
    share: float = 0.0
    pod_conditions: tuple[str, ...] = ()
    succeeded: int = 100
    failed: int = 100
    gradual: bool = False
    foreground: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything of a ScaledObject, or (then with `jobs`) of a ScaledJob, that decides. `created` is the object's
    creation (seconds since the epoch), from which `initial_cooldown` counts; `kind` is the target's
    `group/version.Kind`, for messages. With a `formula` the triggers are its inputs, by the names in `variables` (name,
    metric), and `composite` is what is compared."""

    name: str
    goals: tuple[Goal, ...]
    minimum: int = 0
    maximum: int = 100
    idle: int | None = None
    cooldown: float = 300.0
    initial_cooldown: float = 0.0
    created: float = 0.0
    fallback: Fallback | None = None
    formula: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    composite: Goal | None = None
    behavior: Behavior | None = None
    pause: Pause = Pause()
    force: bool = False
    mode: Mode = Mode.HPA
    target_name: str = ""
    target_kind: str = "apps/v1.Deployment"
    jobs: JobRules | None = None


# ---------------------------------------------------------------------------------------------------- what was seen


@dataclass(frozen=True, slots=True)
class Pod:
    """One running unit of the workload (a pod, a local process) as the HPA's resource arithmetic looks at it.
    `ready_changed` is the last transition of its Ready condition, `None` where it has none yet."""

    name: str
    ready: bool
    started: float | None = None
    ready_changed: float | None = None
    pending: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Jobs:
    """What a ScaledJob's decision needs to see: Jobs that have not ended, and those among them of which nothing runs
    yet."""

    running: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """What was seen of the workload: replicas wanted (spec.replicas), existing (status.replicas) and ready. Of a
    ScaledJob: its `jobs`; wanted and existing are those that have not ended, ready those of them that run."""

    wanted: int
    exists: int
    ready: int
    pods: tuple[Pod, ...] = ()
    jobs: Jobs | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a queue says of itself. The scaler sets `value` to the sum of the parts that its parameters count."""

    ready: float
    in_flight: float | None = None
    delayed: float | None = None
    oldest_age: float | None = None
    value: float | None = None

    @property
    def counted(self) -> float:
        """The number that is compared with the target: `value` where the scaler set one, else what is ready."""
        return self.ready if self.value is None else self.value


@dataclass(frozen=True, slots=True)
class Sample:
    """Usage of one pod, in the target's unit (cores, bytes); `request` is what it asked for, for utilization."""

    pod: str
    value: float
    request: float | None = None
    at: float = 0.0
    window: float = 30.0


@dataclass(frozen=True, slots=True)
class Value:
    """A metric that was read. `active` is `None` where usage says nothing about activity. `at` is when it was read."""

    metric: str
    value: float
    active: bool | None
    at: float
    backlog: Backlog | None = None
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A metric that could not be read. Two failures with the same `at` are one attempt."""

    metric: str
    problem: str
    reason: str
    at: float


Reading = Value | Failure


# ------------------------------------------------------------------------------------------------ what is remembered


@dataclass(frozen=True, slots=True)
class Failures:
    """Consecutive failed attempts of one metric, and when the latest of them was."""

    metric: str
    count: int
    at: float


@dataclass(frozen=True, slots=True)
class Advice:
    """What was recommended (before windows and policies) at some moment."""

    replicas: int
    at: float


@dataclass(frozen=True, slots=True)
class Change:
    """The workload was seen to have moved by `by` replicas (negative: down). `total` is the sum of all changes up to
    this one, so that the sum over any period is one subtraction."""

    by: int
    at: float
    total: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """The latest replica count that a `Value` metric led to, and when (direct mode asks it at most every 15 s)."""

    metric: str
    replicas: int
    at: float


@dataclass(frozen=True, slots=True)
class State:
    """What one decision must remember for the next. It records what was seen, not what was wished. `highest` and
    `lowest` are the advice of the windows as monotone queues: only what can still win. `at` is when the last decision
    was made: what is then seen to have changed, changed because of it. `active` and the other flags are the last
    decision's, so that events are posted on transitions alone; `moving` says that it went to or from rest. `mode` is
    the one it was made in: in another the windows begin anew."""

    version: int = 1
    last_active: float | None = None
    failures: tuple[Failures, ...] = ()
    highest: tuple[Advice, ...] = ()
    lowest: tuple[Advice, ...] = ()
    changes: tuple[Change, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    seen: int | None = None
    original_replicas: int | None = None
    paused_at: int | None = None
    ready: bool | None = None
    active: bool | None = None
    fallback: bool = False
    paused: bool = False
    at: float | None = None
    moving: bool = False
    mode: Mode | None = None


# --------------------------------------------------------------------------------------------------- what is decided


class Why(Enum):
    """The outcome of a decision as a whole sentence: log line, event, condition message, tooltip and test assertion."""

    STEADY = "the metrics ask for what is there"
    ACTIVATED = "a trigger became active"
    FORCED = "activation is being forced by annotation"
    DEACTIVATED = "no trigger is active and the cooldown has passed"
    COOLING = "no trigger is active, the cooldown has not passed"
    INITIAL_COOLING = "no trigger has been active yet, the initial cooldown has not passed"
    RESTING = "no trigger is active"
    RAISED_TO_MINIMUM = "there are fewer replicas than the minimum"
    LOWERED_TO_MAXIMUM = "there are more replicas than the maximum"
    ABOVE_TARGET = "a metric is above its target"
    BELOW_TARGET = "all metrics are below their targets"
    WITHIN_TOLERANCE = "the metrics are within the tolerance of their targets"
    STABILIZED_DOWN = "a higher recommendation is still within the scale-down window"
    STABILIZED_UP = "a lower recommendation is still within the scale-up window"
    LIMITED_UP = "a scale-up policy holds the step back"
    LIMITED_DOWN = "a scale-down policy holds the step back"
    SETTLING = "a Value metric is given 15 s to show what the last step did"
    AT_MAXIMUM = "the metrics ask for more than the maximum"
    AT_MINIMUM = "the metrics ask for fewer than the minimum"
    FALLING_BACK = "a metric cannot be read, the fallback stands in"
    UNKNOWN = "a metric cannot be read, nothing is scaled down while it is unknown"
    NO_READING = "no metric can be read, nothing is scaled"
    MORE_JOBS = "the triggers ask for more jobs than there are"
    ENOUGH_JOBS = "there are as many jobs as the triggers ask for"
    LEFT_TO_HPA = "only the HPA can know what the resource metrics ask for"
    PAUSED = "the object is paused"
    PAUSED_AT = "the object is paused at a number of replicas"
    PAUSED_IN = "scaling in is paused"
    PAUSED_OUT = "scaling out is paused"


@dataclass(frozen=True, slots=True)
class Note:
    """One step of the reasoning: which rule spoke, the number before and after it, who said it (a metric's name, a
    policy, an annotation), and until when it holds."""

    rule: Why
    before: float
    after: float
    by: str = ""
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """What the metrics API answers for one goal, fallback and formula applied; `problem` instead of a number where it
    cannot be known. `active`: it keeps the workload from its rest."""

    name: str
    value: float = 0.0
    at: float = 0.0
    problem: str = ""
    fallback: bool = False
    active: bool = False


class ConditionType(StrEnum):
    READY = "Ready"
    ACTIVE = "Active"
    FALLBACK = "Fallback"
    PAUSED = "Paused"


@dataclass(frozen=True, slots=True)
class Condition:
    """A status condition in KEDA's words; `status` is True, False or Unknown as text."""

    type: ConditionType
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes event to post; `warning` is its type."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """How many replicas and why, with every effect as data. `replicas` is `None` where nobody here can know or may say;
    `again` is when to look again at the latest, where that is before the next poll. Of a ScaledJob `create` is how many
    Jobs are to be made, once, beside those that were seen, and `replicas` how many there are then."""

    replicas: int | None
    why: Why
    trail: tuple[Note, ...] = ()
    metrics: tuple[Metric, ...] = ()
    conditions: tuple[Condition, ...] = ()
    events: tuple[Event, ...] = ()
    state: State = field(default_factory=State)
    again: float | None = None
    create: int = 0


def is_number(value: float) -> bool:
    """Whether a reading can be worked with: neither NaN nor infinite."""
    return math.isfinite(value)
