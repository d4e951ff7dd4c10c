"""Manifests that the tests on a control plane are made of, and where the API server has them."""

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

PLURALS = {
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "Secret": "secrets",
    "ConfigMap": "configmaps",
    "ScaledObject": "scaledobjects",
    "ScaledJob": "scaledjobs",
    "Job": "jobs",
    "TriggerAuthentication": "triggerauthentications",
    "CloudEventSource": "cloudeventsources",
    "ClusterTriggerAuthentication": "clustertriggerauthentications",
    "ClusterCloudEventSource": "clustercloudeventsources",
}


def place(manifest: Object, namespace: str) -> str:
    """Where an object of these kinds is created."""
    version, plural = manifest["apiVersion"], PLURALS[manifest["kind"]]
    within = "" if manifest["kind"].startswith("Cluster") else f"/namespaces/{namespace}"
    return f"/{'apis' if '/' in version else 'api'}/{version}{within}/{plural}"


def deployments(namespace: str, name: str = "") -> str:
    return _path(f"/apis/apps/v1/namespaces/{namespace}/deployments", name)


def objects(namespace: str, name: str = "") -> str:
    return _path(f"/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledobjects", name)


def scaled_jobs(namespace: str, name: str = "") -> str:
    return _path(f"/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledjobs", name)


def jobs(namespace: str, name: str = "") -> str:
    return _path(f"/apis/batch/v1/namespaces/{namespace}/jobs", name)


def pods(namespace: str, name: str = "") -> str:
    return _path(f"/api/v1/namespaces/{namespace}/pods", name)


def hpas(namespace: str, name: str = "") -> str:
    return _path(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers", name)


def authentications(namespace: str, name: str = "") -> str:
    return _path(f"/apis/keda.sh/v1alpha1/namespaces/{namespace}/triggerauthentications", name)


def secrets(namespace: str, name: str = "") -> str:
    return _path(f"/api/v1/namespaces/{namespace}/secrets", name)


def events(namespace: str) -> str:
    return f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"


def _path(collection: str, name: str) -> str:
    return f"{collection}/{name}" if name else collection


def deployment(name: str, replicas: int = 0, *, env: Mapping[str, str] | None = None) -> Object:
    """Its pods are made ready by the rig's kubelet."""
    container: Object = {"name": "main", "image": "none"}
    container["env"] = [{"name": key, "value": value} for key, value in (env or {}).items()]
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def stateful_set(name: str, replicas: int = 0) -> Object:
    made = deployment(name, replicas)
    return {**made, "kind": "StatefulSet", "spec": {**made["spec"], "serviceName": name}}


def definition(group: str, kind: str, *, scalable: bool = True) -> Object:
    """Of a kind with the spec {replicas}, with or without the scale subresource."""
    plural, loose = f"{kind.lower()}s", {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    version: Object = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": loose}}
    version["subresources"] = {"status": {}, "scale": scale} if scalable else {"status": {}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def custom(group: str, kind: str, name: str, replicas: int) -> Object:
    spec = {"replicas": replicas}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def scaled_object(
    name: str,
    *triggers: Object,
    target: str = "",
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    **spec: Any,
) -> Object:
    """Polls every second and rests after two; scales down without a window."""
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "annotations": dict(annotations or {}), "labels": dict(labels or {})},
        "spec": {
            "scaleTargetRef": {"name": target or name},
            "pollingInterval": 1,
            "cooldownPeriod": 2,
            "maxReplicaCount": 5,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
            "triggers": list(triggers),
            **spec,
        },
    }


def scaled_job(
    name: str,
    *triggers: Object,
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    pod_labels: Mapping[str, str] | None = None,
    **spec: Any,
) -> Object:
    """Polls every second; a Job of it is one pod, and fails with it. Unless told otherwise it asks where nobody
    answers."""
    pod = {"containers": [{"name": "main", "image": "none"}], "restartPolicy": "Never"}
    template = {"metadata": {"labels": dict(pod_labels or {})}, "spec": pod}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": name, "annotations": dict(annotations or {}), "labels": dict(labels or {})},
        "spec": {
            "jobTargetRef": {"template": template, "backoffLimit": 0},
            "pollingInterval": 1,
            "maxReplicaCount": 5,
            "triggers": list(triggers) or [number("http://127.0.0.1:9/none")],
            **spec,
        },
    }


def authentication(name: str, *references: tuple[str, str, str], cluster: bool = False, **spec: Any) -> Object:
    """Each reference is (parameter, name of the Secret, key)."""
    wanted = [{"parameter": parameter, "name": secret, "key": key} for parameter, secret, key in references]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ClusterTriggerAuthentication" if cluster else "TriggerAuthentication",
        "metadata": {"name": name},
        "spec": {"secretTargetRef": wanted, **spec},
    }


def cloud_event_source(name: str, *, cluster: bool = False) -> Object:
    return {
        "apiVersion": "eventing.keda.sh/v1alpha1",
        "kind": "ClusterCloudEventSource" if cluster else "CloudEventSource",
        "metadata": {"name": name},
        "spec": {"destination": {"http": {"uri": "http://127.0.0.1:9"}}},
    }


def secret(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def number(url: str, target: str = "5", **more: str) -> Object:
    """A trigger that reads the number a test server gives."""
    return {"type": "metrics-api", "metadata": {"url": url, "valueLocation": "value", "targetValue": target, **more}}


def cpu(percent: str) -> Object:
    return {"type": "cpu", "metricType": "Utilization", "metadata": {"value": percent}}


def condition(found: Object, type_: str) -> tuple[str, str, str]:
    """(status, reason, message) of one of the object's conditions."""
    for one in found.get("status", {}).get("conditions", ()):
        if one["type"] == type_:
            return one["status"], one.get("reason", ""), one.get("message", "")
    return "", "", ""
