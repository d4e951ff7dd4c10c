"""What a daemon shows: its pages, on one address or two, and what is pushed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from scaler.daemon.faces import Faces
from scaler.daemon.term import Daemon, binding_of
from scaler.manifests.watched import Manifest, Ref
from scaler.settings import Settings
from tests.cluster.remembering import RememberingCluster
from tests.rig.otlp import over_http
from tests.rig.process import free_ports
from tests.web.telemetry.scene import families_of, samples


@asynccontextmanager
async def shown(**settings: Any) -> AsyncIterator[tuple[str, str]]:
    """(the plain listener, the second one): of a daemon that does not lead."""
    plain, second = free_ports(2)
    given = Settings(**{"listen": f"127.0.0.1:{plain}", **settings})
    if settings.get("health_listen"):
        given = given.model_copy(update={"health_listen": f"127.0.0.1:{second}"})
    cluster = RememberingCluster()
    for ref in (Ref("ScaledJob", "shop", "a"), Ref("TriggerAuthentication", "shop", "b")):
        cluster.manifests[ref] = Manifest(ref, {})
    daemon = Daemon(cluster, binding_of(cluster, None), given, lambda: 1.0)
    async with Faces(daemon, given, [lambda: {"event_scaler_writes_waiting": {(): 3}}]).shown():
        yield f"http://127.0.0.1:{plain}", f"http://127.0.0.1:{second}"


async def asked(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        return reply.status, await reply.text()


async def test_the_plain_listener_has_all_pages() -> None:
    async with shown() as (plain, _):
        assert (await asked(f"{plain}/healthz"))[0] == 200
        assert await asked(f"{plain}/readyz") == (503, "waiting for its turn to lead\n")
        status, page = await asked(f"{plain}/metrics")
    assert status == 200
    families = families_of(page)
    assert samples(families, "event_scaler_leading") == {(): 0}
    assert samples(families, "event_scaler_writes_waiting") == {(): 3}
    assert samples(families, "keda_resource_registered_total", "type", "namespace") == {
        ("scaled_job", "shop"): 1,
        ("trigger_authentication", "shop"): 1,
    }


async def test_probes_may_have_an_address_of_their_own() -> None:
    async with shown(health_listen="given below") as (plain, second):
        assert (await asked(f"{second}/healthz"))[0] == 200
        assert (await asked(f"{second}/readyz"))[0] == 503
        assert (await asked(f"{second}/metrics"))[0] == 404
        assert (await asked(f"{plain}/healthz"))[0] == 200


async def test_the_listener_may_be_turned_off() -> None:
    async with shown(listen="0", health_listen="given below") as (plain, second):
        assert (await asked(f"{second}/healthz"))[0] == 200
        with pytest.raises(aiohttp.ClientConnectorError):
            await asked(f"{plain}/healthz")


async def test_the_page_may_be_turned_off() -> None:
    async with shown(enable_prometheus_metrics=False) as (plain, _):
        assert (await asked(f"{plain}/metrics"))[0] == 404
        assert (await asked(f"{plain}/healthz"))[0] == 200


async def test_metrics_are_pushed_where_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with over_http() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
        async with shown(enable_opentelemetry_metrics=True):
            await receiver.until(lambda: receiver.values("event_scaler.writes_waiting"))
    [counter] = {one.sum.aggregation_temporality for one in receiver.metrics if one.sum.is_monotonic}
    assert counter == 1, "OTLP's number of delta"
