"""Everything of the cluster that is kept current, on every replica: our six kinds, HPAs, Deployments and StatefulSets.
Looked up by name, HPAs and ScaledObjects also by what they scale, and ScaledObjects by the HPA that they name. Secrets
are not among it: they are fetched singly; jobs and their pods are, while there are ScaledJobs."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scaler.core import naming
from scaler.kubernetes.api import Api
from scaler.kubernetes.cache import Cache
from scaler.kubernetes.index import Index
from scaler.kubernetes.jobs.watching import JobWatches
from scaler.kubernetes.objects import Custom, Hpa, Scalable
from scaler.kubernetes.ownership import Workload, workload_of
from scaler.kubernetes.targets import DEPLOYMENT, STATEFUL_SET, Resource
from scaler.kubernetes.watch import Watch
from scaler.manifests.kinds import KINDS, SCALED_JOB, SCALED_OBJECT, TRIGGER_AUTHENTICATION, Kind

NEEDED = frozenset((SCALED_OBJECT.kind, TRIGGER_AUTHENTICATION.kind))
"""Kinds without which nothing can be served; the others may be missing, or not ours to see."""

_PLURALS = {kind.kind: kind.plural for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of the cluster is served: some namespaces (none: all of them), and of our own kinds those that match a
    label selector."""

    namespaces: tuple[str, ...] = ()
    selector: str = ""
    authentication_selector: str = ""


