"""What may be looked at from outside of a running daemon, whatever its cluster: the plain listener's pages, and what is
pushed by OpenTelemetry. All of it reads the latest term's board."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from scaler import settings
from scaler.daemon.term import Daemon
from scaler.settings import Settings
from scaler.web import health, telemetry
from scaler.web.requests import Requests
from scaler.web.server import listening
from scaler.web.telemetry.collector import BoardCollector, Told
from scaler.web.telemetry.counts import Counting


class Faces:
    """`requests` are those for metrics, `counting` gives what else was counted."""

    def __init__(self, daemon: Daemon, given: Settings, counting: Iterable[Counting] = ()) -> None:
        self._daemon, self._given = daemon, given
        self.requests = Requests()
        self._told = Told(
            board=lambda: daemon.latest.board,
            sources=lambda: len(daemon.latest.pool),
            skipped=lambda ref: daemon.latest.agenda.skipped[ref],
            late=lambda ref: daemon.latest.agenda.late.get(ref, 0),
            known=daemon.known,
            requests=self.requests,
            counting=(self._leading, *counting),
        )

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """While the block runs. Raises `SettingsError` where an address is taken, or an extra is missing."""
        given = self._given
        async with AsyncExitStack() as stack:
            if given.enable_opentelemetry_metrics or given.enable_opentelemetry_traces:
                await stack.enter_async_context(self._pushed())
            if given.address is not None:
                await stack.enter_async_context(listening(*given.address, self.pages()))
            if given.health_address is not None:
                probes = health.routes(self._daemon.unready)
                await stack.enter_async_context(listening(*given.health_address, probes))
            yield

    def pages(self) -> Iterable[web.RouteDef]:
        """Of the plain listener."""
        yield from health.routes(self._daemon.unready)
        if self._given.enable_prometheus_metrics:
            yield from telemetry.routes(self._told)

    @asynccontextmanager
    async def _pushed(self) -> AsyncIterator[None]:
        """The SDK is loaded only here."""
        from scaler.telemetry.pushing import Wanted, pushing

        given, collector = self._given, BoardCollector(self._told)
        wanted = Wanted(
            metrics=collector.collect if given.enable_opentelemetry_metrics else None,
            rounds=self._daemon.rounds,
            ratio=given.trace_ratio,
            protocols=settings.otlp_protocols(),
            delta=settings.otlp_delta(),
            clock=self._daemon.clock,
        )
        async with pushing(wanted):
            yield

    def _leading(self) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        return {"event_scaler_leading": {(): float(self._daemon.leads)}}
