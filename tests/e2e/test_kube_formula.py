"""A formula on a real control plane: the HPA asks for one metric that no trigger measures, and what becomes of it when
a trigger cannot be read."""

from typing import Any

import pytest

from tests.e2e.kube_history import counted
from tests.e2e.kube_objects import Object
from tests.e2e.kube_scene import Scene
from tests.e2e.test_kube_scaling import asked, metrics_of

COMPOSITE = "composite-metric"
MODE = "event-scaler.dev/mode"


def source(scene: Scene, name: str) -> Object:
    """A trigger of that name without a target: its value is all that is wanted."""
    metadata = {"url": f"{scene.source.url}/{name}", "valueLocation": "value"}
    return {"type": "metrics-api", "name": name, "metadata": metadata}


def made_of(formula: str, **modifiers: str) -> dict[str, Any]:
    config = {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
    return {
        "scalingModifiers": {"formula": formula, "target": "5", **modifiers},
        "horizontalPodAutoscalerConfig": config,
    }


async def test_the_hpa_scales_by_what_the_formula_makes(scene: Scene) -> None:
    advanced = made_of("max([orders, mails]) + count([orders, mails], # > 4)", activationTarget="2")
    await scene.pair("worker", source(scene, "orders"), source(scene, "mails"), advanced=advanced)
    await scene.ready("worker")
    assert await metrics_of(scene, "worker") == [COMPOSITE]
    status = (await scene.object("worker"))["status"]
    assert status["compositeScalerName"] == COMPOSITE
    assert status["externalMetricNames"] == ["s0-metric-api-value", "s1-metric-api-value"]
    async with counted(scene, "worker") as replicas:
        scene.answers |= {"orders": 2}
        await scene.polls("orders")
        assert replicas == [0], "not above its activation target"
        scene.answers |= {"orders": 18, "mails": 5}
        await scene.replicas("worker", 4)
        assert await asked(scene, "worker", COMPOSITE) == "20"
        scene.answers |= {"orders": 1.5, "mails": 4}
        await scene.replicas("worker", 1)
        assert await asked(scene, "worker", COMPOSITE) == "4"
        scene.answers |= {"orders": 0, "mails": 0}
        await scene.replicas("worker", 0)
        await scene.daemon.until(lambda: replicas[-1] == 0, "the watch has told it too")
    assert replicas == [0, 1, 4, 1, 0]
    told = await scene.events("worker", "KEDAScaleTargetActivated")
    assert ("KEDAScaleTargetActivated", f"triggered by {COMPOSITE}") in [
        (reason, note.rpartition(", ")[2]) for reason, note in told
    ]


@pytest.mark.parametrize("mode", ["hpa", "direct"])
async def test_a_trigger_that_fails_is_nil_after_its_threshold(scene: Scene, mode: str) -> None:
    fallback = {"failureThreshold": 1, "replicas": 2, "behavior": "scalingModifiers"}
    advanced = made_of("(orders ?? 10) + mails")
    scene.answers |= {"orders": 1, "mails": 4}
    triggers = (source(scene, "orders"), source(scene, "mails"))
    await scene.pair("worker", *triggers, advanced=advanced, fallback=fallback, annotations={MODE: mode})
    await scene.replicas("worker", 1)
    scene.answers |= {"orders": "error", "mails": 10}
    await scene.told("worker", "Fallback", "True", "FallbackExists")
    await scene.replicas("worker", 4)
    assert await asked(scene, "worker", COMPOSITE) == "20"
    await scene.ready("worker")
    health = (await scene.object("worker"))["status"]["health"]
    assert health["s0-metric-api-value"] == {"numberOfFailures": 2, "status": "Failing"}
    scene.answers |= {"orders": 5, "mails": 5}
    await scene.told("worker", "Fallback", "False", "NoFallbackFound")
    await scene.replicas("worker", 2)
    await scene.events("worker", "KEDAMetricSourceFailed", "ScaledObjectFallbackActivated")
