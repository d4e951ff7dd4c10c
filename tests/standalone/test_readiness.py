import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scaler.standalone import procfs
from scaler.standalone.deployment import Probe
from scaler.standalone.processes import Launch
from scaler.standalone.readiness import follow, passes
from tests.rig.certificates import Authority
from tests.standalone.scene import until

pytestmark = pytest.mark.usefixtures("unblocked", "nothing_left")

Answer = Callable[[bytes], bytes]


def probe(**written: Any) -> Probe:
    return msgspec.convert(written, Probe)


async def asked(written: Probe, folder: Path, port: int = 0, **environment: str) -> bool:
    variables = {**os.environ, procfs.FOLDER: str(folder), **environment}
    return await passes(written, lambda _: port, Launch(("true",), variables, str(folder), "", "true"))


@asynccontextmanager
async def server(answer: Answer, certificate: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await reader.readuntil(b"\r\n\r\n")))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate) as running:
        yield running.sockets[0].getsockname()[1]


# --------------------------------------------------------------------------------------------------------------- exec


@pytest.mark.parametrize(("command", "good"), [(["true"], True), (["false"], False), (["no-such-program"], False)])
async def test_exec(tmp_path: Path, command: list[str], good: bool) -> None:
    assert await asked(probe(exec={"command": command}), tmp_path) is good


async def test_exec_has_the_worker_environment_and_directory(tmp_path: Path) -> None:
    (tmp_path / "ready").touch()
    test = probe(exec={"command": ["sh", "-c", '[ "$NAME" = web-0 ] && [ $(NAME) = web-0 ] && [ -e ready ]']})
    assert await asked(test, tmp_path, NAME="web-0")
    assert not await asked(test, tmp_path, NAME="web-1")


async def test_exec_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    slow = probe(exec={"command": ["sh", "-c", "sleep 1000 & wait"]}, timeoutSeconds=1)
    assert not await asked(slow, tmp_path)
    await until(lambda: not list(procfs.strays(tmp_path)))


# ------------------------------------------------------------------------------------------------------------- httpGet


@pytest.mark.parametrize(
    ("status", "good"), [(200, True), (204, True), (302, True), (399, True), (400, False), (503, False), (199, False)]
)
async def test_http_get(tmp_path: Path, status: int, good: bool) -> None:
    seen: list[bytes] = []

    def answer(request: bytes) -> bytes:
        seen.append(request)
        return f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n".encode()

    async with server(answer) as port:
        get = probe(httpGet={"path": "/ready?a=b", "port": "http", "httpHeaders": [{"name": "X-A", "value": "b"}]})
        assert await asked(get, tmp_path, port) is good
    head, *headers = seen[0].decode().split("\r\n")
    assert head == "GET /ready?a=b HTTP/1.1"
    assert {"X-A: b", f"Host: 127.0.0.1:{port}", "Connection: close"} <= set(headers)


@pytest.mark.parametrize("reply", [b"", b"nonsense\r\n", b"HTTP/1.1 soon\r\n", b"\r\n", b"x" * 100_000 + b"\r\n"])
async def test_http_get_of_something_else(tmp_path: Path, reply: bytes) -> None:
    async with server(lambda _: reply) as port:
        assert not await asked(probe(httpGet={"port": 1}), tmp_path, port)


async def test_http_get_that_takes_too_long(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not await asked(probe(httpGet={"port": 1}), tmp_path, silent.getsockname()[1])


async def test_https_takes_any_certificate(tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    async with server(lambda _: b"HTTP/1.1 200 OK\r\n\r\n", context) as port:
        assert await asked(probe(httpGet={"port": 1, "scheme": "HTTPS"}), tmp_path, port)
        assert not await asked(probe(httpGet={"port": 1}), tmp_path, port)


# ----------------------------------------------------------------------------------------------------------- tcpSocket


async def test_tcp_socket(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert await asked(probe(tcpSocket={"port": 1}), tmp_path, port)
    assert not await asked(probe(tcpSocket={"port": 1}), tmp_path, port)


# ----------------------------------------------------------------------------------------------------------- over time


async def told(written: Probe, answers: str, age: float = 0.0) -> list[tuple[float, bool]]:
    """What is told and when, of a worker that passes (`+`) or not (`-`), in virtual time."""
    loop = asyncio.get_running_loop()
    begun, found = loop.time(), list[tuple[float, bool]]()
    left = iter(answers)

    async def next_one() -> bool:
        if (answer := next(left, "")) == "":
            raise EOFError
        return answer == "+"

    asking: Callable[[], Awaitable[bool]] = next_one
    with pytest.raises(EOFError):
        await follow(written, asking, age, lambda ready: found.append((loop.time() - begun, ready)))
    return found


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("written", "answers", "expected"),
    [
        ({}, "+", [(0, True)]),
        ({}, "--+", [(20, True)]),
        ({}, "+--", [(0, True)]),
        ({}, "+---", [(0, True), (30, False)]),
        ({}, "+--+---", [(0, True), (60, False)]),
        ({"successThreshold": 2, "periodSeconds": 1}, "+-++", [(3, True)]),
        ({"failureThreshold": 1, "periodSeconds": 2}, "+-+", [(0, True), (2, False), (4, True)]),
        ({"initialDelaySeconds": 5}, "+", [(5, True)]),
    ],
)
async def test_thresholds(written: dict[str, Any], answers: str, expected: list[tuple[float, bool]]) -> None:
    assert await told(probe(exec={"command": ["true"]}, **written), answers) == expected


@pytest.mark.looptime
async def test_the_delay_counts_from_the_start_of_the_process() -> None:
    delayed = probe(exec={"command": ["true"]}, initialDelaySeconds=5)
    assert await told(delayed, "+", age=3.0) == [(2, True)]
    assert await told(delayed, "+", age=60.0) == [(0, True)]
