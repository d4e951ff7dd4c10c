"""What outlives the daemon: the state file `.scaler/state.json` beside the manifests. It holds what the decisions
remember, when an object was first seen, how many workers were wanted, and which processes those were. No manifest, no
Secret and no environment ever gets into it."""

import logging
import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from scaler.core.model import State

log = logging.getLogger(__name__)

VERSION = 1


class WorkerRecord(Struct, frozen=True):
    """A process as it can be found again: pid and start time (clock ticks since boot)."""

    index: int
    pid: int
    started: int
    digest: str
    ending: bool = False


class WorkersRecord(Struct, frozen=True):
    wanted: int
    workers: list[WorkerRecord] = []


class ObjectRecord(Struct, frozen=True):
    created: float
    state: dict[str, Any] | None = None


class Remembered(Struct, frozen=True):
    """Keys are `namespace/name`. `boot` is the boot of the machine in which the workers were started."""

    boot: str = ""
    objects: dict[str, ObjectRecord] = {}
    deployments: dict[str, WorkersRecord] = {}
    version: int = VERSION


def load(path: Path) -> Remembered:
    """What the daemon before left; a file that cannot be understood is one warning and a fresh start."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Remembered)
    except FileNotFoundError:
        return Remembered()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        log.warning("the state file cannot be read, so nothing is remembered", extra={"file": str(path)})
        return Remembered()
    if found.version != VERSION:
        log.warning("the state file is of another version, so nothing is remembered", extra={"file": str(path)})
        return Remembered()
    return found


def state_of(record: ObjectRecord, name: str) -> State | None:
    """What decisions remember; `None` where it was written by another version of them."""
    if record.state is None:
        return None
    try:
        state = msgspec.convert(record.state, State)
    except msgspec.ValidationError:
        state = State(version=-1)
    if state.version != State().version:
        log.warning("what was remembered is of another version and is forgotten", extra={"object": name})
        return None
    return state


def write(path: Path, content: bytes) -> None:
    """All of it or nothing: a new file takes the old one's place when it is on the disk."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
