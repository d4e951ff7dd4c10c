"""Google Cloud: a service account's key in a Secret, or whoever the daemon is (`podIdentity` gcp)."""

from scaler.credentials.blocks import GcpCredentials
from scaler.credentials.identity import kept
from scaler.credentials.store import Tools, secret_key
from scaler.errors import CredentialError
from scaler.sdk.identity.google import GoogleToken, daemon_token, key_token


async def written_key(credentials: GcpCredentials, at: str, tools: Tools) -> GoogleToken:
    """By a key that is in a Secret. Raises `CredentialError`."""
    ref = credentials.client_secret.value_from.secret_key_ref
    where = f"{at}.clientSecret"
    text = await secret_key(ref.name, ref.key, where, tools)
    try:
        return kept(key_token(text), tools)
    except ValueError as problem:
        raise CredentialError(f"{where}: Secret {ref.name}, key {ref.key} {problem}") from None


def own(tools: Tools) -> GoogleToken:
    """The daemon's."""
    return kept(daemon_token(tools.environment), tools)
