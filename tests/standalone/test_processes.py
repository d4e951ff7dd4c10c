import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from scaler.errors import ClusterError
from scaler.standalone import procfs
from scaler.standalone.processes import LOG_LIMIT, Launch, Process, adopt, start
from scaler.standalone.procfs import Stray
from tests.standalone.scene import PATIENCE, alive, soon, until

pytestmark = pytest.mark.usefixtures("unblocked", "nothing_left")


def launch(folder: Path, *command: str, directory: str | None = None) -> Launch:
    environment = {**os.environ, procfs.FOLDER: str(folder), procfs.WORKER: "web-0"}
    return Launch(command, environment, directory or str(folder), "containers[0]", command[0])


def python(folder: Path, code: str) -> Launch:
    return launch(folder, sys.executable, "-c", code)


def words(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(1000)"
)


async def test_output_goes_to_the_log_and_input_is_empty(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    process = await start(launch(tmp_path, "sh", "-c", "echo out; echo err >&2; wc -c; pwd"), log)
    await process.gone.wait()
    await process.bury()
    assert process.status == 0
    assert words(log) == ["before", "out", "err", "0", str(tmp_path)]


async def test_a_large_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    os.truncate(log, LOG_LIMIT + 1)
    process = await start(launch(tmp_path, "echo", "new"), log)
    await process.gone.wait()
    await process.bury()
    assert log.read_text() == "new\n"
    assert (tmp_path / "log.1").stat().st_size == LOG_LIMIT + 1


async def test_it_leads_a_session_of_its_own(tmp_path: Path) -> None:
    process = await start(launch(tmp_path, "sleep", "1000"))
    found = await soon(partial(procfs.stat, process.pid))
    assert (found.group, found.session) == (process.pid, process.pid)
    assert found.started == process.started
    await process.stop(PATIENCE)
    assert process.status == -signal.SIGTERM
    assert await asyncio.to_thread(procfs.stat, process.pid) is None  # not even a zombie


async def test_what_ignores_sigterm_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = await start(python(tmp_path, STUBBORN), log)
    await until(lambda: "up" in words(log))
    begun = time.monotonic()
    await process.stop(0.2)
    assert time.monotonic() - begun >= 0.2
    assert process.status == -signal.SIGKILL


async def test_grandchildren_are_killed_with_the_group(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = (
        f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}])\n"
        "print('parent of', child.pid, flush=True); child.wait()"
    )
    process = await start(python(tmp_path, code), log)
    await until(lambda: {"up", "parent"} <= set(words(log)))
    grandchild = next(int(word) for word in words(log) if word.isdecimal())
    await process.stop(0.2)
    await until(lambda: not alive(grandchild))


