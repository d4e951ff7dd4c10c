"""`scaler run` with a wall clock that a test sets: `python -m tests.e2e.stepped FILE`, where the file says by how many
seconds it is wrong."""

import asyncio
import sys
import time
from pathlib import Path

from scaler import logs, settings
from scaler.clock import Clock
from scaler.daemon.kubernetes import kubernetes
from scaler.daemon.process import loop_factory


def main(file: Path) -> None:
    given = settings.read({}, None)
    logs.configure(given.log_level, given.log_format)
    clock = Clock(wall=lambda: time.time() + float(file.read_text()))
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(kubernetes(given, clock=clock))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
