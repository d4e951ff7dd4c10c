"""A ScaledJob's `status` in KEDA's fields (KEDA behaviour 2.1), as it should be after a decision. Pure. What both kinds
of scaled objects have in common stands one floor up, and so does what a new leader reads of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from scaler.core.model import Condition, Decision
from scaler.errors import ScalerError
from scaler.kubernetes.status import condition_of, failed, last_active, spelled
from scaler.manifests.kinds import SCALED_JOB
from scaler.manifests.watched import Watched

Json = dict[str, Any]

_ORDER = ("Ready", "Active", "Paused")


def status_of(watched: Watched, decision: Decision, before: Mapping[str, Any]) -> Json:
    """The whole status that should be there; `before` is the one that is."""
    names = [goal.metric for goal in watched.spec.goals]
    active = {metric.name: metric.active for metric in decision.metrics}
    found: Json = {
        **before,
        "lastActiveTime": last_active(decision, before),
        "conditions": _conditions(decision.conditions, before),
        "externalMetricNames": names,
        "triggersActivity": {name: {"isActive": active.get(name, False)} for name in names},
        "triggersTypes": ",".join(dict.fromkeys(trigger.type for trigger in watched.triggers)),
        "authenticationsTypes": ",".join(watched.authentications),
        "Paused": "true" if watched.spec.pause.full else None,
    }
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def problem_of(problem: ScalerError, before: Mapping[str, Any]) -> Json:
    """Of one that could not be bound or served: what it said of everything else stays."""
    return {**before, "conditions": _conditions(failed(problem, SCALED_JOB.kind), before)}


def served_before(status: Mapping[str, Any]) -> bool:
    """Whether it tells of a decision; one that was only ever refused has none behind it."""
    decided = condition_of(status, "Active").get("status") in ("True", "False")
    return decided or (paused(status) and condition_of(status, "Ready").get("status") == "True")


def paused(status: Mapping[str, Any]) -> bool:
    return condition_of(status, "Paused").get("status") == "True"


def _conditions(told: Sequence[Condition], before: Mapping[str, Any]) -> list[Json]:
    """In KEDA's order; those that were not told now stand as they were, or as they are at first."""
    found: dict[str, Json] = {type_: {"type": type_, "status": "Unknown"} for type_ in _ORDER}
    found["Paused"]["status"] = "False"
    found.update({one.get("type", ""): dict(one) for one in before.get("conditions") or ()})
    found.update({one.type.value: spelled(one) for one in told})
    return [found[type_] for type_ in _ORDER]
