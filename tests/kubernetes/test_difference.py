"""What is written to an HPA that is there: nothing where the API server comes to the same, else only what differs."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from scaler.core.model import Behavior, Goal, MetricType, Pause, Policy, PolicyType, Rules, Select, Spec
from scaler.kubernetes.difference import patch_of
from scaler.kubernetes.hpa import Json, Owner, hpa_of
from scaler.kubernetes.objects import Hpa

GOALS = (
    Goal("s0-kafka-orders", 50.0),
    Goal("s1-rate", 1000.0, kind=MetricType.VALUE),
    Goal("cpu", 60.0, kind=MetricType.UTILIZATION, resource="cpu", written="60"),
    Goal("memory/web", 2147483648.0, resource="memory", container="web", written="2048Mi"),
)
SPEC = Spec("shop/orders", GOALS, minimum=2, maximum=9, target_name="worker")
OWNER = Owner("orders", "shop", "u1", {"team": "a"}, {"note": "b"}, version="2.0")

UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def stored(manifest: Json, *, behavior: Json | None = None) -> Hpa:
    """As the API server would give it back."""
    metadata, spec = {**manifest["metadata"], "uid": "h1"}, dict(manifest["spec"])
    spec.pop("behavior", None)
    if behavior is not None:
        spec["behavior"] = behavior
    return msgspec.convert({"metadata": metadata, "spec": spec}, Hpa)


def changed(found: Hpa, **spec: Any) -> Hpa:
    return msgspec.structs.replace(found, spec=msgspec.structs.replace(found.spec, **spec))


def relabelled(found: Hpa, **meta: Any) -> Hpa:
    return msgspec.structs.replace(found, metadata=msgspec.structs.replace(found.metadata, **meta))


WANTED = hpa_of(SPEC, OWNER)
FOUND = stored(WANTED)


def without(labels: dict[str, str], *names: str) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key not in names}


VERSION = "app.kubernetes.io/version"


@pytest.mark.parametrize(
    "found",
    [
        FOUND,
        relabelled(FOUND, labels={**FOUND.metadata.labels, "theirs": "x"}),
        relabelled(FOUND, annotations={**FOUND.metadata.annotations, "theirs": "x"}),
        relabelled(FOUND, labels={**FOUND.metadata.labels, VERSION: "1.9"}),
        relabelled(FOUND, labels=without(FOUND.metadata.labels, VERSION)),
        changed(FOUND, metrics=FOUND.spec.metrics[::-1]),
    ],
    ids=["the same", "a foreign label", "a foreign annotation", "our old version", "no version", "another order"],
)
def test_nothing_is_written(found: Hpa) -> None:
    assert patch_of(WANTED, found) is None


def test_quantities_are_compared_as_numbers() -> None:
    text = msgspec.json.encode(FOUND)
    for ours, printed in ((b'"2048Mi"', b'"2147483648"'), (b'"1k"', b'"1000"'), (b'"50"', b'"50000m"')):
        assert ours in text
        text = text.replace(ours, printed)
    assert patch_of(WANTED, msgspec.json.decode(text, type=Hpa)) is None


HALF = Rules(60, Select.MIN, (Policy(PolicyType.PERCENT, 50, 30),), 0.05)
HALF_STORED = {
    "stabilizationWindowSeconds": 60,
    "selectPolicy": "Min",
    "policies": [{"type": "Percent", "value": 50, "periodSeconds": 30}],
    "tolerance": "50m",
}


@pytest.mark.parametrize(
    ("behavior", "pause", "kept"),
    [
        (Behavior(), Pause(), {"scaleUp": UP, "scaleDown": DOWN}),
        (Behavior(down=HALF), Pause(), {"scaleUp": UP, "scaleDown": HALF_STORED}),
        (Behavior(up=HALF), Pause(), {"scaleUp": HALF_STORED, "scaleDown": DOWN}),
        (
            Behavior(down=Rules(window=0)),
            Pause(),
            {"scaleUp": UP, "scaleDown": {**DOWN, "stabilizationWindowSeconds": 0}},
        ),
        (None, Pause(scale_in=True), {"scaleUp": UP, "scaleDown": {**DOWN, "selectPolicy": "Disabled"}}),
    ],
)
def test_a_behavior_with_its_defaults_filled_in_is_not_written(
    behavior: Behavior | None, pause: Pause, kept: Json
) -> None:
    wanted = hpa_of(replace(SPEC, behavior=behavior, pause=pause), OWNER)
    assert patch_of(wanted, stored(wanted, behavior=kept)) is None
    assert patch_of(wanted, FOUND) is not None
    assert patch_of(WANTED, stored(wanted, behavior=kept)) == {"metadata": {"uid": "h1"}, "spec": {"behavior": None}}


def test_a_behavior_leaves_nothing_of_the_former_one() -> None:
    """A merge patch keeps what it does not name, and lists it replaces: so every rule is named."""
    wanted = hpa_of(replace(SPEC, behavior=Behavior(down=Rules(window=5))), OWNER)
    patch = patch_of(wanted, stored(wanted, behavior={"scaleUp": HALF_STORED, "scaleDown": HALF_STORED}))
    assert patch is not None
    nothing = dict.fromkeys(HALF_STORED)
    assert patch["spec"] == {
        "behavior": {"scaleUp": nothing, "scaleDown": {**nothing, "stabilizationWindowSeconds": 5}}
    }


@pytest.mark.parametrize(
    ("spec", "field", "value"),
    [
        (replace(SPEC, minimum=3), "minReplicas", 3),
        (replace(SPEC, maximum=10), "maxReplicas", 10),
        (
            replace(SPEC, target_name="other"),
            "scaleTargetRef",
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"},
        ),
        (
            replace(SPEC, target_kind="apps/v1.StatefulSet"),
            "scaleTargetRef",
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "worker"},
        ),
    ],
)
def test_only_what_differs_is_written(spec: Spec, field: str, value: Any) -> None:
    assert patch_of(hpa_of(spec, OWNER), FOUND) == {"metadata": {"uid": "h1"}, "spec": {field: value}}


@pytest.mark.parametrize(
    "goals",
    [
        GOALS[:3],
        (*GOALS, Goal("s4-more", 1.0)),
        (replace(GOALS[0], target=51.0), *GOALS[1:]),
        (replace(GOALS[0], kind=MetricType.VALUE), *GOALS[1:]),
        (replace(GOALS[0], metric="s0-kafka-bills"), *GOALS[1:]),
        (*GOALS[:3], replace(GOALS[3], container="proxy")),
        (*GOALS[:2], replace(GOALS[2], target=61.0), GOALS[3]),
        (GOALS[0], GOALS[0], *GOALS[2:]),
    ],
    ids=["one fewer", "one more", "target", "type", "name", "container", "utilization", "one twice"],
)
def test_metrics_are_written_together(goals: tuple[Goal, ...]) -> None:
    wanted = hpa_of(replace(SPEC, goals=goals), OWNER)
    assert patch_of(wanted, FOUND) == {"metadata": {"uid": "h1"}, "spec": {"metrics": wanted["spec"]["metrics"]}}


def test_labels_and_annotations_are_written_by_themselves() -> None:
    found = relabelled(FOUND, labels={**FOUND.metadata.labels, "team": "b", VERSION: "1.9"}, annotations={"other": "x"})
    assert patch_of(WANTED, found) == {
        "metadata": {"uid": "h1", "labels": {"team": "a", VERSION: "2.0"}, "annotations": {"note": "b"}}
    }


@pytest.mark.parametrize(
    "owners",
    [
        [],
        [{"kind": "Application", "name": "x", "uid": "u9", "controller": True}],
        [{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "orders", "uid": "u0", "controller": True}],
        [{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "orders", "uid": "u1"}],
    ],
    ids=["nobody's", "somebody's", "of a former object", "ours, but not controlled"],
)
def test_the_owner_is_written(owners: list[Json]) -> None:
    found = msgspec.convert(
        {"metadata": {**WANTED["metadata"], "ownerReferences": owners}, "spec": WANTED["spec"]}, Hpa
    )
    patch = patch_of(WANTED, found)
    assert patch is not None
    assert patch == {"metadata": {"uid": "", "ownerReferences": WANTED["metadata"]["ownerReferences"]}}


def test_what_a_user_wrote_is_compared_too() -> None:
    """Of an HPA that is taken over nothing is known; text where a number is expected only differs."""
    pods = {"type": "Pods", "pods": {"metric": {"name": "x", "selector": {"matchLabels": {"value": "no number"}}}}}
    patch = patch_of(WANTED, changed(FOUND, metrics=(pods,), behavior={"scaleDown": {"selectPolicy": "Min"}}))
    assert patch is not None
    assert patch["spec"] == {"metrics": WANTED["spec"]["metrics"], "behavior": None}
