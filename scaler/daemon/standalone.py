"""The daemon over local processes, from a folder of manifests."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from scaler import settings
from scaler.clock import Clock
from scaler.core.model import Mode
from scaler.daemon.credentials import guard_addresses
from scaler.daemon.faces import Faces
from scaler.daemon.process import loop_factory, until_told
from scaler.daemon.term import Daemon, binding_of
from scaler.daemon.ways import set_ways
from scaler.settings import Settings
from scaler.standalone.cluster import StandaloneCluster


def run(folder: Path, given: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(standalone(folder, given))


async def standalone(folder: Path, given: Settings, *, clock: Callable[[], float] | None = None) -> None:
    """Ends when the process is told to, or the task is cancelled."""
    now = clock or Clock()
    guard_addresses(given)
    await set_ways(given)
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(
            StandaloneCluster(folder, settings.environment(), now, reload=given.reload)
        )
        daemon = Daemon(cluster, binding_of(cluster, Mode.DIRECT), given, now)
        await stack.enter_async_context(Faces(daemon, given).shown())
        await until_told(daemon.run())
