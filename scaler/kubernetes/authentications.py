"""What is told of TriggerAuthentications and ClusterTriggerAuthentications as they come, change and go: events in
KEDA's words (KEDA behaviour 2.2). Of what was there already when this daemon began to lead nothing is told: that was
another leader's to tell. Who is bound anew is the engine's business."""

import asyncio
from collections.abc import Iterator
from functools import partial

from scaler.core.model import Event
from scaler.kubernetes.changes import ref_of
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.world import World
from scaler.kubernetes.writer import Writer
from scaler.manifests import annotations
from scaler.manifests.kinds import CLUSTER_TRIGGER_AUTHENTICATION, TRIGGER_AUTHENTICATION


class Authentications:
    """`run` is its life, inside leadership."""

    def __init__(self, world: World, writer: Writer) -> None:
        self._writer, self._leading = writer, False
        for kind in (TRIGGER_AUTHENTICATION.kind, CLUSTER_TRIGGER_AUTHENTICATION.kind):
            world.objects[kind].listen(partial(self._seen, kind))

    async def run(self) -> None:
        self._leading = True
        try:
            await asyncio.Event().wait()
        finally:
            self._leading = False

    def _seen(self, kind: str, before: Custom | None, now: Custom | None) -> None:
        meta = (now or before or Custom()).metadata
        if not self._leading or annotations.observed(meta.annotations):
            return
        self._writer.post_about(ref_of(kind, meta), meta, *events(kind, before, now))


def events(kind: str, before: Custom | None, now: Custom | None) -> Iterator[Event]:
    """Each of them once: a deletion when it begins, also where a finalizer holds it up."""
    if before is not None and now is not None and before.metadata.uid != now.metadata.uid:
        yield from events(kind, before, None)
        yield from events(kind, None, now)
    elif before is None or now is None:
        there = before or now
        if there is not None and not there.metadata.deletion_timestamp:
            yield _deleted(kind) if now is None else Event(f"{kind}Added", f"New {kind} configured")
    elif now.metadata.deletion_timestamp:
        if not before.metadata.deletion_timestamp:
            yield _deleted(kind)
    elif before.metadata.generation != now.metadata.generation:
        yield Event(f"{kind}Updated", f"{kind} {now.metadata.name} is updated")


def _deleted(kind: str) -> Event:
    return Event(f"{kind}Deleted", f"{kind} was deleted")
