"""What is to be said of an object before a cluster takes it (KEDA behaviour 4): all of it at once, and whether it
refuses the object or only warns who applies it. `scaler validate` and the admission webhook have it from here. Pure;
what only a cluster knows (other objects, the workload) is found in `scaler.kubernetes.admission`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from scaler.core import naming
from scaler.core.model import Mode
from scaler.declare import load_document
from scaler.manifests import annotations
from scaler.manifests.bind import Examined, Find, examine
from scaler.manifests.bounds import beyond
from scaler.manifests.kinds import CLOUD_EVENT_SOURCE, CLUSTER_CLOUD_EVENT_SOURCE, KINDS, SCALED_OBJECT
from scaler.manifests.scaled_object import ScaledObjectSpec
from scaler.manifests.watched import Manifest

LONGEST_HPA_NAME = 63

# KEDA's names of its rules: the label `reason` of its metric. A rule that KEDA does not count has none.
REPLICAS = "incorrect-replicas"
NAME = "name-too-long"
HPA_NAME = "hpa-name-too-long"
FALLBACK = "incorrect-fallback"
TRIGGERS = "incorrect-triggers"
OTHER_HPA = "other-hpa"
TRANSFER = "transfer-ownership-missing-hpa-name"
OTHER_OBJECT = "other-scaled-object"
OTHER_OBJECT_HPA = "other-scaled-object-hpa"
MODIFIERS = "scaling-modifiers"
MODIFIERS_FALLBACK = "scaling-modifiers-fallback"
REQUESTS = "missing-requests"
ZERO = "scale-to-zero-requirements-not-met"

_BY_PATH = {
    "metadata.name": NAME,
    "spec.minReplicaCount": REPLICAS,
    "spec.maxReplicaCount": REPLICAS,
    "spec.idleReplicaCount": REPLICAS,
    "spec.fallback": FALLBACK,
    "spec.triggers": TRIGGERS,
    "spec.advanced.horizontalPodAutoscalerConfig.name": HPA_NAME,
    "spec.advanced.scalingModifiers": MODIFIERS,
}
_SPECS = {kind.kind: kind.spec for kind in KINDS}
_EVENTING = (CLOUD_EVENT_SOURCE.kind, CLUSTER_CLOUD_EVENT_SOURCE.kind)
_TRIGGER = re.compile(r"spec\.triggers\[\d+\]\.(\w+)")
_JUDGED = ("name", "useCachedMetrics")
"""What KEDA looks at of a trigger."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one place of an object; `reason` is KEDA's name of the rule behind it."""

    path: str
    sentence: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}" if self.path else self.sentence


@dataclass(frozen=True, slots=True)
class Findings:
    """`refusals` are against KEDA's rules. `doubts` cannot work, but KEDA takes them and says so by an event, minutes
    later: what is missing may be applied next. `warnings` are odd, and work."""

    refusals: tuple[Finding, ...] = ()
    doubts: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    def __add__(self, more: "Findings") -> "Findings":
        return Findings(
            (*self.refusals, *more.refusals), (*self.doubts, *more.doubts), (*self.warnings, *more.warnings)
        )

    @property
    def strict(self) -> "Findings":
        """Whoever may not apply what cannot work."""
        return Findings((*self.refusals, *self.doubts), (), self.warnings)


def findings(manifest: Manifest, find: Find) -> Findings:
    """Everything that can be said of an object of any of our kinds without a cluster."""
    if problems := beyond(manifest.body) or dict(_misshapen(manifest.body)):
        return Findings(tuple(_told(manifest, problems)))
    examined, shape = _examined(manifest, find), _shape(manifest)
    told, spec = list(_told(manifest, examined.problems)), spec_of(manifest)
    return Findings(
        (
            *_untold(manifest.body),
            *(one for one in told if _refuses(one, shape)),
            *(_long_hpa_name(manifest, spec) if spec else ()),
        ),
        tuple(one for one in told if not _refuses(one, shape)),
        (
            *(Finding(path, text) for path, text in examined.warnings.items()),
            *(_without_effect(manifest, spec) if spec else ()),
        ),
    )


def spec_of(manifest: Manifest) -> ScaledObjectSpec | None:
    """The spec of a ScaledObject, if every field in it is what it should be, rules over several fields aside."""
    if manifest.ref.kind != SCALED_OBJECT.kind:
        return None
    try:
        return ScaledObjectSpec.model_validate(manifest.body.get("spec"))
    except ValidationError:
        return None


