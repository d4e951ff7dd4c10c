"""Requests for external metrics, as keda-measured's figure c: 100 objects with a number of 5 and one replica each, and
every metric asked for in turn, through the aggregator and straight at the daemon, over HTTP/1.1 and TLS.

- saturation: 16 connections, each asks as soon as it was answered, three rounds of 10 s (5 s straight); what counts is
  the median round. All parties share the machine: such rates may be compared only on the same one. The daemon's CPU is
  that of its process, all it does besides included;
- 400/s: an open loop, so that a request that is late makes the next ones late as well; 10 s;
- `cached`: the objects have `useCachedMetrics`. Else a reading may be five seconds old;
- who asks: the HPA's ServiceAccount by its token (the API server limits it by priority and fairness, and the daemon
  asks whether it may), and a certificate of system:masters (neither), as KEDA was asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from tests.e2e.kube_daemon import METRICS
from tests.performance.figure import Aim, Figure, quantile
from tests.performance.kube_lab import NAMESPACE, OBJECTS, WORKLOADS, Lab, Usage, measured
from tests.performance.kube_load import Outcome, Plan, loaded
from tests.performance.kube_seen import following, is_ready, is_up

COUNT = 100
VALUE = 5
ROUNDS = 3
THROUGH, STRAIGHT = "through the aggregator", "straight"
SECONDS = {THROUGH: 10.0, STRAIGHT: 5.0}
CONNECTIONS = 16
RATE, MANY = 400.0, 64
HPA = ("kube-system", "horizontal-pod-autoscaler")
NAMES = [f"metric-{number:03}" for number in range(COUNT)]


@dataclass(frozen=True, slots=True)
class Before:
    """What KEDA was measured at: answers a second, 99th percentile in ms, ms of CPU for an answer."""

    rate: str
    p99: str
    cpu: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """`way` and `caller` in words. The aims are for what goes through the aggregator."""

    way: str
    cached: bool
    caller: str

    @property
    def what(self) -> str:
        return f"metrics{', cached' if self.cached else ''}, {self.way}, {self.caller}"


KEDA = {
    (THROUGH, False): Before("763–809", "60–64", "1.2"),
    (THROUGH, True): Before("929–1,046", "46–52", "0.95"),
    (STRAIGHT, False): Before("1,203–1,605", "27–37"),
    (STRAIGHT, True): Before("1,670–2,320", "20–29"),
}
LEAST = {False: 1.3 * 770, True: 1.3 * 1000}
MOST_P99 = {False: 0.6 * 61, True: 0.6 * 48}
MOST_CPU = {False: 1.2 / 3, True: 0.95 / 3}


def measure() -> list[Figure]:
    return measured([_made, _as_they_are, _cached])


async def _made(lab: Lab) -> list[Figure]:
    lab.source.set(VALUE)
    await lab.make_workloads(NAMES)
    async with following(lab.kube, OBJECTS, is_ready) as ready, following(lab.kube, WORKLOADS, is_up) as ups:
        await lab.make_objects(NAMES)
        await ready.many(True, COUNT, 0.0)
        await ups.many(True, COUNT, 0.0)
    await lab.settled(lab.cluster.mark())
    return []


async def _as_they_are(lab: Lab) -> list[Figure]:
    return await _all(lab, cached=False)


async def _cached(lab: Lab) -> list[Figure]:
    await lab.edit(NAMES, triggers=lambda name: lab.triggers(name, cached=True))
    await lab.settled(lab.cluster.mark())
    return await _all(lab, cached=True)


async def _all(lab: Lab, *, cached: bool) -> list[Figure]:
    found: list[Figure] = []
    plans = await callers(lab)
    for way in (THROUGH, STRAIGHT):
        for caller, plan in plans.items():
            case = Case(way, cached, caller)
            asking = replace(plan, urls=await urls(lab, NAMES, straight=way == STRAIGHT), seconds=SECONDS[way])
            found += await _saturated(lab, case, asking)
            if way == THROUGH:
                found.append(await _at_rate(case, replace(asking, rate=RATE, connections=MANY)))
    return found


async def _saturated(lab: Lab, case: Case, plan: Plan) -> list[Figure]:
    rounds: list[tuple[Outcome, float]] = []
    for _ in range(ROUNDS):
        usage = Usage(lab.daemon.pid)
        outcome = await loaded(plan)
        rounds.append((outcome, usage.cpu))
    rates = tuple(outcome.rate for outcome, _ in rounds)
    spent = tuple(cpu * 1000 / len(outcome.times) for outcome, cpu in rounds)
    p99s = tuple(quantile(outcome.times, 0.99) for outcome, _ in rounds)
    p50 = median(time for outcome, _ in rounds for time in outcome.times)
    keda, aimed = KEDA[case.way, case.cached], case.way == THROUGH
    rate, cpu = (Aim(least=LEAST[case.cached]), Aim(MOST_CPU[case.cached])) if aimed else (None, None)
    return [
        Figure(f"{case.what}: answers a second", "", rates, rate, f"{CONNECTIONS} connections", keda=keda.rate),
        Figure(f"{case.what}: p99 of each round", "ms", p99s, note=f"p50 {p50:.1f} ms", keda=keda.p99),
        Figure(f"{case.what}: an answer", "ms CPU", spent, cpu, keda=keda.cpu),
    ]


async def _at_rate(case: Case, plan: Plan) -> Figure:
    outcome = await loaded(plan)
    what, keda = f"{case.what}: at {RATE:g}/s", KEDA[case.way, case.cached].p99
    note = "open loop; KEDA's is its p99 at saturation"
    return Figure(what, "ms", tuple(outcome.times), Aim(MOST_P99[case.cached], "p99"), note, keda=keda)


async def callers(lab: Lab) -> dict[str, Plan]:
    """Who asks; what is asked comes later."""
    token = await lab.cluster.token(*HPA)
    pair = lab.cluster.authority.issue("bench-master", groups=("system:masters",), names=())
    return {
        "by the HPA": Plan((), 0, CONNECTIONS, headers={"Authorization": f"Bearer {token}"}),
        "by masters": Plan((), 0, CONNECTIONS, certificate=str(pair.certificate), key=str(pair.key)),
    }


async def urls(lab: Lab, names: Sequence[str], *, straight: bool = False) -> list[str]:
    """Of the one metric of each."""
    server = f"https://{lab.cluster.address}:{lab.daemon.metrics_port}" if straight else lab.cluster.server
    found = await lab.kube.get(f"{OBJECTS}/{names[0]}")
    [metric] = found["status"]["externalMetricNames"]
    where = f"{server}{METRICS}/namespaces/{NAMESPACE}/{metric}"
    return [f"{where}?labelSelector=scaledobject.keda.sh%2Fname%3D{name}" for name in names]
