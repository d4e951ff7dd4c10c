"""The page: its formats, and that the daemon goes on while it is made."""

import threading
from collections.abc import Callable, Iterable

import pytest
from prometheus_client import Metric as Family
from prometheus_client.openmetrics import parser as openmetrics

from scaler.engine.board import Board
from tests.web.telemetry.scene import filled, scraped, serving


@pytest.fixture
def board() -> Board:
    return filled()


async def test_a_gauge_whose_name_ends_like_a_counters_is_a_gauge_on_the_wire(board: Board) -> None:
    async with serving(board) as client, client.get("/metrics") as reply:
        page = (await reply.text()).splitlines()
    assert "# TYPE keda_trigger_registered_total gauge" in page
    assert 'keda_trigger_registered_total{type="kafka"} 1.0' in page
    assert "# TYPE keda_scaled_object_errors_total counter" in page
    assert 'keda_scaled_object_errors_total{namespace="shop",scaledObject="orders"} 0.0' in page


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text; version=1.0.0"),
    ],
)
async def test_the_format_is_the_readers_choice(board: Board, accept: str, told: str) -> None:
    async with serving(board) as client, client.get("/metrics", headers={"Accept": accept}) as reply:
        assert reply.headers["Content-Type"].startswith(told)
        page = await reply.text()
    assert page.endswith("# EOF\n") is ("openmetrics" in told)


async def test_open_metrics_is_well_formed(board: Board) -> None:
    headers = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with serving(board) as client, client.get("/metrics", headers=headers) as reply:
        parse: Callable[[str], Iterable[Family]] = openmetrics.text_string_to_metric_families
        families = {family.name: family for family in parse(await reply.text())}
    assert families["keda_trigger_registered_total"].type == "gauge"
    assert families["keda_scaler_detail_errors"].type == "counter"
    assert families["event_scaler_decision"].type == "info"


async def test_it_is_compressed_for_who_wants_it(board: Board) -> None:
    async with serving(board) as client, client.get("/metrics", headers={"Accept-Encoding": "gzip"}) as reply:
        assert reply.headers["Content-Encoding"] == "gzip"
        assert "keda_scaler_metrics_value" in await reply.text()


async def test_the_event_loop_goes_on_while_it_is_made(board: Board) -> None:
    made_in: list[threading.Thread] = []

    def sources() -> int:
        made_in.append(threading.current_thread())
        return 0

    await scraped(board, sources=sources)
    assert made_in[0] is not threading.main_thread()
