"""Which Secrets and ConfigMaps are in use, by whom: those that an object refers to, and those behind the environment of
its workload, which it does not name itself. Pure bookkeeping; nothing is read here."""

from collections import Counter
from collections.abc import Iterable

from scaler.kubernetes.content import KINDS
from scaler.manifests.watched import Ref


class Uses:
    def __init__(self) -> None:
        self._bound: dict[Ref, frozenset[Ref]] = {}
        self._used: dict[Ref, frozenset[Ref]] = {}
        self._users: Counter[Ref] = Counter()
        self._behind: dict[Ref, set[Ref]] = {}

    def __contains__(self, ref: Ref) -> bool:
        return ref in self._users

    def named(self, refs: Iterable[Ref]) -> frozenset[Ref]:
        """The Secrets and ConfigMaps among them, and behind the environments among them."""
        found = {*refs, *(one for ref in refs for one in self._behind.get(ref, ()))}
        return frozenset(ref for ref in found if ref.kind in KINDS and ref.name)

    def use(self, owner: Ref, refs: frozenset[Ref]) -> frozenset[Ref]:
        """The owner is bound from these, and from nothing else any more. Gives what it uses by that; nothing where it
        is told the very same set again."""
        if self._bound.get(owner) is refs:
            return frozenset()
        used = self.named(refs)
        self._users.update(used)
        self._release(owner)
        self._bound[owner], self._used[owner] = refs, used
        return used

    def forget(self, owner: Ref) -> None:
        self._release(owner)
        for ref in self._bound.pop(owner, ()):
            self._behind.pop(ref, None)

    def resolve(self, environment: Ref) -> set[Ref]:
        """The environment is resolved anew; what is read for it is put into this."""
        self._behind[environment] = set()
        return self._behind[environment]

    def _release(self, owner: Ref) -> None:
        for ref in self._used.pop(owner, ()):
            self._users[ref] -= 1
            if not self._users[ref]:
                del self._users[ref]
