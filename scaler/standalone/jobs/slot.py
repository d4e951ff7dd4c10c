"""A process of a Job: which it is, how many attempts it took, and what runs of it now. It starts and judges nothing."""

import asyncio
from dataclasses import dataclass, field

from scaler.standalone.processes import Process
from scaler.standalone.remembered import SlotRecord


@dataclass(slots=True, eq=False)
class Slot:
    """`attempt` is the number of the one that runs or comes next, `failures` are those that count, `misses` those that
    could not even be started; `stirred` ends its rest."""

    index: int
    name: str
    attempt: int = 0
    failures: int = 0
    done: bool = False
    process: Process | None = None
    ready: bool = False
    problem: str = ""
    misses: int = 0
    stirred: asyncio.Event = field(default_factory=asyncio.Event)

    def took(self, status: int | None, *, failed: bool) -> None:
        """The attempt has ended, with that exit code where it is known."""
        if status == 0:
            self.done = True
            return
        self.attempt += 1
        self.failures += failed

    @property
    def record(self) -> SlotRecord:
        return SlotRecord(self.attempt, self.failures, self.done)
