"""One benchmark by name, here or in a process of its own."""

import sys
from concurrent.futures import ProcessPoolExecutor
from cProfile import Profile
from importlib import import_module
from multiprocessing import get_context
from pstats import Stats

from tests.performance.figure import Figure
from tests.rig.cache import Unavailable

COSTS = 30


def measure(name: str) -> list[Figure]:
    """What `tests.performance.<name>` measures; a row that says why where its server is not to be had."""
    try:
        figures: list[Figure] = import_module(f"tests.performance.{name}").measure()
    except Unavailable as reason:
        return [Figure(name, problem=f"not measured here: {reason}")]
    return figures


def measure_apart(name: str) -> list[Figure]:
    """So that none has another's memory or threads."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(measure, name).result()


def measure_profiled(name: str) -> list[Figure]:
    """In this process, with what cost most of its CPU time on stderr."""
    with Profile() as profile:
        figures = measure(name)
    Stats(profile, stream=sys.stderr).strip_dirs().sort_stats("tottime").print_stats(COSTS)
    return figures
