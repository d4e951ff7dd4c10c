"""Local processes: starting them, waiting for their end, ending them. The only place that starts any.

Every process leads a session and a group of its own, so that a signal reaches what it has started itself and a Ctrl-C
in the terminal reaches none of it. It outlives a daemon that is killed, and the next one, whose child it is not, treats
it the same way. It is known by its pid *and* its start time, so that a recycled pid is never taken for it; and the
leader of a group is reaped last, so that the group's number cannot be given away while it is still signalled."""

import asyncio
import errno
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from scaler.errors import ClusterError
from scaler.standalone import procfs, witness

log = logging.getLogger(__name__)

LOG_LIMIT = 10 * 1024 * 1024
"""Bytes of a log file that is put aside (once, as `….1`) before a worker starts to write to it."""

POLL = 0.1
"""Seconds between two looks at a process where the kernel has no pidfd."""

UNKILLABLE = 10.0
"""Seconds after SIGKILL until it is said that a process hangs in the kernel, and nobody waits for it any longer."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What is started: a program with its arguments, in which environment and directory. `where` is the container's
    path in the manifest, for the sentence that says why it could not be started; `name` is the program as written."""

    command: tuple[str, ...] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    directory: str
    where: str
    name: str


class Process:
    """One process and its group, started here or by a daemon before. `gone` is set when the leader has ended; `status`
    is then its exit code (negative: the signal), or `None` where only its parent could know."""

    def __init__(self, pid: int, started: int) -> None:
        self.pid, self.started = pid, started
        self.status: int | None = None
        self.gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._descriptor: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        try:
            self._descriptor = os.pidfd_open(pid)
            self._loop.add_reader(self._descriptor, self._ended)
        except ProcessLookupError:
            self.gone.set()
        except (AttributeError, OSError):  # an old kernel, or something that only looks like one
            self._poll()

    async def stop(self, grace: float) -> None:
        """SIGTERM to the whole group, SIGKILL to what is left of it after the grace period; nothing of it remains."""
        self._signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self.gone.wait()
                await self._emptied()
        await self.bury()

    async def bury(self) -> None:
        """Kill what is left of the group, wait for the leader and reap it."""
        if not self.gone.is_set() or await self._others():
            self._signal(signal.SIGKILL)
        try:
            async with asyncio.timeout(UNKILLABLE):
                await self.gone.wait()
        except TimeoutError:
            log.warning("a process hangs in the kernel and cannot be killed", extra={"pid": self.pid})
        self._reap()

    def kill(self) -> None:
        """At once and without waiting: the daemon is being torn down."""
        if not self.gone.is_set():
            self._signal(signal.SIGKILL)
        self.release()

    def release(self) -> None:
        """Stop watching; the process goes on, if it is there."""
        if self._timer:
            self._timer.cancel()
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    async def _emptied(self) -> None:
        """The leader has ended; so shall the others, whose ends are awaited like its own."""
        while others := await self._others():
            watched = [Process(one.pid, one.started) for one in others]
            try:
                for one in watched:
                    await one.gone.wait()
            finally:
                for one in watched:
                    one.release()

    async def _others(self) -> list[procfs.Stat]:
        return await asyncio.to_thread(procfs.members, self.pid)

    def _reap(self) -> None:
        with suppress(ChildProcessError):  # adopted: its parent reaps it
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _ended(self) -> None:
        self.release()
        self.gone.set()

    def _poll(self) -> None:
        found = procfs.stat(self.pid)
        if found is None or not found.alive or found.started != self.started:
            self._ended()
        else:
            self._timer = self._loop.call_later(POLL, self._poll)


async def start(launch: Launch, log: Path | None = None, end: Path | None = None) -> Process:
    """Start a process whose output goes to the log file. With `end` a witness is its parent, which writes there how it
    ended, for whoever wants to know then. Raises `ClusterError` naming the field that is wrong."""
    spawning = asyncio.get_running_loop().run_in_executor(None, _spawn, launch, log, end)
    try:
        pid, started = await asyncio.shield(spawning)
    except asyncio.CancelledError:
        spawning.add_done_callback(_too_late)
        raise
    except FileNotFoundError as error:
        if error.filename == launch.directory:
            raise ClusterError(f"{launch.where}.workingDir: there is no folder {launch.directory}") from None
        raise ClusterError(f"{launch.where}.command: there is no program {launch.name!r}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a valid argument"
        raise ClusterError(f"{launch.where}.command: {launch.name!r} cannot be started ({reason})") from None
    return Process(pid, started)


async def adopt(pid: int, started: int) -> Process | None:
    """A process that an earlier daemon started, if it is still there and still the same one."""
    process = Process(pid, started)
    found = await asyncio.to_thread(procfs.stat, pid)
    if found and found.alive and found.started == started and found.session == pid:
        return process
    process.release()
    return None


async def end(group: int, grace: float) -> None:
    """Stop a group that somebody else started and nobody watches."""
    process = Process(group, 0)
    try:
        await process.stop(grace)
    finally:
        process.release()


def witnessed(group: int) -> bool:
    """Whether it is led by the witness of a command."""
    arguments = procfs.command(group)
    return any(Path(one).name == Path(witness.__file__).name for one in arguments[3:4])


def _too_late(spawned: asyncio.Future[tuple[int, int]]) -> None:
    if spawned.exception() is None:
        os.killpg(spawned.result()[0], signal.SIGKILL)


def _spawn(launch: Launch, log: Path | None, end: Path | None) -> tuple[int, int]:
    command = launch.command
    if end is not None:
        _look_for_program(launch)
        command = (sys.executable, "-I", "-S", witness.__file__, str(end), *command)
    with _output(log).open("ab") as output:
        child = subprocess.Popen(
            command,
            env=launch.environment,
            cwd=launch.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    child.returncode = 0  # its end is awaited and reaped by `Process`; Popen must neither wait nor warn
    found = procfs.stat(child.pid)
    return child.pid, found.started if found else 0


def _look_for_program(launch: Launch) -> None:
    """Raises what starting it would, before a witness finds out alone."""
    program = launch.command[0]
    place = os.path.join(launch.directory, program) if os.sep in program else program
    if not os.path.isdir(launch.directory):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), launch.directory)
    if shutil.which(place, path=os.pathsep.join(os.get_exec_path(launch.environment))) is None:
        found = os.sep in program and os.path.exists(place)
        number = errno.EACCES if found else errno.ENOENT
        raise OSError(number, os.strerror(number), program)


def _output(log: Path | None) -> Path:
    if log is None:
        return Path(os.devnull)
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT:
            log.replace(f"{log}.1")
    return log
