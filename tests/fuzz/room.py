"""One subject, and how it is tried."""

import gc
import math
import os
import sys
import threading
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import HypothesisWarning
from hypothesis.strategies import SearchStrategy

PATIENCE = 20.0
"""Seconds after which one input is said to hang. Whatever is bounded takes milliseconds."""

TRACED = 5
"""Memory is looked at for one input in so many, always the same ones: looking makes it slow."""


@dataclass(frozen=True)
class Room:
    """`tried` does with an input what the daemon would, and raises where that is not as it should be; `memory` is how
    many bytes one may take meanwhile; `enough` how many inputs the command gives it."""

    name: str
    inputs: SearchStrategy[Any]
    tried: Callable[[Any], None]
    memory: int = 32 * 2**20
    enough: int = 100_000


@dataclass
class Report:
    """What was seen: how many inputs, the most memory and the most CPU time that one of them took."""

    inputs: int = 0
    memory: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        most = f"{self.memory / 2**20:.1f} MiB and {self.seconds * 1000:.0f} ms at most"
        return f"{self.inputs} inputs, {most}"


class Watch:
    """Ends the process when one input takes too long: what hangs cannot be interrupted otherwise."""

    def __init__(self) -> None:
        self._given: Any = None
        self._began = math.inf
        self._ended = threading.Event()

    def _look(self) -> None:
        while not self._ended.wait(1.0):
            if time.monotonic() - self._began > PATIENCE:
                print(f"hangs: {self._given!r}", file=sys.stderr, flush=True)
                os._exit(1)

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    @contextmanager
    def over(self, given_: Any) -> Iterator[None]:
        """One input. Without the collector, which has everything before to look through."""
        self._given, self._began = given_, time.monotonic()
        gc.disable()
        try:
            yield
        finally:
            gc.enable()
            self._began = math.inf


def run(room: Room, inputs: int, *, seed: int | None = None, report: Report | None = None) -> Report:
    """Try at least so many. Without a seed always the same ones. Raises what an input makes it raise."""
    seen, watch = report or Report(), Watch()

    @settings(
        max_examples=inputs,
        derandomize=seed is None,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(room.inputs)
    def one(given_: Any) -> None:
        seen.inputs += 1
        traced = crc32(repr(given_).encode(errors="surrogatepass")) % TRACED == 0
        with watch.over(given_):
            taken = (_memory if traced else _seconds)(room, given_)
        if not traced:
            seen.seconds = max(seen.seconds, taken)
            return
        assert taken <= room.memory, f"takes {taken} bytes"
        seen.memory = max(seen.memory, int(taken))

    with watch.running(), warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)  # an input that fails may be too large to be shown
        (one if seed is None else hypothesis.seed(seed)(one))()
    return seen


def _seconds(room: Room, given_: Any) -> float:
    began = time.thread_time()
    room.tried(given_)
    return time.thread_time() - began


def _memory(room: Room, given_: Any) -> float:
    tracemalloc.start()
    try:
        room.tried(given_)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
