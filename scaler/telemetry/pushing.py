"""The life of what is pushed: it begins with the daemon and ends with it, within seconds, whether or not anybody takes
what is left."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import Metric

from scaler.engine.rounds import Rounds
from scaler.errors import SettingsError

GRACE = 2.0
"""Seconds in which the last of it is to be delivered at the end."""

MISSING = "needs what is not installed: pip install 'event-scaler[otel]'"


@dataclass(frozen=True, slots=True)
class Wanted:
    """`metrics` gives the families to push, `rounds` those to trace, each `None` where it is not wanted; `ratio` is the
    share of the rounds without change that are traced; `protocols` and `delta` are what OpenTelemetry's variables say;
    `clock` gives seconds since the epoch."""

    metrics: Callable[[], Iterable[Metric]] | None
    rounds: Rounds | None
    ratio: float
    protocols: Mapping[str, str]
    delta: bool
    clock: Callable[[], float]


@asynccontextmanager
async def pushing(wanted: Wanted) -> AsyncIterator[None]:
    """While the block runs. Raises `SettingsError`."""
    async with AsyncExitStack() as stack:
        try:
            from scaler.telemetry import exporters

            exporters.quiet()
            if wanted.metrics is not None:
                await stack.enter_async_context(_metrics(wanted.metrics, wanted))
            if wanted.rounds is not None:
                await stack.enter_async_context(_traces(wanted.rounds, wanted))
        except ImportError:
            raise SettingsError({"OpenTelemetry": MISSING}) from None
        yield


@asynccontextmanager
async def _metrics(collect: Callable[[], Iterable[Metric]], wanted: Wanted) -> AsyncIterator[None]:
    from scaler.telemetry.exporters import metric_exporter
    from scaler.telemetry.metrics import BoardReader, provider_of
    from scaler.telemetry.points import Points

    points = Points(collect, delta=wanted.delta, now=lambda: int(wanted.clock() * 1e9))
    provider = provider_of(BoardReader(metric_exporter(wanted.protocols["metrics"]), points))
    try:
        yield
    finally:
        await _within_grace(lambda: provider.shutdown(timeout_millis=GRACE * 1000))


@asynccontextmanager
async def _traces(rounds: Rounds, wanted: Wanted) -> AsyncIterator[None]:
    from scaler.telemetry.exporters import span_exporter
    from scaler.telemetry.traces import TRACER, follow, provider_of

    provider = provider_of(span_exporter(wanted.protocols["traces"]))
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(follow(rounds, provider.get_tracer(TRACER), wanted.ratio), name="traces")
        try:
            yield
        finally:
            following.cancel()
            await _within_grace(provider.shutdown)


async def _within_grace(end: Callable[[], Any]) -> None:
    """In a thread that nobody waits for longer: a receiver that is away must not keep the daemon from ending."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        try:
            end()
        finally:
            with_loop(ended.set)

    def with_loop(call: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(call)

    threading.Thread(target=run, name="the last of OpenTelemetry", daemon=True).start()
    try:
        async with asyncio.timeout(GRACE):
            await ended.wait()
    except TimeoutError:
        return
