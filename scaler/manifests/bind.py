"""From a manifest to something the engine can serve. `examine` is pure and says all that is wrong with a manifest by
itself; `bind` adds what only a cluster can tell (credentials, environment). All problems come together, with paths."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scaler.core import jobs as core_jobs
from scaler.core import model, naming
from scaler.core.decide import decide
from scaler.core.model import Goal, MetricType, Mode, Spec
from scaler.core.quantity import parse
from scaler.credentials.stores import Stores
from scaler.declare import UNRESOLVED, Loaded, Place, load, load_document, parameters
from scaler.errors import CredentialError, GivenError, ManifestError
from scaler.manifests import annotations, authentication, jobs, modifiers
from scaler.manifests.authentication import Credentials, refers
from scaler.manifests.bounds import beyond
from scaler.manifests.kinds import SCALED_JOB
from scaler.manifests.scaled_job import ScaledJobSpec
from scaler.manifests.scaled_object import ScaledObjectSpec, ScalingBehavior, ScalingRules, TriggerEntry
from scaler.manifests.watched import Manifest, Ref, Trigger, Watched
from scaler.sdk.scaler import Aim, AnyScaler
from scaler.sdk.source import AnySource

Find = Callable[[str], type[AnyScaler]]
"""A trigger's type → its class; raises `ManifestError`."""


AnySpec = ScaledObjectSpec | ScaledJobSpec
"""Of the kinds that have triggers."""

LONGEST_NAME = 63
"""A ScaledObject's or ScaledJob's name is the value of a label (KEDA behaviour 4.2)."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What is wrong with a manifest, and what is odd but accepted, by path."""

    problems: Mapping[str, str]
    warnings: Mapping[str, str]


@dataclass(frozen=True)
class Binding:
    """What binding needs from outside: `find` a type's class, `read` the data of a Secret, ConfigMap or environment,
    the `manifest` of a TriggerAuthentication, the cluster's own `sources` by type, the `identity` of the daemon for
    workload identity, the `mode` where the adapter leaves no choice, the `cluster_namespace` in which Secrets of
    ClusterTriggerAuthentications are (none: the object's own), the `stores` (none: whoever names one is refused)."""

    find: Find
    read: Callable[[Ref], Awaitable[Mapping[str, str]]]
    manifest: Callable[[Ref], Awaitable[Manifest]]
    sources: Mapping[str, AnySource] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict, repr=False)
    mode: Mode | None = None
    cluster_namespace: str = ""
    stores: Stores | None = None


def examine(manifest: Manifest, find: Find) -> Examined:
    """Everything that can be said without a cluster; what may still come from credentials is not missing."""
    if problems := beyond(manifest.body):
        return Examined(problems, {})
    find = _once(find)
    if manifest.ref.kind in ("TriggerAuthentication", "ClusterTriggerAuthentication"):
        return Examined(*authentication.examine(manifest))
    spec, problems, warnings = _spec(manifest)
    for index, entry in enumerate(_entries(manifest, spec)):
        loaded = _load(entry, index, find, (UNRESOLVED, UNRESOLVED), aimless=_aimless(manifest))
        problems.update(loaded.problems)
        warnings.update(loaded.notes)
    return Examined(problems, warnings)


