"""The end of an object that wants its target's first count back (`restoreToOriginalReplicaCount`): its HPA is deleted
and seen gone, then the count is written, then our finalizer is taken away. That is taken away in any case: when this
takes too long, when the target or the namespace goes too. A deletion never waits for us longer than that."""

import asyncio
import logging

from scaler.errors import ClusterError, Conflict, NotFound, NotLeading
from scaler.kubernetes.api import Api
from scaler.kubernetes.changes import OBJECT, ref_of
from scaler.kubernetes.hpa import owner_of
from scaler.kubernetes.objects import Custom, Hpa
from scaler.kubernetes.ownership import ours
from scaler.kubernetes.steps import RESTORE
from scaler.kubernetes.targets import Targets
from scaler.kubernetes.world import World, aim_of
from scaler.kubernetes.writer import Writer
from scaler.logs import served

log = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds after which the finalizer is taken away, whatever has been done by then."""

LOOK = 0.1


class Farewells:
    """`run` is its life, inside leadership. Every object that is being deleted and bears our finalizer is seen off."""

    def __init__(self, api: Api, world: World, targets: Targets, writer: Writer) -> None:
        self._api, self._world, self._targets, self._writer = api, world, targets, writer
        self._leaving: asyncio.Queue[Custom] = asyncio.Queue()
        self._under_way: set[str] = set()
        world.objects[OBJECT].listen(self._seen)

    def _seen(self, _: Custom | None, now: Custom | None) -> None:
        if now is not None and now.metadata.deletion_timestamp and RESTORE in now.metadata.finalizers:
            self._leaving.put_nowait(now)

    async def run(self) -> None:
        self._leaving = asyncio.Queue()
        for found in self._world.objects[OBJECT].values():
            self._seen(None, found)
        async with asyncio.TaskGroup() as tasks:
            while True:
                found = await self._leaving.get()
                if found.metadata.uid not in self._under_way:
                    self._under_way.add(found.metadata.uid)
                    tasks.create_task(self._see_off(found))

    async def _see_off(self, found: Custom) -> None:
        served.set(str(ref_of(OBJECT, found.metadata)))
        try:
            async with asyncio.timeout(PATIENCE):
                if not await self._all_goes(found):
                    await self._hpas_gone(found)
                    await self._restore(found)
        except NotLeading:
            return
        except TimeoutError:
            log.warning("the first replica count could not be restored in %g s", PATIENCE)
        except ClusterError as error:
            log.warning("the first replica count could not be restored: %s", error)
        finally:
            self._under_way.discard(found.metadata.uid)
        await self._writer.let_go(ref_of(OBJECT, found.metadata), found.metadata.uid, RESTORE)

    async def _all_goes(self, found: Custom) -> bool:
        """A namespace that is terminating takes the target along."""
        namespace = await self._api.get(f"/api/v1/namespaces/{found.metadata.namespace}", Custom)
        return bool(namespace.metadata.deletion_timestamp)

    async def _hpas_gone(self, found: Custom) -> None:
        """Else it would write after us. The API server is asked, not the cache."""
        for hpa in self._own_hpas(found):
            await self._writer.delete_hpa(hpa.metadata)
            path = f"/apis/autoscaling/v2/namespaces/{hpa.metadata.namespace}/horizontalpodautoscalers"
            while True:
                try:
                    left = await self._api.get(f"{path}/{hpa.metadata.name}", Hpa)
                except NotFound:
                    break
                if left.metadata.uid != hpa.metadata.uid:
                    break
                await asyncio.sleep(LOOK)

    def _own_hpas(self, found: Custom) -> list[Hpa]:
        owner = owner_of(found, "")
        return [hpa for hpa in self._world.hpas_about(found) if ours(owner, hpa)]

    async def _restore(self, found: Custom) -> None:
        """Unless another object waits for the target: it belongs to that one from now on."""
        original, namespace, aim = found.status.get("originalReplicaCount"), found.metadata.namespace, aim_of(found)
        if original is None or self._world.objects_on(namespace, aim):
            return
        version = found.spec["scaleTargetRef"].get("apiVersion") or "apps/v1"
        resource = await self._targets.resource(f"{version}.{aim.kind}")
        while (now := await self._targets.asked(resource, namespace, aim.name)) != original:
            try:
                await self._targets.scale(resource, namespace, aim.name, now, original)
            except Conflict:
                await asyncio.sleep(LOOK)
            else:
                log.info("%s %s has its first count of %s replicas again", aim.kind, aim.name, original)
