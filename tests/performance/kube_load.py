"""Asks for metrics over kept connections, HTTP/1.1 with TLS, in a process of its own: `python -m
tests.performance.kube_load PLAN.json` prints what came of it as JSON; `loaded` does that and reads it.

Closed loop: each connection asks again as soon as it was answered, for as long as the plan says. Open loop, with a
`rate`: a request is due at its fixed moment whatever became of those before, goes out on any free connection, and its
time counts from the moment it was due. No server is judged by a certificate here: what is sent is what matters."""

import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scaler.daemon.process import loop_factory

LENGTH = b"\r\ncontent-length:"
END = b"\r\n\r\n"
PATIENCE = 30.0
STATUS = slice(9, 12)


@dataclass(frozen=True, slots=True)
class Plan:
    """`urls` are asked one after the other, all of one server. `certificate` and `key` are files."""

    urls: Sequence[str]
    seconds: float
    connections: int = 16
    rate: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`times` are milliseconds, of each answer."""

    seconds: float
    codes: Mapping[str, int]
    times: Sequence[float]

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds


class Asking(asyncio.Protocol):
    """One connection with at most one request under way; tells who has it when the answer is whole."""

    def __init__(self, answered: Callable[["Asking", str, float], None]) -> None:
        self._answered = answered
        self._received = bytearray()
        self._began = 0.0
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # uvloop's TLS transport is of no type of asyncio's

    def ask(self, request: bytes, began: float) -> None:
        self._began = began
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(END)
        if head < 0:
            return
        lower = bytes(self._received[:head]).lower()
        length = int(lower.partition(LENGTH)[2].split(b"\r\n", 1)[0])
        if len(self._received) < head + len(END) + length:
            return
        status = bytes(self._received[STATUS]).decode()
        self._received.clear()
        self._answered(self, status, self._began)

    def close(self) -> None:
        self._transport.close()


class Run:
    """One plan, carried out."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = [_request(url, plan.headers) for url in plan.urls]
        self._loop = asyncio.get_running_loop()
        self._free: deque[Asking] = deque()
        self._due: deque[float] = deque()
        self._asked = self._under_way = 0
        self._codes: Counter[str] = Counter()
        self._times: list[float] = []
        self._end = 0.0
        self._all = asyncio.Event()

    async def outcome(self) -> Outcome:
        connections = [await self._connected() for _ in range(self._plan.connections)]
        self._free.extend(connections)
        began = time.monotonic()  # uvloop's own time comes in whole milliseconds
        self._end = began + self._plan.seconds
        if self._plan.rate:
            for number in range(int(self._plan.seconds * self._plan.rate)):
                after = number / self._plan.rate
                self._loop.call_later(after, self._fall_due, began + after)
        else:
            for _ in connections:
                self._ask(time.monotonic())
        await asyncio.sleep(self._plan.seconds)
        async with asyncio.timeout(PATIENCE):
            while self._under_way or self._due:
                self._all.clear()
                await self._all.wait()
        for connection in connections:
            connection.close()
        return Outcome(time.monotonic() - began, dict(self._codes), self._times)

    async def _connected(self) -> Asking:
        host, _, port = urlsplit(self._plan.urls[0]).netloc.rpartition(":")
        context = _context(self._plan)
        _, made = await self._loop.create_connection(lambda: Asking(self._answered), host, int(port), ssl=context)
        return made

    def _fall_due(self, at: float) -> None:
        self._due.append(at)
        if self._free:
            self._ask(self._due.popleft())

    def _ask(self, began: float) -> None:
        self._under_way += 1
        self._asked += 1
        self._free.popleft().ask(self._requests[self._asked % len(self._requests)], began)

    def _answered(self, connection: Asking, status: str, began: float) -> None:
        now = time.monotonic()
        self._times.append((now - began) * 1000)
        self._codes[status] += 1
        self._under_way -= 1
        self._free.append(connection)
        if self._due:
            self._ask(self._due.popleft())
        elif not self._plan.rate and now < self._end:
            self._ask(now)
        elif not self._under_way:
            self._all.set()


def _request(url: str, headers: Mapping[str, str]) -> bytes:
    where = urlsplit(url)
    lines = [f"GET {where.path}?{where.query} HTTP/1.1", f"Host: {where.netloc}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


def _context(plan: Plan) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if plan.certificate:
        context.load_cert_chain(plan.certificate, plan.key)
    return context


async def loaded(plan: Plan) -> Outcome:
    """What a process of its own makes of it. Raises where anything but 200 was answered."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(asdict(plan), file)
        file.flush()
        command = [sys.executable, "-m", "tests.performance.kube_load", file.name]
        child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        printed, _ = await child.communicate()
    if child.returncode:
        raise RuntimeError("the load could not be made; its own words stand above")
    found: dict[str, Any] = json.loads(printed)
    if set(found["codes"]) != {"200"}:
        raise RuntimeError(f"not everything was answered: {found['codes']}")
    return Outcome(**found)


def main() -> None:
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        print(json.dumps(asdict(runner.run(_carried_out(plan)))))


async def _carried_out(plan: Plan) -> Outcome:
    return await Run(plan).outcome()


if __name__ == "__main__":
    main()