async def bind(manifest: Manifest, binding: Binding) -> Watched:
    """Bind with credentials. Raises `ManifestError` with all problems (`GivenError` where those may be in what was
    referred to), `CredentialError` where only references lead nowhere. Nothing is asked of a source here."""
    if too_much := beyond(manifest.body):
        raise ManifestError(too_much)
    spec, problems, warnings = _spec(manifest)
    if spec is None:
        raise ManifestError({**problems, **examine(manifest, binding.find).problems})
    credentials = Credentials(
        manifest.ref,
        spec.scale_target_ref if isinstance(spec, ScaledObjectSpec) else jobs.target_of(manifest, spec),
        binding.read,
        binding.manifest,
        binding.identity,
        binding.cluster_namespace,
        binding.stores,
    )
    triggers, missing, find = [], [], _once(binding.find)
    for index, entry in enumerate(spec.triggers):
        try:
            places = await credentials.of(entry, index)
            loaded = _load(entry, index, find, places, aimless=_aimless(manifest))
        except CredentialError as error:
            missing.append(str(error))
            continue
        except ManifestError as error:
            problems.update(error.problems)
            continue
        warnings.update(loaded.notes)
        problems.update(loaded.problems)
        if loaded.value is not None:
            triggers.append(_trigger(loaded.value, entry, index, credentials.target, binding))
    problems.update(_duplicates(triggers))
    warnings.update(credentials.notes)
    if problems:
        raise _refusal(problems, manifest, spec, binding)
    if missing:
        raise CredentialError("; ".join(missing))
    mode, remarks = _mode(manifest, triggers, binding.mode)
    return Watched(
        ref=manifest.ref,
        spec=_decided_by(manifest, spec, tuple(triggers), mode),
        triggers=tuple(triggers),
        interval=float(spec.polling_interval),
        target=credentials.target,
        refs=frozenset(credentials.refs),
        decide=decide if isinstance(spec, ScaledObjectSpec) else core_jobs.decide,
        warnings=tuple(f"{path}: {warning}" for path, warning in warnings.items()),
        authentications=tuple(sorted(credentials.kinds)),
        generation=int(manifest.body.get("metadata", {}).get("generation", 0)),
        remarks=remarks,
    )


def _refusal(problems: Mapping[str, str], manifest: Manifest, spec: AnySpec, binding: Binding) -> ManifestError:
    """What is wrong with the manifest itself waits for an edit; what it refers to is mended without one."""
    referring = tuple(f"spec.triggers[{index}]" for index, one in enumerate(spec.triggers) if refers(one))
    given = any(path.startswith(referring) for path in problems)
    if given and not examine(manifest, binding.find).problems:
        return GivenError(problems)
    return ManifestError(problems)


def _decided_by(manifest: Manifest, spec: AnySpec, triggers: tuple[Trigger, ...], mode: Mode) -> Spec:
    if isinstance(spec, ScaledObjectSpec):
        return spec_of(manifest, spec, triggers, mode)
    goals = tuple(goal for trigger in triggers for goal in trigger.goals)
    return jobs.spec_of(manifest, spec, goals, mode, _annotations(manifest))


def _mode(manifest: Manifest, triggers: list[Trigger], given: Mode | None) -> tuple[Mode, tuple[str, ...]]:
    """The adapter's, else the annotation's; but usage that only the HPA can read keeps the HPA."""
    asked = annotations.mode_of(_annotations(manifest))[0]
    usage = any(goal.resource for trigger in triggers for goal in trigger.goals)
    if given is None and asked is Mode.DIRECT and usage:
        return Mode.HPA, ("direct mode is asked for, but usage of cpu and memory is read by the HPA alone: it stays",)
    return given or asked, ()


def spec_of(manifest: Manifest, spec: ScaledObjectSpec, triggers: tuple[Trigger, ...], mode: Mode) -> Spec:
    """What decides, out of what was written. Pure."""
    notes = _annotations(manifest)
    target = spec.scale_target_ref
    config = spec.advanced.horizontal_pod_autoscaler_config if spec.advanced else None
    return Spec(
        name=str(manifest.ref),
        goals=tuple(goal for trigger in triggers for goal in trigger.goals),
        minimum=spec.minimum,
        maximum=spec.max_replica_count,
        idle=spec.idle_replica_count,
        cooldown=float(spec.cooldown_period),
        initial_cooldown=float(spec.initial_cooldown_period),
        created=manifest.created,
        fallback=_fallback(spec),
        formula=spec.modifiers.formula if spec.modifiers else "",
        variables=modifiers.variables(spec, triggers),
        composite=modifiers.composite(spec),
        behavior=_behavior(config.behavior) if config and config.behavior else None,
        pause=annotations.pause_of(notes)[0],
        force=annotations.forced(notes),
        mode=mode,
        target_name=target.name,
        target_kind=f"{target.api_version}.{target.kind}",
    )


def _fallback(spec: ScaledObjectSpec) -> model.Fallback | None:
    if (entry := spec.fallback) is None:
        return None
    return model.Fallback(entry.failure_threshold, entry.replicas, model.FallbackBehavior(entry.behavior))


