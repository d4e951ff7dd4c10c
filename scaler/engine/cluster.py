"""The port: everything the engine needs of a cluster, and nothing that only one of the two adapters could do. Its words
are the engine's; how a replica comes to be (a patch of `/scale`, a local process) is the adapter's business."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from scaler.core.model import Decision, State, Target
from scaler.credentials.store import Token
from scaler.errors import ScalerError
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.sdk.source import AnySource


@dataclass(frozen=True, slots=True)
class Appeared:
    """An object is there for the first time since the daemon started; `remembered` is what an earlier daemon left."""

    manifest: Manifest
    remembered: State | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """The object's manifest is another one than before."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Gone:
    """The object was deleted."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Touched:
    """Something that objects may have been bound from (a Secret, a target, …) appeared, changed or vanished."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Poked:
    """Something around the object moved that its decision, or what became of it, may depend on: look at it now."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything that was there when the watch began has been told."""


Change = Appeared | Changed | Gone | Touched | Poked | Synced


class Cluster(Protocol):
    """Implemented by `scaler.kubernetes` and `scaler.standalone`; defined by `tests/cluster/test_contract.py`."""

    def watch(self) -> AsyncIterator[Change]:
        """Everything that is there, `Synced`, then every change, for as long as it is iterated."""
        ...

    async def seen(self, watched: Watched) -> Target:
        """The workload as it is now. Raises `NotFound` when there is none, `ClusterError` when it cannot be seen."""
        ...

    async def apply(self, watched: Watched, decision: Decision) -> None:
        """Make the decision true; idempotent, and sends nothing when nothing differs. Raises `ClusterError`."""
        ...

    async def report(self, ref: Ref, problem: ScalerError) -> None:
        """Tell the object's owner that it could not be bound or served."""
        ...

    async def read(self, ref: Ref) -> Mapping[str, str]:
        """The data of a Secret, ConfigMap or environment. Raises `NotFound`, `Forbidden`."""
        ...

    async def manifest(self, ref: Ref) -> Manifest:
        """One of our own kinds that others refer to (a TriggerAuthentication). Raises `NotFound`."""
        ...

    async def doubt(self, watched: Watched) -> None:
        """A source refuses the credentials that the object was bound with: look, soon, whether they are still what they
        were read from. What is found is told by the watch. Raises `ClusterError`."""
        ...

    async def token(self, namespace: str, account: str, *, audience: str = "", seconds: int = 3600) -> Token:
        """A token of that service account; without an `audience` the cluster's own. Raises `NotFound`, `Forbidden`,
        and `ClusterError` where there are no service accounts."""
        ...

    def leadership(self) -> AbstractAsyncContextManager[None]:
        """Entered when this daemon leads; cancels the body when it no longer does."""
        ...

    def known(self) -> Mapping[tuple[str, str], int]:
        """How many objects of our own kinds there are, by kind and namespace; also asked from other threads."""
        ...

    def sources(self) -> Mapping[str, AnySource]:
        """What only the cluster can answer, by scaler type; asked with the target's `Ref` as the query."""
        ...
