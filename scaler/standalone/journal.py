"""A file that follows what is in memory: written soon after a change, at most once in a while, all of it or nothing."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from scaler.logs import Changes

log = logging.getLogger(__name__)

GATHER = 0.05
"""Seconds after a change in which others may follow it into the same writing, such as a worker its decision."""

PAUSE = 1.0
"""Seconds between two writings at least."""


class Journal:
    """`content` is asked for what the file should say; `touch` says that this may be something else now."""

    def __init__(self, path: Path, content: Callable[[], bytes]) -> None:
        self._path, self._content = path, content
        self._written = b""
        self._touched = asyncio.Event()
        self._saving, self._writing = asyncio.Lock(), threading.Lock()
        self._said = Changes()

    def touch(self) -> None:
        self._touched.set()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """While the block runs the file follows; at its end it is written for the last time."""
        try:
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(self._follow(), name=f"write {self._path.name}")
                yield
                following.cancel()
        finally:
            await self.save()

    async def save(self) -> bool:
        """Write now, if there is anything new; whether the file says what it should."""
        async with self._saving:
            content = self._content()
            if content == self._written:
                return True
            self._written = b""  # as long as it is being written, nobody can tell what it says
            writing = asyncio.ensure_future(asyncio.to_thread(self._write, content))
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:  # whoever does not wait for it: the next one must not overtake it
                await asyncio.wait({writing})
                writing.exception()
                raise
            except OSError as error:
                if self._said.news("problem", error.strerror):
                    log.warning("%s cannot be written (%s)", self._path, error.strerror)
                return False
            self._written = content
            if self._said.news("problem", None):
                log.info("%s can be written again", self._path)
            return True

    async def _follow(self) -> None:
        while True:
            await self._touched.wait()
            await asyncio.sleep(GATHER)
            self._touched.clear()
            await self.save()
            await asyncio.sleep(PAUSE)

    def _write(self, content: bytes) -> None:
        """A new file takes the old one's place when it is on the disk."""
        new = self._path.with_name(f"{self._path.name}.new")
        with self._writing:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            with new.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
