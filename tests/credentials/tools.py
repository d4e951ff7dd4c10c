"""Tools for a room under test: the daemon's own `once` where it asks for real, everything else out of memory."""

from collections.abc import Callable, Mapping
from typing import Any

from scaler.credentials.store import Ask, AskToken, ReadFile, Token, Tools, Where
from scaler.errors import CredentialError, NotFound
from scaler.sdk.http import once

EPOCH = 1_700_000_000.0
SHOP = Where("shop", "shop", "worker")


class Clock:
    """Stands still until it is moved."""

    def __init__(self, at: float = EPOCH) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


class Accounts:
    """Service accounts that tokens may be asked for, and what was asked: (namespace, account, audience, seconds)."""

    def __init__(self, *known: tuple[str, str], now: Callable[[], float] | None = None) -> None:
        self.known, self._now = set(known), now or Clock()
        self.asked: list[tuple[str, str, str, int]] = []

    async def __call__(self, namespace: str, account: str, *, audience: str = "", seconds: int = 3600) -> Token:
        if (namespace, account) not in self.known:
            raise NotFound(f"there is no service account {namespace}/{account}")
        self.asked.append((namespace, account, audience, seconds))
        return Token(f"{namespace}/{account} {len(self.asked)}", self._now() + seconds)


async def no_file(path: str) -> str:
    raise CredentialError(f"the file {path} cannot be read, or is no text")


def tools(
    where: Where = SHOP,
    *,
    ask: Ask = once,
    data: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
    token: AskToken | None = None,
    file: ReadFile = no_file,
    now: Callable[[], float] | None = None,
    **more: Any,
) -> Tools:
    """`data` is what Secrets and ConfigMaps hold, by (kind, name)."""
    held = data or {}

    async def read(kind: str, name: str) -> Mapping[str, str]:
        if (kind, name) not in held:
            raise NotFound(f"there is no {kind} {name}")
        return held[kind, name]

    return Tools(where, ask, read, token or Accounts(), file, now or Clock(), **more)
