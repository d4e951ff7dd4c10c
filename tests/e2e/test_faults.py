"""What goes wrong in real life, the daemon being a process: sources that fail in every way, bad manifests, workers that
crash, a daemon that is killed. One object's trouble is never another's, and nothing unknown is taken for zero."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, daemon, deployment, scaled_object, workers
from tests.e2e.servers import Numbers, numbers

pytestmark = [pytest.mark.timeout(120), pytest.mark.rig]

SLEEP = ("sleep", "600")
QUICKLY = {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}}


def asking(server: Numbers, name: str, **more: str) -> dict[str, Any]:
    metadata = {"url": f"{server.url}/{name}", "valueLocation": "value", "targetValue": "10", **more}
    return {"type": "metrics-api", "metadata": metadata}


def pair(scene: Daemon, name: str, trigger: Mapping[str, Any], **spec: Any) -> None:
    """A ScaledObject and its Deployment, of that name."""
    spec = {"advanced": QUICKLY, **spec}
    scene.write(f"{name}.yaml", scaled_object(name, trigger, **spec), deployment(name, *SLEEP))


@pytest.mark.parametrize("fault", ["hang", "garbage", "nan", "missing", "error", "close"])
async def test_a_source_that_fails_moves_nothing_down(fault: str, tmp_path: Path) -> None:
    async with numbers() as server, daemon(tmp_path) as scene:
        server.answers.update(bad=30, good=10)
        pair(scene, "bad", asking(server, "bad", timeout="500"), cooldownPeriod=1)
        pair(scene, "good", asking(server, "good"), cooldownPeriod=1)
        await scene.start()
        await scene.until(lambda: len(workers(tmp_path)) == 4, "3 and 1 workers")
        before = workers(tmp_path, "bad")
        server.answers.update(bad=fault, good=0)
        asked = server.asked["bad"]
        await scene.until(lambda: server.asked["bad"] >= asked + 4, "several failed rounds")
        await scene.until(lambda: not workers(tmp_path, "good"), "the other object goes on, to zero")
        assert workers(tmp_path, "bad") == before
        server.answers["bad"] = 20
        await scene.until(lambda: len(workers(tmp_path, "bad")) == 2, "it recovers by itself")
        assert set(workers(tmp_path, "bad")) < set(before)


async def test_a_fallback_stands_in(tmp_path: Path) -> None:
    async with numbers() as server, daemon(tmp_path) as scene:
        server.answers["bad"] = "error"
        pair(scene, "bad", asking(server, "bad"), fallback={"failureThreshold": 2, "replicas": 3})
        await scene.start()
        await scene.until(lambda: len(workers(tmp_path)) == 3, "the fallback's replicas")
        assert server.asked["bad"] >= 3
        status = tmp_path / ".scaler" / "status.json"
        await scene.until(lambda: "FallbackExists" in status.read_text(), "the status says so")


async def test_one_bad_manifest_among_ten(tmp_path: Path) -> None:
    async with numbers() as server, daemon(tmp_path) as scene:
        for number in range(9):
            server.answers[f"n{number}"] = 10
            pair(scene, f"n{number}", asking(server, f"n{number}"))
        bad = asking(server, "bad", targetValue="zero")
        pair(scene, "bad", bad, pollingInterval=0)
        (tmp_path / "worse.yaml").write_text("kind: ScaledObject\nmetadata: {name: [", encoding="utf-8")
        await scene.start()
        await scene.until(lambda: len(workers(tmp_path)) == 9, "nine objects are served")
        said = scene.said()
        assert "spec.pollingInterval: must be at least 1" in said
        assert "spec.triggers[0].metadata.targetValue: must be a number" in said
        assert "worse.yaml" in said
        status = tmp_path / ".scaler" / "status.json"
        await scene.until(
            lambda: "spec.triggers[0].metadata.targetValue" in status.read_text(), "the status says so, too"
        )
        pair(scene, "bad", asking(server, "n0"))
        await scene.until(lambda: len(workers(tmp_path)) == 10, "mended, it is served without a restart")


async def test_a_worker_that_crashes_at_start(tmp_path: Path) -> None:
    async with numbers() as server, daemon(tmp_path) as scene:
        server.answers.update(crash=10, good=10)
        crash = deployment("crash", "sh", "-c", f"echo started >> {tmp_path}/starts; exit 3")
        scene.write("crash.yaml", scaled_object("crash", asking(server, "crash")), crash)
        pair(scene, "good", asking(server, "good"))
        await scene.start()
        await scene.until(lambda: len(workers(tmp_path, "good")) == 1, "the healthy one runs")
        starts = tmp_path / "starts"
        await scene.until(lambda: starts.exists() and len(starts.read_text().split()) >= 3, "it is started again")
        count = len(starts.read_text().split())
        assert count <= 8, "the restarts back off"
        assert await scene.metric("event_scaler_replicas_ready", scaledObject="crash") == 0


async def test_killed_and_started_again(tmp_path: Path) -> None:
    """SIGKILL: the workers go on and are adopted; what the daemon remembers survives."""
    async with numbers() as server, daemon(tmp_path) as scene:
        server.answers["a"] = 30
        pair(scene, "a", asking(server, "a"), cooldownPeriod=600)
        await scene.start()
        await scene.until(lambda: len(workers(tmp_path)) == 3, "3 workers")
        before = workers(tmp_path)
        remembered = tmp_path / ".scaler" / "state.json"
        await scene.until(lambda: remembered.exists() and "last_active" in remembered.read_text(), "the state is kept")
        await scene.kill()
        server.answers["a"] = 0
        assert workers(tmp_path) == before, "workers outlive a killed daemon"
        asked = server.asked["a"]
        await scene.start()
        await scene.until(lambda: server.asked["a"] >= asked + 3, "three rounds after the restart")
        assert set(workers(tmp_path)) <= set(before), "adopted, not started anew"
        assert workers(tmp_path), "the cooldown that began before the restart still holds"
        assert await scene.stop() == 0
        assert not workers(tmp_path), "nothing is left behind"


async def test_a_stop_leaves_nothing(tmp_path: Path) -> None:
    async with numbers() as server, daemon(tmp_path) as scene:
        server.answers["a"] = 50
        scene.write(
            "a.yaml",
            scaled_object("a", asking(server, "a")),
            deployment("a", "sh", "-c", "trap '' TERM; sleep 600 & wait", terminationGracePeriodSeconds=1),
        )
        await scene.start()
        await scene.until(lambda: len(workers(tmp_path)) >= 10, "5 workers with a child each, all deaf to SIGTERM")
        assert await scene.stop() == 0
        assert not workers(tmp_path)


async def test_live_reload(tmp_path: Path) -> None:
    async with numbers() as server, daemon(tmp_path) as scene:
        server.answers["a"] = 40
        pair(scene, "a", asking(server, "a"), maxReplicaCount=2)
        await scene.start()
        await scene.until(lambda: len(workers(tmp_path)) == 2, "2 workers")
        pair(scene, "a", asking(server, "a"), maxReplicaCount=4)
        await scene.until(lambda: len(workers(tmp_path)) == 4, "the new maximum, without a restart")
        (tmp_path / "a.yaml").unlink()
        await scene.until(lambda: not workers(tmp_path), "the object and its Deployment are gone, so are its workers")


SECRET = "planted-5ecret-value"


async def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    """Credentials of every kind, accepted and refused ones; everything that comes out is searched for them."""
    async with numbers() as server, daemon(tmp_path) as scene:
        server.answers["a"] = "error"
        scene.write(
            "auth.yaml",
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "s"},
                "stringData": {"key": SECRET, "user": "ann", "connection": f"AccountName=x;AccountKey={SECRET}"},
            },
            {
                "apiVersion": "keda.sh/v1alpha1",
                "kind": "TriggerAuthentication",
                "metadata": {"name": "login"},
                "spec": {
                    "secretTargetRef": [
                        {"parameter": "apiKey", "name": "s", "key": "key"},
                        {"parameter": "username", "name": "s", "key": "user"},
                        {"parameter": "password", "name": "s", "key": "key"},
                        {"parameter": "connection", "name": "s", "key": "connection"},
                    ]
                },
            },
        )
        login = {"authenticationRef": {"name": "login"}}
        kafka = {"bootstrapServers": "127.0.0.1:1", "consumerGroup": "g", "topic": "t", "sasl": "plaintext"}
        pair(scene, "http", {**asking(server, "a", authMode="apiKey"), **login})
        pair(scene, "basic", {**asking(server, "a", authMode="basic"), **login})
        pair(scene, "kafka", {"type": "kafka", "metadata": kafka, **login})
        pair(scene, "azure", {"type": "azure-queue", "metadata": {"queueName": "qqq"}, **login})
        await scene.start()
        await scene.until(lambda: scene.said().count("WARNING") + scene.said().count("ERROR") >= 4, "all four fail")
        shown = [scene.said(), await scene.page("/metrics"), await scene.page("/readyz"), await scene.page("/healthz")]
        shown += [path.read_text(errors="replace") for path in (tmp_path / ".scaler").rglob("*") if path.is_file()]
        assert not [text for text in shown if SECRET in text]
