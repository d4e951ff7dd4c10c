"""Azure Key Vault: parameters that are secrets of one vault. Who asks, in which cloud, stands in `identity.azure`."""

import re
from urllib.parse import quote

from scaler.credentials.blocks import AzureKeyVault, AzureKeyVaultSecret
from scaler.credentials.identity.azure import Cloud, application, cloud_of, workload
from scaler.credentials.store import Fetched, Room, Tools, each
from scaler.errors import AnswerError, CredentialError, LoginError
from scaler.sdk.http import Reply
from scaler.sdk.identity.azure import WORKLOAD, protected
from scaler.sdk.signing import ClientCredentials, Request

VERSION = (("api-version", "7.4"),)

_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")


async def fetch(block: AzureKeyVault, at: str, tools: Tools) -> Fetched:
    """Every parameter of the block. Raises `CredentialError` that names every reference which leads nowhere."""
    cloud = cloud_of(block.cloud, f"{at}.cloud")
    if not protected(block.vault_uri):
        raise CredentialError(f"{at}.vaultUri: must be an https URL such as https://name.vault.azure.net")
    signer = await _signer(block, cloud, at, tools)

    async def read(one: AzureKeyVaultSecret, where: str) -> str:
        return await _secret(block, one, where, signer, tools)

    return await each(block.secrets, at, read)


async def _signer(block: AzureKeyVault, cloud: Cloud, at: str, tools: Tools) -> ClientCredentials:
    """The daemon's tokens are shown to vaults of the cloud alone: whoever has one can read what the daemon may."""
    if block.pod_identity and block.pod_identity.provider == WORKLOAD:
        if not cloud.holds(block.vault_uri):
            raise CredentialError(f"{at}.vaultUri: must be a vault under {cloud.resource} with podIdentity")
        return workload(block.pod_identity, cloud, f"{at}.podIdentity", tools)
    if block.pod_identity and block.pod_identity.provider != "none":
        raise CredentialError(f"{at}.podIdentity.provider: must be {WORKLOAD} here")
    if block.credentials is None:
        raise CredentialError(f"{at}: needs credentials or podIdentity")
    return await application(block.credentials, cloud, f"{at}.credentials", tools)


async def _secret(
    block: AzureKeyVault, one: AzureKeyVaultSecret, where: str, signer: ClientCredentials, tools: Tools
) -> str:
    if not _NAME.fullmatch(one.name):
        raise CredentialError(f"{where}.name: must be a secret's name: letters, digits and hyphens")
    url = f"{block.vault_uri.rstrip('/')}/secrets/{one.name}/{quote(one.version, safe='')}".rstrip("/")
    reply = await tools.ask(Request("GET", url, VERSION), auth=signer, also=(401, 403, 404))
    match reply.status:
        case 401:
            signer.refused()
            raise LoginError(f"{block.vault_uri} does not accept the identity's token")
        case 403:
            raise CredentialError(f"{where}.name: the identity may not read secret {one.name} in {block.vault_uri}")
        case 404:
            which = f" with version {one.version}" if one.version else ""
            raise CredentialError(f"{where}.name: there is no secret {one.name}{which} in {block.vault_uri}")
    return _value(reply, where, one.name)


def _value(reply: Reply, where: str, name: str) -> str:
    content = reply.json()
    value = content.get("value") if isinstance(content, dict) else None
    if not isinstance(value, str):
        raise AnswerError(f"{where}.name: the answer for secret {name} holds no value")
    return value


ROOM = Room(fetch)
