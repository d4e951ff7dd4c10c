"""1,000 objects on one HTTP source at the usual 30 s, as keda-measured's figures d, e and f, and what was seen on the
way there (i): one population goes through its whole life.

- registration: all created at once, 24 requests at a time; until every HPA exists and every object is Ready. Requests
  to the API server are counted by its audit log until the daemon has nothing left to write, its Lease included;
- at rest, at zero, where nobody but us asks; then the same with one query that is never answered;
- all woken at once: the number rises, the Deployments' `spec.replicas` are watched;
- active, nothing changing, for 120 s: the HPA asks for each metric every 15 s;
- every metric asked for by us, 67 a second, while the HPA controller stands still, so that nobody else asks;
- a new object, a second replica, the same objects with `useCachedMetrics`, and the deletion of all of them at once."""

import asyncio
import time
from dataclasses import replace
from typing import NamedTuple

from tests.e2e.kube_daemon import ACCOUNT, replica
from tests.performance.figure import Aim, Figure, quantile
from tests.performance.http_source import HANG, Report
from tests.performance.kube_lab import HPAS, OBJECTS, WORKLOADS, Lab, Usage, kinds, measured, together, writes
from tests.performance.kube_load import loaded
from tests.performance.kube_metrics import callers, urls
from tests.performance.kube_seen import following, is_ready, is_up
from tests.performance.lattice import lateness, offsets
from tests.rig.control_plane import Request

COUNT = 1000
INTERVAL = 30.0
VALUE = 5
AT_REST = 32.0
ACTIVE = 120.0
CACHED = 60.0
LATER = 5
SYNC = 15.0
REST = 1.0
SAME = 5.0
"""Milliseconds by which the same thing varies on a machine that is not quiet."""

RATE, ASKED, CONNECTIONS = 67.0, 20.0, 16
HANGING = "object-0007"
MANY = "1,000 objects"
THERE = "there"


class Still(NamedTuple):
    """What the daemon took while nothing happened."""

    cores: float
    memory: float


def measure() -> list[Figure]:
    stages = (_registration, _at_rest, _woken, _active, _asked_by_us, _newcomers, _second_replica, _cached, _deletion)
    return measured(stages)


def _names() -> list[str]:
    return [f"object-{number:04}" for number in range(COUNT)]


async def _registration(lab: Lab) -> list[Figure]:
    await lab.make_workloads(_names())
    await lab.settled(lab.cluster.mark())
    mark, usage, began = lab.cluster.mark(), Usage(lab.daemon.pid), time.monotonic()
    async with following(lab.kube, HPAS, lambda _: THERE) as hpas, following(lab.kube, OBJECTS, is_ready) as ready:
        began = time.monotonic()
        await lab.make_objects(_names())
        created = time.monotonic() - began
        took = await ready.many(True, COUNT, began), await hpas.many(THERE, COUNT, began)
    spent = usage.cpu
    requests = await lab.settled(mark)
    note = f"created in {created:.1f} s; written down after {time.monotonic() - began:.0f} s"
    return [
        Figure(f"{MANY} created: Ready", "s", took[0], Aim(20, "max"), note, keda="498 (54 tuned)"),
        Figure(f"{MANY} created: its HPA exists", "s", took[1], Aim(20, "max"), keda="498 (54 tuned)"),
        Figure("the same: API requests", "", (len(requests),), Aim(5100), kinds(requests), keda="15,000"),
        Figure("the same: CPU until Ready", "s CPU", (spent,), keda="31.6 + 0.8"),
        Figure("the same: memory afterwards", "MiB", (usage.memory,), keda="224 + 111"),
    ]


async def _at_rest(lab: Lab) -> list[Figure]:
    await asyncio.sleep(INTERVAL / 2)
    lab.source.reset()
    usage = Usage(lab.daemon.pid)
    await asyncio.sleep(AT_REST)
    cores, still = usage.cores, lab.source.report()
    lab.source.set(HANG, HANGING)
    await asyncio.sleep(AT_REST)
    asked = [one for one in lab.source.report().asked if one.name != HANGING]
    lab.source.set(0)
    due = await offsets(map(lab.scaled_object, _names()))
    late, turn = lateness(asked, INTERVAL, due), sum(one.name != HANGING for one in still.asked)
    without, beside = tuple(late[:turn]), tuple(late[turn:])
    unchanged = Aim(quantile(without, 0.99) + SAME, "p99")
    return [
        Figure(f"{MANY} at rest: questions in a second", "", (still.most_in_a_second(),), Aim(70), "the most"),
        Figure(f"{MANY} at rest: CPU", "cores", (cores,), keda="0.037 (tuned)"),
        Figure(f"{MANY} at rest: lateness of questions", "ms", without),
        Figure("the same beside one that is never answered", "ms", beside, unchanged, f"p99 as above + {SAME:g} ms"),
    ]


async def _woken(lab: Lab) -> list[Figure]:
    return [await woken(lab, COUNT, f"{MANY} at 30 s woken at once", "100 (29.9 tuned)")]


async def woken(lab: Lab, count: int, what: str, keda: str) -> Figure:
    async with following(lab.kube, WORKLOADS, is_up) as ups:
        usage, began = Usage(lab.daemon.pid), time.monotonic()
        lab.source.set(VALUE)
        took = await ups.many(True, count, began)
    return Figure(what, "s", took, Aim(8, "max"), f"{usage.cpu:.1f} s CPU", keda=keda)


