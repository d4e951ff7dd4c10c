"""All sinks together: who there is, and what each of them hears of. An adapter says which sources there are and tells
each event, once, when it happens; nobody waits for anything. While it is not open nothing is sent: another daemon
leads then."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from scaler.core.model import Event
from scaler.declare import load_document
from scaler.errors import ManifestError
from scaler.manifests.cloud_event_source import CloudEventSourceSpec
from scaler.manifests.scaled_object import AuthenticationRef
from scaler.manifests.watched import Manifest, Ref
from scaler.sdk.http import http_session
from scaler.sdk.tls import Tls
from scaler.sinks.counts import Counts
from scaler.sinks.delivery import Delivery, Route, Sink, Tell
from scaler.sinks.event import TYPES, Origin, happening
from scaler.sinks.event_grid import EventGridSink, Grant
from scaler.sinks.http import HttpSink
from scaler.sinks.subscription import subscription

Granting = Callable[[Ref, AuthenticationRef | None], Grant]
"""(source, its reference) → the parameters behind it."""


@dataclass(slots=True)
class _Open:
    """What there is while it is open."""

    session: aiohttp.ClientSession
    tasks: asyncio.TaskGroup
    tell: Tell
    sent: dict[Ref, tuple[Delivery, asyncio.Task[None]]] = field(default_factory=dict)


class Dispatch:
    """`origin` is where events are from, unless a source names another cluster."""

    def __init__(self, origin: Origin, granting: Granting, now: Callable[[], float]) -> None:
        self._origin, self._granting, self._now = origin, granting, now
        self._open: _Open | None = None
        self.counts = Counts()

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """`tell` hears for each source whether its sink gets its events, when that changes; it must not wait. What
        waits at the end is given up."""
        async with http_session(Tls(), limit=0) as session, asyncio.TaskGroup() as tasks:
            self._open = _Open(session, tasks, tell)
            try:
                yield
            finally:
                for ref in list(self._open.sent):
                    self.drop(ref)
                self._open = None

    def place(self, manifest: Manifest, said: str | None) -> None:
        """A source is there, or is another one than it was; `said` is what its owner was told last (`Delivery`). Raises
        `ManifestError`; what it was before is forgotten then."""
        if self._open is None:
            return
        ref = manifest.ref
        try:
            route = self._route(manifest)
        except ManifestError:
            self.drop(ref)
            raise
        if ref in self._open.sent:
            self._open.sent[ref][0].turn(route)
            return
        delivery = Delivery(ref, route, self._open.tell, self.counts, said=said)
        life = self._open.tasks.create_task(delivery.run(self._open.session), name=f"events to {ref}")
        self._open.sent[ref] = (delivery, life)

    def drop(self, ref: Ref) -> None:
        """The source is gone, and what waits for it."""
        if self._open is not None and ref in self._open.sent:
            delivery, life = self._open.sent.pop(ref)
            delivery.end()
            life.cancel()

    def touched(self, ref: Ref) -> None:
        """A TriggerAuthentication or Secret is another one than it was."""
        for delivery in self._deliveries():
            delivery.touched(ref)

    def tell(self, ref: Ref, event: Event) -> None:
        """An event about an object."""
        if self._open is None or not self._open.sent or event.reason not in TYPES:
            return
        one = happening(ref, event, at=self._now(), id=str(uuid.uuid4()))
        if one is not None:
            for delivery in self._deliveries():
                delivery.put(one)

    def counted(self) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        """For whoever shows it: values by label values, by name."""
        queued: Counter[str] = Counter()
        for delivery in self._deliveries():
            queued[delivery.ref.namespace] += len(delivery)
        return self.counts.told(queued)

    def _deliveries(self) -> list[Delivery]:
        opened = self._open
        return [delivery for delivery, _ in list(opened.sent.values())] if opened else []

    def _route(self, manifest: Manifest) -> Route:
        loaded = load_document(CloudEventSourceSpec, manifest.body.get("spec", {}), "spec")
        if loaded.value is None or loaded.problems:
            raise ManifestError(loaded.problems)
        spec = loaded.value
        return Route(self._sink(manifest.ref, spec), subscription(spec, manifest.ref.namespace))

    def _sink(self, ref: Ref, spec: CloudEventSourceSpec) -> Sink:
        """HTTP where both are given, as in KEDA."""
        origin = Origin(spec.cluster_name or self._origin.cluster, self._origin.namespace)
        http, topic = spec.destination.http, spec.destination.azure_event_grid_topic
        if http is not None:
            return HttpSink(http.uri.strip(), origin)
        if topic is not None:
            return EventGridSink(topic.endpoint.strip(), origin, self._granting(ref, spec.authentication_ref))
        raise ManifestError({"spec.destination": "has neither http nor azureEventGridTopic"})
