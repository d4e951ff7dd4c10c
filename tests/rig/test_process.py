"""What was started is stopped, whatever happens to those who started it."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rig.process import PORTS, Server, StartError, connections, free_ports, running

FOR_EVER = "exec sleep 1000"
# A grandchild that does not listen to TERM.
STUBBORN = "trap '' TERM; sleep 1000 & echo $! > child; wait; sleep 1000"
PARENT = """
import sys, signal
from pathlib import Path
from tests.rig.process import Server, running
server = Server(["sleep", "1000"], log=Path(sys.argv[1]), ready=lambda: True)
with running(server):
    print(server.pid, flush=True)
    signal.pause()
"""


def _shell(folder: Path, script: str, *, ready: Callable[[], bool] = lambda: True, patience: float = 5) -> Server:
    command = ["sh", "-c", f"cd {folder}; {script}"]
    return Server(command, log=folder / "sh.log", ready=ready, patience=patience, grace=0.2)


def _ends(pid: int) -> bool:
    """Whether this process, a child of nobody here, ends within a while."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watch], [], [], 5)[0])
    finally:
        os.close(watch)


def test_it_lives_as_long_as_the_block(tmp_path: Path) -> None:
    server = _shell(tmp_path, FOR_EVER)
    with running(server):
        pid = server.pid
        assert pid is not None
        assert os.getpgid(pid) == pid
    assert server.pid is None
    assert not Path(f"/proc/{pid}").exists()


def test_a_whole_group_ends(tmp_path: Path) -> None:
    file = tmp_path / "child"
    with running(_shell(tmp_path, STUBBORN, ready=lambda: file.exists() and file.read_text().endswith("\n"))):
        child = int(file.read_text())
    assert _ends(child)


def test_it_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, tmp_path / "log"], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert _ends(pid)


def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    server = _shell(tmp_path, "echo no such option; exit 3", ready=lambda: False)
    with pytest.raises(StartError, match=r"sh ended while it started[^$]*no such option"), running(server):
        pass


def test_a_server_without_an_answer_is_stopped(tmp_path: Path) -> None:
    server = _shell(tmp_path, FOR_EVER, ready=lambda: False, patience=0.1)
    with pytest.raises(StartError, match="no answer"), running(server):
        pass
    assert server.pid is None


def test_it_can_be_killed_and_started_again(tmp_path: Path) -> None:
    server = _shell(tmp_path, FOR_EVER)
    with running(server):
        first = server.pid
        server.kill()
        assert server.pid is None
        server.start()
        assert server.pid not in (None, first)


def test_it_is_not_started_twice(tmp_path: Path) -> None:
    server = _shell(tmp_path, FOR_EVER)
    with running(server), pytest.raises(StartError, match="running already"):
        server.start()


def test_a_frozen_one_can_be_thawed_and_stopped(tmp_path: Path) -> None:
    server = _shell(tmp_path, FOR_EVER)
    with running(server):
        assert server.pid is not None
        server.freeze()
        changed = os.waitid(os.P_PID, server.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert changed is not None
        assert changed.si_status == signal.SIGSTOP
    assert server.pid is None


def test_free_ports_are_distinct_and_free() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        assert port in PORTS
        socket.create_server(("127.0.0.1", port)).close()


def test_connections_are_counted_by_who_opened_them() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert connections({port}) == 0
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            assert connections({port}) == 2
            assert connections({port}, pid=os.getpid()) == 2
            assert connections({port}, pid=os.getppid()) == 0
            assert connections({port}, without=[os.getpid()]) == 0
