"""1,000 objects on one HTTP source, each polled every second: how late the questions come, how long it takes until all
are scaled when all are woken at once, and what that costs.

The lateness of a question is what it came after its phase to the source (`lattice.py`). At rest nobody but
the timetable asks; active, the HPA's requests are answered out of readings that are never old."""

import asyncio

from tests.performance.figure import Aim, Figure
from tests.performance.kube_lab import OBJECTS, Lab, Usage, measured
from tests.performance.kube_seen import following, is_ready
from tests.performance.kube_thousand import COUNT, woken
from tests.performance.lattice import lateness, offsets

INTERVAL = 1
WATCHED = 20.0
MOST = Aim(50, "p99")
GATE = "no more than 150 whatever the machine"
MANY = "1,000 objects at 1 s"


def measure() -> list[Figure]:
    return measured([_made, _at_rest, _woken, _active])


def _names() -> list[str]:
    return [f"object-{number:04}" for number in range(COUNT)]


async def _made(lab: Lab) -> list[Figure]:
    names = _names()
    await lab.make_workloads(names)
    async with following(lab.kube, OBJECTS, is_ready) as ready:
        await lab.make_objects(names, pollingInterval=INTERVAL)
        await ready.many(True, COUNT, 0.0)
    await lab.settled(lab.cluster.mark())
    return []


async def _at_rest(lab: Lab) -> list[Figure]:
    return await _watched(lab, f"{MANY}, at rest")


async def _woken(lab: Lab) -> list[Figure]:
    return [await woken(lab, COUNT, f"{MANY} woken at once", "100 (29.9 tuned), at 30 s")]


async def _active(lab: Lab) -> list[Figure]:
    await lab.settled(lab.cluster.mark())
    return await _watched(lab, f"{MANY}, active")


async def _watched(lab: Lab, what: str) -> list[Figure]:
    lab.source.reset()
    usage = Usage(lab.daemon.pid)
    await asyncio.sleep(WATCHED)
    cores, asked = usage.cores, lab.source.report().asked
    note = f"{len(asked) / WATCHED:,.0f} questions a second; {GATE}"
    due = await offsets(lab.scaled_object(name, pollingInterval=INTERVAL) for name in _names())
    late = tuple(lateness(asked, INTERVAL, due))
    return [
        Figure(f"{what}: lateness of questions", "ms", late, MOST, note),
        Figure(f"{what}: CPU", "cores", (cores,)),
    ]
