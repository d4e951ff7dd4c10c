"""Takes the steps that `steps.py` names: what somebody waits for at once, the rest by the books. What a write returned
goes into the caches, so that the next decision sees it. It decides nothing."""

import asyncio
import itertools
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from scaler.core.model import Event
from scaler.errors import ClusterError, Conflict, Forbidden, NotFound, NotLeading
from scaler.kubernetes.api import Api
from scaler.kubernetes.books import Books
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.events import Guard, event_of
from scaler.kubernetes.objects import Custom, Hpa, Meta, shape
from scaler.kubernetes.steps import (
    CreateHpa,
    DeleteHpa,
    PatchHpa,
    PatchStatus,
    Post,
    Scale,
    SetFinalizers,
    Step,
)
from scaler.kubernetes.targets import Targets
from scaler.manifests.kinds import KINDS, Kind
from scaler.manifests.watched import Ref

log = logging.getLogger(__name__)

Json = dict[str, Any]

FIRST_REST, LONGEST_REST = 0.5, 30.0
"""Seconds until a finalizer that could not be taken off is tried again, doubled each time."""

HPAS = "horizontalpodautoscalers"
_KINDS = {kind.kind: kind for kind in KINDS}


class Writer:
    """`api` is fenced: nothing is sent that a daemon which does not lead may not send. `caches` are those of our own
    kinds, by kind; `now` gives the epoch."""

    def __init__(
        self,
        api: Api,
        targets: Targets,
        hpas: Cache[Hpa],
        caches: dict[str, Cache[Custom]],
        books: Books,
        *,
        instance: str,
        now: Callable[[], float],
    ) -> None:
        self._api, self._targets, self._hpas, self._caches, self._books = api, targets, hpas, caches, books
        self._instance, self._now = instance, now
        self._guard = Guard()
        self._serials = itertools.count()
        self.tell: Callable[[Ref, Event], None] = _nobody
        """Hears of every event, also where the API server gets no more of them about that object; it must not wait."""

        self._patched: dict[tuple[str, str], tuple[Json, tuple[Any, ...]]] = {}

    async def take(self, step: Step) -> None:
        """Raises `Conflict` where the world is not as the step has it, `ClusterError` where it cannot be taken."""
        match step:
            case Scale(resource, namespace, name, before, after):
                await self._targets.scale(resource, namespace, name, before, after)
            case CreateHpa(manifest):
                await self._create_hpa(manifest)
            case PatchHpa():
                await self._patch_hpa(step)
            case DeleteHpa(hpa):
                await self.delete_hpa(hpa)
            case SetFinalizers(ref, seen, finalizers):
                await self.set_finalizers(ref, seen, finalizers)
            case PatchStatus(ref, patch, hurry):
                await self.status(ref, patch, hurry=hurry)
            case Post(ref, events):
                self.post(ref, *events)

    async def _create_hpa(self, manifest: Json) -> None:
        """Is another of that name there, the next decision must know it, and whose it is."""
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        try:
            made = await self._api.create(hpa_path(namespace), manifest, Hpa)
        except Conflict:
            with suppress(NotFound):
                self._hpas.put(await self._api.get(hpa_path(namespace, name), Hpa), own=True)
            raise
        self._hpas.put(made, own=True)

    async def _patch_hpa(self, step: PatchHpa) -> None:
        """A patch that left something undone (the API server, or a webhook, did not take all of it) is not sent again
        to the very HPA that it made."""
        key, found = (step.namespace, step.name), self._hpas.get(step.namespace, step.name)
        if found is not None and self._patched.get(key) == (step.patch, shape(found)):
            return
        made = await self._api.patch(hpa_path(*key), step.patch, Hpa)
        self._patched[key] = (step.patch, shape(made))
        self._hpas.put(made, own=True)

    async def delete_hpa(self, hpa: Meta) -> None:
        """Raises `ClusterError` where somebody's finalizer keeps it: it may still scale."""
        try:
            gone = await self._api.delete(hpa_path(hpa.namespace, hpa.name), uid=hpa.uid)
        except Conflict:  # it is another one by now
            return
        if not gone:
            raise ClusterError(f"the hpa {hpa.name} is deleted, but not gone: it has finalizers of somebody else")
        self._patched.pop((hpa.namespace, hpa.name), None)
        self._hpas.drop(hpa, own=True)

    async def set_finalizers(self, ref: Ref, seen: Meta, finalizers: tuple[str, ...]) -> None:
        """Raises `Conflict` where it is not as it was seen, with what there is in the cache."""
        patch = {"metadata": {"resourceVersion": seen.resource_version, "finalizers": list(finalizers)}}
        try:
            self._keep(ref, await self._api.patch(path_of(ref), patch, Custom))
        except Conflict:
            self._keep(ref, await self._api.get(path_of(ref), Custom))
            raise

    async def let_go(self, ref: Ref, uid: str, finalizer: str) -> None:
        """Take it off that very object, again and again, until it is off or the object is gone: a deletion waits."""
        rest = FIRST_REST
        while (found := self._found(ref)) and found.metadata.uid == uid and finalizer in found.metadata.finalizers:
            others = tuple(one for one in found.metadata.finalizers if one != finalizer)
            try:
                await self.set_finalizers(ref, found.metadata, others)
            except (NotFound, NotLeading):
                return
            except ClusterError as error:
                log.warning("the finalizer %s of %s could not be taken off: %s", finalizer, ref, error)
                await asyncio.sleep(rest)
                rest = min(LONGEST_REST, rest * 2)

    def _found(self, ref: Ref) -> Custom | None:
        cache = self._caches.get(ref.kind)
        return None if cache is None else cache.get(ref.namespace, ref.name)

    async def status(self, ref: Ref, patch: Json, *, hurry: bool) -> None:
        """At once where somebody waits for it; what waited by the books is part of it, or no longer so."""
        self.status_later(ref, {} if hurry else patch)
        if hurry and patch:
            await self._write_status(ref, patch)

    def status_later(self, ref: Ref, patch: Json) -> None:
        """By the books."""
        self._books.status(ref, patch, lambda latest: self._write_status(ref, latest))

    async def _write_status(self, ref: Ref, patch: Json) -> None:
        self._keep(ref, await self._api.patch(f"{path_of(ref)}/status", {"status": patch}, Custom))

    def _keep(self, ref: Ref, written: Custom) -> None:
        if (cache := self._caches.get(ref.kind)) is not None:
            cache.put(written, own=True)

    def post(self, ref: Ref, *events: Event) -> None:
        """By the books, in their order; about an object that is still known, or was a moment ago."""
        found = self._found(ref)
        self.post_about(ref, found.metadata if found else Meta(name=ref.name, namespace=ref.namespace), *events)

    def post_about(self, ref: Ref, meta: Meta, *events: Event) -> None:
        kind, now = _KINDS[ref.kind], self._now()
        for event in events:
            self.tell(ref, event)
        made = [
            event_of(
                event,
                ref,
                meta,
                api_version=kind.api_version,
                instance=self._instance,
                now=now,
                serial=next(self._serials),
            )
            for event in events
            if self._guard.admits(ref, now)
        ]

        if made:
            self._books.errand(partial(self._send, ref, made))

    async def _send(self, ref: Ref, made: list[Json]) -> None:
        """What has no namespace is told of in `default`, which this daemon may not serve."""
        for one in made:
            path = f"/apis/events.k8s.io/v1/namespaces/{one['metadata']['namespace']}/events"
            try:
                await self._api.create(path, one, Json)
            except Forbidden:
                if ref.namespace:
                    raise

    def forget(self, ref: Ref) -> None:
        self._books.forget(ref)
        self._guard.forget(ref)


def _nobody(_: Ref, __: Event) -> None:
    """Nobody wants to hear of events."""


def hpa_path(namespace: str, name: str = "") -> str:
    root = f"/apis/autoscaling/v2/namespaces/{namespace}/{HPAS}"
    return f"{root}/{name}" if name else root


def path_of(ref: Ref) -> str:
    kind: Kind = _KINDS[ref.kind]
    return f"{kind.path(ref.namespace)}/{ref.name}"
