"""From the rise of the number to the write of `/scale`, polled each second, as keda-measured's figure a: the number of
one object is switched at a random moment, and its Deployment's `spec.replicas` is watched. Three objects take their
turns side by side, each at its own random moments (seeded); the way back, with a cooldown of 1 s, is measured as well.
The moment before the switch is the beginning; the switch takes less than a millisecond."""

import asyncio
import random
import time

from tests.performance.figure import Aim, Figure
from tests.performance.kube_lab import OBJECTS, WORKLOADS, Lab, Usage, measured
from tests.performance.kube_seen import Seen, following, is_ready, is_up

NAMES = ("activation-0", "activation-1", "activation-2")
ROUNDS = 20
VALUE = 5


def measure() -> list[Figure]:
    return measured([_activation])


async def _activation(lab: Lab) -> list[Figure]:
    await lab.make_workloads(NAMES)
    async with following(lab.kube, OBJECTS, is_ready) as ready:
        await lab.make_objects(NAMES, pollingInterval=1)
        await ready.many(True, len(NAMES), 0.0)
    usage = Usage(lab.daemon.pid)
    async with following(lab.kube, WORKLOADS, is_up) as ups:
        found = await asyncio.gather(*(_rounds(lab, name, ups, random.Random(name)) for name in NAMES))
    up, down = (tuple(took for rounds in found for took in rounds[way]) for way in (0, 1))
    note = f"the daemon took {usage.cores:.3f} cores"
    return [
        Figure("activation at 1 s: event → /scale", "s", up, Aim(1.0, "p99"), note, keda="p50 0.58, p99 0.99"),
        Figure("back to zero at 1 s, cooldown 1 s", "s", down, keda="p50 0.42, max 0.99"),
    ]


async def _rounds(lab: Lab, name: str, ups: Seen[bool], chance: random.Random) -> tuple[list[float], list[float]]:
    up, down = [], []
    for _ in range(ROUNDS):
        await asyncio.sleep(chance.uniform(0.5, 1.5))
        began = time.monotonic()
        lab.source.set(VALUE, name)
        up.append(await ups.one(name, True, began))
        await asyncio.sleep(chance.uniform(0.5, 1.5))
        began = time.monotonic()
        lab.source.set(0, name)
        down.append(await ups.one(name, False, began))
    return up, down
