"""What outlives the daemon, in the state file `.scaler/state.json`: what the decisions remember, when an object was
first seen, how many workers were wanted and which processes those were, which Jobs were made and what became of them.
No manifest, Secret or environment."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from scaler.core.model import State
from scaler.manifests.watched import Manifest, Ref

log = logging.getLogger(__name__)

VERSION = 1


class WorkerRecord(Struct, frozen=True):
    """A process as it can be found again: pid and start time (clock ticks since boot)."""

    index: int
    pid: int
    started: int
    digest: str
    ending: bool = False


class CrewRecord(Struct, frozen=True):
    wanted: int
    workers: tuple[WorkerRecord, ...] = ()


class SlotRecord(Struct, frozen=True):
    """A process of a Job: the number of its attempt, how many failed, whether one ended well, whether the last was
    ended by the daemon."""

    attempt: int = 0
    failures: int = 0
    done: bool = False
    interrupted: bool = False


class JobRecord(Struct, frozen=True):
    """A Job; without an `outcome` it has not ended. Which processes are its own is told by their environment."""

    number: int
    generation: int
    created: float
    started: float | None = None
    ended: float | None = None
    outcome: str = ""
    reason: str = ""
    slots: tuple[SlotRecord, ...] = ()


class BatchRecord(Struct, frozen=True):
    """The Jobs of a ScaledJob, and the number of the next one: no number is given twice."""

    next: int = 1
    jobs: tuple[JobRecord, ...] = ()


class ObjectRecord(Struct, frozen=True):
    created: float
    state: dict[str, Any] | None = None


class Remembered(Struct, frozen=True):
    """Keys are `namespace/name`, but for the objects' (`key_of`). `boot` is the boot of the machine in which the
    workers were started, `jobs` are those of each ScaledJob."""

    boot: str = ""
    objects: dict[str, ObjectRecord] = {}
    deployments: Mapping[str, CrewRecord] = {}
    jobs: Mapping[str, BatchRecord] = {}
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


def key_of(ref: Ref) -> str:
    """`namespace/name` of a ScaledObject; what is of another kind has it before that."""
    return str(ref) if ref.kind == "ScaledObject" else f"{ref.kind}/{ref}"


class Memory:
    """What is remembered of each ScaledObject and ScaledJob, while the daemon runs."""

    def __init__(self, records: Mapping[str, ObjectRecord]) -> None:
        self._created = {name: record.created for name, record in records.items()}
        self._states = {name: state for name, record in records.items() if (state := _state(record, name))}

    @property
    def records(self) -> dict[str, ObjectRecord]:
        return {
            name: ObjectRecord(created, asdict(self._states[name]) if name in self._states else None)
            for name, created in self._created.items()
        }

    def created(self, manifest: Manifest, now: float) -> float:
        """The manifest's own creationTimestamp, else when it was first seen here."""
        name = key_of(manifest.ref)
        written = _moment(manifest.body["metadata"].get("creationTimestamp"))
        self._created[name] = self._created.get(name, now) if written is None else written
        return self._created[name]

    def state(self, ref: Ref) -> State | None:
        return self._states.get(key_of(ref))

    def remember(self, ref: Ref, state: State) -> None:
        self._states[key_of(ref)] = state

    def keep(self, refs: Iterable[Ref]) -> None:
        """Forget every object but these."""
        for gone in self._created.keys() - {key_of(ref) for ref in refs}:
            del self._created[gone]
            self._states.pop(gone, None)


def _state(record: ObjectRecord, name: str) -> State | None:
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


def _moment(text: Any) -> float | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