def _behavior(written: ScalingBehavior) -> model.Behavior:
    return model.Behavior(_rules(written.scale_up), _rules(written.scale_down))


def _rules(written: ScalingRules | None) -> model.Rules:
    if written is None:
        return model.Rules()
    return model.Rules(
        window=written.stabilization_window_seconds,
        select=model.Select(written.select_policy) if written.select_policy else None,
        policies=tuple(
            model.Policy(model.PolicyType(one.type), one.value, one.period_seconds) for one in written.policies
        ),
        tolerance=parse(written.tolerance) if written.tolerance is not None else None,
    )


def _annotations(manifest: Manifest) -> Mapping[str, str]:
    metadata = manifest.body.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return {key: str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}


def _metadata(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """A file may hold what no API server lets through."""
    metadata = manifest.body.get("metadata")
    inner = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    for path, part in (("metadata", metadata), ("metadata.annotations", inner)):
        if part is not None and not isinstance(part, Mapping):
            yield path, "must be a mapping"
    if len(manifest.ref.name) > LONGEST_NAME:
        yield "metadata.name", f"must have at most {LONGEST_NAME} characters"


def _spec(manifest: Manifest) -> tuple[AnySpec | None, dict[str, str], dict[str, str]]:
    of_jobs, notes = manifest.ref.kind == SCALED_JOB.kind, _annotations(manifest)
    cls: type[AnySpec] = ScaledJobSpec if of_jobs else ScaledObjectSpec
    loaded = load_document(cls, manifest.body.get("spec", {}), "spec")
    problems = {**loaded.problems, **annotations.mode_of(notes)[1]}
    if not of_jobs:
        problems.update(annotations.pause_of(notes)[1])
    problems.update(_metadata(manifest))
    warnings = dict(loaded.notes)
    if isinstance(loaded.value, ScaledObjectSpec):
        problems.update(_tolerances(loaded.value))
        warnings.update(modifiers.unheard(loaded.value))
    elif loaded.value:
        warnings.update(jobs.odd(loaded.value))
    return (None if problems else loaded.value), problems, warnings


def _tolerances(spec: ScaledObjectSpec) -> Iterator[tuple[str, str]]:
    config = spec.advanced.horizontal_pod_autoscaler_config if spec.advanced else None
    behavior = config.behavior if config else None
    for name in ("scale_up", "scale_down"):
        rules = getattr(behavior, name, None)
        if rules is None or rules.tolerance is None:
            continue
        path = (
            f"spec.advanced.horizontalPodAutoscalerConfig.behavior.{'scaleUp' if name == 'scale_up' else 'scaleDown'}"
        )
        try:
            if parse(rules.tolerance) < 0:
                yield f"{path}.tolerance", "must not be negative"
        except ValueError:
            yield f"{path}.tolerance", "must be a quantity such as 0.1"


def _entries(manifest: Manifest, spec: AnySpec | None) -> tuple[TriggerEntry, ...]:
    """The triggers that can be read by themselves, also where the rest of the object cannot."""
    if spec is not None:
        return spec.triggers
    raw = (manifest.body.get("spec") or {}).get("triggers") if isinstance(manifest.body.get("spec"), Mapping) else None
    loaded = (load_document(TriggerEntry, one, "") for one in (raw if isinstance(raw, list) else ()))
    return tuple(one.value or TriggerEntry(type="") for one in loaded)


def _aimless(manifest: Manifest) -> bool:
    """Beside a formula, which a ScaledJob has none of, a trigger needs no target of its own."""
    return manifest.ref.kind != SCALED_JOB.kind and modifiers.there(manifest.body)


def _once(find: Find) -> Find:
    """Each type is looked for once: to look for one that there is not takes long."""
    known: dict[str, type[AnyScaler] | ManifestError] = {}

    def found(type_: str) -> type[AnyScaler]:
        if type_ not in known:
            try:
                known[type_] = find(type_)
            except ManifestError as error:
                known[type_] = error
        one = known[type_]
        if isinstance(one, ManifestError):
            raise one.with_traceback(None)
        return one

    return found


def _load(entry: TriggerEntry, index: int, find: Find, places: tuple[Any, Any], *, aimless: bool) -> Loaded[AnyScaler]:
    """One trigger's own part, with problems and notes under their paths in the manifest. `places` are what credentials
    and environment hold; `aimless`: beside a formula a trigger needs no target of its own."""
    path = f"spec.triggers[{index}]"
    if not entry.type:
        return Loaded(None, {}, {})
    try:
        cls = find(entry.type)
    except ManifestError as error:
        return Loaded(None, {f"{path}.{name}": problem for name, problem in error.problems.items()}, {})
    loaded = load(cls, entry.metadata, *places)
    problems = {_where(cls, path, name, entry): problem for name, problem in loaded.problems.items()}
    problems.update(dict(_type_problems(cls, entry, path)))
    if loaded.value is not None:
        problems.update(dict(_aim_problems(loaded.value, entry, path, aimless=aimless)))
    notes = {_where(cls, path, name, entry): note for name, note in loaded.notes.items()}
    return Loaded(None if problems else loaded.value, problems, notes)


def _where(cls: type[AnyScaler], path: str, name: str, entry: TriggerEntry) -> str:
    """A parameter that only credentials may hold is named under the reference that should have brought it."""
    known = {spelling: one for one in parameters(cls).values() for spelling in one.names}
    only_auth = name in known and not any(known[name].readable_from(place) for place in (Place.METADATA, Place.ENV))
    return f"{path}.authenticationRef.{name}" if only_auth and name not in entry.metadata else f"{path}.metadata.{name}"


def _type_problems(cls: type[AnyScaler], entry: TriggerEntry, path: str) -> Iterator[tuple[str, str]]:
    if cls.resource and entry.metric_type not in ("Utilization", "AverageValue"):
        yield f"{path}.metricType", f"a {entry.type} trigger needs Utilization or AverageValue"
    if not cls.resource and entry.metric_type == "Utilization":
        yield f"{path}.metricType", "Utilization is for cpu and memory only"
    if entry.use_cached_metrics and not cls.cacheable:
        yield f"{path}.useCachedMetrics", f"property useCachedMetrics is not supported for {entry.type!r} scaler"


def _aim_problems(scaler: AnyScaler, entry: TriggerEntry, path: str, *, aimless: bool) -> Iterator[tuple[str, str]]:
    for aim in scaler.aims(None).values():
        if aim is None and aimless:
            continue
        if aim is None:
            name = next(one.name for one in parameters(type(scaler)).values() if one.words.role == "target")
            yield f"{path}.metadata.{name}", "is required without a formula"
        elif entry.metric_type == "Utilization" and aim.target != int(aim.target):
            yield f"{path}.metadata.value", "must be a whole number of percent for Utilization"


def _trigger(scaler: AnyScaler, entry: TriggerEntry, index: int, target: Ref, binding: Binding) -> Trigger:
    kind = MetricType(entry.metric_type or MetricType.AVERAGE_VALUE)
    goals = tuple(
        _goal(aim or Aim(0.0), kind, naming.metric(index, label), scaler.resource)
        for label, aim in scaler.aims(None).items()
    )
    own = binding.sources.get(entry.type)
    source = own if own is not None else scaler.source()
    query = (entry.type, target) if own is not None else scaler.ask()
    return Trigger(index, entry.type, scaler, source, query, goals, entry.name, entry.use_cached_metrics)


def _goal(aim: Aim, kind: MetricType, metric: str, resource: str) -> Goal:
    """Usage is named after its resource and container: several containers may each have their goal."""
    if resource:
        metric = f"{resource}/{aim.container}" if aim.container else resource
    return Goal(metric, aim.target, aim.activation, kind, resource, aim.container, aim.written)


def _duplicates(triggers: list[Trigger]) -> Iterator[tuple[str, str]]:
    """Two triggers may not yield one metric: external ones have their index in the name, usage has not."""
    seen: set[str] = set()
    for trigger in triggers:
        for goal in trigger.goals:
            if goal.metric in seen:
                yield f"spec.triggers[{trigger.index}]", f"metricName {goal.metric} defined multiple times"
            seen.add(goal.metric)
