"""What the kernel says of processes: `/proc`, and of it what is used here. Reading it may block a little, so it is done
in threads."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

WORKER = "EVENT_SCALER_WORKER"
"""The variable that tells a worker its name."""

FOLDER = "EVENT_SCALER_FOLDER"
"""The variable by which the next daemon knows a worker that no state file mentions."""

JOB = "EVENT_SCALER_JOB"
"""The variable that names the Job of a process, `namespace/name`, to itself and to the next daemon."""


class Stray(NamedTuple):
    """A process group that carries a folder's mark, and what its environment says it is."""

    group: int
    worker: str
    job: str


@dataclass(frozen=True, slots=True)
class Stat:
    """The line of `/proc/<pid>/stat` as far as it is used; times are in clock ticks, `started` since boot, and `cpu`
    counts the children that were waited for."""

    pid: int
    state: str
    group: int
    session: int
    cpu: int
    started: int

    @property
    def alive(self) -> bool:
        return self.state not in "ZX"


def stat(pid: int) -> Stat | None:
    """The process as it is now; `None` where there is none."""
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = line[line.rindex(b")") + 2 :].split()  # the name may hold anything, spaces and parentheses included
    cpu = sum(int(ticks) for ticks in fields[11:15])
    return Stat(pid, fields[0].decode(), int(fields[2]), int(fields[3]), cpu, int(fields[19]))


def groups() -> dict[int, list[Stat]]:
    """The living members of each group that is a session of its own, as workers are."""
    found: dict[int, list[Stat]] = {}
    for one in _everything():
        if one.group == one.session:
            found.setdefault(one.group, []).append(one)
    return found


def members(group: int) -> list[Stat]:
    """The living members of one group."""
    return groups().get(group, [])


def strays(folder: Path) -> Iterator[Stray]:
    """The groups that carry this folder's mark in their environment."""
    mark = f"{FOLDER}={folder}".encode()
    own = os.getsid(0)
    for group, stats in groups().items():
        variables = [one for stat in stats for one in _environment(stat.pid)]
        if mark in variables and group != own:
            yield Stray(group, _value(variables, WORKER), _value(variables, JOB))


def command(pid: int) -> list[str]:
    """The program and its arguments; none where there is no such process, or only what is left of it."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(one) for one in line.split(b"\0")[:-1]]


def memory(pid: int) -> int:
    """Bytes that a process holds, its share of what it shares (RSS where only its owner may know the share)."""
    for name, key in (("smaps_rollup", b"Pss:"), ("status", b"VmRSS:")):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/{name}").read_bytes().splitlines():
                if line.startswith(key):
                    return int(line.split()[1]) * 1024
    return 0


def boot() -> str:
    """Which boot of this machine start times belong to."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def age(started: int) -> float:
    """Seconds since that start time."""
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return max(0.0, uptime - started / os.sysconf("SC_CLK_TCK"))


def _everything() -> Iterator[Stat]:
    for entry in os.listdir("/proc"):
        if entry.isdecimal() and (found := stat(int(entry))) and found.alive:
            yield found


def _value(variables: list[bytes], name: str) -> str:
    found = (one for one in variables if one.startswith(f"{name}=".encode()))
    return next(found, b"=").partition(b"=")[2].decode(errors="replace")


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
