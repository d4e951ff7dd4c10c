"""The sinks of cloud events, put together with a cluster: what a source's `authenticationRef` comes to is read where
triggers' credentials are."""

from collections.abc import Callable, Mapping
from typing import Protocol
from weakref import WeakSet

from scaler.errors import CredentialError, NotFound
from scaler.manifests.authentication import STORE, Credentials
from scaler.manifests.bind import Binding
from scaler.manifests.scaled_object import AuthenticationRef, ScaleTargetRef
from scaler.manifests.watched import Ref
from scaler.sinks.dispatch import Dispatch
from scaler.sinks.event import Origin

AT = "spec.authenticationRef"
NO_TARGET = ScaleTargetRef(name="none")
"""A source of events scales nothing, so there is no environment to read from."""


class Holding(Protocol):
    """A cluster that is told what else is in use."""

    def hold(self, owner: Ref, refs: frozenset[Ref]) -> None: ...

    async def look_again(self, refs: frozenset[Ref]) -> None: ...


class SourceGrant:
    """The parameters of one source. `refs` are those of the latest reading; they are held until the cluster is told
    otherwise, but none any more after `end`."""

    def __init__(self, source: Ref, reference: AuthenticationRef | None, binding: Binding, cluster: Holding) -> None:
        self._source, self._reference, self._binding, self._cluster = source, reference, binding, cluster
        self.refs: frozenset[Ref] = frozenset()
        self._ended = False

    async def parameters(self) -> Mapping[str, str]:
        """Raises `CredentialError` that names what leads nowhere, `ManifestError`, `ClusterError`."""
        if self._reference is None:
            return {}
        if not (self._source.namespace or self._reference.kind.startswith("Cluster")):
            raise CredentialError(f"{AT}: a {self._source.kind} needs a ClusterTriggerAuthentication")
        binding = self._binding
        credentials = Credentials(
            self._source,
            NO_TARGET,
            self._read,
            binding.manifest,
            binding.identity,
            binding.cluster_namespace,
            binding.stores,
        )
        try:
            return await credentials.parameters(self._reference, AT)
        finally:
            self.refs = frozenset(credentials.refs - {credentials.target})
            if not self._ended:
                self._cluster.hold(self._source, self.refs)

    def end(self) -> None:
        """A reading that is under way, or cancelled, must not hold what the cluster has just forgotten."""
        self._ended = True

    async def doubt(self) -> None:
        """Somebody may have replaced them meanwhile."""
        await self._cluster.look_again(self.refs)
        if self._binding.stores is not None:
            await self._binding.stores.doubt(ref.name for ref in self.refs if ref.kind == STORE)

    async def _read(self, ref: Ref) -> Mapping[str, str]:
        if ref.kind == "Environment":
            raise NotFound("a source of cloud events has no workload, and so no environment")
        return await self._binding.read(ref)


class Sending:
    """A dispatch and its stores. `binding` needs stores of its own: those of objects end with a term, sources are there
    before one begins."""

    def __init__(self, cluster: Holding, binding: Binding, origin: Origin, now: Callable[[], float]) -> None:
        self._cluster, self._binding = cluster, binding
        self._granted: WeakSet[SourceGrant] = WeakSet()  # a grant goes with its sink
        self.dispatch = Dispatch(origin, self._grant, now)

    def _grant(self, source: Ref, reference: AuthenticationRef | None) -> SourceGrant:
        made = SourceGrant(source, reference, self._binding, self._cluster)
        self._granted.add(made)
        return made

    def _used(self) -> set[str]:
        return {ref.name for grant in self._granted for ref in grant.refs if ref.kind == STORE}

    async def run(self) -> None:
        """What its sinks are shown is renewed in time, and let go when none uses it."""
        if self._binding.stores is not None:
            await self._binding.stores.run(self._used, lambda id: self.dispatch.touched(Ref(STORE, "", id)))
