"""From what decides to the HPA that carries it out, exactly as KEDA makes it (KEDA behaviour 3.5): the manifest and
nothing else. What of it an HPA that is there lacks says `difference`, whose an HPA is `ownership`; an object that is
paused altogether has none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scaler.core import naming
from scaler.core.composite import goals_of
from scaler.core.model import Goal, MetricType, Rules, Select, Spec
from scaler.core.quantity import milli_of, render_milli
from scaler.kubernetes.objects import Custom
from scaler.manifests import annotations

Json = dict[str, Any]

OBJECT_LABEL = "scaledobject.keda.sh/name"
NAME_LABEL = "app.kubernetes.io/name"
VERSION_LABEL = "app.kubernetes.io/version"
PART_OF_LABEL = "app.kubernetes.io/part-of"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGER = "keda-operator"

_LABEL = 63
_TRAILING = re.compile(r"[^0-9A-Za-z]+\Z")
RULES = ("stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance")


@dataclass(frozen=True, slots=True)
class Owner:
    """What the ScaledObject says of itself. `custom` is its own name for the HPA, `version` that of this daemon."""

    name: str
    namespace: str
    uid: str
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    custom: str = ""
    version: str = ""
    api_version: str = "keda.sh/v1alpha1"
    kind: str = "ScaledObject"

    @property
    def hpa(self) -> str:
        """The HPA's name."""
        return self.custom or naming.hpa(self.name)


def owner_of(found: Custom, version: str) -> Owner:
    config = (found.spec.get("advanced") or {}).get("horizontalPodAutoscalerConfig") or {}
    meta = found.metadata
    custom = config.get("name") or ""
    return Owner(meta.name, meta.namespace, meta.uid, meta.labels, meta.annotations, custom, version)


def hpa_of(spec: Spec, owner: Owner) -> Json:
    """The whole manifest."""
    api_version, _, kind = spec.target_kind.rpartition(".")
    wanted: Json = {
        "scaleTargetRef": {"apiVersion": api_version, "kind": kind, "name": spec.target_name},
        "minReplicas": max(spec.minimum, 1),
        "maxReplicas": spec.maximum,
        "metrics": sorted((_metric(goal, owner) for goal in goals_of(spec)), key=lambda metric: str(metric["type"])),
    }
    if (behavior := _behavior(spec)) is not None:
        wanted["behavior"] = behavior
    reference = {"apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name, "uid": owner.uid}
    metadata: Json = {
        "name": owner.hpa,
        "namespace": owner.namespace,
        "labels": labels_of(owner),
        "annotations": dict(owner.annotations),
        "ownerReferences": [{**reference, "controller": True, "blockOwnerDeletion": True}],
    }
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": wanted}


def labels_of(owner: Owner) -> dict[str, str]:
    """KEDA's labels, overridden by those of the object itself."""
    name = owner.hpa if len(owner.hpa) <= _LABEL else _TRAILING.sub("", owner.hpa[:_LABEL])
    own = {NAME_LABEL: name, VERSION_LABEL: owner.version, PART_OF_LABEL: owner.name, MANAGED_BY_LABEL: MANAGER}
    excluded = annotations.excluded_labels(owner.annotations)
    return {**own, **{key: value for key, value in owner.labels.items() if key not in excluded}}


def _metric(goal: Goal, owner: Owner) -> Json:
    if goal.container:
        source = {"name": goal.resource, "container": goal.container, "target": _target(goal)}
        return {"type": "ContainerResource", "containerResource": source}
    if goal.resource:
        return {"type": "Resource", "resource": {"name": goal.resource, "target": _target(goal)}}
    metric = {"name": goal.metric, "selector": {"matchLabels": {OBJECT_LABEL: owner.name}}}
    return {"type": "External", "external": {"metric": metric, "target": _target(goal)}}


def _target(goal: Goal) -> Json:
    """A quantity that was written as one stays so; another is cut to thousandths, as KEDA does."""
    if goal.kind is MetricType.UTILIZATION:
        return {"type": goal.kind.value, "averageUtilization": int(goal.target)}
    name = "value" if goal.kind is MetricType.VALUE else "averageValue"
    return {"type": goal.kind.value, name: goal.written or render_milli(milli_of(goal.target))}


def _behavior(spec: Spec) -> Json | None:
    """What is written and nothing more; a paused direction is disabled."""
    up = _rules(spec.behavior.up if spec.behavior else Rules(), spec.pause.scale_out)
    down = _rules(spec.behavior.down if spec.behavior else Rules(), spec.pause.scale_in)
    behavior = {way: rules for way, rules in (("scaleUp", up), ("scaleDown", down)) if rules}
    return behavior if behavior or spec.behavior is not None else None


def _rules(rules: Rules, paused: bool) -> Json:
    select = Select.DISABLED if paused else rules.select
    policies = [{"type": one.type.value, "value": one.value, "periodSeconds": one.period} for one in rules.policies]
    tolerance = None if rules.tolerance is None else f"{rules.tolerance:.9f}".rstrip("0").rstrip(".")
    written = (rules.window, select.value if select else None, policies or None, tolerance)
    return {name: value for name, value in zip(RULES, written, strict=True) if value is not None}
