"""Objects by what they are about (a workload, a name), so that what belongs to it is not looked for among thousands."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from scaler.kubernetes.cache import Cache, T

K = TypeVar("K", bound=Hashable)


class Index(Generic[T, K]):
    """Over a cache, from the beginning; `about` gives nothing for what is not to be found."""

    def __init__(self, cache: Cache[T], about: Callable[[T], K | None]) -> None:
        self._cache, self._about = cache, about
        self._names: dict[tuple[str, K], set[str]] = defaultdict(set)
        cache.listen(self._moved)

    def on(self, namespace: str, what: K) -> tuple[T, ...]:
        """By name."""
        found = (self._cache.get(namespace, name) for name in sorted(self._names.get((namespace, what), ())))
        return tuple(one for one in found if one is not None)

    def _moved(self, before: T | None, now: T | None) -> None:
        if before is not None and (what := self._about(before)) is not None:
            key = (before.metadata.namespace, what)
            self._names[key].discard(before.metadata.name)
            if not self._names[key]:
                del self._names[key]
        if now is not None and (what := self._about(now)) is not None:
            self._names[now.metadata.namespace, what].add(now.metadata.name)
