"""The page: its formats, and that the daemon goes on while it is made."""

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Callable, Iterable

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client import Metric as Family
from prometheus_client.openmetrics import parser as openmetrics

from scaler.engine.board import Board
from scaler.web.telemetry.page import Pages
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


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("br, GZIP;q=0.5", "gzip"), ("gzip;q=0", None), ("gzip; q=0.00", None), ("identity", None)],
)
async def test_it_is_compressed_for_who_wants_it(board: Board, accepted: str, encoding: str | None) -> None:
    async with serving(board) as client, client.get("/metrics", headers={"Accept-Encoding": accepted}) as reply:
        assert reply.headers.get("Content-Encoding") == encoding
        assert reply.headers["Vary"] == "Accept, Accept-Encoding"
        assert "keda_scaler_metrics_value" in await reply.text()


async def test_the_event_loop_goes_on_while_it_is_made(board: Board) -> None:
    made_in: list[threading.Thread] = []

    def sources() -> int:
        made_in.append(threading.current_thread())
        return 0

    await scraped(board, sources=sources)
    assert made_in[0] is not threading.main_thread()


class Slow:
    """An encoder that waits until it may go on, and knows where and how often at a time it ran."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self.may = threading.Event()
        self.threads: list[threading.Thread] = []
        self.running = self.most = 0

    def __call__(self, _: CollectorRegistry) -> bytes:
        self.threads.append(threading.current_thread())
        self.running += 1
        self.most = max(self.most, self.running)
        self.loop.call_soon_threadsafe(self.begun.set)
        assert self.may.wait(5)
        self.running -= 1
        return b"page %d" % len(self.threads)


@pytest.fixture
async def slow() -> AsyncIterator[Slow]:
    made = Slow()
    yield made
    made.may.set()


def asked(pages: Pages, slow: Slow, format_: str = "text", *, compressed: bool = False) -> asyncio.Task[bytes]:
    return asyncio.create_task(pages.page(slow, format_, compressed=compressed))


async def test_who_asks_for_the_same_meanwhile_gets_the_same(slow: Slow) -> None:
    pages = Pages(CollectorRegistry())
    both = asked(pages, slow), asked(pages, slow)
    await slow.begun.wait()
    slow.may.set()
    assert [await one for one in both] == [b"page 1", b"page 1"]
    assert await asked(pages, slow) == b"page 2", "but nobody gets one that was made before"


async def test_one_is_made_at_a_time(slow: Slow) -> None:
    pages = Pages(CollectorRegistry())
    all_ = asked(pages, slow), asked(pages, slow, compressed=True), asked(pages, slow, "open")
    await slow.begun.wait()
    slow.may.set()
    first, second, third = await asyncio.gather(*all_)
    assert (first, gzip.decompress(second), third) == (b"page 1", b"page 2", b"page 3")
    assert slow.most == 1


async def test_who_leaves_takes_it_from_nobody(slow: Slow) -> None:
    pages = Pages(CollectorRegistry())
    first, second = asked(pages, slow), asked(pages, slow)
    await slow.begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    slow.may.set()
    assert await second == b"page 1"


async def test_its_thread_is_its_own_and_ends_with_it(slow: Slow) -> None:
    slow.may.set()
    await asked(Pages(CollectorRegistry()), slow)
    [thread] = slow.threads
    assert thread.name.startswith("metrics")
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()
