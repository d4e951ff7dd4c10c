"""Files that a manifest may name: within the folder that the daemon was told of, or where a pod's tokens are mounted,
and nowhere else (CVE-2025-68476: whoever may write a TriggerAuthentication must not read the daemon's files). What a
file holds is the rooms' business."""

import asyncio
import os
import stat
from pathlib import Path, PurePosixPath

from scaler.errors import CredentialError

TOKENS = Path("/var/run/secrets")
"""Where service account tokens are mounted."""

LARGEST = 1024 * 1024


class Files:
    """`root` is the folder of relative paths (none: those are refused), `tokens` that of absolute ones."""

    def __init__(self, root: Path | None, tokens: Path = TOKENS) -> None:
        self._root, self._tokens = root, tokens

    async def read(self, path: str) -> str:
        """The text of the file; links may lead about within the folder, not out of it. Raises `CredentialError`."""
        return await asyncio.to_thread(self._read, path)

    def _read(self, path: str) -> str:
        folder = self._tokens if PurePosixPath(path).is_absolute() else self._root
        if folder is None:
            raise CredentialError("files may not be read: the daemon has no filepathAuthRootPath")
        if not path or "\0" in path or ".." in PurePosixPath(path).parts:
            raise CredentialError("a path must not be empty, nor hold '..'")
        outside = CredentialError(f"the file {path} is not within {folder}, others may not be read")
        within = os.path.realpath(folder)
        if not any((folder / path).is_relative_to(one) for one in (folder, within)):
            raise outside  # without a look: whether there is such a file is nobody's business either
        try:
            found = os.path.realpath(folder / path, strict=True)
            if not Path(found).is_relative_to(within):
                raise outside
            return _text(found)
        except (OSError, ValueError):
            raise CredentialError(f"the file {path} cannot be read, or is no text") from None


def _text(path: str) -> str:
    """Of a regular file: a pipe or a device would never end. What the path meant is settled: no link is followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CredentialError("only regular files can be read")
        with open(descriptor, encoding="utf-8", closefd=False) as file:
            text = file.read(LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(text) > LARGEST:
        raise CredentialError(f"a file must not be larger than {LARGEST // 1024 // 1024} MiB")
    return text
