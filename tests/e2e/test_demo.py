"""`make demo`, as a newcomer runs it: workers appear, and nothing is left when it ends."""

import asyncio
import os
import re
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.daemon import PATIENCE, ROOT

pytestmark = [pytest.mark.rig, pytest.mark.timeout(180)]


def _left(mark: str) -> set[int]:
    """Processes that a demo with this mark in its environment has started: its brokers, its daemon, its workers."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            environment = (path / "environ").read_bytes()
        except OSError:
            continue
        if f"DEMO_MARK={mark}".encode() in environment.split(b"\0"):
            found.add(int(path.name))
    return found


@pytest.mark.parametrize("extra", [(), ("kafka", "azure-queue")], ids=["nats", "all"])
async def test_the_demo(extra: tuple[str, ...], request: pytest.FixtureRequest) -> None:
    if extra:
        for server in ("kafka", "azurite"):
            request.getfixturevalue(server)  # so that it is skipped, or fails, where they cannot be had
    mark = uuid4().hex
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "examples.demo", *extra, "--seconds", "25",
        cwd=ROOT, env={**os.environ, "DEMO_MARK": mark},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(25 + 3 * PATIENCE):
        assert process.stdout is not None
        first = await process.stdout.readline()
        assert _left(mark), "the mark is inherited, so that what is left would be found"
        said = (first + await process.stdout.read()).decode()
        assert await process.wait() == 0, said
    objects = ["nats-orders", *(("kafka-orders", "azure-orders") if extra else ())]
    for name in objects:
        counts = [int(ready) for ready in re.findall(rf"{name}: backlog \S+ workers (\d+) of", said)]
        assert max(counts, default=0) >= 2, f"{name} was never scaled out:\n{said}"
    assert "everything is stopped" in said
    assert not _left(mark)
