"""nats-jetstream: validation, its monitoring pages, a real server, and a real cluster of three."""

import asyncio
import json
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from scaler.declare import load
from scaler.errors import AnswerError, LoginError, SourceError
from scaler.sdk import Backlog
from scalers._nats import JetStream
from scalers._nats_pages import Consumer, Page, Pending, Server
from scalers.nats_jetstream import NatsJetstream
from tests.rig.nats import Nats, fetch
from tests.rig.nats_client import NatsError, connect, durable
from tests.rig.process import Server as Process
from tests.rig.process import free_ports, running

METADATA = {"natsServerMonitoringEndpoint": "nats:8222", "account": "$G", "stream": "orders", "consumer": "worker"}
WORKER = Consumer("$G", "", "orders", "worker")


def problems(**metadata: str) -> dict[str, str]:
    return dict(load(NatsJetstream, {**METADATA, **metadata}, {}, {}).problems)


# ------------------------------------------------------------------------------------------------------- declaration


def test_the_account_is_needed_by_name_or_id() -> None:
    assert problems(account="") == {"account": "or accountID is required"}
    assert problems(account="", accountID="AB") == {}


def test_the_account_may_come_from_credentials() -> None:
    metadata = {name: text for name, text in METADATA.items() if name != "account"}
    assert load(NatsJetstream, metadata).problems == {}
    scaler = load(NatsJetstream, {**METADATA, "account": "OTHER"}, {"account": "SECRET"}, {}).value
    assert scaler is not None
    assert scaler.ask() == Consumer("SECRET", "", "orders", "worker")


@pytest.mark.parametrize(("written", "url"), [("true", "https://nats:8222"), ("false", "http://nats:8222")])
def test_the_scheme_follows_use_https(written: str, url: str) -> None:
    scaler = load(NatsJetstream, {**METADATA, "useHttps": written}, {}, {}).value
    assert scaler is not None
    assert scaler.source() == JetStream(url)


def test_all_that_is_pending_counts() -> None:
    scaler = load(NatsJetstream, METADATA, {}, {}).value
    assert scaler is not None
    assert scaler.read(Pending(7, 3)) == Backlog(7.0, in_flight=3.0, value=10.0)
    assert scaler.label() == "nats-jetstream-orders"


# ------------------------------------------------------------------------------------------------------------- pages


def page(**consumer: Any) -> dict[str, Any]:
    detail = {"name": "worker", "num_pending": 4, "num_ack_pending": 1, **consumer}
    stream = {"name": "orders", "consumer_detail": [{"name": "other"}, detail]}
    return {"server_id": "A", "account_details": [{"name": "$G", "id": "ID", "stream_detail": [stream]}]}


@pytest.mark.parametrize(
    "query", [WORKER, Consumer("", "ID", "orders", "worker"), Consumer("$G", "WRONG", "orders", "worker")]
)
def test_an_account_is_found_by_name_or_id(query: Consumer) -> None:
    standing = Page(page()).consumer(query)
    assert standing is not None
    assert standing.pending == Pending(4, 1)


@pytest.mark.parametrize(
    "query",
    [
        Consumer("$G", "", "orders", "nobody"),
        Consumer("$G", "", "nothing", "worker"),
        Consumer("NONE", "", "orders", "worker"),
        Consumer("", "", "orders", "worker"),
    ],
)
def test_what_is_not_there_is_not_found(query: Consumer) -> None:
    assert Page(page()).consumer(query) is None


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"account_details": None},
        {"account_details": [1]},
        {"account_details": [{"name": "$G"}]},
        {"meta_cluster": 3},
    ],
)
def test_garbage_is_an_empty_page(content: dict[str, Any]) -> None:
    assert Page(content).consumer(WORKER) is None
    assert not Page(content).clustered


@pytest.mark.parametrize("consumer", [{"num_pending": None}, {"num_pending": "4"}, {"num_ack_pending": 1.5}])
def test_a_count_that_is_none_is_an_error(consumer: dict[str, Any]) -> None:
    standing = Page(page(**consumer)).consumer(WORKER)
    assert standing is not None
    assert isinstance(standing.pending, AnswerError)


def test_neighbours_are_sought_on_the_hosts_of_clients() -> None:
    server = Server({"connect_urls": ["10.0.0.1:4222", "[::1]:4222"], "cluster": {"urls": ["x:6222"]}}, "")
    assert list(server.neighbours("http://nats:8222")) == ["http://10.0.0.1:8222", "http://[::1]:8222"]


