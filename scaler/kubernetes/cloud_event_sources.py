"""The life of CloudEventSources and ClusterCloudEventSources: which there are, what their conditions say, that what
they refer to has changed. Where events go and how is not known here; the one who knows it is handed in."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Protocol

from scaler.core.model import Event
from scaler.errors import ManifestError
from scaler.kubernetes.changes import manifest_of, ref_of
from scaler.kubernetes.objects import Custom
from scaler.kubernetes.secrets import Secrets
from scaler.kubernetes.status import condition_of, patch_of
from scaler.kubernetes.world import World
from scaler.kubernetes.writer import Writer
from scaler.manifests import annotations
from scaler.manifests.kinds import (
    CLOUD_EVENT_SOURCE,
    CLUSTER_CLOUD_EVENT_SOURCE,
    CLUSTER_TRIGGER_AUTHENTICATION,
    TRIGGER_AUTHENTICATION,
)
from scaler.manifests.watched import Manifest, Ref

SOURCES = (CLOUD_EVENT_SOURCE.kind, CLUSTER_CLOUD_EVENT_SOURCE.kind)
ACTIVE, FAILED = "CloudEventSourceActive", "CloudEventSourceFailed"
_GOOD = "Is configured to send events to the configured destination"
_BAD = "Failed to send events to the configured destination"


class Dispatching(Protocol):
    """Whoever sends events (`scaler.sinks.dispatch.Dispatch`)."""

    def open(self, tell: Callable[[Ref, str], None]) -> AbstractAsyncContextManager[None]: ...

    def place(self, manifest: Manifest, said: str | None) -> None: ...

    def drop(self, ref: Ref) -> None: ...

    def touched(self, ref: Ref) -> None: ...

    def tell(self, ref: Ref, event: Event) -> None: ...


class CloudEventSources:
    """`run` is its life, inside leadership."""

    def __init__(self, world: World, writer: Writer, secrets: Secrets, dispatch: Dispatching) -> None:
        self._world, self._writer, self._secrets, self._dispatch = world, writer, secrets, dispatch
        self._leading = False
        for kind in SOURCES:
            world.objects[kind].listen(partial(self._seen, kind))
        for kind in (TRIGGER_AUTHENTICATION.kind, CLUSTER_TRIGGER_AUTHENTICATION.kind):
            world.objects[kind].listen(partial(self._authentication, kind))

    async def run(self) -> None:
        async with self._dispatch.open(self._tell):
            self._leading = True
            try:
                for kind in SOURCES:
                    for found in self._world.objects[kind].values():
                        self._seen(kind, None, found)
                await asyncio.Event().wait()
            finally:
                self._leading = False

    def touched(self, ref: Ref) -> None:
        """A Secret or ConfigMap in use is another one than it was."""
        if self._leading:
            self._dispatch.touched(ref)

    def _authentication(self, kind: str, before: Custom | None, now: Custom | None) -> None:
        if before is None or now is None or before.spec != now.spec:
            self.touched(ref_of(kind, (now or before or Custom()).metadata))

    # -------------------------------------------------------------------------------------------------------- sources

    def _seen(self, kind: str, before: Custom | None, now: Custom | None) -> None:
        if not self._leading:
            return
        ref = ref_of(kind, (now or before or Custom()).metadata)
        if now is None or now.metadata.deletion_timestamp or annotations.observed(now.metadata.annotations):
            self._dispatch.drop(ref)
            self._secrets.forget(ref)
            self._writer.forget(ref)
            return
        if before is not None and _same(before, now):
            return
        self._secrets.forget(ref)  # what it is resolved from now is said when it is
        try:
            self._dispatch.place(manifest_of(kind, now), said_of(now.status) if before is None else None)
        except ManifestError as error:
            self._tell(ref, str(error))

    def _tell(self, ref: Ref, problem: str) -> None:
        found = self._world.objects[ref.kind].get(ref.namespace, ref.name)
        if found is not None:
            self._writer.status_later(ref, patch_of(found.status, status_of(found.status, problem)))


def said_of(status: Mapping[str, Any]) -> str | None:
    """What the condition says already: empty where all is well, `None` where nobody has said anything."""
    active = condition_of(status, "Active")
    if active.get("reason") == FAILED:
        return active.get("message") or _BAD
    return "" if active.get("reason") == ACTIVE else None


def status_of(before: Mapping[str, Any], problem: str) -> dict[str, Any]:
    """KEDA's words, and behind them why."""
    told = {
        "type": "Active",
        "status": "False" if problem else "True",
        "reason": FAILED if problem else ACTIVE,
        "message": f"{_BAD}: {problem}" if problem else _GOOD,
    }
    others = [one for one in before.get("conditions") or () if one.get("type") != "Active"]
    return {**before, "conditions": [told, *others]}


def _same(before: Custom, now: Custom) -> bool:
    """Whether nothing is new to whoever sends: it is the same object, with the same wish, and not observed before."""
    return (
        before.metadata.uid == now.metadata.uid
        and before.spec == now.spec
        and not annotations.observed(before.metadata.annotations)
    )
