"""The job that a ScaledJob asks for, exactly as KEDA makes it (KEDA behaviour 2.1), but for its name: that follows from
the job's number, so that whoever makes number 7 makes the same job, and the API server refuses it the second time."""

from hashlib import sha256
from typing import Any

from scaler.kubernetes.hpa import MANAGED_BY_LABEL, MANAGER, NAME_LABEL, PART_OF_LABEL, VERSION_LABEL
from scaler.kubernetes.jobs.kinds import JobKind
from scaler.kubernetes.jobs.objects import JOB_LABEL
from scaler.kubernetes.objects import Custom
from scaler.manifests import annotations
from scaler.manifests.kinds import SCALED_JOB

Json = dict[str, Any]

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The whole ScaledJob as text: no job of it needs that."""

_LONGEST, _MARK = 63, 8


def name_of(scaled_job: str, uid: str, number: int) -> str:
    """Of the job with that number. A pod bears it as a label: it has at most 63 characters."""
    mark = sha256(f"{uid}/{number}".encode()).hexdigest()[:_MARK]
    return f"{scaled_job[: _LONGEST - _MARK - 1].rstrip('-.')}-{mark}"


def job_of(found: Custom, kind: JobKind, number: int, version: str) -> Json:
    """The whole manifest. `found` is the ScaledJob, `version` that of this daemon."""
    meta = found.metadata
    reference = {"apiVersion": SCALED_JOB.api_version, "kind": SCALED_JOB.kind, "name": meta.name, "uid": meta.uid}
    metadata: Json = {
        "name": name_of(meta.name, meta.uid, number),
        "namespace": meta.namespace,
        "labels": _labels(found, version),
        "annotations": {
            **{key: value for key, value in meta.annotations.items() if key != APPLIED},
            annotations.JOB_GENERATION: str(meta.generation),
            annotations.JOB_NUMBER: str(number),
        },
        "ownerReferences": [{**reference, "controller": True, "blockOwnerDeletion": True}],
    }
    spec = _with_pods(dict(found.spec.get(kind.template) or {}), kind.pods, meta.name)
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}


def _labels(found: Custom, version: str) -> dict[str, str]:
    """KEDA's, overridden by those of the object itself; but for the one by which its jobs are found again."""
    meta = found.metadata
    excluded = annotations.excluded_labels(meta.annotations, annotations.JOB_EXCLUDED_LABELS)
    own = {NAME_LABEL: meta.name, VERSION_LABEL: version, PART_OF_LABEL: meta.name, MANAGED_BY_LABEL: MANAGER}
    theirs = {key: value for key, value in meta.labels.items() if key not in excluded}
    return {**own, **theirs, JOB_LABEL: meta.name}


def _with_pods(spec: Json, way: tuple[str, ...], scaled_job: str) -> Json:
    """The pods' template bears the label, and says what happens when a container ends; what is written stays."""
    if way:
        return {**spec, way[0]: _with_pods(dict(spec.get(way[0]) or {}), way[1:], scaled_job)}
    metadata, pod = dict(spec.get("metadata") or {}), dict(spec.get("spec") or {})
    labels = {**(metadata.get("labels") or {}), JOB_LABEL: scaled_job}
    named = {**metadata, "generateName": f"{scaled_job}-", "labels": labels}
    return {**spec, "metadata": named, "spec": {**pod, "restartPolicy": pod.get("restartPolicy") or "OnFailure"}}
