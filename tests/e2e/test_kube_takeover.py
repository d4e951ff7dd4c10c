"""One leader after another: killed, stopped, frozen, robbed of its Lease. Whoever comes next goes on where the one
before was, and two never write at once."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e import kube_replicas
from tests.e2e.kube_daemon import KubeDaemon
from tests.e2e.kube_objects import Object, deployment, number, scaled_object
from tests.e2e.kube_replicas import (
    FIRST,
    LEASE,
    SECOND,
    SHORT,
    Ground,
    Stopwatch,
    accounts,
    decided,
    meanwhile,
    out_of_turn,
    until,
    user,
)
from tests.rig.control_plane import ControlPlane, Options
from tests.rig.kube_client import KubeError

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

COUNT, BUSY = 1000, 40
INTERVAL = 30.0
LASTS = 15.0
"""Seconds of the default lease."""

OPTIONS = Options(hpa_sync="5s", kubelet=False)
Plane = tuple[ControlPlane, dict[str, Path]]


@pytest.fixture(scope="module")
def plane(control_planes: Callable[[Options], AbstractContextManager[ControlPlane]]) -> Iterator[Plane]:
    with control_planes(OPTIONS) as cluster:
        yield cluster, asyncio.run(accounts(cluster))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd(plane: Plane) -> AsyncIterator[Ground]:
    async with kube_replicas.ground(*plane, "crowd") as made:
        await made.crowd(_member(made, index) for index in range(COUNT))
        yield made


def _member(ground: Ground, index: int) -> tuple[Object, Object]:
    """The first ones are busy, at the two replicas that they need."""
    name, busy = f"n{index}", index < BUSY
    ground.answers[name] = 10 if busy else 0
    trigger = number(f"{ground.source.url}/{name}")
    scaled = scaled_object(name, trigger, pollingInterval=int(INTERVAL), cooldownPeriod=300)
    return deployment(name, 2 if busy else 0), scaled


@pytest_asyncio.fixture(loop_scope="module")
async def ground(plane: Plane) -> AsyncIterator[Ground]:
    async with kube_replicas.ground(*plane) as made:
        yield made


# --------------------------------------------------------------------------------------------------- a thousand objects


async def test_killed_at_a_thousand_objects(crowd: Ground) -> None:
    """Nothing moves, nothing is told twice. What may be written: the HPAs of busy objects could not read their metrics
    for a while, and their objects say so, and that it is over."""
    async with crowd.pair() as (leader, follower):
        await until(lambda: len(crowd.source.asked) == COUNT, "all are asked for", 60)
        await crowd.settled()
        before, since = await crowd.picture(), crowd.cluster.mark()
        assert len(before.hpas) == COUNT
        watch = Stopwatch()
        leader.kill()
        first = await _decides(crowd, follower, watch)
        last = await _decides_about_all(crowd, follower, watch)
        print(f"killed at {COUNT} objects: first decision after {first:.1f} s, of every object after {last:.1f} s")
        assert first <= 20
        assert last <= LASTS + INTERVAL
        await crowd.settled()
        assert await crowd.picture() == before
        statuses = Counter(one.uri for one in crowd.writes(since) if one.uri.endswith("/status"))
        assert set(statuses) <= {_status(f"n{index}") for index in range(BUSY)}
        assert not statuses or max(statuses.values()) <= 3
        others = [one for one in crowd.writes(since) if not one.uri.endswith("/status")]
        assert ["/endpointslices/" in one.uri for one in others] == [True], others


def _status(name: str) -> str:
    return f"/apis/keda.sh/v1alpha1/namespaces/crowd/scaledobjects/{name}/status"


async def test_stopped_at_a_thousand_objects(crowd: Ground) -> None:
    """The Lease is released, and whoever waits for it hears of that."""
    async with crowd.pair() as (leader, follower):
        before = await crowd.picture()
        watch = Stopwatch()
        async with meanwhile(leader.stop()) as stopping:
            first = await _decides(crowd, follower, watch)
            print(f"stopped at {COUNT} objects: first decision after {first:.2f} s")
            assert first < 3
            await stopping
        assert (await crowd.picture()).generations == before.generations


async def test_killed_with_a_short_lease(crowd: Ground) -> None:
    async with crowd.pair(**SHORT) as (leader, follower):
        before = await crowd.picture()
        watch = Stopwatch()
        leader.kill()
        first = await _decides(crowd, follower, watch)
        print(f"killed at {COUNT} objects with a lease of 2.5/1.5/0.3 s: first decision after {first:.2f} s")
        assert first < 3
        await _decides_about_all(crowd, follower, watch)
        assert (await crowd.picture()).generations == before.generations


async def _decides(ground: Ground, follower: KubeDaemon, watch: Stopwatch) -> float:
    """Seconds until its first decision. Its page is not looked at before it asks: that would hold it up."""
    asked = ground.source.asked.total()
    await until(lambda: ground.source.asked.total() > asked, "somebody is asked", 60)
    await follower.until(lambda: decided(follower), "the follower decides")
    return watch.passed


async def _decides_about_all(ground: Ground, follower: KubeDaemon, watch: Stopwatch) -> float:
    async def about_all() -> bool:
        await asyncio.sleep(0.5)
        return len(await decided(follower)) == COUNT

    await follower.until(about_all, "the follower has decided about all", 60)
    return watch.passed


# ---------------------------------------------------------------------------------------------------- never two at once


async def test_killed_and_started_again_and_again(ground: Ground) -> None:
    """Whoever writes is the last one who wrote himself into the Lease."""
    names = [f"n{index}" for index in range(10)]
    await ground.crowd(_lively(ground, name) for name in names)
    async with ground.pair(**SHORT) as (leader, follower):
        since, first = ground.cluster.mark(), user(leader.name)
        async with meanwhile(_move(ground, names)):
            for _ in range(3):
                await _writes(ground, leader)
                leader.kill()
                await ground.led_by(follower)
                await _writes(ground, follower)
                await leader.start()
                leader, follower = follower, leader
        requests = [one for one in ground.cluster.audit(since) if one.user in (user(FIRST), user(SECOND))]
        assert out_of_turn(requests, first) == []


def _lively(ground: Ground, name: str) -> tuple[Object, Object]:
    return deployment(name), scaled_object(name, number(f"{ground.source.url}/{name}"), cooldownPeriod=1)


async def _move(ground: Ground, names: list[str]) -> None:
    """There is always something to write."""
    for turn in itertools.count():
        ground.answers.update((name, 10 * ((turn + index) % 2)) for index, name in enumerate(names))
        await asyncio.sleep(3)


async def _writes(ground: Ground, daemon: KubeDaemon) -> None:
    since = ground.cluster.mark()
    await daemon.until(lambda: ground.writes(since, daemon.name), f"{daemon.name} writes")


async def test_a_frozen_leader_does_not_write_when_it_wakes(ground: Ground) -> None:
    """It sleeps with answers on their way to it that ask for activations; nobody else ever heard of those."""
    names = [f"n{index}" for index in range(10)]
    await ground.crowd(_patient(ground, name) for name in names)
    async with ground.pair() as (leader, follower):
        await ground.scene(leader).ready(*names)
        asked = ground.source.asked.copy()
        ground.answers.update((name, "late") for name in names)
        await until(lambda: all(ground.source.asked[name] > asked[name] for name in names), "all wait for it", 10)
        leader.freeze()
        watch = Stopwatch()
        ground.answers.update((name, 0) for name in names)
        ground.source.released.set()
        await ground.led_by(follower, 20)
        await asyncio.sleep(max(0.0, 30 - watch.passed))
        await ground.settled()
        before, since = await ground.picture(), ground.cluster.mark()
        leader.thaw()
        await leader.until(lambda: "does not lead any more" in leader.said(), "the former leader knows that it is late")
        await leader.until(lambda: f"holder={follower.name}" in leader.said(), "it follows")
        await leader.held(lambda: not ground.writes(since), "nobody has anything to write", 3)
        assert ground.attempts(since, leader.name) == []
        assert await ground.picture() == before
        assert await ground.leader() == follower.name


def _patient(ground: Ground, name: str) -> tuple[Object, Object]:
    """Its source may take a minute to answer."""
    return deployment(name), scaled_object(name, number(f"{ground.source.url}/{name}", timeout="60000"))


async def test_robbed_of_the_lease(ground: Ground) -> None:
    """Somebody writes himself into it who never waited; what there was to do is done when he is gone."""
    names = [f"n{index}" for index in range(5)]
    await ground.crowd(_lively(ground, name) for name in names)
    with ground.replica() as daemon:
        await daemon.lead()
        scene = ground.scene(daemon)
        await scene.ready(*names)
        assert (await ground.metric("n0"))["items"][0]["value"] == "0"
        async with meanwhile(_rob(ground)):
            lost = "does not lead any more: somebody-else holds the lease now"
            await daemon.until(lambda: lost in daemon.said(), "the daemon learns of it")
            ground.answers.update((name, 3) for name in names)
            since = ground.cluster.mark()
            await scene.stay("nothing is written", lambda: not ground.attempts(since, daemon.name), 6)
            with pytest.raises(KubeError, match="does not lead") as refused:
                await ground.metric("n0")
            assert refused.value.status == 503
        await ground.led_by(daemon)
        for name in names:
            await scene.replicas(name, 1)
        assert (await ground.metric("n0"))["items"][0]["value"] == "3"


async def _rob(ground: Ground) -> None:
    while True:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        record = {"holderIdentity": "somebody-else", "leaseDurationSeconds": 4, "renewTime": now}
        await ground.kube.patch(LEASE, {"spec": record})
        await asyncio.sleep(1)
