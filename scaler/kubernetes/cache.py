"""What is known of one kind of objects: by name, with listeners that hear of every change. What our own writes returned
is put in like what a watch tells, and stands until the watch has passed it, so that the next decision sees what the
last one did; but the answer to a write may come late, and never brings back what the watch has told the end of. Where
objects come from (`watch.py`) and what they mean is not known here."""

import logging
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from scaler.kubernetes.objects import Meta


class Object(Protocol):
    """Anything with metadata."""

    @property
    def metadata(self) -> Meta: ...


log = logging.getLogger(__name__)

T = TypeVar("T", bound=Object)

Key = tuple[str, str]
"""(namespace, name)."""

Listener = Callable[[T | None, T | None], None]
"""Called with what was there before and what is there now; it must not wait. What it raises is logged."""


class Cache(Generic[T]):
    """Objects by namespace and name."""

    def __init__(self) -> None:
        self._objects: dict[Key, T] = {}
        self._listeners: list[Listener[T]] = []
        self._ended: dict[str, Meta] = {}
        """By namespace, the latest of which the watch told the end."""

        self.own = False
        """While a listener hears of what we wrote ourselves."""

    def get(self, namespace: str, name: str) -> T | None:
        return self._objects.get((namespace, name))

    def values(self) -> list[T]:
        return list(self._objects.values())

    def __len__(self) -> int:
        return len(self._objects)

    def listen(self, listener: Listener[T]) -> None:
        """Every change from now on."""
        self._listeners.append(listener)

    def put(self, now: T, *, own: bool = False) -> None:
        """What a watch told, or a write of our own returned; older than what is here, it is nothing new. Of one version
        the watch knows the whole, a write of our own maybe a part."""
        key = key_of(now)
        before = self._objects.get(key)
        if before is None:
            new = not own or self._may_live(now.metadata)
        elif now.metadata.resource_version == before.metadata.resource_version:
            new = not own and now != before
        else:
            new = newer(now.metadata, before.metadata)
        if new:
            self._objects[key] = now
            self._tell(before, now, own)

    def drop(self, gone: Meta, *, own: bool = False) -> None:
        """It is gone; unless another of the same name is there already. After a deletion of our own, what a watch has
        told since stands: it may have to wait for a finalizer."""
        if not own:
            self._end(gone)
        key = (gone.namespace, gone.name)
        before = self._objects.get(key)
        if before is None or gone.uid not in ("", before.metadata.uid) or (own and newer(before.metadata, gone)):
            return
        del self._objects[key]
        self._tell(before, None, own)

    def only(self, found: set[Key], version: str, namespace: str = "") -> None:
        """A list as of `version`, of everything or of one namespace: what is not in it has gone while nobody watched,
        unless it was written after the list was made."""
        listed = Meta(resource_version=version)
        for key, held in list(self._objects.items()):
            if key not in found and namespace in ("", key[0]) and not newer(held.metadata, listed):
                self._end(Meta(namespace=key[0], resource_version=version))
                self.drop(held.metadata)

    def _may_live(self, written: Meta) -> bool:
        """Whether something that is not here is not here yet, rather than no longer."""
        ended = self._ended.get(written.namespace)
        return ended is None or newer(written, ended)

    def _end(self, gone: Meta) -> None:
        if self._may_live(gone):
            self._ended[gone.namespace] = Meta(resource_version=gone.resource_version)

    def _tell(self, before: T | None, now: T | None, own: bool) -> None:
        self.own = own
        for listener in self._listeners:
            try:
                listener(before, now)
            except Exception:  # as the loop's: else one odd object ends the watch, on every replica, while it is there
                [where, *_] = (key_of(one) for one in (now, before) if one is not None)
                log.exception("a listener's bug: what is new of %s may stay without effect", "/".join(where))
        self.own = False


def key_of(item: Object) -> Key:
    return item.metadata.namespace, item.metadata.name


def newer(now: Meta, before: Meta) -> bool:
    """Versions may be compared as numbers (Kubernetes 1.35 on; those of etcd always could)."""
    if now.resource_version.isdecimal() and before.resource_version.isdecimal():
        return int(now.resource_version) > int(before.resource_version)
    return now.resource_version != before.resource_version
