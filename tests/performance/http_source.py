"""A source of numbers under one switch that remembers who asked what, when. `python -m tests.performance.http_source`
with a port is the server, in a process of its own and over bare connections, so that it is never what holds a
measurement back; `http_source` starts it and gives the switch.

`GET /m/<name>` answers {"value": N}; `POST /set?value=N` is for all names, with `&name=<name>` for one of them, and
`hang` as a value is no answer at all."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

from scaler.daemon.process import loop_factory
from tests.rig import process
from tests.rig.process import Server, free_ports

HOST = "127.0.0.1"
HANG = "hang"
HEADER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Asked(NamedTuple):
    """One question; `at` by the wall clock."""

    at: float
    name: str


class Report(NamedTuple):
    """Since the last reset: who asked, and how many connections were opened; and how many are open now."""

    asked: list[Asked]
    opened: int
    open: int

    def most_in_a_second(self) -> int:
        """Of all the seconds that begin with a question."""
        times, first, most = sorted(one.at for one in self.asked), 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - 1:
                first += 1
            most = max(most, last - first + 1)
        return most


class Switch:
    """What all connections share."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, str]] = []
        self.opened = self.open = 0
        self._value, self._own = "0", dict[str, str]()

    def question(self, name: str) -> bytes | None:
        self.asked.append((time.time(), name))
        value = self._own.get(name, self._value)
        return None if value == HANG else b'{"value": %s}' % value.encode()

    def command(self, path: str) -> bytes:
        command, _, query = path.partition("?")
        given = dict(parse_qsl(query))
        if command == "/report":
            return json.dumps((self.asked, self.opened, self.open)).encode()
        if command == "/reset":
            self.asked, self.opened = [], 0
        elif "name" in given:
            self._own[given["name"]] = given["value"]
        else:
            self._value, self._own = given["value"], {}
        return b"{}"


class Connection(asyncio.Protocol):
    """Requests without a body, one after the other."""

    def __init__(self, switch: Switch) -> None:
        self._switch, self._received = switch, b""
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # uvloop's is of no type of asyncio's
        self._switch.opened += 1
        self._switch.open += 1

    def connection_lost(self, _: Exception | None) -> None:
        self._switch.open -= 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            request, _, self._received = self._received.partition(b"\r\n\r\n")
            path = request.split(b" ", 2)[1].decode()
            body = self._switch.question(path[3:]) if path.startswith("/m/") else self._switch.command(path)
            if body is not None:
                self._transport.write(HEADER % len(body) + body)


class HttpSource:
    """The switch, from outside; each call returns when it is done, and takes less than a millisecond but for a long
    report."""

    def __init__(self, port: int, connection: HTTPConnection) -> None:
        self.url, self._connection = f"http://{HOST}:{port}/m", connection

    def set(self, value: float | str, name: str = "") -> None:
        self._post(f"/set?value={value}" + (f"&name={name}" if name else ""))

    def reset(self) -> None:
        self._post("/reset")

    def report(self) -> Report:
        asked, opened, still = json.loads(self._post("/report"))
        return Report([Asked(*one) for one in asked], opened, still)

    def _post(self, path: str) -> bytes:
        self._connection.request("POST", path)
        return self._connection.getresponse().read()


@contextmanager
def http_source(folder: Path) -> Iterator[HttpSource]:
    """The life of the server; its log is in that folder."""
    [port] = free_ports(1)
    command = [sys.executable, "-m", "tests.performance.http_source", str(port)]
    server = Server(command, log=folder / "http-source.log", ready=lambda: _listens(port))
    with process.running(server), closing(HTTPConnection(HOST, port, timeout=10)) as connection:
        yield HttpSource(port, connection)


def per_name(asked: list[Asked]) -> Counter[str]:
    return Counter(one.name for one in asked)


def _listens(port: int) -> bool:
    with closing(HTTPConnection(HOST, port, timeout=2)) as connection:
        try:
            connection.connect()
        except OSError:
            return False
        return True


async def serve(port: int) -> None:
    switch = Switch()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(switch), HOST, port)
    await server.serve_forever()


def main() -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
