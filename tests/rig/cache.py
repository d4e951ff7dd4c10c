"""What servers are made from: downloads and builds, kept by version in the user's cache folder.

An entry is made once under another name and then renamed, so what is there is whole. How one particular server is had
stands in that server's module.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 1800.0
TAIL = 15


class Unavailable(Exception):
    """A server that this machine cannot have; the text is the phrase for "not tested here: kafka (no java)"."""


def folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "event-scaler" / "rig"


def entry(name: str, version: str, build: Callable[[Path], None], *, cost: str) -> Path:
    """The folder of this version, built first if it is not there; `cost` says how long that takes on a cold start."""
    whole = folder() / f"{name}-{version}"
    if whole.is_dir():
        return whole
    whole.parent.mkdir(parents=True, exist_ok=True)
    with _locked(whole.with_name(f"{whole.name}.lock")):
        if not whole.is_dir():
            _build(whole, build, cost)
    return whole


def tool(name: str) -> str:
    """The path of a program that must be on this machine."""
    path = shutil.which(name)
    if path is None:
        raise Unavailable(f"no {name}")
    return path


def call(command: list[str], *, cwd: Path) -> None:
    """Run a step of a build; when it fails, its last lines go to stderr and the server is unavailable."""
    try:
        done = subprocess.run(
            command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{Path(command[0]).name} did not end within {PATIENCE:.0f} s") from None
    if done.returncode:
        _say("\n".join((done.stdout + done.stderr).splitlines()[-TAIL:]))
        raise Unavailable(f"{Path(command[0]).name} failed with {done.returncode}")


def _build(whole: Path, build: Callable[[Path], None], cost: str) -> None:
    part = whole.with_name(f"{whole.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    _say(f"rig: getting {whole.name}, once ({cost}) ...")
    begin = time.monotonic()
    try:
        build(part)
        part.rename(whole)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _say(f"rig: {whole.name} is there after {time.monotonic() - begin:.0f} s")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
