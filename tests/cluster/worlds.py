"""What a cluster adapter lives in, as the contract suite moves it: manifests come and go, daemons start and end. One
world for each implementation of the port; the suite knows nothing else of them."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from scaler.engine.cluster import Appeared, Changed, Cluster, Gone, Synced, Touched
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone.cluster import StandaloneCluster
from tests.cluster.remembering import RememberingCluster

Document = Mapping[str, Any]


class World(Protocol):
    async def put(self, document: Document) -> None:
        """Create a manifest, or change it."""
        ...

    async def remove(self, ref: Ref) -> None: ...

    def daemon(self) -> AbstractAsyncContextManager[Cluster]:
        """A daemon's view of the world, until it ends; it does not lead yet."""
        ...


class Folder:
    """Standalone: one file for each manifest."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def put(self, document: Document) -> None:
        new = self._path / ".new"
        new.write_bytes(msgspec.json.encode(document))
        new.rename(self._file(ref_of(document)))

    async def remove(self, ref: Ref) -> None:
        self._file(ref).unlink()

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Cluster]:
        async with StandaloneCluster(self._path, dict(os.environ), time.time, reload=0.02, rests=(0.02,)) as cluster:
            yield cluster

    def _file(self, ref: Ref) -> Path:
        return self._path / f"{ref.kind}.{ref.name}.json".lower()


class Memory:
    """The remembering cluster: what is put becomes what it holds, and a change that it tells."""

    def __init__(self) -> None:
        self._cluster = RememberingCluster()

    async def put(self, document: Document) -> None:
        ref, held = ref_of(document), self._cluster
        known = ref in held.manifests
        held.manifests[ref] = manifest = Manifest(ref, document, created=1.0)
        if ref.kind == "Deployment":
            held.replicas.setdefault(ref, 0)
            for container in document["spec"]["template"]["spec"]["containers"]:
                variables = {one["name"]: one["value"] for one in container.get("env", ())}
                held.data[Ref("Environment", ref.namespace, f"{ref.name}/{container['name']}")] = variables
                held.data.setdefault(Ref("Environment", ref.namespace, f"{ref.name}/"), variables)
        if ref.kind in ("Secret", "ConfigMap"):
            held.data[ref] = document.get("stringData") or document["data"]
        if ref.kind != "ScaledObject":
            held.changes.put_nowait(Touched(ref))
        else:
            held.changes.put_nowait(Changed(manifest) if known else Appeared(manifest))

    async def remove(self, ref: Ref) -> None:
        held: Any
        for held in (self._cluster.manifests, self._cluster.data, self._cluster.replicas, self._cluster.states):
            held.pop(ref, None)
        self._cluster.changes.put_nowait(Gone(ref) if ref.kind == "ScaledObject" else Touched(ref))

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Cluster]:
        self._cluster.changes = asyncio.Queue()
        for ref, manifest in self._cluster.manifests.items():
            appeared = Appeared(manifest, self._cluster.states.get(ref))
            self._cluster.changes.put_nowait(appeared if ref.kind == "ScaledObject" else Touched(ref))
        self._cluster.changes.put_nowait(Synced())
        yield self._cluster


def ref_of(document: Document) -> Ref:
    metadata = document["metadata"]
    return Ref(document["kind"], metadata.get("namespace", "default"), metadata["name"])
