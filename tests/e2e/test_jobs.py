"""ScaledJobs on a folder, the daemon being a process: work in a source becomes processes that end, each once, whatever
happens to the daemon meanwhile."""

import json
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from scaler.standalone import procfs
from tests.e2e.daemon import ROOT, Daemon, daemon, workers
from tests.e2e.servers import Numbers, numbers
from tests.rig.nats import Nats

pytestmark = pytest.mark.timeout(120)

OBJECT = "default/orders"
WORK = (
    'echo "$EVENT_SCALER_WORKER" >> started; n=0; '
    "until [ -e finish ] || [ $((n = n + 1)) -gt 2000 ]; do sleep 0.05; done"
)


def scaled_job(server: Numbers, command: str = WORK, **spec: Any) -> dict[str, Any]:
    """As many Jobs as `/orders` says."""
    metadata = {"url": f"{server.url}/orders", "valueLocation": "value", "targetValue": "1"}
    container = {"name": "main", "image": "none", "command": ["sh", "-c", command]}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": "orders"},
        "spec": {
            "pollingInterval": 1,
            "jobTargetRef": {"template": {"spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}},
            "triggers": [{"type": "metrics-api", "metadata": metadata}],
            **spec,
        },
    }


def shown(folder: Path) -> Mapping[str, int]:
    """The Jobs in the status file."""
    path = folder / ".scaler" / "status.json"
    counts: Mapping[str, int] = json.loads(path.read_bytes())["jobs"].get(OBJECT, {}) if path.exists() else {}
    return counts


def started(folder: Path) -> Counter[str]:
    """How often the process of each Job was started."""
    path = folder / "started"
    return Counter(path.read_text().split() if path.exists() else [])


def running(folder: Path) -> dict[str, int]:
    """The process group of each Job that has one."""
    return {one.job: one.group for one in procfs.strays(folder)}


def once(*numbers: int) -> Counter[str]:
    return Counter({f"orders-{number}": 1 for number in numbers})


async def rounds(scene: Daemon, server: Numbers, count: int = 3) -> None:
    asked = server.asked["orders"]
    await scene.until(lambda: server.asked["orders"] >= asked + count, f"{count} rounds")


async def test_messages_become_jobs_that_end(nats: Nats, tmp_path: Path) -> None:
    """The example, as the guide lays it out."""
    await nats.create_stream("orders")
    await nats.create_consumer("orders", "workers")
    shutil.copy(ROOT / "examples" / "jobs" / "orders.yaml", tmp_path)
    addresses = {"NATS_URL": nats.url, "NATS_MONITORING": nats.monitoring}
    try:
        async with daemon(tmp_path) as scene:
            scene.write(
                "addresses.yaml",
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "addresses"}, "data": addresses},
            )
            await nats.publish("orders", 5)
            await scene.start()
            await _worked_off(scene, 5)
            assert scene.moves(OBJECT)[0] == (0, 5)
            await nats.publish("orders", 3)
            await _worked_off(scene, 8)
            assert shown(tmp_path)["failed"] == 0
            await scene.until(_rests(scene), "the metrics say so, too")
            assert await scene.stop() == 0
    finally:
        await nats.delete_stream("orders")


async def _worked_off(scene: Daemon, messages: int) -> None:
    """Each once, and all Jobs have ended."""
    await scene.until(lambda: _done(scene.folder) >= messages, f"{messages} messages are worked off")
    await scene.until(lambda: shown(scene.folder).get("complete", 0) >= messages, "all are complete")
    await scene.until(lambda: not workers(scene.folder), "nothing runs any more")
    assert _done(scene.folder) == messages


def _rests(scene: Daemon) -> Callable[[], Awaitable[bool]]:
    async def so() -> bool:
        return await scene.metric("keda_scaler_active", scaledObject="orders", type="scaledjob") == 0

    return so


def _done(folder: Path) -> int:
    """Messages that were worked off, from the logs of all Jobs."""
    logs = (folder / ".scaler" / "jobs").glob("*/0.log")
    return sum(log.read_text().splitlines().count("done") for log in logs)


