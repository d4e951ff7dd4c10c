"""How Kafka brokers are had, configured and started. What tests do to them is in `kafka`, logins in `secured_kafka`."""

import asyncio
import functools
import re
import secrets
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.rig import cache
from tests.rig.process import Server, StartError, free_ports, running

RECIPE = Path(__file__).parent / "recipes" / "kafka" / "pom.xml"
JAVA = 17
# Quick to start, and the heap of a broker that holds a few thousand small records.
JVM = ("-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
METADATA = 3


class Listener(NamedTuple):
    """One more way into a broker; the name is what its own settings are prefixed with."""

    name: str
    protocol: str
    port: int


class Broker:
    """One broker of a Kafka: `address` for clients, and its process to be killed and started again."""

    def __init__(self, number: int, port: int, server: Server) -> None:
        self.number = number
        self.port = port
        self.server = server

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def kill(self) -> None:
        """SIGKILL: no goodbye to clients or to the controller."""
        await asyncio.to_thread(self.server.kill)

    async def start(self) -> None:
        """Again, on the same port with the same data; returns when it answers as a member of its cluster."""
        self.server.launch()
        await asyncio.to_thread(self.server.wait)

    def freeze(self) -> None:
        """Connections stay and nothing is answered, until `thaw`."""
        self.server.freeze()

    def thaw(self) -> None:
        self.server.thaw()


@contextmanager
def started(
    count: int,
    *,
    listeners: Sequence[Listener] = (),
    settings: Mapping[str, str] | None = None,
    format_with: Sequence[str] = (),
) -> Iterator[tuple[Broker, ...]]:
    """The life of brokers of one cluster, the first being its controller; `listeners` go to the first."""
    fetch()
    with tempfile.TemporaryDirectory(prefix="event-scaler-kafka-") as folder:
        controller, *ports = free_ports(1 + count)
        brokers = []
        for number, port in enumerate(ports, 1):
            home = Path(folder) / f"kafka-{number}"
            home.mkdir()
            extra = listeners if number == 1 else ()
            _write(home, _properties(home, number, controller, count, (_plain(port), *extra)) | dict(settings or {}))
            brokers.append(_broker(home, number, port))
        _format([broker.server.log.parent for broker in brokers], format_with)
        with running(*(broker.server for broker in brokers)):
            yield tuple(brokers)


def fetch() -> Path:
    """The folder of Kafka's jars, downloaded if they are not there."""
    _check_java()
    [version] = re.findall(r"<kafka.version>(.+)</kafka.version>", RECIPE.read_text())
    return cache.entry("kafka", version, _download, cost="about 20 s, 45 MB by Maven")


def _download(folder: Path) -> None:
    maven = cache.tool("mvn")
    recipe = folder / RECIPE.name
    recipe.write_text(RECIPE.read_text())
    cache.call(
        [maven, "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime"],
        cwd=folder,
    )


@functools.cache
def _check_java() -> None:
    said = subprocess.run([cache.tool("java"), "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if found is None or int(found[1]) < JAVA:
        raise cache.Unavailable(f"no java {JAVA} or newer")


def _java(program: str, *arguments: str) -> list[str]:
    return [cache.tool("java"), *JVM, "-cp", f"{fetch() / 'libs'}/*", program, *arguments]


def _plain(port: int) -> Listener:
    return Listener("PLAINTEXT", "PLAINTEXT", port)


def _broker(home: Path, number: int, port: int) -> Broker:
    command = _java("kafka.Kafka", str(home / "server.properties"))
    server = Server(command, log=home / f"{home.name}.log", ready=functools.partial(_answers, port, number))
    return Broker(number, port, server)


def _properties(home: Path, number: int, controller: int, count: int, listeners: Sequence[Listener]) -> dict[str, str]:
    first = number == 1
    ways = {way.name: f"{way.name}://127.0.0.1:{way.port}" for way in listeners}
    own = {"CONTROLLER": f"CONTROLLER://127.0.0.1:{controller}"} if first else {}
    protocols = {way.name: way.protocol for way in listeners} | {"CONTROLLER": "PLAINTEXT"}
    copies = str(min(count, 3))
    return {
        "process.roles": "broker,controller" if first else "broker",
        "node.id": str(number),
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": ",".join((ways | own).values()),
        "advertised.listeners": ",".join(ways.values()),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "log.dirs": str(home / "data"),
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": "3",
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.num.partitions": "3",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A broker that was killed is missed, and may come back, after seconds.
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "3000",
        "log.cleaner.dedupe.buffer.size": "4194304",
        "log.index.size.max.bytes": "1048576",
        "num.network.threads": "2",
        "num.io.threads": "4",
    }


def _write(home: Path, properties: Mapping[str, str]) -> None:
    lines = (f"{name}={value}\n" for name, value in properties.items())
    (home / "server.properties").write_text("".join(lines))


def _format(homes: Sequence[Path], arguments: Sequence[str]) -> None:
    """Make the data folders of one cluster, side by side."""
    name = f"r{secrets.token_urlsafe(16)[1:]}"  # the tool takes a "-" at the beginning for an option
    tools = []
    for home in homes:
        command = _java("kafka.tools.StorageTool", "format", "-t", name, "-c", str(home / "server.properties"))
        tools.append(
            subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
    said = [tool.communicate()[0] for tool in tools]
    for tool, text in zip(tools, said, strict=True):
        if tool.returncode:
            raise StartError(f"Kafka's data folder could not be made:\n{text}")


def _answers(port: int, number: int) -> bool:
    """Whether the broker answers, and is itself among the brokers it knows to be alive."""
    with suppress(OSError, struct.error):
        return number in _members(port)
    return False


def _members(port: int) -> set[int]:
    """The brokers in the answer to a Metadata request (version 1) about no topic."""
    request = struct.pack(">hhih", METADATA, 1, 0, -1) + struct.pack(">i", 0)
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection, connection.makefile("rb") as stream:
        connection.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", stream.read(4))
        answer = stream.read(size)
    (count,) = struct.unpack_from(">i", answer, 4)
    found, at = set(), 8
    for _ in range(count):
        number, host = struct.unpack_from(">ih", answer, at)
        (rack,) = struct.unpack_from(">h", answer, at + 10 + host)
        at += 12 + host + max(rack, 0)
        found.add(number)
    return found