async def test_a_shell_that_dies_first_does_not_cost_its_child_the_grace(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = (
        "import signal, sys, time\n"
        "def finish(*_):\n    time.sleep(0.2); print(' finished', flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, finish)\nprint('up', flush=True)\ntime.sleep(1000)"
    )
    process = await start(launch(tmp_path, "sh", "-c", f'{sys.executable} -c "$0" & wait', code), log)
    await until(lambda: "up" in words(log))
    await process.stop(PATIENCE)
    assert words(log) == ["up", "finished"]


async def test_what_a_dead_leader_leaves_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = await start(launch(tmp_path, "sh", "-c", "sleep 1000 & echo $!; exit 3"), log)
    await process.gone.wait()
    orphan = int(words(log)[0])
    await process.bury()
    assert process.status == 3
    await until(lambda: not alive(orphan))


async def test_a_killed_process_is_noticed_at_once(tmp_path: Path) -> None:
    process = await start(launch(tmp_path, "sleep", "1000"))
    os.kill(process.pid, signal.SIGKILL)
    await asyncio.wait_for(process.gone.wait(), PATIENCE)
    await process.bury()
    assert process.status == -signal.SIGKILL


@pytest.mark.parametrize(
    ("command", "directory", "sentence"),
    [
        ("no-such-program", None, "containers[0].command: there is no program 'no-such-program'"),
        ("/etc/passwd", None, "containers[0].command: '/etc/passwd' cannot be started (Permission denied)"),
        ("sleep", "/no/such/folder", "containers[0].workingDir: there is no folder /no/such/folder"),
        ("a\0b", None, "containers[0].command: 'a\\x00b' cannot be started (not a valid argument)"),
    ],
)
async def test_what_cannot_be_started(tmp_path: Path, command: str, directory: str | None, sentence: str) -> None:
    with pytest.raises(ClusterError) as error:
        await start(launch(tmp_path, command, directory=directory))
    assert str(error.value) == sentence


async def test_a_start_that_nobody_waits_for_any_more_is_undone(tmp_path: Path) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    starting = asyncio.ensure_future(start(launch(tmp_path, "sleep", "1000")))
    await asyncio.sleep(0)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await asyncio.to_thread(lambda: None)  # the one thread has got so far: the process was started
    await until(lambda: not list(procfs.strays(tmp_path)))


async def test_tearing_down_kills_without_waiting(tmp_path: Path) -> None:
    process = await start(launch(tmp_path, "sleep", "1000"))
    process.kill()
    await until(lambda: not alive(process.pid))
    await asyncio.to_thread(os.waitpid, process.pid, 0)


# ------------------------------------------------------------------------------------------------------------- adopting


async def test_a_process_is_adopted_by_pid_and_start(tmp_path: Path) -> None:
    process = await start(launch(tmp_path, "sleep", "1000"))
    process.release()
    again = await adopt(process.pid, process.started)
    assert again is not None
    await again.stop(PATIENCE)
    assert not await asyncio.to_thread(alive, process.pid)


async def test_a_recycled_pid_is_not_adopted(tmp_path: Path) -> None:
    process = await start(launch(tmp_path, "sleep", "1000"))
    assert await adopt(process.pid, process.started - 1) is None
    assert await asyncio.to_thread(alive, process.pid)
    await process.stop(PATIENCE)
    assert await adopt(process.pid, process.started) is None


async def test_a_process_that_leads_no_session_is_not_adopted() -> None:
    other = await asyncio.create_subprocess_exec("sleep", "1000")
    found = await soon(partial(procfs.stat, other.pid))
    assert await adopt(other.pid, found.started) is None
    other.kill()
    await other.wait()


async def test_a_zombie_is_not_adopted(tmp_path: Path) -> None:
    process = await start(launch(tmp_path, "true"))
    await process.gone.wait()
    assert await adopt(process.pid, process.started) is None
    await process.bury()


async def test_strays_are_found_by_their_mark_also_without_a_leader(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = await start(launch(tmp_path, "sh", "-c", "sleep 1000 & echo $!; exit"), log)
    await process.gone.wait()
    assert await asyncio.to_thread(lambda: list(procfs.strays(tmp_path))) == [Stray(process.pid, "web-0", "")]
    await Process(process.pid, 0).stop(PATIENCE)
    assert await asyncio.to_thread(lambda: list(procfs.strays(tmp_path))) == []


# --------------------------------------------------------------------------------------------------------------- /proc


def test_a_name_with_parentheses_and_spaces(tmp_path: Path) -> None:
    program = tmp_path / "a) b ("
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "1000"], start_new_session=True) as odd:
        found = procfs.stat(odd.pid)
        odd.kill()
    assert found is not None
    assert (found.pid, found.group) == (odd.pid, odd.pid)


def test_this_process() -> None:
    found = procfs.stat(os.getpid())
    assert found is not None
    assert found.alive
    assert procfs.memory(os.getpid()) > 1_000_000
    assert 0 < procfs.age(found.started) < 1e6
    assert procfs.stat(2**22 + 1) is None
    assert procfs.memory(2**22 + 1) == 0
