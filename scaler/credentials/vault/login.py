"""The login to Vault: a given token, or one for a service account's. It is kept between fetches, renewed when half of
its life is over, and had anew where that is not to be had any more."""

import base64
import json
import math
from dataclasses import dataclass, field
from typing import Any

from scaler.credentials.blocks import HashiCorpVault, VaultCredential
from scaler.credentials.store import Tools, service_account_token
from scaler.credentials.vault.server import Json, Refused, Server, life
from scaler.errors import AnswerError, CredentialError

TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"

_CLOUDS = ("sts.amazonaws.com", "pods.eks.amazonaws.com", "api://AzureADTokenExchange", "iam.googleapis.com")
"""Audiences of tokens by which the daemon itself logs in to a cloud: those are no business of a Vault."""


@dataclass(frozen=True, slots=True)
class Login:
    """A token of Vault, and when it ends (seconds since the epoch); `renew_at` is when something must be done."""

    token: str = field(repr=False)
    until: float = math.inf
    renew_at: float = math.inf
    renewable: bool = False


async def login(block: HashiCorpVault, at: str, tools: Tools, server: Server) -> Login:
    """The one of the last fetch as long as it is good for. Raises `CredentialError`, and what `ask` raises."""
    held: Login | None = tools.memory.get("login")
    now = tools.now()
    if held is None or (now >= held.renew_at and (not held.renewable or now >= held.until)):
        found = await _logged_in(block, at, tools, server)
    elif now >= held.renew_at:
        found = await _renewed(held, block, at, tools, server)
    else:
        return held
    if held is not None and held.token != found.token:
        tools.memory.pop("kept", None)  # leases end with the token that they were had with
    tools.memory["login"] = found
    return found


async def _renewed(held: Login, block: HashiCorpVault, at: str, tools: Tools, server: Server) -> Login:
    """A token has a greatest age, beyond which Vault does not renew it: then another one is had, where one can be."""
    try:
        answer = await server.post("auth/token/renew-self", {}, held.token)
    except Refused:
        return await _logged_in(block, at, tools, server)
    found = _of(answer.get("auth"), tools.now(), at, server)
    if found.until <= held.until and block.authentication != "token":
        return await _logged_in(block, at, tools, server)
    return found


async def _logged_in(block: HashiCorpVault, at: str, tools: Tools, server: Server) -> Login:
    if block.authentication == "token":
        return await _given(block, at, tools, server)
    for name, value in (("mount", block.mount), ("role", block.role)):
        if not value:
            raise CredentialError(f"{at}.{name}: is required for the authentication kubernetes")
    shown = {"role": block.role, "jwt": await _identity(block.credential, at, tools, server)}
    try:
        answer = await server.post(f"auth/{block.mount.strip('/')}/login", shown)
    except Refused as error:
        raise CredentialError(
            f"{at}: {server} does not accept the service account for role {block.role} (HTTP {error.status})"
        ) from None
    return _of(answer.get("auth"), tools.now(), at, server)


def _of(auth: Any, now: float, at: str, server: Server) -> Login:
    if not isinstance(auth, dict) or not isinstance(auth.get("client_token"), str):
        raise AnswerError(f"{at}: {server} answers a login without a token")
    return _lasting(auth["client_token"], life(auth, "lease_duration"), auth, now)


def _lasting(token: str, seconds: float, answer: Json, now: float) -> Login:
    if not seconds:
        return Login(token)
    return Login(token, now + seconds, now + seconds / 2, renewable=answer.get("renewable") is True)


# ------------------------------------------------------------------------------------------------------- a given token


async def _given(block: HashiCorpVault, at: str, tools: Tools, server: Server) -> Login:
    """Vault says how long it lives."""
    token = _token(block, at, tools, server)
    try:
        data = (await server.get("auth/token/lookup-self", token)).get("data")
    except Refused as error:
        raise CredentialError(f"{at}: {server} does not accept the token (HTTP {error.status})") from None
    if not isinstance(data, dict):
        raise AnswerError(f"{at}: {server} says nothing about the token")
    return _lasting(token, life(data, "ttl"), data, tools.now())


def _token(block: HashiCorpVault, at: str, tools: Tools, server: Server) -> str:
    """The daemon's own goes before the manifest's. Where the daemon is told which Vault its token is for, it is shown
    to no other."""
    own = tools.environment.get("VAULT_TOKEN", "")
    if own and _home(tools) in ("", server.address):
        return own
    if block.credential and block.credential.token:
        return block.credential.token
    if own:
        raise CredentialError(f"{at}.credential.token: is required, the daemon's VAULT_TOKEN is for VAULT_ADDR alone")
    raise CredentialError(f"{at}.credential.token: is required, the daemon has no VAULT_TOKEN")


# --------------------------------------------------------------------------------------------------- a service account


async def _identity(credential: VaultCredential | None, at: str, tools: Tools, server: Server) -> str:
    """The token of a service account: asked for in the object's own namespace, also for cluster-wide authentications,
    else out of a file (KEDA behaviour 2.2)."""
    given = credential or VaultCredential()
    if given.service_account_name:
        where = f"{at}.credential.serviceAccountName"
        return (await service_account_token(tools.where.home, given.service_account_name, where, tools)).value
    where, path = f"{at}.credential.serviceAccount", given.service_account or TOKEN_FILE
    if not path.startswith("/"):
        raise CredentialError(f"{where}: must be the absolute path of a service account's token")
    if problem := _no_vault_of_ours(tools, server):
        raise CredentialError(f"{where}: the daemon's token {problem}: name a serviceAccountName")
    try:
        token = (await tools.file(path)).strip()
    except CredentialError as error:
        raise CredentialError(f"{where}: {error}") from None
    if problem := _no_identity(token):
        raise CredentialError(f"{where}: {path} {problem}")
    return token


def _no_vault_of_ours(tools: Tools, server: Server) -> str:
    """Why what is the daemon's own is not shown to that Vault; empty where it may be. By the pod's token whoever gets
    it can do at the API server what the daemon can, so a namespace must not choose where it goes."""
    if home := _home(tools):
        return "" if server.address == home else "is for the Vault of VAULT_ADDR alone"
    if tools.show_own_token or tools.where.shared:
        return ""
    return "goes to no Vault that a namespace chooses (SCALER_SHOW_OWN_TOKEN_TO_VAULT, VAULT_ADDR)"


def _home(tools: Tools) -> str:
    """The one Vault that the daemon's own secrets are for, where it is told."""
    return tools.environment.get("VAULT_ADDR", "").rstrip("/")


def _no_identity(token: str) -> str:
    """Why the text must not be shown to a Vault; empty where it may. The signature is for Vault to check."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        subject, audience = claims["sub"], claims.get("aud", [])
    except (IndexError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "holds no service account's token"
    if not isinstance(subject, str) or not subject.startswith("system:serviceaccount:"):
        return "holds no service account's token"
    heard = [audience] if isinstance(audience, str) else audience
    if any(cloud in str(one) for one in (heard if isinstance(heard, list) else ()) for cloud in _CLOUDS):
        return "holds the daemon's token for a cloud"
    return ""
