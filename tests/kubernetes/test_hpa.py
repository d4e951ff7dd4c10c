"""The HPA as KEDA makes it: every field of the manifest, as tables."""

from dataclasses import replace
from typing import Any

import pytest

from scaler.core.model import Behavior, Goal, MetricType, Pause, Policy, PolicyType, Rules, Select, Spec
from scaler.kubernetes.hpa import Owner, hpa_of, labels_of, owner_of
from scaler.kubernetes.objects import Custom, Meta
from scaler.manifests import annotations

LAG = Goal("s0-kafka-orders", 50.0)
SPEC = Spec("shop/orders", (LAG,), minimum=2, maximum=9, target_name="worker")
OWNER = Owner("orders", "shop", "u1", {"team": "a"}, {"note": "b"}, version="1.2.3")


def test_the_whole_manifest() -> None:
    assert hpa_of(SPEC, OWNER) == {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": "keda-hpa-orders",
            "namespace": "shop",
            "labels": {
                "app.kubernetes.io/name": "keda-hpa-orders",
                "app.kubernetes.io/version": "1.2.3",
                "app.kubernetes.io/part-of": "orders",
                "app.kubernetes.io/managed-by": "keda-operator",
                "team": "a",
            },
            "annotations": {"note": "b"},
            "ownerReferences": [
                {
                    "apiVersion": "keda.sh/v1alpha1",
                    "kind": "ScaledObject",
                    "name": "orders",
                    "uid": "u1",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "minReplicas": 2,
            "maxReplicas": 9,
            "metrics": [
                {
                    "type": "External",
                    "external": {
                        "metric": {
                            "name": "s0-kafka-orders",
                            "selector": {"matchLabels": {"scaledobject.keda.sh/name": "orders"}},
                        },
                        "target": {"type": "AverageValue", "averageValue": "50"},
                    },
                }
            ],
        },
    }


def test_an_hpa_never_has_fewer_than_one() -> None:
    assert hpa_of(replace(SPEC, minimum=0), OWNER)["spec"]["minReplicas"] == 1


@pytest.mark.parametrize(
    ("kind", "api_version", "short"),
    [
        ("apps/v1.StatefulSet", "apps/v1", "StatefulSet"),
        ("v1.ReplicationController", "v1", "ReplicationController"),
        ("argoproj.io/v1alpha1.Rollout", "argoproj.io/v1alpha1", "Rollout"),
    ],
)
def test_the_target(kind: str, api_version: str, short: str) -> None:
    target = hpa_of(replace(SPEC, target_kind=kind), OWNER)["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": api_version, "kind": short, "name": "worker"}


@pytest.mark.parametrize(
    ("goal", "target"),
    [
        (LAG, {"type": "AverageValue", "averageValue": "50"}),
        (replace(LAG, target=1000.0), {"type": "AverageValue", "averageValue": "1k"}),
        (replace(LAG, target=0.5), {"type": "AverageValue", "averageValue": "500m"}),
        (replace(LAG, target=2.71828), {"type": "AverageValue", "averageValue": "2718m"}),
        (replace(LAG, kind=MetricType.VALUE), {"type": "Value", "value": "50"}),
    ],
)
def test_an_external_target(goal: Goal, target: dict[str, Any]) -> None:
    [metric] = hpa_of(replace(SPEC, goals=(goal,)), OWNER)["spec"]["metrics"]
    assert metric["external"]["target"] == target


CPU = Goal("cpu", 60.0, kind=MetricType.UTILIZATION, resource="cpu", written="60")
MEMORY = Goal("memory", 2147483648.0, resource="memory", written="2Gi")
PROXY = Goal("cpu/proxy", 0.25, resource="cpu", container="proxy", written="250m")


@pytest.mark.parametrize(
    ("goal", "kind", "source"),
    [
        (CPU, "Resource", {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}),
        (MEMORY, "Resource", {"name": "memory", "target": {"type": "AverageValue", "averageValue": "2Gi"}}),
        (
            PROXY,
            "ContainerResource",
            {"name": "cpu", "container": "proxy", "target": {"type": "AverageValue", "averageValue": "250m"}},
        ),
    ],
)
def test_usage(goal: Goal, kind: str, source: dict[str, Any]) -> None:
    [metric] = hpa_of(replace(SPEC, goals=(goal,)), OWNER)["spec"]["metrics"]
    assert metric == {"type": kind, kind[0].lower() + kind[1:]: source}


def test_metrics_are_sorted_by_type_and_else_as_they_are_written() -> None:
    goals = (CPU, Goal("s1-b", 1.0), MEMORY, Goal("s3-a", 1.0), PROXY)
    metrics = hpa_of(replace(SPEC, goals=goals), OWNER)["spec"]["metrics"]
    assert [one["type"] for one in metrics] == ["ContainerResource", "External", "External", "Resource", "Resource"]
    assert [one["external"]["metric"]["name"] for one in metrics[1:3]] == ["s1-b", "s3-a"]
    assert [one["resource"]["name"] for one in metrics[3:]] == ["cpu", "memory"]


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (MetricType.AVERAGE_VALUE, {"type": "AverageValue", "averageValue": "2500m"}),
        (MetricType.VALUE, {"type": "Value", "value": "2500m"}),
    ],
)
def test_a_formulas_metric_takes_the_place_of_all_external_ones(kind: MetricType, written: dict[str, str]) -> None:
    """Usage stays, that of a single container as well, which KEDA loses (KEDA behaviour 3.5)."""
    composite = Goal("composite-metric", 2.5, kind=kind)
    spec = replace(SPEC, goals=(CPU, LAG, PROXY, Goal("s3-a", 1.0)), formula="a", composite=composite)
    container, external, usage = hpa_of(spec, OWNER)["spec"]["metrics"]
    assert (container["type"], usage["type"]) == ("ContainerResource", "Resource")
    assert external == {
        "type": "External",
        "external": {
            "metric": {
                "name": "composite-metric",
                "selector": {"matchLabels": {"scaledobject.keda.sh/name": "orders"}},
            },
            "target": written,
        },
    }


