"""Every annotation we read, with its meaning (KEDA behaviour 1.5). Nothing else in the project spells one out."""

from collections.abc import Mapping

from scaler.core.model import Mode, Pause

PAUSED = "autoscaling.keda.sh/paused"
PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"
PAUSED_SCALE_IN = "autoscaling.keda.sh/paused-scale-in"
PAUSED_SCALE_OUT = "autoscaling.keda.sh/paused-scale-out"
FORCE_ACTIVATION = "autoscaling.keda.sh/force-activation"
TRANSFER_HPA_OWNERSHIP = "scaledobject.keda.sh/transfer-hpa-ownership"
HPA_EXCLUDED_LABELS = "scaledobject.keda.sh/hpa-excluded-labels"
HPA_OWNERSHIP = "validations.keda.sh/hpa-ownership"
JOB_EXCLUDED_LABELS = "scaledjob.keda.sh/job-excluded-labels"
JOB_GENERATION = "scaledjob.keda.sh/generation"
JOB_NUMBER = "event-scaler.dev/number"
MODE = "event-scaler.dev/mode"

_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


def truthy(annotations: Mapping[str, str], key: str) -> bool:
    """Whether an annotation is there and does not say false: KEDA counts a value that is no bool as true."""
    return key in annotations and annotations[key] not in _FALSE


def pause_of(annotations: Mapping[str, str]) -> tuple[Pause, dict[str, str]]:
    """What the four pause annotations ask for, and what is wrong with them. `paused-replicas` wins over `paused`."""
    problems: dict[str, str] = {}
    replicas = None
    if (text := annotations.get(PAUSED_REPLICAS)) is not None:
        if text.isdecimal():
            replicas = int(text)
        else:
            problems[f"metadata.annotations.{PAUSED_REPLICAS}"] = "must be a whole number of replicas"
    pause = Pause(
        full=truthy(annotations, PAUSED) or PAUSED_REPLICAS in annotations,
        replicas=replicas,
        scale_in=truthy(annotations, PAUSED_SCALE_IN),
        scale_out=truthy(annotations, PAUSED_SCALE_OUT),
    )
    return pause, problems


def forced(annotations: Mapping[str, str]) -> bool:
    return truthy(annotations, FORCE_ACTIVATION)


def transfers(annotations: Mapping[str, str]) -> bool:
    """Whether an HPA that exists is to be taken over. Nothing but `true` says so."""
    return annotations.get(TRANSFER_HPA_OWNERSHIP) == "true"


def excluded_labels(annotations: Mapping[str, str], key: str = HPA_EXCLUDED_LABELS) -> frozenset[str]:
    """The object's labels that its HPA (with the other key, its Jobs) does not get: separated by commas, blanks belong
    to the name."""
    return frozenset(annotations.get(key, "").split(","))


def tolerated(annotations: Mapping[str, str]) -> bool:
    """Whether an HPA, whose annotations these are, may scale a workload beside ours. Nothing but `false` says so."""
    return annotations.get(HPA_OWNERSHIP) == "false"


def observed(annotations: Mapping[str, str]) -> bool:
    """Whether nothing at all is to be written about the object."""
    return annotations.get(MODE) == Mode.OBSERVE.value


def mode_of(annotations: Mapping[str, str]) -> tuple[Mode, dict[str, str]]:
    """Who moves the replicas above zero; KEDA's way where nothing is said."""
    text = annotations.get(MODE, Mode.HPA.value)
    try:
        return Mode(text), {}
    except ValueError:
        return Mode.HPA, {f"metadata.annotations.{MODE}": f"must be one of {', '.join(Mode)}"}