def test_neighbours_are_sought_by_their_routes_where_no_client_address_is_told() -> None:
    server = Server({"cluster": {"urls": ["nats-1.nats:6222"]}}, "")
    assert list(server.neighbours("http://nats.ns.svc:8222")) == [
        "http://nats-1.nats:8222",
        "http://nats-1.nats.ns.svc:8222",
    ]


# ------------------------------------------------------------------------------------------------------ real servers


async def asked(url: str, *queries: Consumer) -> list[Pending | SourceError]:
    async with JetStream(url).open() as connection:
        return list(await connection.fetch(queries))


async def test_a_real_server(nats: Nats) -> None:
    await nats.create_stream("orders", "orders.*")
    await nats.create_consumer("orders", "worker", max_ack_pending=5)
    await nats.publish("orders.new", 10)
    await nats.pull("orders", "worker", 3, acknowledge=False)
    queries = [WORKER, Consumer("$G", "", "orders", "nobody"), Consumer("NONE", "", "orders", "worker")]
    worker, nobody, elsewhere = await asked(f"http://{nats.monitoring}", *queries)
    assert worker == Pending(7, 3)
    assert str(nobody) == "there is no consumer nobody of stream orders in account $G"
    assert str(elsewhere) == "there is no consumer worker of stream orders in account NONE"


async def test_a_server_that_is_not_there() -> None:
    [answer] = await asked("http://127.0.0.1:9", WORKER)
    assert isinstance(answer, SourceError)
    assert str(answer) == "http://127.0.0.1:9/jsz cannot be reached"


def requests(monitoring: Sequence[str], path: str) -> int:
    """How often these servers have been asked for the path."""
    return sum(int(told(url, "/varz")["http_req_stats"].get(path, 0)) for url in monitoring)


def told(url: str, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}{path}", timeout=5) as reply:
        content: dict[str, Any] = json.load(reply)
        return content


async def test_all_consumers_of_an_account_are_one_request(nats: Nats) -> None:
    await nats.create_stream("crowd", "crowd.*")
    queries = [Consumer("$G", "", "crowd", f"worker{index}") for index in range(20)]
    for query in queries:
        await nats.create_consumer("crowd", query.name)
    await nats.publish("crowd.one", 2)
    url = f"http://{nats.monitoring}"
    before = requests([url], "/jsz")
    assert await asked(url, *queries) == [Pending(2, 0)] * 20
    assert requests([url], "/jsz") == before + 1


