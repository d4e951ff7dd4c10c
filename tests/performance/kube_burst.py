"""A backlog worth 100 replicas, from 0 to 100 written, polled each second, as keda-measured's figure b: a target of 1,
a number of 100, no `behavior`.

- direct: the daemon's own decision is written; several times, one after the other;
- hpa: 0 → 1 is ours, the rest is the HPA's ramp at its production interval of 15 s; two objects side by side, each from
  a random moment (seeded). When the HPA first looks is by chance up to 15 s later, in both daemons: the ramp without
  that wait is what is aimed at."""

import asyncio
import random
import time

from tests.performance.figure import Aim, Figure
from tests.performance.kube_lab import OBJECTS, WORKLOADS, Lab, measured
from tests.performance.kube_seen import Seen, following, is_ready, replicas

FULL = 100
DIRECT = "burst-direct"
HPA = ("burst-hpa-0", "burst-hpa-1")
ROUNDS = 5
REST = 2.0
SYNC = 15.0
RAMP = Aim(75.5)
SPEC = {"pollingInterval": 1, "maxReplicaCount": FULL, "target": 1}


def measure() -> list[Figure]:
    return measured([_direct, _hpa])


async def _direct(lab: Lab) -> list[Figure]:
    chance = random.Random(1)
    await lab.make_workloads([DIRECT])
    async with following(lab.kube, OBJECTS, is_ready) as ready:
        await lab.make_objects([DIRECT], mode="direct", **SPEC)
        await ready.one(DIRECT, True, 0.0)
    async with following(lab.kube, WORKLOADS, replicas) as counts:
        took = []
        for _ in range(ROUNDS):
            await asyncio.sleep(REST + chance.random())
            took.append((await _risen(lab, DIRECT, counts))[1])
            lab.source.set(0, DIRECT)
            await counts.one(DIRECT, 0, 0.0)
        steps = _steps(counts, DIRECT)
    note = f"in one write: {steps}" if steps == [0, FULL] else f"in steps: {steps}"
    return [Figure("burst 0 → 100 replicas, direct", "s", tuple(took), Aim(2.0, "max"), note, keda="77.6–82.2")]


async def _hpa(lab: Lab) -> list[Figure]:
    await lab.make_workloads(HPA)
    async with following(lab.kube, OBJECTS, is_ready) as ready:
        await lab.make_objects(HPA, **SPEC)
        await ready.many(True, len(HPA), 0.0)
    async with following(lab.kube, WORKLOADS, replicas) as counts:
        first, full = zip(*await asyncio.gather(*(_later_risen(lab, name, counts) for name in HPA)), strict=True)
    ramps = tuple(_ramp(counts, name) for name in HPA)
    steps = str(_steps(counts, HPA[0]))
    return [
        Figure("burst 0 → 100, hpa at 15 s: the first replica", "s", first, keda="0.70–0.90"),
        Figure("burst 0 → 100 replicas, hpa at 15 s", "s", full, note=steps, keda="77.6–82.2"),
        Figure("the same from the HPA's first move on", "s", ramps, RAMP, keda="75"),
    ]


def _ramp(counts: Seen[int], name: str) -> float:
    moves = [at for at, one, count in counts.moves if one == name and count and count > 1]
    return moves[-1] - moves[0]


async def _later_risen(lab: Lab, name: str, counts: Seen[int]) -> tuple[float, float]:
    await asyncio.sleep(random.Random(name).uniform(0, SYNC))
    return await _risen(lab, name, counts)


async def _risen(lab: Lab, name: str, counts: Seen[int]) -> tuple[float, float]:
    """Seconds until there was any replica, and until all were asked for."""
    began = time.monotonic()
    lab.source.set(FULL, name)
    full = await counts.one(name, FULL, began)
    first = next(at for at, one, count in counts.moves if one == name and at > began and count)
    return first - began, full


def _steps(counts: Seen[int], name: str) -> list[int]:
    """From the last zero on."""
    found = [count for _, one, count in counts.moves if one == name and count is not None]
    while found[-1:] == [0]:
        found.pop()
    return found[max(at for at, count in enumerate(found) if count == 0) :]
