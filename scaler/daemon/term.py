"""Term after term over any cluster: what there is while this daemon leads, and what the outward faces see of it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from scaler import catalog, settings
from scaler.core.model import Mode
from scaler.daemon.credentials import Doubts, stores_of
from scaler.daemon.process import spare_the_collector
from scaler.engine.agenda import Agenda
from scaler.engine.board import Board
from scaler.engine.cluster import Cluster
from scaler.engine.loop import Loop
from scaler.engine.pool import Pool
from scaler.engine.rounds import Rounds
from scaler.engine.timetable import Timetable
from scaler.engine.traffic import Traffic
from scaler.errors import NotLeading
from scaler.manifests.authentication import STORE
from scaler.manifests.bind import Binding, bind
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.settings import Settings
from scaler.web.external_metrics import Leading

log = logging.getLogger(__name__)


class Term:
    """What there is while this daemon leads, made anew each time: nothing of an earlier term is worth anything."""

    def __init__(
        self,
        cluster: Cluster,
        binding: Binding,
        given: Settings,
        clock: Callable[[], float],
        rounds: Rounds | None = None,
    ) -> None:
        self.stores = stores_of(cluster.read, cluster.token, given, clock)
        whole = replace(binding, stores=self.stores)

        async def bound(manifest: Manifest) -> Watched:
            return await bind(manifest, whole)

        self.board = Board(Traffic(detailed=given.enable_high_cardinality_metrics_labels))
        self.agenda: Agenda[Ref] = Agenda()
        self.pool = Pool(clock)
        self.timetable = Timetable(self.agenda, clock)
        self.loop = Loop(
            cluster,
            bound,
            self.pool,
            self.board,
            self.agenda,
            clock,
            metric_max_age=given.metric_max_age,
            doubt=Doubts(self.stores, self._touched, clock),
            rounds=rounds,
        )

    def _touched(self, ref: Ref) -> None:
        self.loop.touched(ref)

    async def _fetch_anew(self) -> None:
        await self.stores.run(lambda: self.loop.used(STORE), lambda name: self._touched(Ref(STORE, "", name)))

    async def run(self) -> None:
        async with self.pool, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fetch_anew(), name="stores")
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
        self.rounds = Rounds() if given.enable_opentelemetry_traces else None
        self.latest = self._made()
        self._leads = False

    def _made(self) -> Term:
        return Term(self._cluster, self._binding, self._given, self._clock, self.rounds)

    async def run(self) -> None:
        """Lead, for ever; after losing the lead, stand for it again. Nothing is written in between."""
        while True:
            try:
                async with self._cluster.leadership():
                    self.latest, self._leads = self._made(), True
                    await self.latest.run()
            except NotLeading as error:
                log.warning("does not lead any more: %s", error)
                self._leads, self.latest = False, self._made()  # what it knew is the next leader's to tell
            finally:
                self._leads = False

    def unready(self) -> str:
        return self.latest.loop.unready() if self._leads else self._idle()

    def leading(self) -> Leading | None:
        """What the metrics API answers from."""
        term = self.latest
        return Leading(term.board, term.loop.refresh) if self._leads and term.loop.serving else None

    @property
    def leads(self) -> bool:
        return self._leads

    @property
    def clock(self) -> Callable[[], float]:
        return self._clock

    def known(self) -> Mapping[tuple[str, str], int]:
        """Objects of our own kinds, by kind and namespace."""
        return self._cluster.known()


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
