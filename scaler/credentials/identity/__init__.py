"""Who asks: how what a TriggerAuthentication says of an identity, and what the daemon's environment knows, become a
source of tokens or keys. How those are had stands in `scaler.sdk.identity`, where trigger types may use it, too."""

from typing import TypeVar

from scaler.credentials.store import Tools

T = TypeVar("T")


def kept(identity: T, tools: Tools) -> T:
    """The one from the fetch before, where it is equal: it holds a token that is still good."""
    if tools.memory.get("identity") != identity:
        tools.memory["identity"] = identity
    held: T = tools.memory["identity"]
    return held
