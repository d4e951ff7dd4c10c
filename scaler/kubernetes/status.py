"""A ScaledObject's `status` in KEDA's fields (KEDA behaviour 1.4), as it should be after a decision; and what a new
leader reads from the status that the one before left. Pure: what differs is written by others, and only then.

Nothing here changes from poll to poll while nothing happens: `lastActiveTime` moves when activity begins or ends, a
failure is counted in the status when it begins and when the fallback comes into force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scaler.core.model import Condition, ConditionType, Decision, Failures, Fallback, State
from scaler.errors import InternalError, ScalerError
from scaler.kubernetes.objects import Condition as Seen
from scaler.kubernetes.objects import Custom, Hpa
from scaler.kubernetes.targets import Resource
from scaler.manifests.kinds import SCALED_OBJECT
from scaler.manifests.watched import Watched

Json = dict[str, Any]

HAPPY, FAILING = "Happy", "Failing"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the status tells of the cluster: the target's resource, the HPA's name and the HPA itself, where it is there
    and ours. `resting`: it has nothing to do, because the target is at zero."""

    resource: Resource
    hpa_name: str = ""
    hpa: Hpa | None = None
    resting: bool = False


def status_of(watched: Watched, decision: Decision, before: Mapping[str, Any], facts: Facts) -> Json:
    """The whole status that should be there; `before` is the one that is."""
    external = [goal.metric for goal in watched.spec.goals if not goal.resource]
    active = {metric.name: metric.active for metric in decision.metrics}
    found: Json = {
        **before,
        "scaleTargetKind": watched.spec.target_kind,
        "scaleTargetGVKR": facts.resource.gvkr(),
        "originalReplicaCount": _original(decision, before, facts),
        "lastActiveTime": last_active(decision, before),
        "externalMetricNames": external,
        "compositeScalerName": watched.spec.composite.metric if watched.spec.composite else None,
        "resourceMetricNames": [g.metric for g in watched.spec.goals if g.resource and not g.container],
        "conditions": conditions_of(decision.conditions, before, facts.hpa, resting=facts.resting),
        "health": _health(decision.state, watched.spec.fallback, external, before.get("health") or {}),
        "triggersActivity": {name: {"isActive": active.get(name, False)} for name in external},
        "pausedReplicaCount": watched.spec.pause.replicas if watched.spec.pause.full else None,
        "hpaName": facts.hpa_name,
        "triggersTypes": ",".join(dict.fromkeys(trigger.type for trigger in watched.triggers)),
        "authenticationsTypes": ",".join(watched.authentications),
    }
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def problem_of(problem: ScalerError, before: Mapping[str, Any]) -> Json:
    """The status of an object that could not be bound or served: what it said of everything else stays."""
    return {**before, "conditions": conditions_of(failed(problem, SCALED_OBJECT.kind), before, None)}


def failed(problem: ScalerError, kind: str) -> tuple[Condition, Condition]:
    """What two of its conditions say of such an object, of whatever kind."""
    unknown = isinstance(problem, InternalError)
    reason = problem.reason if unknown else f"{kind}CheckFailed"
    return (
        Condition(ConditionType.READY, "Unknown" if unknown else "False", reason, str(problem)),
        Condition(ConditionType.ACTIVE, "Unknown", "UnknownState", f"{kind} check failed"),
    )


def conditions_of(
    told: Sequence[Condition], before: Mapping[str, Any], hpa: Hpa | None, *, resting: bool = False
) -> list[Json]:
    """KEDA's conditions in KEDA's order; those that were not told now stand as they were, or as they are at first. What
    a new HPA will say of a target at zero is known before it says so: that is one write less for each new object."""
    found = {one.get("type", ""): dict(one) for one in before.get("conditions") or ()}
    for first in _AT_FIRST:
        found.setdefault(first["type"], dict(first))
    for one in told:
        found[one.type.value] = spelled(one)
    if hpa is not None and (mirrored := _hpa_active(hpa)):
        found["HPAActive"] = mirrored
    elif resting:
        found.setdefault("HPAActive", dict(_AT_REST))
    return [found[type_] for type_ in _ORDER if type_ in found]


def spelled(one: Condition) -> Json:
    """As a status has it."""
    return _condition(one.type.value, one.status, one.reason, one.message)


def condition_of(status: Mapping[str, Any], type_: str) -> Mapping[str, str]:
    """One of its conditions, empty where there is none."""
    return next((one for one in status.get("conditions") or () if one.get("type") == type_), {})


