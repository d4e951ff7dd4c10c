"""The job that is made: as KEDA makes it (KEDA behaviour 2.1), with a name that follows from its number."""

import re

import pytest

from scaler.kubernetes.jobs.kinds import JOB
from scaler.kubernetes.jobs.manifest import APPLIED, job_of, name_of
from tests.kubernetes.jobs.scene import TEMPLATE, UID, scaled_job


def test_the_whole_of_it() -> None:
    found = scaled_job(
        generation=4, labels={"team": "a"}, annotations={"note": "x", APPLIED: "{}"}, spec={"jobTargetRef": TARGET}
    )
    assert job_of(found, JOB, 7, "1.2") == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name_of("orders", UID, 7),
            "namespace": "shop",
            "labels": {
                "app.kubernetes.io/name": "orders",
                "app.kubernetes.io/version": "1.2",
                "app.kubernetes.io/part-of": "orders",
                "app.kubernetes.io/managed-by": "keda-operator",
                "scaledjob.keda.sh/name": "orders",
                "team": "a",
            },
            "annotations": {"note": "x", "scaledjob.keda.sh/generation": "4", "event-scaler.dev/number": "7"},
            "ownerReferences": [
                {
                    "apiVersion": "keda.sh/v1alpha1",
                    "kind": "ScaledJob",
                    "name": "orders",
                    "uid": UID,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "parallelism": 2,
            "podFailurePolicy": {"rules": []},
            "template": {
                "metadata": {
                    "annotations": {"a": "b"},
                    "labels": {"app": "worker", "scaledjob.keda.sh/name": "orders"},
                    "generateName": "orders-",
                },
                "spec": {"containers": [{"name": "main"}], "restartPolicy": "OnFailure"},
            },
        },
    }


TARGET = {
    "parallelism": 2,
    "podFailurePolicy": {"rules": []},
    "template": {
        "metadata": {"annotations": {"a": "b"}, "labels": {"app": "worker"}},
        "spec": {"containers": [{"name": "main"}]},
    },
}


def test_what_was_written_is_left_as_it_was() -> None:
    found = scaled_job()
    job_of(found, JOB, 1, "1")
    assert found.spec == {"jobTargetRef": {"template": TEMPLATE}}


@pytest.mark.parametrize(("written", "restart"), [("Never", "Never"), ("OnFailure", "OnFailure"), ("", "OnFailure")])
def test_the_restart_policy(written: str, restart: str) -> None:
    template = {"spec": {**TEMPLATE["spec"], "restartPolicy": written}}
    made = job_of(scaled_job(spec={"jobTargetRef": {"template": template}}), JOB, 1, "1")
    assert made["spec"]["template"]["spec"]["restartPolicy"] == restart


def test_labels_that_its_jobs_do_not_get() -> None:
    found = scaled_job(
        labels={"team": "a", "stage": "b", "app.kubernetes.io/managed-by": "Helm"},
        annotations={"scaledjob.keda.sh/job-excluded-labels": "stage,other"},
    )
    labels = job_of(found, JOB, 1, "1")["metadata"]["labels"]
    assert labels["team"] == "a"
    assert labels["app.kubernetes.io/managed-by"] == "Helm"
    assert "stage" not in labels


def test_by_what_it_is_found_again_nobody_overrides() -> None:
    """With KEDA such a label makes jobs without end: none of them is counted."""
    found = scaled_job(
        labels={"scaledjob.keda.sh/name": "x"}, annotations={"scaledjob.keda.sh/generation": "x"}, generation=3
    )
    made = job_of(found, JOB, 1, "1")["metadata"]
    assert made["labels"]["scaledjob.keda.sh/name"] == "orders"
    assert made["annotations"]["scaledjob.keda.sh/generation"] == "3"


@pytest.mark.parametrize("name", ["orders", "a" * 63, "a" * 53 + ".b", "a" * 52 + "-.b"])
def test_a_name_that_a_pod_can_bear_as_a_label(name: str) -> None:
    made = name_of(name, UID, 1)
    assert len(made) <= 63
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?-[0-9a-f]{8}", made)


def test_a_name_is_of_one_number_of_one_object() -> None:
    names = {name_of("orders", uid, number) for uid in ("u1", "u2") for number in range(500)}
    assert len(names) == 1000
    assert name_of("orders", "u1", 3) == name_of("orders", "u1", 3)
