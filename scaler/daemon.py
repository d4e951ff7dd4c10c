"""The only place that builds and wires. Start and stop order is the order of the blocks: what stands further in starts
later and stops earlier."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from scaler import catalog, settings
from scaler.clock import Clock
from scaler.core.model import Mode
from scaler.engine.agenda import Agenda
from scaler.engine.board import Board
from scaler.engine.cluster import Cluster
from scaler.engine.loop import Loop
from scaler.engine.pool import Pool
from scaler.engine.timetable import Timetable
from scaler.manifests.bind import Binding, bind
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.settings import Settings
from scaler.standalone.cluster import StandaloneCluster
from scaler.web import health, telemetry
from scaler.web.server import listening

log = logging.getLogger(__name__)


def run_standalone(folder: Path, given: Settings) -> None:
    """Run the daemon on a folder of manifests until SIGTERM or SIGINT."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(standalone(folder, given))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def standalone(folder: Path, given: Settings, *, clock: Callable[[], float] | None = None) -> None:
    """The daemon over local processes; ends when the process is told to, or the task is cancelled."""
    now = clock or Clock()
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(
            StandaloneCluster(folder, settings.environment(), now, reload=given.reload)
        )
        await until_told(serve(cluster, given, now, Mode.DIRECT))


async def serve(cluster: Cluster, given: Settings, clock: Callable[[], float], mode: Mode | None) -> None:
    """The daemon over any cluster: listener, then (leading) pool, agenda, timetable and the line."""
    board: Board = Board()
    agenda: Agenda[Ref] = Agenda()
    binding = Binding(
        find=catalog.find,
        read=cluster.read,
        manifest=cluster.manifest,
        sources=cluster.sources(),
        identity=settings.identity(),
        mode=mode,
    )

    async def bound(manifest: Manifest) -> Watched:
        return await bind(manifest, binding)

    pool = Pool(clock)
    loop = Loop(cluster, bound, pool, board, agenda, clock, metric_max_age=given.metric_max_age)
    pages = (
        *health.routes(loop.unready),
        *telemetry.routes(
            board, lambda: len(pool), lambda ref: agenda.skipped[ref], lambda ref: agenda.late.get(ref, 0)
        ),
    )
    async with listening(*given.address, pages), cluster.leadership(), pool, asyncio.TaskGroup() as tasks:
        tasks.create_task(Timetable(agenda, clock).run(), name="timetable")
        tasks.create_task(loop.run(), name="loop")
        await loop.ready()
        spare_the_collector()


def spare_the_collector() -> None:
    """Thousands of bound objects live as long as the daemon. Looking through all of them again and again for cycles was
    measured at half the CPU of a round, with pauses of hundreds of milliseconds (docs/performance.md)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run the work until it ends by itself, or SIGTERM or SIGINT asks for it."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if (current := asyncio.current_task()) and current.cancelling():
            raise
        log.info("told to stop")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
