"""A program of its own, not a part of the daemon: `python witness.py FILE COMMAND…` runs the command and writes its
exit code (negative: the signal) into the file. Only a parent learns how a process ended, and a daemon may be killed; so
what must be known afterwards gets this parent, which shares its process group and outlives every signal but SIGKILL. It
imports what takes no time to start."""

import os
import signal
import sys

HELD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""They reach the command by itself, as they are sent to the group."""


def main(file: str, *command: str) -> int:
    """Returns what a shell would."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        own = os.environ  # noqa: TID251  # the command's: it is handed on, not read
        dispositions = (signal.SIGPIPE, signal.SIGXFSZ)
        child = os.posix_spawnp(command[0], command, own, setsigmask=mask, setsigdef=dispositions)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode(errors="surrogateescape"))
        status = 127
    else:
        for number in signal.sigpending():  # was sent before there was anybody else in the group
            os.kill(child, number)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    write(file, status)
    return status if status >= 0 else 128 - status


def write(file: str, status: int) -> None:
    """All of it or nothing, and it is on the disk."""
    descriptor = os.open(f"{file}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(descriptor, f"{status}\n".encode())
    os.fsync(descriptor)
    os.close(descriptor)
    os.rename(f"{file}.new", file)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
