"""expr-lang's own implementation, built once by Go, as a program that computes formulas. Nothing of a server: it reads
formulas and writes what comes of them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from tests.rig import cache
from tests.rig.kube_build import BUILD, GO

RECIPE = Path(__file__).parent / "recipes" / "expr"
MODULE = "github.com/expr-lang/expr"

Inputs = Mapping[str, float | None]


class Other(NamedTuple):
    """A value of a kind that ours has not: text, a map, a time."""

    go_type: str


class Outcome(NamedTuple):
    """What comes of a formula: a value, or why there is none."""

    value: Any = None
    refused: str = ""


def fetch() -> Path:
    """The program, built first if it is not there."""
    [version] = re.findall(rf"^require {re.escape(MODULE)} v(\S+)$", (RECIPE / "go.mod").read_text(), re.M)
    ours = crc32((RECIPE / "main.go").read_bytes())
    return cache.entry("expr", f"{version}-{ours:08x}", _build, cost="about 10 seconds, by go") / "expr"


def computed(program: Path, questions: Iterable[tuple[str, Inputs]]) -> list[Outcome]:
    """All of them by one process, in their order."""
    lines = [json.dumps({"text": text, "inputs": dict(inputs)}) for text, inputs in questions]
    done = subprocess.run(
        [program], input="\n".join(lines), capture_output=True, text=True, check=True, timeout=60, env={}
    )
    return [_outcome(json.loads(line)) for line in done.stdout.splitlines()]


def _outcome(said: Mapping[str, Any]) -> Outcome:
    if "refused" in said:
        return Outcome(refused=said["refused"])
    return Outcome(_value(said["value"]))


def _value(tagged: list[Any]) -> Any:
    match tagged:
        case ["nil"]:
            return None
        case ["bool", value]:
            return value
        case ["int", text]:
            return int(text)
        case ["float", text]:
            return float(text)
        case ["list", items]:
            return [_value(one) for one in items]
    return Other(tagged[1])


def _build(folder: Path) -> None:
    copy = folder / "recipe"
    shutil.copytree(RECIPE, copy)
    cache.call(["env", *GO, cache.tool("go"), *BUILD, "-o", str(folder / "expr"), "."], cwd=copy)
