"""Where the kernel has no pidfd, a process is looked at now and then, from the event loop itself."""

import os
import signal
from pathlib import Path

import pytest

from scaler.standalone.processes import start
from tests.standalone.scene import PATIENCE
from tests.standalone.test_processes import launch

pytestmark = pytest.mark.usefixtures("nothing_left")


async def test_without_pidfd_it_is_polled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    process = await start(launch(tmp_path, "sleep", "1000"))
    assert not process.gone.is_set()
    await process.stop(PATIENCE)
    assert process.status == -signal.SIGTERM
