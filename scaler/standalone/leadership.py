"""Who serves a folder: whoever holds the lock on a file in it. The kernel lets it go when its holder ends, however that
happens; workers do not inherit it."""

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from scaler.errors import ClusterError
from scaler.logs import Changes

log = logging.getLogger(__name__)


@asynccontextmanager
async def locked(path: Path, pause: float) -> AsyncIterator[None]:
    """Wait for the lock, saying who has it, looking again every `pause` seconds; hold it for the block."""
    said = Changes()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ClusterError(f"{path} cannot be opened ({error.strerror})") from None
    try:
        while not _taken(descriptor):
            holder = await asyncio.to_thread(_holder, path)
            if said.news("holder", holder):
                log.warning("another daemon serves this folder; waiting for it to end", extra={"pid": holder})
            await asyncio.sleep(pause)
        if said.news("holder", None):
            log.info("the other daemon has ended; this one serves the folder now")
        await asyncio.to_thread(path.write_text, f"{os.getpid()}\n")
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    return path.read_text().strip() or "?"
