"""A formula over two sources, in a folder: the daemon decides 0..N by it, a wrong one is told and changes nothing."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, daemon, deployment, scaled_object, workers
from tests.e2e.servers import Numbers, numbers

pytestmark = [pytest.mark.timeout(120), pytest.mark.rig]

FALLBACK = {"failureThreshold": 1, "replicas": 1, "behavior": "scalingModifiers"}


def write(scene: Daemon, server: Numbers, formula: str) -> None:
    """Over two numbers, five for each worker; one that is not there is given up after two rounds."""
    triggers: list[dict[str, Any]] = [
        {"type": "metrics-api", "name": name, "metadata": {"url": f"{server.url}/{name}", "valueLocation": "value"}}
        for name in ("orders", "mails")
    ]
    advanced = {
        "scalingModifiers": {"formula": formula, "target": "5"},
        "horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}},
    }
    told = scaled_object("worker", *triggers, advanced=advanced, fallback=FALLBACK, cooldownPeriod=1)
    scene.write("worker.yaml", told, deployment("worker", "sleep", "600"))


async def test_it_decides_from_zero_to_many_and_back(tmp_path: Path) -> None:
    async with numbers() as server, daemon(tmp_path) as scene:
        write(scene, server, "(orders ?? 15) + mails")
        await scene.start()
        server.answers.update(orders=4, mails=6)
        await scene.until(lambda: len(workers(tmp_path)) == 2, "10 are two workers' work")
        server.answers.update(orders="error", mails=5)
        await scene.until(lambda: len(workers(tmp_path)) == 4, "15 stand in for what cannot be read")
        write(scene, server, "orders +")
        await scene.until(lambda: "error validating formula in ScalingModifiers" in scene.said(), "it is told")
        assert len(workers(tmp_path)) == 4, "the formula before goes on"
        write(scene, server, "orders + mails * 2")
        server.answers.update(orders=0, mails=2.5)
        await scene.until(lambda: len(workers(tmp_path)) == 1, "the new one counts")
        server.answers["mails"] = 0
        await scene.until(lambda: not workers(tmp_path), "nothing is nobody's work")
        assert await scene.metric("keda_scaler_metrics_value", scaler="composite-metric") == 0
