"""`hashiCorpVault`: all parameters of one block, with one login (KEDA behaviour 2.2). A secret that cannot be had is an
error that names it, where KEDA goes on with an empty value."""

from scaler.credentials.blocks import HashiCorpVault, VaultSecret
from scaler.credentials.store import AGE, Fetched, Per, Room, Tools
from scaler.credentials.vault.login import Login, login
from scaler.credentials.vault.secrets import Group, Kept, secret, value
from scaler.credentials.vault.server import Refused, Server
from scaler.errors import CredentialError


async def fetch(block: HashiCorpVault, at: str, tools: Tools) -> Fetched:
    """Raises `CredentialError`, and what `ask` raises."""
    server = Server(block, tools)
    held = tools.memory.get("login")
    shown = await login(block, at, tools, server)
    try:
        found = await _all(block, at, tools, server, shown)
    except CredentialError as error:
        if shown is not held or not _login_is_refused(error) or await _is_accepted(shown, server):
            raise
        tools.memory.clear()  # the token of the last fetch was revoked
        shown = await login(block, at, tools, server)
        found = await _all(block, at, tools, server, shown)
    values = {one.parameter: value(one, found[_group(one)].data, f"{at}.secrets[{i}]") for i, one in _numbered(block)}
    soonest = min(shown.renew_at, *(one.renew_at for one in found.values()))
    return Fetched(values, soonest if soonest < tools.now() + AGE else None)


async def _all(block: HashiCorpVault, at: str, tools: Tools, server: Server, shown: Login) -> dict[Group, Kept]:
    found: dict[Group, Kept] = {}
    for index, one in _numbered(block):
        if _group(one) not in found:
            try:
                found[_group(one)] = await secret(_group(one), tools, server, shown)
            except Refused as error:
                raise Refused(f"{at}.secrets[{index}]: {_sentence(one, server, error)}", error.status) from None
    return found


def _sentence(one: VaultSecret, server: Server, error: Refused) -> str:
    match error.status:
        case 404:
            return f"there is no secret {one.path} in {server}"
        case 403:
            return f"the secret {one.path} in {server} may not be read with this login"
    return str(error)


def _numbered(block: HashiCorpVault) -> list[tuple[int, VaultSecret]]:
    return list(enumerate(block.secrets))


def _group(one: VaultSecret) -> Group:
    return one.type, one.path, one.pki_data if one.type == "pki" else None


def _login_is_refused(error: CredentialError) -> bool:
    return isinstance(error, Refused) and error.status == 403


async def _is_accepted(shown: Login, server: Server) -> bool:
    """Vault answers a path that no policy allows as it answers a token that it does not know. A new login would help
    against the latter alone, and ends all that was leased with the old one."""
    try:
        await server.get("auth/token/lookup-self", shown.token)
    except Refused as error:
        return not _login_is_refused(error)
    return True


def _per(block: HashiCorpVault) -> Per:
    """Only a service account is looked for where the object is."""
    named = block.authentication == "kubernetes" and block.credential and block.credential.service_account_name
    return Per.HOME if named else Per.NAMESPACE


ROOM = Room(fetch, _per)
