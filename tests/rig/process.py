"""One server as a child process: its ports, its start, its readiness, its end. Which server it is, is not known here.

The child has a process group of its own and dies with this process. The kernel counts the *thread* that started it as
its parent: start servers from a thread that stays.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")
PORTS = range(20000, 32000)
PAUSE = 0.02
TAIL = 25
ESTABLISHED = "01"


class StartError(Exception):
    """A server that should have started and did not; carries the end of its log."""


class Server:
    """A command that can be started, killed and started again; its output goes to a file."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
        patience: float = 90.0,
        grace: float = 8.0,
    ) -> None:
        self.command = tuple(command)
        self.log = log
        self._ready = ready
        self._environment = dict(environment or {})
        self._patience = patience
        self._grace = grace
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def launch(self) -> None:
        """Start the process and do not wait for it."""
        if self.pid is not None:
            raise StartError(f"{self.log.stem} is running already")
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | self._environment,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Until the server answers; never longer than it lives."""
        deadline = time.monotonic() + self._patience
        while not self._ready():
            if self.pid is None:
                raise StartError(f"{self.log.stem} ended while it started; its log ends with\n{self._tail()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.log.stem} gave no answer in {self._patience:.0f} s\n{self._tail()}")
            time.sleep(PAUSE)

    def start(self) -> None:
        self.launch()
        self.wait()

    def kill(self) -> None:
        """SIGKILL, as a machine that loses its power."""
        if self._child is not None:
            self._signal(signal.SIGKILL)
            self._child.wait()

    def freeze(self) -> None:
        """The process stays and answers nothing, as behind a broken network; `thaw` ends it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end; after a while make it."""
        if self._child is None:
            return
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(self._grace)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, number)

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL:])


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """The life of servers that start side by side; they stop in the reverse order."""
    try:
        for server in servers:
            server.launch()
        for server in servers:
            server.wait()
        yield
    finally:
        for server in reversed(servers):
            server.stop()


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of 127.0.0.1 that nobody listens on.

    Below the range the kernel takes for outgoing connections: a client that keeps dialling a dead server must not
    meet itself there.
    """
    chosen: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            chosen.append(port)
        if len(chosen) == count:
            return tuple(chosen)
    raise StartError(f"not {count} free ports between {PORTS.start} and {PORTS.stop}")


def connections(ports: Collection[int], *, pid: int | None = None, without: Collection[int] = ()) -> int:
    """Established TCP connections to these ports: of one process, or of all but those in `without`."""
    mine = _sockets(pid) if pid is not None else None
    others = {inode for other in without for inode in _sockets(other)}
    found = [inode for port, inode in _established() if port in ports and inode not in others]
    return sum(mine is None or inode in mine for inode in found)


def _established() -> Iterator[tuple[int, str]]:
    """The remote port and the inode of each established connection."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == ESTABLISHED:
                yield int(fields[2].rpartition(":")[2], 16), fields[9]


def _sockets(pid: int) -> set[str]:
    """The inodes of a process's sockets; none of one that ended meanwhile."""
    found = set()
    with suppress(FileNotFoundError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                link = os.readlink(descriptor)
                if link.startswith("socket:["):
                    found.add(link[8:-1])
    return found
