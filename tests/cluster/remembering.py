"""The port's third implementation, for tests only: a cluster that does what it is told and remembers it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from scaler.core.model import Decision, Jobs, Mode, State, Target
from scaler.credentials.store import Token
from scaler.engine.cluster import Change
from scaler.errors import NotFound, ScalerError
from scaler.manifests.kinds import KINDS
from scaler.manifests.watched import Manifest, Ref, Watched
from scaler.sdk.source import AnySource

T = TypeVar("T")

OURS = frozenset(kind.kind for kind in KINDS)


class RememberingCluster:
    """Tests put `changes` in, and read `replicas`, `applied`, `reported` and `doubted`. The Jobs of a ScaledJob that
    have not ended are its own `replicas`, all of them running."""

    def __init__(self) -> None:
        self.changes: asyncio.Queue[Change] = asyncio.Queue()
        self.replicas: dict[Ref, int] = {}
        self.data: dict[Ref, Mapping[str, str]] = {}
        self.manifests: dict[Ref, Manifest] = {}
        self.states: dict[Ref, State] = {}
        self.applied: list[Decision] = []
        self.reported: list[tuple[Ref, str]] = []
        self.doubted: list[Ref] = []
        self._lead = asyncio.Lock()

    async def watch(self) -> AsyncIterator[Change]:
        while True:
            yield await self.changes.get()

    async def seen(self, watched: Watched) -> Target:
        if watched.spec.jobs:
            running = self.replicas.get(watched.ref, 0)
            return Target(running, running, running, jobs=Jobs(running))
        return Target(count := _found(self.replicas, watched.target), count, count)

    async def apply(self, watched: Watched, decision: Decision) -> None:
        self.applied.append(decision)
        self.states[watched.ref] = decision.state
        if watched.spec.mode is Mode.OBSERVE:
            return
        if watched.spec.jobs:
            self.replicas[watched.ref] = self.replicas.get(watched.ref, 0) + decision.create
        elif decision.replicas is not None:
            self.replicas[watched.target] = decision.replicas

    async def report(self, ref: Ref, problem: ScalerError) -> None:
        self.reported.append((ref, str(problem)))

    async def read(self, ref: Ref) -> Mapping[str, str]:
        return _found(self.data, ref)

    async def manifest(self, ref: Ref) -> Manifest:
        return _found(self.manifests, ref)

    async def token(self, namespace: str, account: str, *, audience: str = "", seconds: int = 3600) -> Token:
        raise NotFound(f"there is no service account {account}")

    async def doubt(self, watched: Watched) -> None:
        self.doubted.append(watched.ref)

    def leadership(self) -> AbstractAsyncContextManager[None]:
        return self._lead

    def known(self) -> Mapping[tuple[str, str], int]:
        return Counter((ref.kind, ref.namespace) for ref in list(self.manifests) if ref.kind in OURS)

    def sources(self) -> Mapping[str, AnySource]:
        return {}


def _found(held: Mapping[Ref, T], ref: Ref) -> T:
    if ref not in held:
        raise NotFound(f"there is no {ref.kind} {ref.name}")
    return held[ref]
