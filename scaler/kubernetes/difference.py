"""What an HPA lacks of the one that is wanted. Compared is what both mean once the API server has filled in its
defaults (contract 2.7) and printed its quantities: an HPA that is right is never written. What others have put on it
stays."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scaler.core.quantity import parse
from scaler.kubernetes.hpa import RULES, VERSION_LABEL, Json
from scaler.kubernetes.objects import Hpa, Meta

_QUANTITIES = frozenset(("value", "averageValue", "tolerance"))
_FULL: Json = {"type": "Percent", "value": 100, "periodSeconds": 15}
_DEFAULTS: dict[str, Json] = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, _FULL],
    },
    "scaleDown": {"selectPolicy": "Max", "policies": [_FULL]},
}


def patch_of(wanted: Json, found: Hpa) -> Json | None:
    """The JSON merge patch that makes `found` what is `wanted`; `None` where it is that already. Labels and annotations
    of others stay. Our version alone is no reason to write. The uid refuses an HPA that was made anew meanwhile."""
    metadata, spec = _metadata_patch(wanted["metadata"], found.metadata), dict(_spec_patch(wanted["spec"], found))
    if not spec and metadata in ({}, {"labels": {VERSION_LABEL: wanted["metadata"]["labels"].get(VERSION_LABEL)}}):
        return None
    patch: Json = {"metadata": {"uid": found.metadata.uid, **metadata}}
    return {**patch, "spec": spec} if spec else patch


def _metadata_patch(wanted: Json, found: Meta) -> Json:
    patch: Json = {}
    for name, present in (("labels", found.labels), ("annotations", found.annotations)):
        if missing := {key: value for key, value in wanted[name].items() if present.get(key) != value}:
            patch[name] = missing
    uid = wanted["ownerReferences"][0]["uid"]
    if not any(one.uid == uid and one.controller for one in found.owner_references):
        patch["ownerReferences"] = wanted["ownerReferences"]
    return patch


def _spec_patch(wanted: Json, found: Hpa) -> Iterator[tuple[str, Any]]:
    spec, target = found.spec, found.spec.scale_target_ref
    if wanted["scaleTargetRef"] != {"apiVersion": target.api_version, "kind": target.kind, "name": target.name}:
        yield "scaleTargetRef", wanted["scaleTargetRef"]
    for name, present in (("minReplicas", spec.min_replicas), ("maxReplicas", spec.max_replicas)):
        if wanted[name] != present:
            yield name, wanted[name]
    if not _same_metrics(wanted["metrics"], spec.metrics):
        yield "metrics", wanted["metrics"]
    behavior = wanted.get("behavior")
    if _comparable(_filled(behavior)) != _comparable(_filled(spec.behavior)):
        yield "behavior", _replacing(behavior)


def _same_metrics(wanted: Sequence[Json], found: Sequence[Json]) -> bool:
    """In any order: KEDA's sort is not a stable one."""
    ours, theirs = _comparable(wanted), _comparable(found)
    if ours == theirs or len(ours) != len(theirs):
        return bool(ours == theirs)
    return all(one in theirs for one in ours) and all(one in ours for one in theirs)


def _replacing(behavior: Json | None) -> Json | None:
    """As a merge patch leaves nothing behind of what was there: what is not said is taken away."""
    if behavior is None:
        return None
    return {way: {rule: behavior.get(way, {}).get(rule) for rule in RULES} for way in _DEFAULTS}


def _filled(behavior: Mapping[str, Any] | None) -> Json | None:
    """Each direction and each field by itself, where there is a behavior at all."""
    if behavior is None:
        return None
    return {way: {**rules, **(behavior.get(way) or {})} for way, rules in _DEFAULTS.items()}


def _comparable(node: Any, key: str = "") -> Any:
    """With quantities as numbers, so that `1000m` is `1`."""
    if isinstance(node, Mapping):
        return {name: _comparable(value, name) for name, value in node.items()}
    if isinstance(node, list | tuple):
        return [_comparable(value) for value in node]
    return _number(node) if key in _QUANTITIES else node


def _number(node: Any) -> Any:
    try:
        return parse(str(node))
    except ValueError:
        return node
