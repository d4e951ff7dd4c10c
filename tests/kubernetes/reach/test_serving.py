"""The leader is reached: endpoint, certificate and registration are kept in step, and nothing is written twice."""

import asyncio
import logging

import pytest

from scaler.errors import NotLeading
from scaler.kubernetes.reach.authority import DAY, names_of
from scaler.kubernetes.reach.certificates import OwnCertificates
from scaler.kubernetes.reach.endpoint import Service
from scaler.kubernetes.reach.serving import LOOK, LOOK_SOON, Serving
from tests.kubernetes.fake_api import FakeApi, unreachable

pytestmark = [pytest.mark.looptime]

NOW = 1_767_225_600.0
SERVICE = Service("keda", "metrics")
SLICE = "/apis/discovery.k8s.io/v1/namespaces/keda/endpointslices/metrics"
API_SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
SECRET = "/api/v1/namespaces/keda/secrets/event-scaler-certs"
KEDAS = {"spec": {"service": {"namespace": "keda", "name": "keda-operator-metrics-apiserver"}}}


class World:
    def __init__(self) -> None:
        self.api = FakeApi()
        self.now = NOW
        self.certificates = OwnCertificates(
            self.api, "keda", "event-scaler-certs", names=names_of(["metrics"], "keda"), clock=lambda: self.now
        )

    def serving(self, host: str = "10.0.0.7", *, take_over: bool = False) -> Serving:
        address = (host, 6443) if host else None
        return Serving(self.api, SERVICE, address, certificates=self.certificates, take_over=take_over)


@pytest.fixture
async def world() -> World:
    made = World()
    await made.certificates.load()
    return made


async def test_what_is_right_is_looked_at_and_not_written(world: World) -> None:
    running = asyncio.create_task(world.serving().run())
    await asyncio.sleep(600)
    assert sorted(request.path for request in world.api.writes) == sorted(
        path.rpartition("/")[0] for path in (API_SERVICE, SLICE, SECRET)
    )
    running.cancel()


async def test_what_somebody_changes_is_put_right(world: World) -> None:
    running = asyncio.create_task(world.serving().run())
    await asyncio.sleep(1)
    right = world.api.objects[SLICE]["endpoints"]
    world.api.put(SLICE, {**world.api.objects[SLICE], "endpoints": []})
    world.api.remove(API_SERVICE)
    await asyncio.sleep(LOOK)
    assert world.api.objects[SLICE]["endpoints"] == right
    assert API_SERVICE in world.api.objects
    running.cancel()


async def test_a_takeover_by_the_next_leader_is_one_write(world: World) -> None:
    await world.serving().look()
    world.api.writes.clear()
    await world.serving("10.0.0.8").look()
    assert [request.path for request in world.api.writes] == [SLICE]


async def test_the_certificate_is_renewed_on_the_way(world: World) -> None:
    before = world.certificates.current()
    world.now += 300 * DAY
    await world.serving().look()
    assert world.certificates.current() != before


async def test_without_an_address_nothing_is_written_but_the_certificate(world: World) -> None:
    await world.serving("").look()
    assert [request.path for request in world.api.writes] == [SECRET.rpartition("/")[0]]


async def test_an_owner_is_named_once_and_the_endpoint_written_all_the_same(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.api.put(API_SERVICE, KEDAS)
    serving = world.serving()
    running = asyncio.create_task(serving.run())
    with caplog.at_level(logging.INFO):
        await asyncio.sleep(600)
        assert "keda/keda-operator-metrics-apiserver" in serving.problem
        assert len([line for line in caplog.messages if "cannot be served" in line]) == 1
        assert SLICE in world.api.objects
        world.api.remove(API_SERVICE)
        await asyncio.sleep(LOOK)
        assert serving.problem == ""
        assert caplog.messages[-1] == "external metrics can be served again"
    running.cancel()


async def test_we_take_over_where_we_are_told_to(world: World) -> None:
    world.api.put(API_SERVICE, KEDAS)
    await world.serving(take_over=True).look()
    assert world.api.objects[API_SERVICE]["spec"]["service"]["name"] == "metrics"


async def test_a_failure_is_tried_again_soon(world: World) -> None:
    world.api.trouble = unreachable
    running = asyncio.create_task(world.serving().run())
    await asyncio.sleep(LOOK + 1)
    world.api.trouble = None
    await asyncio.sleep(LOOK_SOON)
    assert SLICE in world.api.objects
    running.cancel()


async def test_who_does_not_lead_any_more_writes_nothing_and_says_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def fence() -> None:
        raise NotLeading("it does not lead")

    serving = Serving(world.api.fenced(fence), SERVICE, ("10.0.0.7", 6443), certificates=world.certificates)
    await serving.run()
    assert world.api.writes == []
    assert caplog.messages == []
