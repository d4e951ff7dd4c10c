"""What goes wrong around the daemon: the API server is away, our own server does not answer, a source hangs, the clock
is set, the daemon is restarted. Nothing is scaled by a fault, and what has nothing to do with it goes on.

The two minutes without an API server pass on a control plane of their own while the other tests of this file run."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e import kube_replicas, stepped
from tests.e2e.kube_daemon import KubeDaemon
from tests.e2e.kube_objects import Object, deployment, number, scaled_object
from tests.e2e.kube_replicas import LEASE, Ground, Picture, Stopwatch, accounts, cpu, decided, meanwhile
from tests.e2e.kube_scene import Scene
from tests.e2e.servers import numbers
from tests.rig.control_plane import ControlPlane, Options
from tests.rig.kube_client import KubeError
from tests.rig.process import free_ports

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

AWAY = 120.0
LOST = 20.0
"""Seconds after which a leader without an API server has given up."""

WORKERS = 5
"""HPAs that the controller looks at side by side."""

Planes = Callable[[Options], AbstractContextManager[ControlPlane]]
Plane = tuple[ControlPlane, dict[str, Path]]


@pytest.fixture(scope="module")
def plane(control_planes: Planes) -> Iterator[Plane]:
    with control_planes(Options()) as cluster:
        yield cluster, asyncio.run(accounts(cluster))


@pytest_asyncio.fixture(loop_scope="module")
async def ground(plane: Plane) -> AsyncIterator[Ground]:
    async with kube_replicas.ground(*plane) as made:
        yield made


def _pair(ground: Ground, name: str, value: float = 8, replicas: int = 2, **spec: Any) -> tuple[Object, Object]:
    """Unless told otherwise at the two replicas that it needs."""
    ground.answers[name] = value
    return deployment(name, replicas), scaled_object(name, number(f"{ground.source.url}/{name}"), **spec)


def _fed(hpa: Object) -> bool:
    """The HPA can read its metric."""
    found = {one["type"]: one["status"] for one in hpa.get("status", {}).get("conditions") or ()}
    return found.get("ScalingActive") == "True"


def _starved(hpa: Object) -> bool:
    found = {one["type"]: one["reason"] for one in hpa.get("status", {}).get("conditions") or ()}
    return found.get("ScalingActive") == "FailedGetExternalMetric"


# ----------------------------------------------------------------------------------------------- the API server is away


class Outage:
    """Two replicas while nothing answers them."""

    def __init__(self, ground: Ground, daemons: tuple[KubeDaemon, KubeDaemon], before: Picture) -> None:
        self.ground, self.daemons, self.before = ground, daemons, before
        self.cpu: list[float] = []
        self.lines: list[int] = []
        self.asked = 0
        self.over = asyncio.create_task(self._run())

    async def _run(self) -> None:
        cluster, source = self.ground.cluster, self.ground.source
        cpu_before, lines_before = self._strain()
        async with cluster.down(cluster.api_server):
            await self._live_on(LOST)
            asked = source.asked.total()
            await self._live_on(AWAY - LOST)
            self.asked = source.asked.total() - asked
            cpu_after, lines_after = self._strain()
        self.cpu = [after - before for before, after in zip(cpu_before, cpu_after, strict=True)]
        self.lines = [after - before for before, after in zip(lines_before, lines_after, strict=True)]

    def _strain(self) -> tuple[list[float], list[int]]:
        return [cpu(one.pid) for one in self.daemons], [one.said().count("\n") for one in self.daemons]

    async def _live_on(self, seconds: float) -> None:
        """What a liveness probe looks at is well all the time."""
        watch = Stopwatch()
        while watch.passed < seconds:
            for one in self.daemons:
                assert (await one.get("/healthz"))[0] == 200, one.said()[-4000:]
            await asyncio.sleep(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def outage(plane: Plane, control_planes: Planes) -> AsyncIterator[Outage]:
    """Begins with the first test of this file, when the `plane` of the others is there: until then nothing else is done
    here, no source answered."""
    with control_planes(Options()) as cluster:
        async with kube_replicas.ground(cluster, await accounts(cluster)) as ground, ground.pair() as daemons:
            await ground.crowd([_pair(ground, "busy"), _pair(ground, "idle", 0, 0)])
            scene = ground.scene(daemons[0])
            await scene.ready("busy", "idle")
            await scene.hpa("keda-hpa-busy", _fed)
            await ground.settled()
            made = Outage(ground, daemons, await ground.picture())
            yield made
            made.over.cancel()
            await asyncio.gather(made.over, return_exceptions=True)


# ------------------------------------------------------------------------------------------- our server does not answer


async def test_our_paused_server_leaves_other_hpas_alone(ground: Ground) -> None:
    """While questions to it hang, for as long as the HPA controller has a worker left, and an HPA of somebody else is
    looked at as ever."""
    with ground.replica() as daemon:
        scene = await _with_theirs(ground, daemon, WORKERS - 2)
        with ground.cluster.frozen(daemon.server):
            async with meanwhile(_ask(ground, "n0")) as hanging:
                for there, bounded in ((6, 4), (1, 2), (7, 4)):
                    await scene.scale("theirs", there)
                    await scene.replicas("theirs", bounded)
                assert not hanging.done(), "the question hangs until now"
        await scene.hpa("keda-hpa-n0", _fed)


async def test_our_paused_server_takes_all_workers_for_a_minute_at_most(ground: Ground) -> None:
    """With more HPAs of ours than the controller has workers, everybody waits until the API server gives up on us. That
    is as long as anybody can be made to wait: a server that still runs answers within ten seconds, and one that is
    paused is killed by its liveness probe."""
    with ground.replica() as daemon:
        scene = await _with_theirs(ground, daemon, 2 * WORKERS)
        before = await ground.picture()
        with ground.cluster.frozen(daemon.server):
            await asyncio.sleep(2)
            watch = Stopwatch()
            await scene.scale("theirs", 6)
            await ground.kube.until(_theirs(ground), lambda found: found["spec"]["replicas"] == 4, patience=90)
            print(f"all workers hang: another HPA is looked at after {watch.passed:.1f} s")
        for index in range(2 * WORKERS):
            await scene.hpa(f"keda-hpa-n{index}", _fed)
        after = await ground.picture()
        assert {name: one for name, one in after.generations.items() if name != "theirs"} == {
            name: one for name, one in before.generations.items() if name != "theirs"
        }


async def _with_theirs(ground: Ground, daemon: KubeDaemon, count: int) -> Scene:
    """So many HPAs of ours that are fed, and one of somebody else, who needs no metric to keep within its bounds."""
    await daemon.lead()
    scene = ground.scene(daemon)
    await ground.crowd(_pair(ground, f"n{index}") for index in range(count))
    await scene.add(deployment("theirs", 3))
    await scene.add(_foreign("theirs"))
    for index in range(count):
        await scene.hpa(f"keda-hpa-n{index}", _fed)
    return scene


def _foreign(name: str) -> Object:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 2,
            "maxReplicas": 4,
        },
    }


def _theirs(ground: Ground) -> str:
    return f"/apis/apps/v1/namespaces/{ground.namespace}/deployments/theirs"


async def _ask(ground: Ground, name: str) -> None:
    """Whatever comes of it."""
    with suppress(KubeError, TimeoutError):
        await ground.metric(name)


# ------------------------------------------------------------------------------------------------------------- a source


async def test_a_source_that_hangs(ground: Ground) -> None:
    """Nobody but the HPA asks in time, so each of its questions is put to the source, which may take a minute."""
    with ground.replica() as daemon:
        await daemon.lead()
        scene = ground.scene(daemon)
        await ground.crowd([_slow(ground), _pair(ground, "fine", pollingInterval=300)])
        for name in ("slow", "fine"):
            await scene.hpa(f"keda-hpa-{name}", _fed)
        ground.answers.update(slow="late", fine=13)
        await scene.hpa("keda-hpa-slow", _starved)
        await scene.replicas("fine", 3)
        watch = Stopwatch()
        async with meanwhile(_refused(ground, "slow")) as hanging:
            for _ in range(5):
                assert (await ground.metric("fine"))["items"][0]["value"] == "13"
            assert not hanging.done(), "the one is not answered before the others"
            await hanging
        print(f"a source that hangs: the HPA hears of it after {watch.passed:.2f} s")
        assert watch.passed < 10
        await scene.replicas("slow", 2)
        ground.answers["slow"] = ground.source.late = 13
        ground.source.released.set()
        await scene.replicas("slow", 3)


def _slow(ground: Ground) -> tuple[Object, Object]:
    workload, scaled = _pair(ground, "slow", pollingInterval=300)
    scaled["spec"]["triggers"][0]["metadata"]["timeout"] = "60000"
    return workload, scaled


async def _refused(ground: Ground, name: str) -> None:
    with pytest.raises(KubeError, match="has not answered in time") as refused:
        await ground.metric(name)
    assert refused.value.status == 500


async def test_a_source_that_is_away_and_comes_back(ground: Ground) -> None:
    port = free_ports(1)[0]
    trigger = number(f"http://127.0.0.1:{port}/gone")
    with ground.replica() as daemon:
        await daemon.lead()
        scene = ground.scene(daemon)
        async with numbers(port) as other:
            other.answers["gone"] = 8
            await ground.crowd([(deployment("gone", 2), scaled_object("gone", trigger)), _pair(ground, "fine")])
            await scene.hpa("keda-hpa-gone", _fed)
        await scene.hpa("keda-hpa-gone", _starved)
        ground.answers["fine"] = 13
        await scene.replicas("fine", 3)
        await scene.polls("fine", 4)  # longer than the cooldown
        await scene.replicas("gone", 2)
        async with numbers(port) as other:
            other.answers["gone"] = 13
            await scene.replicas("gone", 3)
        assert daemon.said().count("can be read again") == 1


# ------------------------------------------------------------------------------------------------------------ the clock


async def test_the_clock_is_set(ground: Ground, tmp_path: Path) -> None:
    """By an hour, forth and then back: no cooldown ends early or late, no lease is lost, nothing is written."""
    wrong, cooldown = tmp_path / "wrong", 8
    wrong.write_text("0")
    with ground.replica() as daemon:
        daemon.server.command = (sys.executable, "-m", stepped.__name__, str(wrong))
        await daemon.lead()
        scene = ground.scene(daemon)
        await ground.crowd([_pair(ground, "busy"), _pair(ground, "idle", 0, 0)])
        await ground.crowd(_pair(ground, name, 3, 1, cooldownPeriod=cooldown) for name in ("forth", "back"))
        await scene.ready("busy", "idle", "forth", "back")
        await ground.settled()
        before, transitions = await ground.picture(), (await ground.kube.get(LEASE))["spec"]["leaseTransitions"]
        for name, step in (("forth", 3600), ("back", -3600)):
            since, watch, began = ground.cluster.mark(), Stopwatch(), time.time()
            ground.answers[name] = 0
            await scene.polls(name, 2)
            wrong.write_text(str(step))
            await scene.replicas(name, 0)
            assert watch.passed > cooldown - 2, "it counts from the poll before"
            await ground.settled(2)
            ended = datetime.fromisoformat((await scene.object(name))["status"]["lastActiveTime"]).timestamp()
            assert began - 5 < ended < began + 5
            assert not [one for one in ground.writes(since) if f"/{name}" not in one.uri and "/events" not in one.uri]
        after, lease = await ground.picture(), (await ground.kube.get(LEASE))["spec"]
        for name in ("busy", "idle"):
            assert after.generations[name] == before.generations[name]
        assert lease["leaseTransitions"] == transitions
        assert abs(datetime.fromisoformat(lease["renewTime"]).timestamp() - time.time()) < 10
        read = (await ground.metric("busy"))["items"][0]["timestamp"]
        assert abs(datetime.fromisoformat(read).timestamp() - time.time()) < 15


# ------------------------------------------------------------------------------------------------------------ a restart


async def test_restarted(ground: Ground) -> None:
    """All is as it was: nothing is written at all. The HPA controller stands still meanwhile, else it would notice
    that nobody answers, and the objects would rightly say so."""
    with ground.replica() as daemon:
        await daemon.lead()
        names = [f"n{index}" for index in range(100)]
        await ground.crowd(_pair(ground, name, *((8, 2) if index < 10 else (0, 0))) for index, name in enumerate(names))
        await ground.crowd([_pair(ground, "resting", 3, 1, cooldownPeriod=300)])
        scene = ground.scene(daemon)
        await scene.ready(*names, "resting")
        for name in names[:10]:
            await scene.hpa(f"keda-hpa-{name}", _fed)
        ground.answers["resting"] = 0
        await scene.told("resting", "Active", "False")
        await ground.settled()
        before, since = await ground.picture(), ground.cluster.mark()
        with ground.cluster.frozen(ground.cluster.controllers):
            await daemon.stop()
            await daemon.lead()

            async def about_all() -> bool:
                return await decided(daemon) == {*names, "resting"}

            await daemon.until(about_all, "all are decided about again")
            await scene.polls("n0", 3)  # longer than the cooldown
            assert ground.writes(since) == []
        for name in names[:10]:
            await scene.hpa(f"keda-hpa-{name}", _fed)
        assert await ground.picture() == before


# ------------------------------------------------------------------------------------------------ the end of the outage


async def test_two_minutes_without_an_api_server(outage: Outage) -> None:
    await outage.over
    ground, (first, second) = outage.ground, outage.daemons
    scene = ground.scene(first)
    assert "does not lead any more" in first.said()
    print(f"{AWAY:.0f} s away: CPU {outage.cpu} s, lines {outage.lines}")
    assert max(outage.cpu) < AWAY / 10
    assert max(outage.lines) < 60
    assert outage.asked == 0, "who does not lead any more asks nobody"
    since = ground.cluster.mark()
    await first.until(lambda: _terms(first) + _terms(second) == 2, "one of them leads again")
    await scene.hpa("keda-hpa-busy", _fed)
    assert (await ground.metric("busy"))["items"][0]["value"] == "8"
    ground.answers["idle"] = 8
    await scene.replicas("idle", 2)
    await ground.settled()
    after = await ground.picture()
    assert after.generations["busy"] == outage.before.generations["busy"]
    assert after.hpas == outage.before.hpas
    leader, follower = (first, second) if await ground.leader() == first.name else (second, first)
    assert ground.writes(since, leader.name)
    assert not ground.writes(since, follower.name)
    assert await leader.metric("event_scaler_sources") == 1
    assert await follower.metric("event_scaler_sources") == 0
    assert (await follower.get("/readyz"))[0] == 200


def _terms(daemon: KubeDaemon) -> int:
    return daemon.said().count("leading lease=")
