"""`scaler run` at another time: `python -m tests.e2e.later FILE`, where the file says by how many seconds the daemon's
clock is ahead. When that grows, it goes on at once, as while a machine sleeps."""

import asyncio
import sys
import time
from pathlib import Path

from scaler import logs, settings
from scaler.clock import Clock, boottime
from scaler.daemon.kubernetes import kubernetes
from scaler.daemon.process import loop_factory


def main(file: Path) -> None:
    def slept() -> float:
        return float(file.read_text())

    given = settings.read({}, None)
    logs.configure(given.log_level, given.log_format)
    clock = Clock(wall=lambda: time.time() + slept(), steady=lambda: boottime() + slept())
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(kubernetes(given, clock=clock))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
