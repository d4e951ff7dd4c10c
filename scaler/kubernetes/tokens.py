"""Tokens of service accounts, by TokenRequest: made for the moment, kept nowhere in the cluster, so that no fence holds
them. Who may ask for which is the cluster's own RBAC; what a token is for is known by those who ask."""

import re

import msgspec

from scaler.credentials.store import Token
from scaler.errors import ClusterError, Forbidden, NotFound
from scaler.kubernetes.api import Api
from scaler.kubernetes.status import moment

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


class _Status(msgspec.Struct):
    token: str = ""
    expiration_timestamp: str = msgspec.field(default="", name="expirationTimestamp")

    def __repr__(self) -> str:
        return "(not shown)"


class _TokenRequest(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


async def token_of(api: Api, namespace: str, account: str, *, audience: str, seconds: int) -> Token:
    """Raises `NotFound`, `Forbidden` with a sentence that names the account, `ClusterError`."""
    if not _NAME.fullmatch(account):
        raise NotFound(f"there is no service account {namespace}/{account}")
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds, **({"audiences": [audience]} if audience else {})},
    }
    try:
        answer = await api.create(
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", asked, _TokenRequest
        )
    except NotFound:
        raise NotFound(f"there is no service account {namespace}/{account}") from None
    except Forbidden:
        raise Forbidden(f"tokens of service account {namespace}/{account} may not be asked for") from None
    until = moment(answer.status.expiration_timestamp)
    if not answer.status.token or until is None:
        raise ClusterError(f"the API server gives no token of service account {namespace}/{account}")
    return Token(answer.status.token, until)
