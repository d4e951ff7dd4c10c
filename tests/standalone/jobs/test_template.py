from collections.abc import Mapping
from typing import Any

import pytest

from scaler.errors import ClusterError
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone.jobs.template import JobTemplate, numbered, template_of
from tests.standalone.jobs.scene import REF, scaled_job


def template(document: Mapping[str, Any]) -> JobTemplate:
    return template_of(Manifest(REF, document))


def nothing(ref: Ref) -> Mapping[str, str]:
    raise AssertionError(f"nobody needs {ref}")


def test_defaults_are_kubernetes() -> None:
    found = template(scaled_job(["sleep"]))
    assert (found.needed, found.parallelism, found.retries, found.workload.grace) == (1, 1, 6, 30.0)
    assert (found.deadline, found.kept, found.waits, found.indexed) == (None, None, False, False)
    assert found.conditions == frozenset()


@pytest.mark.parametrize(
    ("job", "needed", "parallelism", "queue"),
    [
        ({}, 1, 1, True),
        ({"completions": 4}, 4, 1, False),
        ({"completions": 4, "parallelism": 2}, 4, 2, False),
        ({"completions": 0}, 0, 1, False),
        ({"parallelism": 3}, 3, 3, True),
        ({"parallelism": 0}, 1, 1, True),
        ({"parallelism": None, "completions": None}, 1, 1, True),
    ],
)
def test_how_many_processes(job: dict[str, Any], needed: int, parallelism: int, queue: bool) -> None:
    found = template(scaled_job(**job))
    assert (found.needed, found.parallelism, found.queue) == (needed, parallelism, queue)
    assert found.waits == (job.get("parallelism") == 0)


def test_the_generation_is_of_the_whole_spec() -> None:
    """As under Kubernetes: of the spec, whatever is changed in it, and of nothing else."""
    first = template(scaled_job()).generation
    assert template(scaled_job(annotations={"autoscaling.keda.sh/paused": "true"})).generation == first
    assert template(scaled_job(spec_maxReplicaCount=3)).generation != first
    assert numbered(Manifest(REF, scaled_job())).body["metadata"]["generation"] == first


JOB = "spec.jobTargetRef"
POD = f"{JOB}.template.spec"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"metadata": {}, "spec": {}}, "spec: object missing required field jobTargetRef"),
        (scaled_job([]), f"{POD}.containers[0].command: is required, because the image is not used"),
        (scaled_job(pod_containers=[]), f"{POD}.containers: must not be empty"),
        (scaled_job(pod_terminationGracePeriodSeconds=-1), f"{POD}.terminationGracePeriodSeconds: must not be neg"),
        (scaled_job(pod_restartPolicy="Always"), f"{POD}.restartPolicy: must be OnFailure or Never"),
        (scaled_job(container_readinessProbe={}), f"{POD}.containers[0].readinessProbe: must have exactly one of"),
        (scaled_job(parallelism="2"), f"{JOB}.parallelism: expected int"),
        (scaled_job(parallelism=-1), f"{JOB}.parallelism: must be from 0 to 1000 for local processes"),
        (scaled_job(completions=10**9), f"{JOB}.completions: must be from 0 to 1000 for local processes"),
        (scaled_job(completionMode="Sorted"), f"{JOB}.completionMode: must be NonIndexed or Indexed"),
        (scaled_job(completionMode="Indexed"), f"{JOB}.completions: is required where completionMode is Indexed"),
        (scaled_job(backoffLimit=-1), f"{JOB}.backoffLimit: must not be negative"),
        (scaled_job(activeDeadlineSeconds=-1), f"{JOB}.activeDeadlineSeconds: must not be negative"),
        (scaled_job(ttlSecondsAfterFinished=-1), f"{JOB}.ttlSecondsAfterFinished: must not be negative"),
        (scaled_job(podFailurePolicy={"rules": []}), f"{JOB}.podFailurePolicy: is not supported for local processes"),
        (scaled_job(successPolicy={}), f"{JOB}.successPolicy: is not supported"),
        (scaled_job(backoffLimitPerIndex=0), f"{JOB}.backoffLimitPerIndex: is not supported"),
        (scaled_job(maxFailedIndexes=0), f"{JOB}.maxFailedIndexes: is not supported"),
        (scaled_job(managedBy="kueue.x-k8s.io/multikueue"), f"{JOB}.managedBy: is not supported"),
        (
            scaled_job(spec_scalingStrategy={"pendingPodConditions": ["Ready", "gpu/there"]}),
            "spec.scalingStrategy.pendingPodConditions: a local process never has the condition gpu/there",
        ),
    ],
)
def test_what_cannot_be_run_is_named_by_its_field(document: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(ClusterError) as error:
        template(document)
    assert str(error.value).startswith(f"ScaledJob orders cannot be run: {sentence}")
