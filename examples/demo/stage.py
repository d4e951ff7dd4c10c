"""What the demo starts, in the order of its blocks, and ends in the reverse: brokers, the folder of manifests, the
daemon, the load. Leaving the blocks leaves nothing running."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from examples.demo import load
from examples.demo.screen import Screen, say
from tests.rig.azurite import azurite
from tests.rig.cache import Unavailable
from tests.rig.kafka import kafka
from tests.rig.nats import nats

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
GRACE = 15.0


@dataclass
class Brokers:
    """What was started: producers by manifest, and the addresses that manifests and workers need."""

    sends: dict[str, load.Send] = field(default_factory=dict)
    config: dict[str, str] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict)


async def play(wanted: list[str], seconds: float | None) -> None:
    """Start everything, show it until Ctrl-C (or for so many seconds), end everything."""
    with ExitStack() as stack:
        brokers = await _start(wanted, stack)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="event-scaler-demo-")))
        _lay_out(folder, brokers)
        port = _free_port()
        async with _daemon(folder, port) as log, asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(load.bursts(send)) for send in brokers.sends.values()]
            running.append(tasks.create_task(Screen(f"http://127.0.0.1:{port}/metrics", log).show()))
            await _told_to_stop(seconds)
            for task in running:
                task.cancel()
    say("everything is stopped")


async def _start(wanted: list[str], stack: ExitStack) -> Brokers:
    brokers = Brokers()
    server = stack.enter_context(nats())
    say(f"NATS is up at {server.url}")
    brokers.sends["nats"] = await load.nats(server)
    brokers.config.update(NATS_URL=server.url, NATS_MONITORING=server.monitoring)
    if "kafka" in wanted:
        try:
            broker = stack.enter_context(kafka())
            say(f"Kafka is up at {broker.bootstrap}")
            brokers.sends["kafka"] = await load.kafka(broker)
            brokers.config["KAFKA_BOOTSTRAP"] = broker.bootstrap
        except Unavailable as reason:
            say(f"without Kafka: {reason}")
    if "azure-queue" in wanted:
        try:
            storage = stack.enter_context(azurite())
            say("Azurite is up")
            brokers.sends["azure-queue"] = await load.azure_queue(storage)
            brokers.secret["AZURE_CONNECTION"] = storage.connection_string
        except Unavailable as reason:
            say(f"without Azurite: {reason}")
    return brokers


def _lay_out(folder: Path, brokers: Brokers) -> None:
    """The manifests of the brokers that run, and their addresses."""
    for name in brokers.sends:
        shutil.copy(HERE / f"{name}.yaml", folder)
    documents = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "addresses"}, "data": brokers.config},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "azure"}, "stringData": brokers.secret},
    ]
    (folder / "addresses.yaml").write_text(yaml.safe_dump_all(documents), encoding="utf-8")


@asynccontextmanager
async def _daemon(folder: Path, port: int) -> AsyncIterator[Path]:
    """The daemon as a user would start it; its log file."""
    log = folder / ".daemon.log"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "scaler", "run", "--standalone", str(folder), "--listen", f"127.0.0.1:{port}"]
    with log.open("wb") as out:
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
        daemon = await asyncio.create_subprocess_exec(
            *command, stdout=out, stderr=out, cwd=ROOT, env=environment, start_new_session=True
        )
    say("the daemon is up")
    try:
        yield log
    finally:
        if daemon.returncode is None:
            daemon.terminate()
            try:
                await asyncio.wait_for(daemon.wait(), GRACE)
            except TimeoutError:
                os.killpg(daemon.pid, signal.SIGKILL)


async def _told_to_stop(seconds: float | None) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    with suppress(TimeoutError):
        await asyncio.wait_for(told.wait(), seconds)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
