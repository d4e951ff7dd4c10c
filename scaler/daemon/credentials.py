"""The stores of credentials, put together: what their rooms may use of this daemon."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from scaler import settings
from scaler.credentials.files import Files
from scaler.credentials.identity.aws import IDENTITY
from scaler.credentials.store import AskToken, Tools, Where
from scaler.credentials.stores import LEAST, Stores
from scaler.manifests.authentication import STORE
from scaler.manifests.watched import Ref, Watched
from scaler.sdk.addresses import METADATA_ALLOWED
from scaler.sdk.http import once
from scaler.settings import Settings

SHORTEST_TOKEN, LONGEST_TOKEN = 3600.0, 6 * 3600.0
"""Seconds between which a service account's token may be asked for (KEDA behaviour 5.2)."""


def stores_of(
    read: Callable[[Ref], Awaitable[Mapping[str, str]]], token: AskToken, given: Settings, now: Callable[[], float]
) -> Stores:
    """Stores over what a cluster `read`s and the tokens that it gives."""
    files = Files(Path(given.filepath_auth_root_path) if given.filepath_auth_root_path else None)
    own = settings.store_environment()
    life = int(min(max(given.bound_token_expiry, SHORTEST_TOKEN), LONGEST_TOKEN))

    def tools(where: Where) -> Tools:
        def read_there(kind: str, name: str) -> Awaitable[Mapping[str, str]]:
            return read(Ref(kind, where.home if kind == IDENTITY else where.namespace, name))

        return Tools(where, once, read_there, token, files.read, now, life, given.show_own_token_to_vault, own)

    return Stores(tools, now)


class Doubts:
    """What is looked at again, beside Secrets, when a source refuses an object's login: stores, and the annotations of
    ServiceAccounts, which nobody watches. `touched` has all bound anew that was bound from them."""

    def __init__(self, stores: Stores, touched: Callable[[Ref], None], now: Callable[[], float]) -> None:
        self._stores, self._touched, self._now = stores, touched, now
        self._told: dict[Ref, float] = {}

    async def __call__(self, watched: Watched) -> None:
        now = self._now()
        self._told = {ref: at for ref, at in self._told.items() if now - at < LEAST}
        for ref in watched.refs:
            if ref.kind == IDENTITY and ref not in self._told:
                self._told[ref] = now
                self._touched(ref)
        await self._stores.doubt(ref.name for ref in watched.refs if ref.kind == STORE)


def guard_addresses(given: Settings) -> None:
    """For everything that the current task starts from now on."""
    METADATA_ALLOWED.set(given.allow_metadata_addresses)
