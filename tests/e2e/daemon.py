"""The daemon as a process, on a folder of manifests, as a user runs it. What tests do with it: write manifests, start,
kill, look at its metrics, logs and workers, wait until something is so. Nothing of what they expect stands here."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.rig.process import free_ports

ROOT = Path(__file__).parents[2]
LOOK = 0.05
PATIENCE = 30.0


class Daemon:
    """One folder, and the daemon that serves it while it runs."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.log = folder / ".daemon.log"
        [self.port] = free_ports(1)
        self._environment = dict(environment or {})
        self._process: asyncio.subprocess.Process | None = None

    def write(self, name: str, *documents: Mapping[str, Any]) -> None:
        """A file of manifests; it appears at once and whole."""
        draft = self.folder / f".{name}"
        draft.write_text(yaml.safe_dump_all(documents, sort_keys=False), encoding="utf-8")
        draft.rename(self.folder / name)

    async def start(self) -> None:
        """Returns when it is ready."""
        command = ["-m", "scaler", "run", "--standalone", str(self.folder), "--listen", f"127.0.0.1:{self.port}"]
        environment = {**os.environ, **self._environment, "PYTHONPATH": str(ROOT)}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        with self.log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *command, stdout=out, stderr=out, env=environment, start_new_session=True
            )
        await self.until(self._ready, "the daemon is ready")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL, without a goodbye; workers are not told."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()

    async def _ready(self) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            raise AssertionError(f"the daemon ended:\n{self.said()[-3000:]}")
        return (await self._get("/readyz"))[0] == 200

    async def _get(self, path: str) -> tuple[int, str]:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as reply:
                return reply.status, await reply.text()
        except aiohttp.ClientError:
            return 0, ""

    async def page(self, path: str) -> str:
        return (await self._get(path))[1]

    async def metric(self, name: str, **labels: str) -> float | None:
        """The sample of that name with (at least) those labels."""
        for family in text_string_to_metric_families(await self.page("/metrics")):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return None

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def moves(self, name: str) -> list[tuple[int, int]]:
        """Every move of that object that the log tells: (from, to)."""
        found = re.findall(rf"{re.escape(name)} (\d+)→(\d+) ", self.said())
        return [(int(before), int(after)) for before, after in found]

    async def until(self, so: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        """Wait until `so()` is truthy, and give what it gave; fails with the daemon's log."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found = so()
                    found = await found if asyncio.iscoroutine(found) else found
                    if found:
                        return found
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            raise AssertionError(f"not within {seconds:g} s: {what}\n{self.said()[-4000:]}") from None

    async def held(self, so: Callable[[], Any], what: str, seconds: float) -> None:
        """Fails as soon as `so()` is not so, within that time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            found = so()
            found = await found if asyncio.iscoroutine(found) else found
            assert found, f"{what}\n{self.said()[-4000:]}"
            await asyncio.sleep(LOOK)


@asynccontextmanager
async def daemon(folder: Path, *, environment: Mapping[str, str] | None = None) -> AsyncIterator[Daemon]:
    """A daemon that is not started yet; whatever is left of it is ended with the block."""
    made = Daemon(folder, environment)
    try:
        yield made
    finally:
        if made._process is not None and made._process.returncode is None:
            await made.stop()
        await made.until(lambda: not workers(folder), "no worker is left behind", 15)


def workers(folder: Path, name: str = "") -> list[int]:
    """Process ids of living workers of that folder (told by their environment), of one Deployment or all."""
    mark = f"EVENT_SCALER_FOLDER={folder}".encode()
    worker = f"EVENT_SCALER_WORKER={name}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            variables = (path / "environ").read_bytes().split(b"\0")
            state = (path / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if mark in variables and state != "Z" and any(one.startswith(worker) for one in variables):
            found.append(int(path.name))
    return sorted(found)


def scaled_object(name: str, *triggers: Mapping[str, Any], target: str = "", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"name": target or name},
            "pollingInterval": 1,
            "cooldownPeriod": 2,
            "maxReplicaCount": 5,
            "triggers": list(triggers),
            **spec,
        },
    }


def deployment(name: str, *command: str, env: Mapping[str, str] | None = None, **pod: Any) -> dict[str, Any]:
    """A Deployment whose container is that command; `pod` goes into the pod's spec."""
    container: dict[str, Any] = {"name": "main", "image": "none", "command": list(command)}
    container["env"] = [{"name": key, "value": value} for key, value in (env or {}).items()]
    container.update(pod.pop("container", {}))
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [container], "terminationGracePeriodSeconds": 5, **pod}}},
    }
