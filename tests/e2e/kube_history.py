"""The numbers of replicas that a workload was given, one after the other, as its watch tells them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.e2e.kube_scene import Scene
from tests.rig.kube_client import path


@asynccontextmanager
async def counted(scene: Scene, name: str) -> AsyncIterator[list[int]]:
    """A list that grows with each number of a Deployment, from the present one on; none is missed."""
    seen: list[int] = []
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_count(scene, name, seen))
        await scene.daemon.until(lambda: seen, f"{name} is watched")
        yield seen
        task.cancel()


async def _count(scene: Scene, name: str, seen: list[int]) -> None:
    deployments = path("apps/v1", "deployments", scene.namespace)
    async for _, found in scene.kube.watch(deployments, fieldSelector=f"metadata.name={name}"):
        replicas = found["spec"].get("replicas") or 0
        if seen[-1:] != [replicas]:
            seen.append(replicas)
