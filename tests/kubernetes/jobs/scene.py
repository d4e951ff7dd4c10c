"""A ScaledJob, its Jobs and their pods, as the API server has them; and what a test's ScaledJob is bound to."""

from dataclasses import replace
from typing import Any, cast

import msgspec

from scaler.core.jobs import decide
from scaler.core.model import Goal, JobRules, Mode, Pause, Spec
from scaler.kubernetes.jobs.objects import JOB_LABEL, Job, JobPod
from scaler.kubernetes.objects import Custom, Meta
from scaler.manifests.watched import Ref, Trigger, Watched

Json = dict[str, Any]

NAMESPACE = "shop"
REF = Ref("ScaledJob", NAMESPACE, "orders")
UID = "uid-orders"
QUEUE = Goal("s0-queue", 1.0)
TEMPLATE = {"spec": {"containers": [{"name": "main", "image": "worker"}]}}
OBJECT = f"/apis/keda.sh/v1alpha1/namespaces/{NAMESPACE}/scaledjobs/orders"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


def scaled_job(*, generation: int = 1, status: Json | None = None, spec: Json | None = None, **meta: Any) -> Custom:
    """`meta` are labels, annotations and what else its metadata has."""
    given = {"name": "orders", "namespace": NAMESPACE, "uid": UID, "resource_version": "1", **meta}
    return Custom(Meta(generation=generation, **given), spec or {"jobTargetRef": {"template": TEMPLATE}}, status or {})


def job(name: str, *, ended: str = "", at: str = "", number: int = 0, generation: int | str = 1, **meta: Any) -> Job:
    """`ended` is Complete or Failed, `at` the minute of it; `owner` the name of who controls it, empty: nobody."""
    return msgspec.convert(job_manifest(name, ended=ended, at=at, number=number, generation=generation, **meta), Job)


def job_manifest(
    name: str,
    *,
    ended: str = "",
    at: str = "",
    number: int = 0,
    generation: int | str = 1,
    owner: str = "orders",
    kind: str = "ScaledJob",
    **meta: Any,
) -> Json:
    moment = f"2026-11-30T10:{at or '00'}:00Z"
    condition = {"type": ended, "status": "True", "lastTransitionTime": moment}
    status: Json = {"conditions": [condition]} if ended else {}
    if ended == "Complete":
        status["completionTime"] = moment
    reference = {"apiVersion": "keda.sh/v1alpha1", "kind": kind, "name": owner, "uid": f"uid-{owner}"}
    notes = {"scaledjob.keda.sh/generation": str(generation)} if generation else {}
    if number:
        notes["event-scaler.dev/number"] = str(number)
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "uid": f"uid-{name}",
        "resourceVersion": "1",
        "labels": {JOB_LABEL: "orders", "team": "a"},
        "annotations": {**notes, "other": "x"},
        "ownerReferences": [{**reference, "controller": True}] if owner else [],
        **meta,
    }
    return {"metadata": metadata, "status": status}


def pod(name: str, of: str, phase: str = "Pending", *holds: str) -> JobPod:
    """A pod of the job of that name; `holds` are its conditions that are true, another one is not."""
    return msgspec.convert(pod_manifest(name, of, phase, *holds), JobPod)


def pod_manifest(name: str, of: str, phase: str = "Pending", *holds: str) -> Json:
    conditions = [{"type": one, "status": "True"} for one in holds]
    return {
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "labels": {JOB_LABEL: "orders"},
            "ownerReferences": [
                {"kind": "Job", "name": of, "uid": "another"},
                {"kind": "Job", "name": of, "uid": f"uid-{of}", "controller": True},
            ],
        },
        "status": {"phase": phase, "conditions": [*conditions, {"type": "Other", "status": "False"}]},
    }


def watched(
    *, generation: int = 1, paused: bool = False, minimum: int = 0, maximum: int = 100, **rules: Any
) -> Watched:
    """Bound by hand to one queue, a Job for each message."""
    nothing = cast(Any, None)
    spec = Spec(
        str(REF),
        (QUEUE,),
        minimum=minimum,
        maximum=maximum,
        pause=Pause(full=paused),
        mode=Mode.DIRECT,
        target_name="orders",
        target_kind="batch/v1.Job",
        jobs=JobRules(**rules),
    )
    trigger = Trigger(0, "queue", nothing, nothing, nothing, (QUEUE,))
    return Watched(REF, spec, (trigger,), 30.0, REF, frozenset(), decide, generation=generation)


def observing(one: Watched) -> Watched:
    return replace(one, spec=replace(one.spec, mode=Mode.OBSERVE))
