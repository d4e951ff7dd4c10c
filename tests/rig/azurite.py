"""Azurite, Microsoft's own stand-in for Azure Storage: real queues (and blobs) on loopback.

`with azurite() as storage: ...` is the life of the server; the handle's methods fill and empty queues.
"""

import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from tests.rig import cache
from tests.rig.process import Server, free_ports, running

RECIPE = Path(__file__).parent / "recipes" / "azurite" / "package.json"
PROGRAM = Path("node_modules", "azurite", "dist", "src", "azurite.js")
# The account and the key that every Azurite has; no secret.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
HIDDEN = 3600


class Azurite:
    """A running Azurite. A queue's name has three characters or more."""

    account = ACCOUNT
    key = KEY

    def __init__(self, blob_port: int, queue_port: int, server: Server) -> None:
        self.blob_endpoint = f"http://127.0.0.1:{blob_port}/{ACCOUNT}"
        self.queue_endpoint = f"http://127.0.0.1:{queue_port}/{ACCOUNT}"
        self.queue_port = queue_port
        self.server = server

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.key};"
            f"BlobEndpoint={self.blob_endpoint};QueueEndpoint={self.queue_endpoint};"
        )

    async def create_queue(self, queue: str) -> None:
        """An empty queue of this name, whether or not there was one."""
        async with self.queue(queue) as client:
            try:
                await client.create_queue()
            except ResourceExistsError:
                await client.clear_messages()

    async def delete_queue(self, queue: str) -> None:
        async with self.queue(queue) as client:
            await client.delete_queue()

    async def send(self, queue: str, count: int = 1, *, delay: int = 0, text: str = "x") -> None:
        """`count` messages; with a `delay` they are invisible for so many seconds."""
        async with self.queue(queue) as client:
            for _ in range(count):
                await client.send_message(text, visibility_timeout=delay)

    async def receive(self, queue: str, count: int = 1, *, hidden: int = HIDDEN) -> list[QueueMessage]:
        """Take messages without deleting them: they are invisible for so many seconds, and still counted."""
        async with self.queue(queue) as client:
            return [message async for message in client.receive_messages(max_messages=count, visibility_timeout=hidden)]

    async def delete(self, queue: str, *messages: QueueMessage) -> None:
        async with self.queue(queue) as client:
            for message in messages:
                await client.delete_message(message)

    async def clear(self, queue: str) -> None:
        async with self.queue(queue) as client:
            await client.clear_messages()

    async def count(self, queue: str) -> int:
        """All of them: visible, delayed and received ones."""
        async with self.queue(queue) as client:
            properties = await client.get_queue_properties()
            return int(properties.approximate_message_count or 0)

    @asynccontextmanager
    async def queue(self, queue: str) -> AsyncIterator[QueueClient]:
        """Azure's own client, for what the methods here do not do."""
        async with QueueClient.from_connection_string(self.connection_string, queue) as client:
            yield client


@contextmanager
def azurite() -> Iterator[Azurite]:
    """An Azurite that keeps its data in a temporary folder."""
    program = fetch() / PROGRAM
    with tempfile.TemporaryDirectory(prefix="event-scaler-azurite-") as folder:
        blob, queue, table = free_ports(3)
        command = [cache.tool("node"), str(program), "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        command += ["--location", folder, "--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table)]
        server = Server(command, log=Path(folder) / "azurite.log", ready=partial(_answers, queue))
        with running(server):
            yield Azurite(blob, queue, server)


def fetch() -> Path:
    """The folder Azurite is installed in, downloaded if it is not there."""
    cache.tool("node")
    version = json.loads(RECIPE.read_text())["dependencies"]["azurite"]
    return cache.entry("azurite", version, _install, cost="about a minute, 360 MB by npm")


def _install(folder: Path) -> None:
    npm = cache.tool("npm")
    (folder / RECIPE.name).write_text(RECIPE.read_text())
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--no-update-notifier"]
    cache.call([npm, "install", "--omit=dev", *quiet], cwd=folder)


def _answers(port: int) -> bool:
    """Whether it answers at all; without a login that is a refusal."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        try:
            connection.request("GET", f"/{ACCOUNT}?comp=list")
            return 400 <= connection.getresponse().status < 500
        except (OSError, HTTPException):
            return False
