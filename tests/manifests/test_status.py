"""A status that KEDA has written is one that we know."""

from typing import Any

import pytest

from scaler.declare import Resource, load_document
from scaler.manifests.status import (
    CloudEventSourceStatus,
    ScaledJobStatus,
    ScaledObjectStatus,
    TriggerAuthenticationStatus,
)

CONDITIONS = [{"type": "Ready", "status": "True", "reason": "ScaledObjectReady", "message": "m"}]
BOTH = {
    "conditions": CONDITIONS,
    "lastActiveTime": "2026-01-02T03:04:05Z",
    "externalMetricNames": ["s0-kafka-orders"],
    "triggersActivity": {"s0-kafka-orders": {"isActive": True}},
    "triggersTypes": "kafka",
    "authenticationsTypes": "TriggerAuthentication",
}


@pytest.mark.parametrize(
    ("cls", "document"),
    [
        (
            ScaledObjectStatus,
            {
                **BOTH,
                "scaleTargetKind": "apps/v1.Deployment",
                "scaleTargetGVKR": {
                    "group": "apps",
                    "version": "v1",
                    "kind": "Deployment",
                    "resource": "deployments",
                },
                "originalReplicaCount": 1,
                "pausedReplicaCount": 2,
                "resourceMetricNames": ["cpu"],
                "compositeScalerName": "composite-metric",
                "health": {"s0-kafka-orders": {"numberOfFailures": 1, "status": "Failing"}},
                "hpaName": "keda-hpa-orders",
            },
        ),
        (ScaledJobStatus, {**BOTH, "Paused": "false"}),
        (TriggerAuthenticationStatus, {"scaledobjects": "a,b", "scaledjobs": "c"}),
        (CloudEventSourceStatus, {"conditions": CONDITIONS}),
        (ScaledObjectStatus, {}),
    ],
)
def test_every_field_is_known(cls: type[Resource], document: dict[str, Any]) -> None:
    loaded = load_document(cls, document, "status")
    assert (loaded.problems, loaded.notes) == ({}, {})
    assert loaded.value is not None
    assert document == loaded.value.model_dump(by_alias=True, exclude_unset=True, mode="json")
