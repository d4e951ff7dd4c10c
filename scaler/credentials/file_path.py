"""`filePath`: one JSON object of parameters in a file that the daemon's operator mounts. Only for cluster-wide
authentications; what stands beside it does not count (KEDA behaviour 2.2)."""

import json
from dataclasses import dataclass
from pathlib import PurePosixPath

from scaler.credentials.store import Fetched, Room, Tools
from scaler.errors import CredentialError

AGE = 15.0
"""Seconds after which the file is looked at again."""


@dataclass(frozen=True, slots=True)
class FilePath:
    """A file below the daemon's folder of such files."""

    path: str


async def fetch(block: FilePath, at: str, tools: Tools) -> Fetched:
    """All that the file holds. Raises `CredentialError`."""
    if PurePosixPath(block.path).is_absolute() or ".." in block.path:
        raise CredentialError(f"{at}: must be relative and not contain '..'")
    text = await tools.file(block.path)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise CredentialError(f"{at}: the file {block.path} is not JSON") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise CredentialError(f"{at}: the file {block.path} must hold one JSON object of texts")
    return Fetched(found, tools.now() + AGE)


ROOM = Room(fetch)
