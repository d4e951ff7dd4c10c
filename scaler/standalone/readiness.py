"""Whether a worker is ready: a Deployment's readiness probe (exec, httpGet, tcpSocket) asked of a local process."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace

from scaler.credentials.environment import expand
from scaler.errors import ClusterError
from scaler.standalone.deployment import HttpGet, Probe, TcpSocket
from scaler.standalone.processes import Launch, start

LOOPBACK = "127.0.0.1"


async def follow(probe: Probe, passes: Callable[[], Awaitable[bool]], age: float, tell: Callable[[bool], None]) -> None:
    """Ask whether it passes for as long as the worker lives, and tell each change. `age` is how long it has been
    running already."""
    await asyncio.sleep(max(0.0, probe.initial_delay_seconds - age))
    ready, streak = False, 0
    while True:
        good = await passes()
        streak = streak + 1 if good != ready else 0
        if streak >= (probe.success_threshold if good else probe.failure_threshold):
            ready, streak = good, 0
            tell(ready)
        await asyncio.sleep(probe.period_seconds)


async def passes(probe: Probe, port: Callable[[int | str], int], launch: Launch) -> bool:
    """One probe; whatever goes wrong, or takes too long, is a no. `port` resolves a port's name."""
    try:
        async with asyncio.timeout(probe.timeout_seconds):
            if probe.exec is not None:
                words = tuple(expand(word, launch.environment) for word in probe.exec.command)
                return await _exec(replace(launch, command=words))
            if probe.http_get is not None:
                return await _http(probe.http_get, port(probe.http_get.port))
            assert probe.tcp_socket is not None
            return await _tcp(probe.tcp_socket, port(probe.tcp_socket.port))
    except (OSError, ClusterError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False


async def _exec(launch: Launch) -> bool:
    process = await start(launch)
    try:
        await process.gone.wait()
        await process.bury()
    except asyncio.CancelledError:
        await process.bury()
        raise
    return process.status == 0


async def _http(get: HttpGet, port: int) -> bool:
    """Kubernetes' rule: anything from 200 to 399 is a yes; a certificate is not checked."""
    encrypted = _unchecked() if get.scheme.upper() == "HTTPS" else None
    host = get.host or LOOPBACK
    headers = {
        "Host": f"{host}:{port}",
        "User-Agent": "kube-probe/event-scaler",
        "Accept": "*/*",
        "Connection": "close",
    }
    headers.update((one.name, one.value) for one in get.http_headers)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection(host, port, ssl=encrypted)
    try:
        writer.write(f"GET /{get.path.lstrip('/')} HTTP/1.1\r\n{lines}\r\n".encode())
        status = (await reader.readuntil(b"\r\n")).split()[1]
        return 200 <= int(status) < 400
    except IndexError:
        return False
    finally:
        writer.transport.abort()


async def _tcp(socket: TcpSocket, port: int) -> bool:
    _, writer = await asyncio.open_connection(socket.host or LOOPBACK, port)
    writer.transport.abort()
    return True


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
