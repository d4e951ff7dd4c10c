"""`boundServiceAccountToken`: a parameter that is a token of a service account, asked of the cluster. The daemon may
ask only where its user has granted `create` on `serviceaccounts/token`."""

from scaler.credentials.blocks import BoundServiceAccountToken
from scaler.credentials.store import Fetched, Room, Tools, service_account_token

EARLY = 0.8
"""The part of its life after which a token is renewed."""


async def fetch(block: BoundServiceAccountToken, at: str, tools: Tools) -> Fetched:
    """Raises `CredentialError` that names the service account, `ClusterError`."""
    now = tools.now()
    token = await service_account_token(tools.where.namespace, block.service_account_name, at, tools)
    return Fetched({block.parameter: token.value}, now + (token.until - now) * EARLY)


ROOM = Room(fetch)
