"""What is told of each object, from the board: how it is, what was decided and why, how many replicas or jobs there
are, how often something went wrong, and how many of everything there are."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import InfoMetricFamily, Metric

from scaler.core.model import ConditionType, Mode
from scaler.engine.board import Entry
from scaler.manifests.watched import Ref
from scaler.web.telemetry.families import JOB, OBJECT, RESOURCE, SCALED_JOB, counter, gauge, names_of, resource_of
from scaler.web.telemetry.triggers import Served

Entries = Sequence[tuple[Ref, Entry]]

KINDS = {
    "ScaledObject": "scaled_object",
    "ScaledJob": "scaled_job",
    "TriggerAuthentication": "trigger_authentication",
    "ClusterTriggerAuthentication": "cluster_trigger_authentication",
    "CloudEventSource": "cloudevent_source",
    "ClusterCloudEventSource": "cloudevent_source",
}
"""KEDA's words for its kinds; what is in no namespace is counted as in `default`, as there."""

TOLD = (ConditionType.READY, ConditionType.FALLBACK)
"""Conditions with no other metric of their own."""


def about_objects(served: Served) -> Iterator[Metric]:
    objects = [(watched, entry) for watched, entry in served if watched.ref.kind != SCALED_JOB]
    paused = gauge("keda_scaled_object_paused", "Whether the object is paused (1) or not (0).", *OBJECT)
    wanted = gauge("event_scaler_replicas_wanted", "Replicas that the workload was seen to want.", *OBJECT)
    ready = gauge("event_scaler_replicas_ready", "Replicas that were seen ready.", *OBJECT)
    decided = gauge("event_scaler_replicas_decided", "Replicas of the latest decision.", *OBJECT)
    for watched, entry in objects:
        names, target, decision = names_of(watched.ref), entry.target, entry.decision
        paused.add_metric(names, float(watched.spec.pause.full))
        if target is not None:
            wanted.add_metric(names, target.wanted)
            ready.add_metric(names, target.ready)
        if decision is not None and decision.replicas is not None:
            decided.add_metric(names, decision.replicas)
    yield from (paused, wanted, ready, decided, _about_reasons(objects), _about_disagreements(objects))
    yield _about_jobs(served)


def _about_reasons(objects: Served) -> Metric:
    why = InfoMetricFamily("event_scaler_decision", "Why the latest decision is what it is.", labels=OBJECT)
    for watched, entry in objects:
        if entry.decision is not None:
            why.add_metric(names_of(watched.ref), {"why": entry.decision.why.name.lower()})
    return why


def _about_disagreements(objects: Served) -> Metric:
    """Only of what is observed: of the others nobody else decides."""
    found = gauge("event_scaler_disagreement", "Whether it is lastingly scaled otherwise than here (1).", *OBJECT)
    for watched, entry in objects:
        if watched.spec.mode is Mode.OBSERVE:
            lasting = entry.disagreement is not None and entry.disagreement.lasting
            found.add_metric(names_of(watched.ref), float(lasting))
    return found


def _about_jobs(served: Served) -> Metric:
    found = gauge(
        "event_scaler_jobs", "Jobs that were seen, by state; pending ones are running ones too.", *JOB, "state"
    )
    for watched, entry in served:
        if entry.target is not None and entry.target.jobs is not None:
            jobs = entry.target.jobs
            found.add_metric((*names_of(watched.ref), "running"), jobs.running)
            found.add_metric((*names_of(watched.ref), "pending"), jobs.pending)
    return found


def about_errors(entries: Entries) -> Iterator[Metric]:
    """Of every object that is known, from zero on."""
    sentence = "Failed attempts to serve the object or one of its metrics."
    errors = {
        False: counter("keda_scaled_object_errors", sentence, *OBJECT),
        True: counter("keda_scaled_job_errors", sentence, *JOB),
    }
    for ref, entry in entries:
        errors[ref.kind == SCALED_JOB].add_metric(names_of(ref), entry.faults + entry.errors.total())
    yield from errors.values()


def about_conditions(entries: Entries) -> Metric:
    """Of each condition its status, as one row: what cannot be bound or served is not ready."""
    found = gauge("event_scaler_condition", "The status that a condition has (1).", *RESOURCE, "condition", "status")
    for ref, entry in entries:
        for condition, status in _conditions(entry).items():
            found.add_metric((*resource_of(ref), condition.value, status), 1)
    return found


def _conditions(entry: Entry) -> Mapping[ConditionType, str]:
    decided = entry.decision.conditions if entry.decision else ()
    found = {one.type: one.status for one in decided if one.type in TOLD}
    return {**found, ConditionType.READY: "False"} if entry.problem else found


def about_numbers(entries: Entries, known: Mapping[tuple[str, str], int]) -> Iterator[Metric]:
    """Two gauges whose names end like a counter's: they are KEDA's. `known` are the objects by kind and namespace,
    where the cluster counts them; else those on the board are."""
    types = Counter(trigger.type for _, entry in entries if entry.watched for trigger in entry.watched.triggers)
    triggers = gauge("keda_trigger_registered_total", "Triggers that are served, by type.", "type")
    for type_, count in sorted(types.items()):
        triggers.add_metric((type_,), count)
    resources = gauge("keda_resource_registered_total", "Objects that are known, by kind.", "type", "namespace")
    counts: Counter[tuple[str, str]] = Counter()
    for (kind, namespace), count in (known or Counter((ref.kind, ref.namespace) for ref, _ in entries)).items():
        counts[KINDS.get(kind, kind), namespace or "default"] += count
    for labels, count in sorted(counts.items()):
        resources.add_metric(labels, count)
    yield from (triggers, resources)
