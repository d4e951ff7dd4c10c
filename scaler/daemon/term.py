"""Term after term over any cluster: what there is while this daemon leads, and what the outward faces see of it."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from aiohttp import web

from scaler import catalog, settings
from scaler.core.model import Mode
from scaler.daemon.process import spare_the_collector
from scaler.engine.agenda import Agenda
from scaler.engine.board import Board
from scaler.engine.cluster import Cluster
from scaler.engine.loop import Loop
from scaler.engine.pool import Pool
from scaler.engine.timetable import Timetable
from scaler.errors import NotLeading
from scaler.manifests.bind import Binding, bind
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.settings import Settings
from scaler.web import health, telemetry
from scaler.web.external_metrics import Leading

log = logging.getLogger(__name__)


class Term:
    """What there is while this daemon leads, made anew each time: nothing of an earlier term is worth anything."""

    def __init__(self, cluster: Cluster, binding: Binding, given: Settings, clock: Callable[[], float]) -> None:
        async def bound(manifest: Manifest) -> Watched:
            return await bind(manifest, binding)

        self.board = Board()
        self.agenda: Agenda[Ref] = Agenda()
        self.pool = Pool(clock)
        self.timetable = Timetable(self.agenda, clock)
        self.loop = Loop(cluster, bound, self.pool, self.board, self.agenda, clock, metric_max_age=given.metric_max_age)

    async def run(self) -> None:
        async with self.pool, asyncio.TaskGroup() as tasks:
            tasks.create_task(self.timetable.run(), name="timetable")
            tasks.create_task(self.loop.run(), name="loop")
            await self.loop.ready()
            spare_the_collector()


class Daemon:
    """Term after term over one cluster, and what the outward faces may see of it: the `latest` one. `idle` says what
    keeps a replica that does not lead from being ready."""

    def __init__(
        self,
        cluster: Cluster,
        binding: Binding,
        given: Settings,
        clock: Callable[[], float],
        idle: Callable[[], str] = lambda: "waiting for its turn to lead",
    ) -> None:
        self._cluster, self._binding, self._given, self._clock, self._idle = cluster, binding, given, clock, idle
        self.latest = self._made()
        self._leads = False

    def _made(self) -> Term:
        return Term(self._cluster, self._binding, self._given, self._clock)

    async def run(self) -> None:
        """Lead, for ever; after losing the lead, stand for it again. Nothing is written in between."""
        while True:
            try:
                async with self._cluster.leadership():
                    self.latest, self._leads = self._made(), True
                    await self.latest.run()
            except NotLeading as error:
                log.warning("does not lead any more: %s", error)
            finally:
                self._leads = False

    def unready(self) -> str:
        return self.latest.loop.unready() if self._leads else self._idle()

    def leading(self) -> Leading | None:
        """What the metrics API answers from."""
        term = self.latest
        return Leading(term.board, term.loop.refresh) if self._leads and term.loop.serving else None

    def pages(self) -> Iterable[web.RouteDef]:
        """Of the plain listener."""
        yield from health.routes(self.unready)
        yield from telemetry.routes(
            lambda: self.latest.board,
            lambda: len(self.latest.pool),
            lambda ref: self.latest.agenda.skipped[ref],
            lambda ref: self.latest.agenda.late.get(ref, 0),
        )


def binding_of(cluster: Cluster, mode: Mode | None, cluster_namespace: str = "") -> Binding:
    return Binding(
        find=catalog.find,
        read=cluster.read,
        manifest=cluster.manifest,
        sources=cluster.sources(),
        identity=settings.identity(),
        mode=mode,
        cluster_namespace=cluster_namespace,
    )
