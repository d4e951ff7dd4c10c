"""`oauth2`: what a trigger needs to log in by itself. No token is asked for here: the source of the trigger does that,
and keeps it (KEDA behaviour 2.2)."""

from urllib.parse import urlencode

from scaler.credentials.blocks import OAuth2
from scaler.credentials.store import Fetched, Room, Tools, secret_key


async def fetch(block: OAuth2, at: str, tools: Tools) -> Fetched:
    """Raises `CredentialError` that names the Secret, `ClusterError`."""
    values = {"oauthTokenURI": block.token_url, "clientID": block.client_id, "clientSecret": ""}
    if block.client_secret is not None:
        ref = block.client_secret.value_from.secret_key_ref
        values["clientSecret"] = await secret_key(ref.name, ref.key, f"{at}.clientSecret", tools)
    if block.scopes:
        values["scopes"] = ",".join(block.scopes)
    if block.token_url_params:
        values["endpointParams"] = urlencode(sorted(block.token_url_params.items()))
    return Fetched(values)


ROOM = Room(fetch)