async def _active(lab: Lab) -> list[Figure]:
    await lab.settled(lab.cluster.mark())
    others = Usage(lab.cluster.etcd.pid, lab.cluster.api_server.pid, lab.cluster.controllers.pid)
    requests, usage, report = await _steady(lab, ACTIVE)
    written = writes(requests)
    note = kinds(written) or f"but {sum('/leases/' in one.uri for one in requests)} of the Lease"
    where = f"{MANY} active"
    return [
        Figure(f"{where}: CPU", "cores", (usage.cores,), Aim(0.06), keda="0.126 + 0.118"),
        Figure(f"{where}: memory", "MiB", (usage.memory,), Aim(150), keda="258 + 122"),
        Figure(f"{where}: questions a second", "", (len(report.asked) / ACTIVE,), Aim(67), keda="86.6"),
        Figure(f"{where}: the most in a second", "", (report.most_in_a_second(),)),
        Figure(f"{where}: connections to the source", "", (report.open - 1,), keda="7"),
        Figure(f"{where}: API writes a minute", "", (len(written) * 60 / ACTIVE,), Aim(0), note, keda="1,201"),
        Figure(f"{where}: CPU of the control plane", "cores", (others.cores,), keda="0.75"),
    ]


async def _steady(lab: Lab, seconds: float) -> tuple[list[Request], Still, Report]:
    """What the daemon asked the API server for meanwhile, what it took, what the source was asked."""
    lab.source.reset()
    mark, usage = lab.cluster.mark(), Usage(lab.daemon.pid)
    await asyncio.sleep(seconds)
    taken, report = Still(usage.cores, usage.memory), lab.source.report()
    return lab.cluster.audit(mark, user=ACCOUNT), taken, report


async def _asked_by_us(lab: Lab) -> list[Figure]:
    found = []
    for caller, plan in (await callers(lab)).items():
        with lab.cluster.frozen(lab.cluster.controllers):
            await asyncio.sleep(REST)
            usage = Usage(lab.daemon.pid)
            asking = replace(plan, urls=await urls(lab, _names()), rate=RATE, connections=CONNECTIONS, seconds=ASKED)
            outcome = await loaded(asking)
        note = f"open loop, through the aggregator; the daemon took {usage.cores:.3f} cores"
        found.append(Figure(f"{MANY} asked for at {RATE:g}/s, {caller}", "ms", tuple(outcome.times), note=note))
    return found


async def _newcomers(lab: Lab) -> list[Figure]:
    names = [f"newcomer-{number}" for number in range(LATER)]
    await lab.make_workloads(names)
    took = []
    async with following(lab.kube, OBJECTS, is_ready) as ready:
        for name in names:
            await asyncio.sleep(REST)
            began = time.monotonic()
            await lab.make_objects([name])
            took.append(await ready.one(name, True, began))
    await together(lab.kube.delete(f"{where}/{name}") for where in (OBJECTS, WORKLOADS) for name in names)
    return [Figure(f"a new object beside {MANY}: Ready", "s", tuple(took), Aim(1.0, "max"), keda="> 200")]


async def _second_replica(lab: Lab) -> list[Figure]:
    with replica(lab.cluster, lab.kubeconfig, name="event-scaler-1") as second:
        await second.start()
        await asyncio.sleep(SYNC)
        usage = Usage(lab.daemon.pid, second.pid)
        note = f"of which {Usage(second.pid).memory:.0f} MiB follow"
        return [Figure(f"{MANY} active: memory of two replicas", "MiB", (usage.memory,), note=note)]


async def _cached(lab: Lab) -> list[Figure]:
    await lab.edit(_names(), triggers=lambda name: lab.triggers(name, cached=True))
    await lab.settled(lab.cluster.mark())
    await asyncio.sleep(INTERVAL)
    requests, usage, report = await _steady(lab, CACHED)
    written = writes(requests)
    where = f"{MANY} active, cached"
    return [
        Figure(f"{where}: CPU", "cores", (usage.cores,)),
        Figure(f"{where}: questions a second", "", (len(report.asked) / CACHED,), Aim(33.5)),
        Figure(f"{where}: API writes a minute", "", (len(written) * 60 / CACHED,), Aim(0), kinds(written)),
    ]


async def _deletion(lab: Lab) -> list[Figure]:
    there = following(lab.kube, OBJECTS, lambda _: THERE), following(lab.kube, HPAS, lambda _: THERE)
    async with there[0] as objects, there[1] as hpas:
        usage, began = Usage(lab.daemon.pid), time.monotonic()
        await together(lab.kube.delete(f"{OBJECTS}/{name}") for name in _names())
        gone = await objects.many(None, COUNT, began)
        spent = usage.cpu
        collected = await hpas.many(None, COUNT, began)
    note = f"{spent:.1f} s CPU"
    return [
        Figure(f"{MANY} active, deleted: gone", "s", gone, Aim(10, "max"), note, keda="997 left after 150"),
        Figure("the same: its HPA is gone", "s", collected, note="deleted by the garbage collector"),
    ]
