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
from scaler.kubernetes.api import Api
from scaler.kubernetes.cluster import KubernetesCluster
from scaler.kubernetes.config import access
from scaler.kubernetes.lease import Claim, Terms
from scaler.kubernetes.world import Scope
from scaler.kubernetes.world import World as Watched
from scaler.manifests.kinds import KINDS
from scaler.manifests.watched import Manifest, Ref
from scaler.standalone.cluster import StandaloneCluster
from tests.cluster.remembering import RememberingCluster
from tests.rig.control_plane import ControlPlane
from tests.rig.kube_client import path

Document = Mapping[str, Any]

SERVED = ("ScaledObject", "ScaledJob")


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
            self._environment(ref.name, document["spec"]["template"], ref.namespace)
        if ref.kind == "ScaledJob":
            name = f"ScaledJob.v1alpha1.keda.sh/{ref.name}"
            self._environment(name, document["spec"]["jobTargetRef"]["template"], ref.namespace)
        if ref.kind in ("Secret", "ConfigMap"):
            held.data[ref] = document.get("stringData") or document["data"]
        if ref.kind not in SERVED:
            held.changes.put_nowait(Touched(ref))
        else:
            held.changes.put_nowait(Changed(manifest) if known else Appeared(manifest))

    def _environment(self, name: str, template: Mapping[str, Any], namespace: str) -> None:
        data = self._cluster.data
        for container in template["spec"]["containers"]:
            variables = {one["name"]: one["value"] for one in container.get("env", ())}
            data[Ref("Environment", namespace, f"{name}/{container['name']}")] = variables
            data.setdefault(Ref("Environment", namespace, f"{name}/"), variables)

    async def remove(self, ref: Ref) -> None:
        held: Any
        for held in (self._cluster.manifests, self._cluster.data, self._cluster.replicas, self._cluster.states):
            held.pop(ref, None)
        self._cluster.changes.put_nowait(Gone(ref) if ref.kind in SERVED else Touched(ref))

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Cluster]:
        self._cluster.changes = asyncio.Queue()
        for ref, manifest in self._cluster.manifests.items():
            appeared = Appeared(manifest, self._cluster.states.get(ref))
            self._cluster.changes.put_nowait(appeared if ref.kind in SERVED else Touched(ref))
        self._cluster.changes.put_nowait(Synced())
        yield self._cluster


class Plane:
    """Kubernetes: one namespace of a real control plane, emptied before each test."""

    NAMESPACE = "default"

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    async def clear(self) -> None:
        """The kinds are known, and nothing of an earlier test is left."""
        applied = await self._plane.kubectl("apply", "--server-side", "-k", "crds")
        assert applied.code == 0, applied.err
        found = "so,sj,jobs,deploy,ta,hpa,configmap,secret,lease"
        await self._plane.kubectl("delete", found, "--all", "-n", self.NAMESPACE, "--wait=true")

    async def put(self, document: Document) -> None:
        body = dict(document)
        if body["kind"] == "Deployment":
            body = _complete(body)
        if body["kind"] == "ScaledJob":
            job = body["spec"]["jobTargetRef"]
            body["spec"] = {
                **body["spec"],
                "jobTargetRef": {**job, "template": {"spec": _with_images(job["template"])}},
            }
        async with self._plane.client() as client:
            await client.apply(self._path(ref_of(body)), body)

    async def remove(self, ref: Ref) -> None:
        async with self._plane.client() as client:
            await client.delete(self._path(ref))

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Cluster]:
        self._daemons += 1
        async with Api(await access(self._plane.kubeconfig())) as api:
            claim = Claim(
                api,
                self.NAMESPACE,
                "contract",
                identity=f"daemon-{self._daemons}",
                terms=Terms(2.0, 1.5, 0.2),
                wall=time.time,
                steady=time.monotonic,
            )
            watched = Watched(api, Scope((self.NAMESPACE,)))
            async with KubernetesCluster(api, watched, claim, time.time, version="0", instance="contract") as cluster:
                yield cluster

    _daemons = 0

    def _path(self, ref: Ref) -> str:
        own = {kind.kind: kind for kind in KINDS}.get(ref.kind)
        if own is not None:
            return f"{own.path(ref.namespace)}/{ref.name}"
        version = "apps/v1" if ref.kind == "Deployment" else "v1"
        return path(version, f"{ref.kind.lower()}s", ref.namespace, ref.name)


def _complete(body: dict[str, Any]) -> dict[str, Any]:
    """With what an API server wants of a Deployment beside what a folder needs; it begins with none."""
    labels, name = {"app": body["metadata"]["name"]}, body["metadata"]["name"]
    template = {"metadata": {"labels": labels}, "spec": _with_images(body["spec"]["template"])}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {**body, "metadata": {"name": name}, "spec": spec}


def _with_images(template: Mapping[str, Any]) -> dict[str, Any]:
    pod = template["spec"]
    return {**pod, "containers": [{"image": "none", **one} for one in pod["containers"]]}


def ref_of(document: Document) -> Ref:
    metadata = document["metadata"]
    return Ref(document["kind"], metadata.get("namespace", "default"), metadata["name"])
