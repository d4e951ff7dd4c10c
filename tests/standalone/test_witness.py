"""The witness as the program that it is."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scaler.standalone import witness
from tests.standalone.scene import soon


def command(end: Path, *words: str) -> list[str]:
    return [sys.executable, "-I", "-S", witness.__file__, str(end), *words]


@pytest.mark.parametrize(
    ("script", "written", "code"),
    [("exit 0", "0", 0), ("exit 3", "3", 3), ("kill -9 $$", "-9", 137), ("kill -15 $$", "-15", 143)],
)
def test_how_it_ended_is_written_down_and_handed_on(tmp_path: Path, script: str, written: str, code: int) -> None:
    end = tmp_path / "end"
    assert subprocess.run(command(end, "sh", "-c", script), check=False).returncode == code
    assert end.read_text() == f"{written}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["end"]


def test_what_cannot_be_started_has_failed(tmp_path: Path) -> None:
    found = subprocess.run(command(tmp_path / "end", "no-such-program"), capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (127, "no-such-program: No such file or directory\n")
    assert (tmp_path / "end").read_text() == "127\n"


def test_the_command_is_started_as_if_there_were_no_witness(tmp_path: Path) -> None:
    """Arguments and variables of any bytes, and nothing ignored or blocked."""
    code = (
        "import os, signal, sys\n"
        "assert os.fsencode(sys.argv[1]) == b'\\xff a', sys.argv\n"
        "assert os.environb[b'odd.name'] == b'\\xfe'\n"
        "assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())\n"
        "lines = dict(line.split(':\\t') for line in open('/proc/self/status') if line.startswith('Sig'))\n"
        "assert int(lines['SigIgn'], 16) & 1 << signal.SIGTERM - 1 == 0\n"
    )
    environment = {**os.environb, b"odd.name": b"\xfe"}
    words: list[str | bytes] = [*command(tmp_path / "end", sys.executable, "-c", code), b"\xff a"]
    subprocess.run(words, env=environment, check=True)


def test_a_broken_pipe_ends_the_command(tmp_path: Path) -> None:
    """As it does in a shell: Python alone ignores that signal."""
    subprocess.run(command(tmp_path / "end", "sh", "-c", "yes | head -1; kill -PIPE $$"), stdout=-3, check=False)
    assert (tmp_path / "end").read_text() == f"-{signal.SIGPIPE.value}\n"


async def test_it_outlives_the_signals_that_the_group_gets(tmp_path: Path) -> None:
    end, up = tmp_path / "end", tmp_path / "up"
    script = f"trap 'sleep 0.1; exit 7' TERM; touch {up}; while true; do sleep 0.02; done"
    process = await asyncio.create_subprocess_exec(*command(end, "sh", "-c", script), start_new_session=True)
    await soon(lambda: up.exists() or None)
    process.send_signal(signal.SIGHUP)
    os.killpg(process.pid, signal.SIGTERM)
    assert await process.wait() == 7
    assert end.read_text() == "7\n"
