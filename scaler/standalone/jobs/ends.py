"""What the processes of a Job leave in `.scaler/jobs/`: a folder for each Job, in it their logs, and for each of their
attempts a file that says how it ended. A Job's folder goes when the Job does, and not before that is remembered: by
these files the next daemon knows that what was being done is done."""

import asyncio
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class Ends:
    """One Job's folder."""

    def __init__(self, jobs: Path, namespace: str, name: str) -> None:
        self._path = jobs / folder_of(namespace, name)

    def log(self, slot: int) -> Path:
        return self._path / f"{slot}.log"

    def end(self, slot: int, attempt: int) -> Path:
        """Where a witness writes the exit code."""
        return self._path / f"{slot}.{attempt}.end"

    async def prepare(self) -> None:
        await asyncio.to_thread(self._path.mkdir, parents=True, exist_ok=True)

    async def status(self, slot: int, attempt: int) -> int | None:
        """The exit code (negative: the signal) of an attempt that has ended and was witnessed."""
        return await asyncio.to_thread(_status, self.end(slot, attempt))

    async def remove(self) -> None:
        await asyncio.to_thread(shutil.rmtree, self._path, ignore_errors=True)


def folder_of(namespace: str, name: str) -> str:
    """A namespace has no dots."""
    return f"{namespace}.{name}"


def tidy(jobs: Path, known: Iterable[str]) -> None:
    """Remove the folders of Jobs that nobody remembers: a new one of that name would take their ends for its own."""
    kept = set(known)
    with suppress(FileNotFoundError):
        for path in jobs.iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)


def _status(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