class Cluster:
    """Three real servers on loopback hosts of their own, with one monitoring port for all, as KEDA expects it."""

    hosts = ("127.0.0.1", "127.0.0.2", "127.0.0.3")

    def __init__(self, folder: Path) -> None:
        self._client, self._route, self._monitoring = free_ports(3)
        self._folder = folder
        self.processes = {self.name(host): self._process(host) for host in self.hosts}

    def name(self, host: str) -> str:
        return f"server-{host.rpartition('.')[2]}"

    @property
    def clients(self) -> str:
        return f"nats://{self.hosts[0]}:{self._client}"

    def url(self, host: str) -> str:
        return f"http://{host}:{self._monitoring}"

    def _process(self, host: str) -> Process:
        routes = ",".join(f"nats://{one}:{self._route}" for one in self.hosts)
        command = [str(fetch()), "-js", "-sd", str(self._folder / host), "-n", self.name(host), "-a", host]
        command += ["-p", str(self._client), "-m", str(self._monitoring), "--cluster_name", "rig"]
        command += ["--cluster", f"nats://{host}:{self._route}", "--routes", routes]
        return Process(command, log=self._folder / f"{host}.log", ready=partial(self._answers, host))

    def _answers(self, host: str) -> bool:
        with suppress(OSError):
            return bool(told(self.url(host), "/varz"))
        return False

    async def api(self, call: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """As soon as the cluster has found its leader."""
        for _ in range(150):
            with suppress(OSError, TimeoutError, NatsError):
                async with asyncio.timeout(1), connect(self.clients) as client:
                    return await client.api(call, body)
            await asyncio.sleep(0.2)
        raise AssertionError(f"{call} is not answered")

    async def leader(self, consumer: str) -> str:
        return str((await self.api(f"CONSUMER.INFO.orders.{consumer}"))["cluster"].get("leader", ""))

    async def move_leader(self, consumer: str, to: Callable[[str], bool]) -> str:
        """Until the consumer is led by one of those servers."""
        for _ in range(100):
            if to(leader := await self.leader(consumer)):
                return leader
            await self.api(f"CONSUMER.LEADER.STEPDOWN.orders.{consumer}")
            await asyncio.sleep(0.1)
        raise AssertionError("the leader does not move")


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """With a stream of ten messages on all three, and two consumers."""
    with tempfile.TemporaryDirectory(prefix="event-scaler-nats-") as folder:
        cluster = Cluster(Path(folder))
        with running(*cluster.processes.values()):
            stream = {"name": "orders", "subjects": ["orders.*"], "storage": "memory", "num_replicas": 3}
            await cluster.api("STREAM.CREATE.orders", stream)
            for consumer in ("worker", "other"):
                await cluster.api(f"CONSUMER.DURABLE.CREATE.orders.{consumer}", durable("orders", consumer))
            async with connect(cluster.clients) as client:
                for _ in range(10):
                    await client.store("orders.new", b"x")
                for _ in range(3):
                    await client.pull("orders", "worker", wait=2)
            yield cluster


OTHER = Consumer("$G", "", "orders", "other")
NOBODY = Consumer("$G", "", "orders", "nobody")


@pytest.mark.rig
@pytest.mark.timeout(120)
async def test_in_a_real_cluster_the_leader_is_asked(cluster: Cluster) -> None:
    """A follower says that nothing is pending: without the leader, a busy workload would be scaled to zero."""
    urls = [cluster.url(host) for host in cluster.hosts]
    async with JetStream(urls[0]).open() as connection:
        for leads in ("server-2", "server-3", "server-1"):
            assert await cluster.move_leader("worker", leads.__eq__) == leads
            answers = await connection.fetch([WORKER, NOBODY, OTHER])
            assert answers[0] == Pending(7, 3)
            assert str(answers[1]) == "there is no consumer nobody of stream orders in account $G"
            assert answers[2] == Pending(10, 0)
        before = requests(urls, "/jsz")
        assert await connection.fetch([WORKER]) == [Pending(7, 3)]
        assert requests(urls, "/jsz") == before + 1


@pytest.mark.rig
@pytest.mark.timeout(120)
async def test_a_real_cluster_may_lose_a_server(cluster: Cluster) -> None:
    """Neither the leader nor the server that is written in the manifest needs to live."""
    async with JetStream(cluster.url(cluster.hosts[1])).open() as connection:
        leader = await cluster.move_leader("worker", lambda name: name == "server-2")
        assert await connection.fetch([WORKER, OTHER]) == [Pending(7, 3), Pending(10, 0)]
        cluster.processes[leader].kill()
        [first] = await connection.fetch([WORKER])
        assert isinstance(first, SourceError | Pending)
        assert await cluster.move_leader("worker", lambda name: name not in ("", leader))
        assert await connection.fetch([WORKER]) == [Pending(7, 3)]


# ------------------------------------------------------------------------------------- what real servers will not do


@asynccontextmanager
async def answering(answers: Callable[[str], Any]) -> AsyncIterator[str]:
    """A server that answers each path with this; what is no text is sent as JSON. Wire-level, not NATS."""

    async def handle(request: web.Request) -> web.Response:
        answer = answers(request.path)
        return web.Response(text=answer) if isinstance(answer, str) else web.json_response(answer)

    application = web.Application()
    application.router.add_get("/{path:.*}", handle)
    async with TestServer(application) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.mark.parametrize("answer", ["<html>", "[]", "null", "7"])
async def test_an_answer_that_is_not_nats_is_an_error(answer: str) -> None:
    async with answering(lambda path: answer) as url:
        [found] = await asked(url, WORKER)
    assert isinstance(found, AnswerError)


async def test_a_proxy_that_asks_for_a_login() -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=401)

    application = web.Application()
    application.router.add_get("/{path:.*}", refuse)
    async with TestServer(application) as server:
        [found] = await asked(str(server.make_url("")).rstrip("/"), WORKER)
    assert isinstance(found, LoginError)


async def test_a_cluster_whose_leader_cannot_be_found_is_an_error() -> None:
    consumer = page(cluster={"leader": "gone"})
    pages = {"/jsz": {**consumer, "meta_cluster": {"cluster_size": 3}}, "/varz": {"server_id": "A", "server_name": "a"}}
    async with answering(pages.__getitem__) as url:
        [found] = await asked(url, WORKER)
    assert str(found) == "the leader of consumer worker of stream orders (gone) cannot be reached"


async def test_a_shared_address_is_not_taken_for_the_server_it_led_to() -> None:
    """A balanced address answers /varz as one server and /jsz as another: whose numbers these are is told by the id."""
    follower = {**page(num_pending=0, cluster={"leader": "a"}), "server_id": "B", "meta_cluster": {"cluster_size": 3}}
    pages = {"/jsz": follower, "/varz": {"server_id": "A", "server_name": "a"}}
    async with answering(pages.__getitem__) as url:
        [found] = await asked(url, WORKER)
    assert isinstance(found, SourceError)
