import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler.errors import NotFound, SourceError
from scaler.manifests.watched import Ref
from scaler.sdk.scaler import Usage
from scaler.standalone import procfs
from scaler.standalone.processes import Launch, Process, start
from scaler.standalone.usage import WINDOW, LocalUsage, Running
from tests.standalone.scene import PATIENCE, deployment, scaled_object, serving, soon, until, write

pytestmark = pytest.mark.usefixtures("unblocked", "nothing_left")

WEB = Ref("Deployment", "default", "web")
CPU, MEMORY = ("cpu", WEB), ("memory", WEB)
BUSY = "while True: pass"
LARGE = "import time; held = b'x' * 50_000_000; print('up', flush=True); time.sleep(1000)"


async def python(folder: Path, code: str, log: Path | None = None) -> Process:
    environment = {**os.environ, procfs.FOLDER: str(folder)}
    return await start(Launch((sys.executable, "-c", code), environment, str(folder), "", "python"), log)


def usage(folder: Path, *processes: Process) -> LocalUsage:
    requests = {"cpu": 0.5, "memory": None}

    def running(ref: Ref) -> Iterator[Running]:
        if ref != WEB:
            raise NotFound(f"there is no Deployment {ref.name} in the folder")
        for index, one in enumerate(processes):
            yield Running(f"web-{index}", one.pid, one.started, requests)

    return LocalUsage(str(folder), running, lambda: 1000.0)


def of(answer: Usage | SourceError) -> Usage:
    assert isinstance(answer, Usage)
    return answer


async def test_cpu_is_a_difference_of_two_looks(tmp_path: Path) -> None:
    busy = await python(tmp_path, f"import os\nos.fork()\n{BUSY}")
    idle = await python(tmp_path, "import time; time.sleep(1000)")
    async with usage(tmp_path, busy, idle).open() as looks:
        assert of((await looks.fetch([CPU]))[0]).samples == ()
        assert of((await looks.fetch([CPU]))[0]).samples == ()  # too soon to say anything
        await asyncio.sleep(WINDOW)
        first, second = of((await looks.fetch([CPU]))[0]).samples
        assert (first.pod, second.pod) == ("web-0", "web-1")
        assert 0.05 < first.value < os.cpu_count() + 0.5  # type: ignore[operator]  # the machine may be shared
        assert second.value < 0.3
        assert (first.request, first.at) == (0.5, 1000.0)
        assert WINDOW <= first.window < PATIENCE
        assert of((await looks.fetch([CPU]))[0]).samples == (first, second)  # too soon for another difference
        await busy.stop(PATIENCE)
        assert [one.pod for one in of((await looks.fetch([CPU]))[0]).samples] == ["web-1"]
    await idle.stop(PATIENCE)


async def test_memory_is_the_group_s(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = await python(tmp_path, f"import os\nos.fork()\n{LARGE}", log)
    await until(lambda: log.exists() and log.read_text().count("up") == 2)
    async with usage(tmp_path, process).open() as looks:
        (sample,) = of((await looks.fetch([MEMORY]))[0]).samples
    assert 100e6 < sample.value < 200e6
    assert sample.request is None
    await process.stop(PATIENCE)


async def test_what_is_not_there_is_this_query_s_error(tmp_path: Path) -> None:
    async with usage(tmp_path).open() as looks:
        missing, found = await looks.fetch([("cpu", Ref("Deployment", "default", "other")), MEMORY])
    assert isinstance(missing, SourceError)
    assert "other" in str(missing)
    assert found == Usage(())


def test_sources_of_one_folder_are_equal(tmp_path: Path) -> None:
    first, second = usage(tmp_path), usage(tmp_path)
    assert first == second
    assert hash(first) == hash(second)
    assert usage(tmp_path / "other") != first
    assert str(first) == f"processes of {tmp_path}"


async def test_the_cluster_offers_it(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", scaled_object(), deployment(resources={"requests": {"cpu": "100m", "memory": "1Mi"}}))
    async with serving(tmp_path) as scene:
        sources = scene.cluster.sources()
        assert sources["cpu"] == sources["memory"]
        await scene.apply(2)
        await scene.ready(2)
        async with sources["memory"].open() as looks:
            samples = of((await looks.fetch([MEMORY]))[0]).samples
        assert [(one.pod, one.request) for one in samples] == [("web-0", 2**20), ("web-1", 2**20)]
        assert all(one.value > 10_000 and abs(one.at - time.time()) < PATIENCE for one in samples)


async def test_ticks_of_children_that_were_waited_for_count(tmp_path: Path) -> None:
    work = "import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', 'sum(range(10**7))'])\ntime.sleep(1000)"
    process = await python(tmp_path, work)
    await soon(lambda: ((one := procfs.stat(process.pid)) and one.cpu > 5) or None)
    await process.stop(PATIENCE)