HALF = Rules(60, Select.MIN, (Policy(PolicyType.PERCENT, 50, 30),), 0.05)
HALF_WRITTEN = {
    "stabilizationWindowSeconds": 60,
    "selectPolicy": "Min",
    "policies": [{"type": "Percent", "value": 50, "periodSeconds": 30}],
    "tolerance": "0.05",
}
DISABLED = {"selectPolicy": "Disabled"}


@pytest.mark.parametrize(
    ("behavior", "pause", "wanted"),
    [
        (None, Pause(), None),
        (Behavior(), Pause(), {}),
        (Behavior(down=HALF), Pause(), {"scaleDown": HALF_WRITTEN}),
        (
            Behavior(Rules(window=0), HALF),
            Pause(),
            {"scaleUp": {"stabilizationWindowSeconds": 0}, "scaleDown": HALF_WRITTEN},
        ),
        (Behavior(up=Rules(tolerance=0.0)), Pause(), {"scaleUp": {"tolerance": "0"}}),
        (Behavior(up=Rules(tolerance=0.009000000000000001)), Pause(), {"scaleUp": {"tolerance": "0.009"}}),
        (None, Pause(scale_in=True), {"scaleDown": DISABLED}),
        (None, Pause(scale_out=True), {"scaleUp": DISABLED}),
        (None, Pause(scale_in=True, scale_out=True), {"scaleUp": DISABLED, "scaleDown": DISABLED}),
        (Behavior(down=HALF), Pause(scale_in=True), {"scaleDown": HALF_WRITTEN | DISABLED}),
        (Behavior(down=HALF), Pause(scale_out=True), {"scaleUp": DISABLED, "scaleDown": HALF_WRITTEN}),
    ],
)
def test_behavior_is_what_was_written_and_what_is_paused(
    behavior: Behavior | None, pause: Pause, wanted: dict[str, Any] | None
) -> None:
    assert hpa_of(replace(SPEC, behavior=behavior, pause=pause), OWNER)["spec"].get("behavior") == wanted


def test_the_objects_labels_win_but_for_those_it_excludes() -> None:
    theirs = {"app.kubernetes.io/managed-by": "Helm", "team": "a", "tier": "b"}
    labels = labels_of(replace(OWNER, labels=theirs, annotations={annotations.HPA_EXCLUDED_LABELS: "tier, team"}))
    assert labels["app.kubernetes.io/managed-by"] == "Helm"
    assert labels["team"] == "a"
    assert "tier" not in labels


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("x" * 63, "x" * 63),
        ("short-", "short-"),
        ("x" * 70, "x" * 63),
        ("x" * 60 + "-.-" + "y" * 9, "x" * 60),
    ],
)
def test_the_name_as_a_label(name: str, label: str) -> None:
    owner = replace(OWNER, custom=name)
    assert labels_of(owner)["app.kubernetes.io/name"] == label
    assert hpa_of(SPEC, owner)["metadata"]["name"] == name


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({}, "keda-hpa-orders"),
        ({"advanced": {}}, "keda-hpa-orders"),
        ({"advanced": {"horizontalPodAutoscalerConfig": {"name": ""}}}, "keda-hpa-orders"),
        ({"advanced": {"horizontalPodAutoscalerConfig": {"name": "mine"}}}, "mine"),
    ],
)
def test_the_owner_out_of_the_object(spec: dict[str, Any], name: str) -> None:
    meta = Meta(name="orders", namespace="shop", uid="u1", labels={"team": "a"}, annotations={"note": "b"})
    owner = owner_of(Custom(meta, spec), "1.2.3")
    assert owner.hpa == name
    assert replace(owner, custom="") == OWNER
