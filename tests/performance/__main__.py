"""`python -m tests.performance [NAME …] [--json FILE|-] [--profile]`: measure, print a table, write JSON.

Each benchmark runs in a process of its own, so that none has another's memory or threads. A figure that misses its aim
is no failure, nor is a server that this machine cannot have; a benchmark that breaks is. Between them a small loop is
measured that is always the same: where it varies, the machine does (neighbours, a shared core), and so do the figures
of CPU time."""

import argparse
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.performance.benchmark import measure_apart, measure_profiled
from tests.performance.figure import HEAD, Figure, table
from tests.performance.machine import machine, pace

HERE = ("decide", "binding", "objects10000", "kafka500", "http1000", "reaction")
KUBERNETES = ("kube_activation", "kube_burst", "kube_metrics", "kube_thousand", "kube_second")
NAMES = HERE + KUBERNETES
BY_NAME = ("kube_profile",)
"""Only where it is named."""

BROKEN = "broken"


def main() -> int:
    given = _arguments()
    on = machine()
    found: dict[str, list[Figure]] = {}
    beside: list[float] = []
    took: dict[str, float] = {}
    for name in given.names or NAMES:
        beside += pace()
        began = perf_counter()
        found[name] = _figures(name, measure_profiled if given.profile else measure_apart)
        took[name] = round(perf_counter() - began, 1)
        print(f"{name}: measured in {took[name]:.0f} s", file=sys.stderr, flush=True)
    beside += pace()
    found["pace"] = [Figure("the same small loop, between the others", "ms CPU", tuple(beside))]
    _write({"machine": on, "seconds": took}, found, given.json)
    return int(any(one.problem.startswith(BROKEN) for figures in found.values() for one in figures))


def _figures(name: str, measured: Callable[[str], list[Figure]]) -> list[Figure]:
    """One broken benchmark is not the end of the others."""
    try:
        return measured(name)
    except Exception as error:
        traceback.print_exc()
        return [Figure(name, problem=f"{BROKEN}: {type(error).__name__}")]


def _write(about: dict[str, dict[str, Any]], found: dict[str, list[Figure]], where: str) -> None:
    """`about` the machine, and how many seconds each benchmark took."""
    data = about | {"figures": {name: [one.data() for one in found[name]] for name in found}}
    text = json.dumps(data, indent=2, ensure_ascii=False)
    if where == "-":
        print(text)
        return
    print("\n".join(f"{key:<9} {value}" for key, value in about["machine"].items()))
    print("took     ", ", ".join(f"{name} {seconds:.0f} s" for name, seconds in about["seconds"].items()), end="\n\n")
    print(table([HEAD, *(one.cells() for figures in found.values() for one in figures)]))
    Path(where).write_text(f"{text}\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.performance", description="Measure the daemon.")
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help=f"of {', '.join(NAMES)}, all of them unless given; or {', '.join(BY_NAME)}",
    )
    parser.add_argument(
        "--json", metavar="FILE", default="bench.json", help="where the JSON goes; - instead of a table"
    )
    parser.add_argument("--profile", action="store_true", help="show what costs most (and makes all of it slower)")
    given = parser.parse_args()
    if unknown := set(given.names) - {*NAMES, *BY_NAME}:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    return given


if __name__ == "__main__":
    sys.exit(main())