def served_before(status: Mapping[str, Any]) -> bool:
    """Whether it tells of a decision; an object that was only ever refused has none behind it."""
    decided = condition_of(status, "Fallback").get("status") in ("True", "False")
    paused = (
        condition_of(status, "Paused").get("status") == "True" and condition_of(status, "Ready").get("status") == "True"
    )
    return decided or paused  # KEDA decides nothing of an object that was paused from its birth


def patch_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> Json:
    """The merge patch from the one to the other; empty where nothing differs."""
    patch: Json = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := patch_of(old, value):
                patch[name] = inner
        elif old != value:
            patch[name] = value
    return patch


# ------------------------------------------------------------------------------------------------- what is remembered


def remembered(owner: Custom, now: float) -> State | None:
    """What the leader before left; `None` where nobody has served the object yet. An object that is active counts this
    first look as its last activity: while it lasts, nobody writes it down."""
    conditions = {one.get("type"): one for one in owner.status.get("conditions") or ()}
    if not conditions:
        return None
    flags = {type_: one.get("status") for type_, one in conditions.items()}
    active = {"True": True, "False": False}.get(flags.get("Active") or "")
    return State(
        last_active=now if active else moment(owner.status.get("lastActiveTime")),
        failures=tuple(_failures(owner.status.get("health") or {})),
        original_replicas=owner.status.get("originalReplicaCount"),
        paused_at=owner.status.get("pausedReplicaCount"),
        ready={"True": True, "False": False}.get(flags.get("Ready") or ""),
        active=active,
        fallback=flags.get("Fallback") == "True",
        paused=flags.get("Paused") == "True",
    )


def _failures(health: Mapping[str, Mapping[str, Any]]) -> list[Failures]:
    return [
        Failures(metric, int(one.get("numberOfFailures") or 0), 0.0)
        for metric, one in health.items()
        if one.get("status") == FAILING and one.get("numberOfFailures")
    ]


def moment(text: Any) -> float | None:
    """Seconds since the epoch of a time as the API server writes it."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return None


def stamp(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# ------------------------------------------------------------------------------------------------------------ the parts


def _condition(type_: str, status: str, reason: str, message: str) -> Json:
    return {"type": type_, "status": status, "reason": reason, "message": message}


_ORDER = ("Ready", "Active", "Fallback", "Paused", "HPAActive")
_AT_FIRST = (
    _condition("Ready", "Unknown", "", ""),
    _condition("Active", "Unknown", "", ""),
    _condition("Fallback", "Unknown", "", ""),
    _condition("Paused", "False", "", ""),
)
_AT_REST = _condition("HPAActive", "True", "ScalingDisabled", "HPA rests while the target is at zero")


def _original(decision: Decision, before: Mapping[str, Any], facts: Facts) -> int | None:
    """As it was before anybody scaled: never taken from what an HPA of ours, or an earlier activity, has made of it."""
    found: int | None = before.get("originalReplicaCount")
    if found is not None or before.get("lastActiveTime") or facts.hpa is not None:
        return found
    return decision.state.original_replicas


def last_active(decision: Decision, before: Mapping[str, Any]) -> str | None:
    """While activity lasts the moment it began stands; when it has ended, its last moment."""
    written: str | None = before.get("lastActiveTime")
    was_active = condition_of(before, "Active").get("status") == "True"
    if decision.state.last_active is None or (written and was_active and decision.state.active):
        return written
    now = stamp(decision.state.last_active)
    return written if written and (moment(written) or 0.0) > decision.state.last_active else now


def _health(
    state: State, fallback: Fallback | None, metrics: Sequence[str], before: Mapping[str, Mapping[str, Any]]
) -> Json:
    """Only where a fallback waits for failures. Two counts are ever written: the first, and the first one beyond the
    threshold; a count beyond it that KEDA wrote stands."""
    if fallback is None:
        return {}
    counts = {one.metric: one.count for one in state.failures}
    found: Json = {}
    for metric in metrics:
        count = counts.get(metric, 0)
        shown = 0 if not count else 1
        if count > fallback.threshold:
            shown = max(fallback.threshold + 1, int((before.get(metric) or {}).get("numberOfFailures") or 0))
        found[metric] = {"numberOfFailures": shown, "status": FAILING if count else HAPPY}
    return found


def _hpa_active(hpa: Hpa) -> Json | None:
    """The HPA's own ScalingActive, in KEDA's words."""
    active: Seen | None = next((one for one in hpa.status.conditions if one.type == "ScalingActive"), None)
    if active is None:
        return None
    if active.status == "True":
        return _condition("HPAActive", "True", "HPAActive", "HPA is able to read metrics")
    if active.reason == "ScalingDisabled":
        return _AT_REST
    return _condition("HPAActive", "False", active.reason or "HPAMetricsUnavailable", active.message)
