"""What is read of jobs and of their pods. Ten thousands may be kept, with labels and annotations that nobody asks for:
each is cut down to what is, when it is decoded. Nothing here is written back."""

from typing import Any

import msgspec

from scaler.kubernetes.objects import Meta
from scaler.manifests import annotations

JOB_LABEL = "scaledjob.keda.sh/name"
_DIGITS = 15


class JobCondition(msgspec.Struct, rename="camel", frozen=True, gc=False):
    type: str = ""
    status: str = ""
    last_transition_time: str | None = None


class JobStatus(msgspec.Struct, rename="camel", frozen=True, gc=False):
    conditions: tuple[JobCondition, ...] = ()
    completion_time: str | None = None


class Job(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`scaled_job` is the one that it was made for, by its label, `generation` that one's when it was made, as text;
    `number` tells the jobs of one ScaledJob apart, 0 where somebody else made it."""

    metadata: Meta = Meta()
    status: JobStatus = JobStatus()
    scaled_job: str = ""
    generation: str = ""
    number: int = 0

    def __post_init__(self) -> None:
        meta, put = self.metadata, msgspec.structs.force_setattr
        if not (meta.labels or meta.annotations):
            return
        number = meta.annotations.get(annotations.JOB_NUMBER, "")
        put(self, "scaled_job", meta.labels.get(JOB_LABEL, ""))
        put(self, "generation", meta.annotations.get(annotations.JOB_GENERATION, ""))
        put(self, "number", int(number) if number.isdecimal() and len(number) <= _DIGITS else 0)
        put(self, "metadata", msgspec.structs.replace(meta, labels={}, annotations={}))


class PodStatus(msgspec.Struct, rename="camel", frozen=True, gc=False):
    phase: str = ""
    conditions: tuple[dict[str, Any], ...] = ()


class JobPod(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """`job` is the uid of the job that controls it, `holds` the types of its conditions that are true."""

    metadata: Meta = Meta()
    status: PodStatus = PodStatus()
    job: str = ""
    holds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        meta, put = self.metadata, msgspec.structs.force_setattr
        if not meta.owner_references:
            return
        true = (one.get("type", "") for one in self.status.conditions if one.get("status") == "True")
        put(self, "holds", tuple(true))
        put(self, "status", PodStatus(self.status.phase))
        put(self, "job", next((one.uid for one in meta.owner_references if one.controller), ""))
        put(self, "metadata", msgspec.structs.replace(meta, labels={}, annotations={}, owner_references=()))
