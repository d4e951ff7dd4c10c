"""Objects by the workload that they are about, so that a change of one workload is not looked for among thousands."""

from collections import defaultdict
from collections.abc import Callable
from typing import Generic

from scaler.kubernetes.cache import Cache, T
from scaler.kubernetes.ownership import Workload


class Index(Generic[T]):
    """Over a cache, from the beginning; `about` gives nothing for what is not to be found."""

    def __init__(self, cache: Cache[T], about: Callable[[T], Workload | None]) -> None:
        self._cache, self._about = cache, about
        self._names: dict[tuple[str, Workload], set[str]] = defaultdict(set)
        cache.listen(self._moved)

    def on(self, namespace: str, workload: Workload) -> tuple[T, ...]:
        """By name."""
        found = (self._cache.get(namespace, name) for name in sorted(self._names.get((namespace, workload), ())))
        return tuple(one for one in found if one is not None)

    def _moved(self, before: T | None, now: T | None) -> None:
        if before is not None and (workload := self._about(before)) is not None:
            key = (before.metadata.namespace, workload)
            self._names[key].discard(before.metadata.name)
            if not self._names[key]:
                del self._names[key]
        if now is not None and (workload := self._about(now)) is not None:
            self._names[now.metadata.namespace, workload].add(now.metadata.name)