def about_annotations(told: Findings) -> Findings:
    """What of it is about annotations alone, which may change while the spec stays: no more than a warning."""
    return Findings(warnings=tuple(one for one in told.doubts if one.path.startswith("metadata.annotations")))


def _misshapen(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Metadata with which nothing can be said of the rest."""
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        yield "metadata", "must be a mapping"
    elif not isinstance(metadata.get("annotations") or {}, Mapping):
        yield "metadata.annotations", "must be a mapping"


def _untold(body: Mapping[str, Any]) -> Iterator[Finding]:
    """Annotations that YAML takes for something else."""
    for name, text in ((body.get("metadata") or {}).get("annotations") or {}).items():
        if not isinstance(text, str):
            yield Finding(f"metadata.annotations.{name}", "must be text; put it in quotes")


def _told(manifest: Manifest, problems: Mapping[str, str]) -> Iterator[Finding]:
    return (Finding(path, sentence, _reason(manifest, path, sentence)) for path, sentence in problems.items())


def _examined(manifest: Manifest, find: Find) -> Examined:
    if manifest.ref.kind in _EVENTING:
        loaded = load_document(_SPECS[manifest.ref.kind], manifest.body.get("spec", {}), "spec")
        return Examined(loaded.problems, loaded.notes)
    return examine(manifest, find)


def _shape(manifest: Manifest) -> frozenset[str]:
    """Paths of fields that are not what they should be, by themselves: a CRD would refuse them."""
    cls, spec = _SPECS[manifest.ref.kind], manifest.body.get("spec", {})
    try:
        cls.model_validate(spec)
    except ValidationError:
        return frozenset(load_document(cls, spec, "spec").problems)
    return frozenset()


def _refuses(one: Finding, shape: frozenset[str]) -> bool:
    """KEDA looks at fields and at rules over them, never at what a trigger's type and metadata mean, nor at what
    annotations say, nor at where a source's events are sent."""
    if one.path.startswith("metadata.annotations"):
        return False
    if one.path.startswith("spec.destination"):
        return one.path in shape
    trigger = _TRIGGER.match(one.path)
    return trigger is None or trigger[1] in _JUDGED or one.path in shape


def _reason(manifest: Manifest, path: str, sentence: str) -> str:
    if manifest.ref.kind != SCALED_OBJECT.kind:
        return ""
    if path == "spec.minReplicaCount" and "scale to zero" in sentence:
        return ZERO
    if path == "spec.fallback.behavior" and "formula" in sentence:
        return MODIFIERS_FALLBACK
    return next((reason for start, reason in _BY_PATH.items() if _below(path, start)), "")


def _below(path: str, start: str) -> bool:
    return path == start or path.startswith((f"{start}.", f"{start}["))


def _long_hpa_name(manifest: Manifest, spec: ScaledObjectSpec) -> Iterator[Finding]:
    """It is the value of a label of the HPA. One that is given is judged where it is declared."""
    config = spec.advanced.horizontal_pod_autoscaler_config if spec.advanced else None
    name = naming.hpa(manifest.ref.name)
    if (config is None or not config.name) and len(name) > LONGEST_HPA_NAME:
        long = f"HPA name {name!r} is {len(name)} characters long and must be no more than {LONGEST_HPA_NAME}"
        yield Finding("metadata.name", f"{long}: give another in advanced.horizontalPodAutoscalerConfig.name", HPA_NAME)


def _without_effect(manifest: Manifest, spec: ScaledObjectSpec) -> Iterator[Finding]:
    """Only while the HPA is what moves the replicas."""
    if not spec.minimum or spec.idle_replica_count is not None or _mode(manifest) is Mode.DIRECT:
        return
    why = "with minReplicaCount above 0 and without idleReplicaCount the object never goes to rest"
    if "polling_interval" in spec.model_fields_set and not any(one.use_cached_metrics for one in spec.triggers):
        sentence = f"has no effect on scaling: {why}, and without useCachedMetrics the HPA asks in its own time"
        yield Finding("spec.pollingInterval", sentence)
    if "cooldown_period" in spec.model_fields_set:
        yield Finding("spec.cooldownPeriod", f"has no effect: {why}")


def _mode(manifest: Manifest) -> Mode:
    return annotations.mode_of((manifest.body.get("metadata") or {}).get("annotations") or {})[0]
