"""A ScaledJob by itself: its job is kept as it was written, its triggers keep to the rules of all triggers."""

from typing import Any

import pytest

from scaler.declare import Loaded, load_document
from scaler.manifests.scaled_job import ScaledJobSpec

TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
QUEUE = {"type": "kafka", "metadata": {}}


def loaded(**spec: Any) -> Loaded[ScaledJobSpec]:
    return load_document(ScaledJobSpec, {"jobTargetRef": {"template": TEMPLATE}, "triggers": [QUEUE], **spec}, "spec")


def test_what_is_not_said_is_as_in_keda() -> None:
    spec = loaded().value
    assert spec is not None
    assert (spec.polling_interval, spec.min_replica_count, spec.max_replica_count) == (30, 0, None)
    assert (spec.successful_jobs_history_limit, spec.failed_jobs_history_limit) == (100, 100)


def test_a_job_is_kept_as_it_was_written() -> None:
    job = {"template": TEMPLATE, "backoffLimit": 2, "podFailurePolicy": {"rules": []}}
    found = loaded(jobTargetRef=job)
    assert found.notes == {}
    assert found.value is not None
    assert found.value.job_target_ref.backoff_limit == 2
    assert found.value.job_target_ref.template == TEMPLATE
    assert found.value.job_target_ref.model_extra == {"podFailurePolicy": {"rules": []}}


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        ({"jobTargetRef": {}}, "spec.jobTargetRef.template", "is required"),
        ({"jobTargetRef": {"template": {}, "backoffLimit": "2"}}, "spec.jobTargetRef.backoffLimit", "whole number"),
        ({"triggers": []}, "spec.triggers", "no triggers defined"),
        ({"triggers": [QUEUE | {"type": ""}]}, "spec.triggers[0].type", "must not be empty"),
        ({"triggers": [QUEUE | {"name": "a"}] * 2}, "spec.triggers[1].name", "multiple times"),
        ({"triggers": [QUEUE | {"metricType": "Value"}]}, "spec.triggers[0].metricType", "Cannot set metricType in"),
        ({"triggers": [{"type": "cpu"}]}, "spec.triggers[0].type", "it makes no Jobs"),
        ({"rollout": {"strategy": "default"}}, "spec.rollout.strategy", "one of gradual, immediate"),
        ({"scalingStrategy": {"strategy": "fast"}}, "spec.scalingStrategy.strategy", "one of default"),
        ({"maxReplicaCount": 0}, "spec.maxReplicaCount", "at least 1"),
    ],
)
def test_one_problem(spec: dict[str, Any], path: str, words: str) -> None:
    assert words in loaded(**spec).problems[path]