class World:
    """`run` is its life; `synced` waits until everything that must be there is."""

    def __init__(self, api: Api, scope: Scope) -> None:
        self._api, self._scope = api, scope
        self.objects: dict[str, Cache[Custom]] = {kind.kind: Cache() for kind in KINDS}
        self.hpas: Cache[Hpa] = Cache()
        self.scalables: dict[Resource, Cache[Scalable]] = {DEPLOYMENT: Cache(), STATEFUL_SET: Cache()}
        self._hpas = Index(self.hpas, workload_of)
        self._objects = Index(self.objects[SCALED_OBJECT.kind], held_by)
        self._naming = Index(self.objects[SCALED_OBJECT.kind], hpa_named_by)
        self.jobs = JobWatches(api, self.objects[SCALED_JOB.kind], self._places())
        self._watches: tuple[Watch[Any], ...] = (*self._of_hpas(), *self._of_scalables(), *self._of_kinds())

    def sees_all(self, kind: str, *, everywhere: bool) -> bool:
        """Whether a scaled object of that kind which is not here is nowhere: in the namespaces that are served, or in
        all."""
        elsewhere = self._scope.selector or (everywhere and self._scope.namespaces)
        plural = f"/{_PLURALS[kind]}"
        return not elsewhere and not any(one.problem for one in self._watches if one.path.endswith(plural))

    def hpas_about(self, found: Custom) -> tuple[Hpa, ...]:
        """Every HPA that could matter to a ScaledObject: on its target, or called as its own is, was or would be. Those
        of younger objects on the same target do not: they are taken away."""
        namespace, aim = found.metadata.namespace, aim_of(found)
        names = {_config(found).get("name"), naming.hpa(found.metadata.name), found.status.get("hpaName")}
        named = (self.hpas.get(namespace, name) for name in names if name)
        hpas = {hpa.metadata.name: hpa for hpa in (*self._hpas.on(namespace, aim), *named) if hpa is not None}
        younger = {one.metadata.uid for one in self.objects_on(namespace, aim) if _age(one) > _age(found)}
        return tuple(
            hpa
            for _, hpa in sorted(hpas.items())
            if younger.isdisjoint(one.uid for one in hpa.metadata.owner_references)
        )

    def hpas_on(self, namespace: str, target: Workload) -> tuple[Hpa, ...]:
        """Whoever they belong to."""
        return self._hpas.on(namespace, target)

    def objects_with(self, namespace: str, hpa: str) -> tuple[Custom, ...]:
        """The ScaledObjects whose HPA has that name, given or not; without those that are being deleted."""
        named = self._naming.on(namespace, hpa)
        other = self.objects[SCALED_OBJECT.kind].get(namespace, hpa.removeprefix(naming.hpa("")))
        if other is None or held_by(other) is None or hpa_named_by(other) or naming.hpa(other.metadata.name) != hpa:
            return named
        return (other, *named)

    def objects_on(self, namespace: str, target: Workload) -> tuple[Custom, ...]:
        """The ScaledObjects on that target; without those that are being deleted."""
        return self._objects.on(namespace, target)

    def first(self, found: Custom) -> Custom:
        """Of the ScaledObjects on the same target the one that was there first; to it the target belongs."""
        return min((found, *self.objects_on(found.metadata.namespace, aim_of(found))), key=_age)

    # -------------------------------------------------------------------------------------------------------- watching

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for watch in self._watches:
                tasks.create_task(watch.run(), name=f"watch {watch.path}")
            tasks.create_task(self.jobs.run(), name="watches of jobs")

    async def synced(self) -> None:
        for watch in self._watches:
            await watch.synced.wait()

    def unsynced(self) -> str:
        """What has not been listed yet, in a sentence; empty when all is."""
        missing = sorted(watch.path for watch in self._watches if not watch.synced.is_set())
        return f"not listed yet: {', '.join(missing)}" if missing else ""

    def _of_hpas(self) -> Iterator[Watch[Hpa]]:
        for namespace in self._places():
            path = f"/apis/autoscaling/v2{_within(namespace)}/horizontalpodautoscalers"
            yield Watch(self._api, path, self.hpas, Hpa, namespace=namespace)

    def _of_scalables(self) -> Iterator[Watch[Scalable]]:
        for resource, cache in self.scalables.items():
            for namespace in self._places():
                path = f"/apis/apps/v1{_within(namespace)}/{resource.plural}"
                yield Watch(self._api, path, cache, Scalable, namespace=namespace)

    def _of_kinds(self) -> Iterator[Watch[Custom]]:
        for kind in KINDS:
            for namespace in self._places() if kind.namespaced else ("",):
                yield Watch(
                    self._api,
                    kind.path(namespace),
                    self.objects[kind.kind],
                    Custom,
                    namespace=namespace,
                    parameters=self._selection(kind),
                    optional=kind.kind not in NEEDED,
                )

    def _places(self) -> tuple[str, ...]:
        return self._scope.namespaces or ("",)

    def _selection(self, kind: Kind) -> dict[str, str]:
        if kind in (SCALED_OBJECT, SCALED_JOB):
            selector = self._scope.selector
        else:
            selector = self._scope.authentication_selector if "Authentication" in kind.kind else ""
        return {"labelSelector": selector} if selector else {}


def aim_of(found: Custom) -> Workload:
    """The target of a ScaledObject."""
    reference = found.spec.get("scaleTargetRef") or {}
    group = str(reference.get("apiVersion") or "apps/v1").rpartition("/")[0]
    return Workload(group, str(reference.get("kind") or "Deployment"), str(reference.get("name") or ""))


def held_by(found: Custom | None) -> Workload | None:
    """The same, until the object is being deleted."""
    return None if found is None or found.metadata.deletion_timestamp else aim_of(found)


def hpa_named_by(found: Custom) -> str | None:
    """The name that a ScaledObject gives its HPA, where it gives one, until it is being deleted."""
    return None if found.metadata.deletion_timestamp else _config(found).get("name") or None


def _config(found: Custom) -> Mapping[str, Any]:
    return (found.spec.get("advanced") or {}).get("horizontalPodAutoscalerConfig") or {}


def _age(found: Custom) -> tuple[str, str]:
    return found.metadata.creation_timestamp or "", found.metadata.name


def _within(namespace: str) -> str:
    return f"/namespaces/{namespace}" if namespace else ""