async def test_a_killed_daemon_starts_no_job_twice(tmp_path: Path) -> None:
    async with numbers() as server, daemon(tmp_path) as scene:
        server.answers["orders"] = 5
        scene.write("orders.yaml", scaled_job(server))
        await scene.start()
        await scene.until(lambda: started(tmp_path) == once(1, 2, 3, 4, 5), "5 jobs run")
        before = running(tmp_path)
        await scene.kill()
        assert running(tmp_path) == before, "jobs outlive a killed daemon"
        await scene.start()
        await rounds(scene, server)
        assert running(tmp_path) == before
        assert started(tmp_path) == once(1, 2, 3, 4, 5)
        assert shown(tmp_path)["running"] == 5
        server.answers["orders"] = 0
        (tmp_path / "finish").touch()
        await scene.until(lambda: shown(tmp_path).get("complete") == 5, "the adopted jobs are complete")
        await rounds(scene, server)
        assert started(tmp_path) == once(1, 2, 3, 4, 5)


@pytest.mark.parametrize("begun", [1, 3])
async def test_killed_while_jobs_begin_and_while_they_end(begun: int, tmp_path: Path) -> None:
    """No kill costs a job or doubles one: when some of five have begun, and when they end without a daemon."""
    async with numbers() as server, daemon(tmp_path) as scene:
        server.answers["orders"] = 5
        scene.write("orders.yaml", scaled_job(server))
        await scene.start()
        await scene.until(lambda: started(tmp_path).total() >= begun, "some begin")
        await scene.kill()
        await scene.start()
        await scene.until(lambda: started(tmp_path) == once(1, 2, 3, 4, 5), "all have begun, once")
        server.answers["orders"] = 0
        await scene.kill()
        (tmp_path / "finish").touch()
        await scene.until(lambda: not workers(tmp_path), "they end while no daemon runs")
        await scene.start()
        await scene.until(lambda: shown(tmp_path).get("complete") == 5, "they are complete")
        await rounds(scene, server, 2)
        assert started(tmp_path) == once(1, 2, 3, 4, 5)


async def test_a_stop_leaves_nothing_and_what_was_begun_goes_on_later(tmp_path: Path) -> None:
    async with numbers() as server, daemon(tmp_path) as scene:
        server.answers["orders"] = 2
        scene.write("orders.yaml", scaled_job(server))
        await scene.start()
        await scene.until(lambda: started(tmp_path) == once(1, 2), "2 jobs run")
        assert await scene.stop() == 0
        assert not workers(tmp_path)
        await scene.start()
        await scene.until(lambda: started(tmp_path) == once(1, 2) + once(1, 2), "the same two begin again")
        server.answers["orders"] = 0
        (tmp_path / "finish").touch()
        await scene.until(lambda: shown(tmp_path).get("complete") == 2, "and end")


async def test_what_stands_in_the_manifest(tmp_path: Path) -> None:
    """The ceiling, a pause, another spec, a deletion."""
    async with numbers() as server, daemon(tmp_path) as scene:
        server.answers["orders"] = 50
        scene.write("orders.yaml", scaled_job(server, maxReplicaCount=3))
        await scene.start()
        await scene.until(lambda: shown(tmp_path).get("running") == 3, "as many as there may be")
        await rounds(scene, server)
        assert started(tmp_path) == once(1, 2, 3)
        paused = scaled_job(server, maxReplicaCount=4)
        paused["metadata"]["annotations"] = {"autoscaling.keda.sh/paused": "true"}
        scene.write("orders.yaml", paused)
        status = tmp_path / ".scaler" / "status.json"
        await scene.until(lambda: "ScaledJob is paused" in status.read_text(), "the pause is told")
        assert started(tmp_path) == once(1, 2, 3)
        scene.write("orders.yaml", scaled_job(server, maxReplicaCount=4))
        await scene.until(lambda: started(tmp_path) == once(*range(1, 8)), "the new spec's jobs replace the old one's")
        (tmp_path / "orders.yaml").unlink()
        await scene.until(lambda: not workers(tmp_path), "the jobs go with their ScaledJob")
