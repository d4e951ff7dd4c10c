"""1,000 queries on one HTTP source at an interval of 30 s, through the real line and the real Timetable, for 75 s from
the very start. The server is a process of its own and notes when each request came in.

For each request: how many came within the second that begins with it, whatever second that is. `start` are the first
20 s, in which the newcomers are swept in; `after` is the rest."""

import asyncio
import json
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from scaler import catalog
from scaler.clock import Clock
from scaler.manifests.watched import Manifest
from tests.performance.figure import Aim, Figure
from tests.performance.line import run, running, scaled_object
from tests.rig import process
from tests.rig.process import Server, free_ports

COUNT = 1000
INTERVAL = 30
LENGTH = 75.0
START = 20.0
MOST = Aim(70, "max")


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="event-scaler-bench-") as folder:
        [port] = free_ports(1)
        command = [sys.executable, "-m", "tests.performance.counting", str(port)]
        server = Server(command, log=Path(folder) / "counting.log", ready=partial(_answers, port))
        with process.running(server):
            began = time.monotonic()
            run(_served(f"http://127.0.0.1:{port}"))
            stamps = sorted(json.loads(_get(port, "/asked")))
    rates = _rates(stamps)
    begun = bisect_left(stamps, began + START)
    each = (len(stamps) - COUNT) / COUNT
    return [
        Figure("1,000 HTTP queries: requests in a second, start", "", tuple(rates[:begun]), MOST, f"first {START:g} s"),
        Figure(
            "1,000 HTTP queries: requests in a second, after",
            "",
            tuple(rates[begun:]),
            MOST,
            f"{len(stamps):,} requests in {LENGTH:g} s: {each:.2f} a query after its first",
        ),
    ]


async def _served(base: str) -> None:
    async with running(_manifests(base), catalog.find, Clock(), timetable=True) as line:
        await asyncio.sleep(LENGTH)
        line.check()


def _rates(stamps: Sequence[float]) -> list[float]:
    """How many there are from each to a second later."""
    return [float(bisect_left(stamps, at + 1) - index) for index, at in enumerate(stamps)]


def _answers(port: int) -> bool:
    try:
        return bool(_get(port, "/asked"))
    except (OSError, URLError):
        return False


def _get(port: int, path: str) -> bytes:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
        content: bytes = reply.read()
    return content


def _manifests(base: str) -> list[Manifest]:
    return [
        scaled_object(
            f"worker-{number}",
            "metrics-api",
            {"url": f"{base}/value/{number}", "valueLocation": "value", "targetValue": "100"},
            pollingInterval=INTERVAL,
        )
        for number in range(COUNT)
    ]
