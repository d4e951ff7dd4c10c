"""Where the daemon's CPU time goes, by py-spy: while 1,000 objects are created, and while they are active at 30 s with
the HPA asking. Not among the benchmarks that run unless named: the profiler takes time from what it looks at.

Shares are of the samples in which the daemon ran (waiting does not count). `in` a function is it and all it calls; a
function that calls itself counts once."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT

from tests.performance.figure import Figure
from tests.performance.kube_lab import OBJECTS, WORKLOADS, Lab, measured
from tests.performance.kube_seen import following, is_ready, is_up

COUNT = 1000
WATCHED = 60.0
RATE = "250"
INCLUSIVE, OWN = 30, 15
TO_START = 2.0
LIBRARY = "site-packages/"


def measure() -> list[Figure]:
    return measured([_created, _active])


def _names() -> list[str]:
    return [f"object-{number:04}" for number in range(COUNT)]


async def _created(lab: Lab) -> list[Figure]:
    await lab.make_workloads(_names())
    await lab.settled(lab.cluster.mark())
    found: list[Figure] = []
    async with following(lab.kube, OBJECTS, is_ready) as ready, _profiled(lab, "created", found):
        await lab.make_objects(_names())
        await ready.many(True, COUNT, 0.0)
    return found


async def _active(lab: Lab) -> list[Figure]:
    async with following(lab.kube, WORKLOADS, is_up) as ups:
        lab.source.set(5)
        await ups.many(True, COUNT, 0.0)
    await lab.settled(lab.cluster.mark())
    found: list[Figure] = []
    async with _profiled(lab, "active", found):
        await asyncio.sleep(WATCHED)
    return found


@asynccontextmanager
async def _profiled(lab: Lab, what: str, found: list[Figure]) -> AsyncIterator[None]:
    into = lab.cluster.folder / f"{what}.profile"
    program = str(Path(sys.executable).with_name("py-spy"))
    record = [
        "record",
        "--pid",
        str(lab.daemon.pid),
        "--rate",
        RATE,
        "--format",
        "raw",
        "--output",
        str(into),
        "--duration",
        "600",
    ]
    profiler = await asyncio.create_subprocess_exec(program, *record, stdout=asyncio.subprocess.DEVNULL)
    try:
        await asyncio.sleep(TO_START)
        yield
    finally:
        profiler.send_signal(SIGINT)
        await profiler.wait()
    found += _figures(into, what)


def _figures(profile: Path, what: str) -> Iterator[Figure]:
    inclusive, own = Counter[str](), Counter[str]()
    samples = 0
    for line in profile.read_text().splitlines():
        stack, _, text = line.rpartition(" ")
        frames, count = [_short(frame) for frame in stack.split(";")], int(text)
        samples += count
        own[frames[-1]] += count
        for frame in set(frames):
            inclusive[frame] += count
    for title, counts, most in (("in", inclusive, INCLUSIVE), ("itself", own, OWN)):
        for frame, count in counts.most_common(most):
            yield Figure(f"{what}: {title} {frame}", "%", (100 * count / samples,), note=f"of {samples:,} samples")


def _short(frame: str) -> str:
    """`function (file)`, without the line, and the file without the folders before its package."""
    function, _, where = frame.partition(" (")
    file = where.rstrip(")").rpartition(":")[0]
    package = file.rpartition(LIBRARY)[2] if LIBRARY in file else "/".join(file.split("/")[-3:])
    return f"{function} ({package})"
