"""Azure: an application with its secret, or a workload identity; and which cloud's login hosts and resources are meant.
The daemon's own tokens go to Azure's hosts alone."""

from dataclasses import dataclass

from yarl import URL

from scaler.credentials.blocks import AzureCloud, AzureKeyVaultCredentials
from scaler.credentials.identity import kept
from scaler.credentials.pod_identity import PodIdentity
from scaler.credentials.store import Tools, secret_key
from scaler.errors import CredentialError
from scaler.sdk.identity.azure import AzureWorkload, protected, token_url
from scaler.sdk.identity.variables import AZURE
from scaler.sdk.signing import ClientCredentials


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where people of a cloud log in, and what their key vaults' tokens are for."""

    login: str
    resource: str

    @property
    def scope(self) -> str:
        return f"{self.resource.rstrip('/')}/.default"

    def holds(self, vault: str) -> bool:
        """Whether a vault's URL is one of this cloud's: what its tokens are for is their domain."""
        try:
            host, domain = (f".{(URL(url).raw_host or '').lower()}" for url in (vault, self.resource))
        except ValueError:
            return False
        return host.endswith(domain)


CLOUDS = {
    "azurepubliccloud": Cloud("https://login.microsoftonline.com", "https://vault.azure.net"),
    "azureusgovernmentcloud": Cloud("https://login.microsoftonline.us", "https://vault.usgovcloudapi.net"),
    "azurechinacloud": Cloud("https://login.chinacloudapi.cn", "https://vault.azure.cn"),
}
PRIVATE = "private"


def cloud_of(written: AzureCloud | None, at: str) -> Cloud:
    """The public one where none is named. Raises `CredentialError`."""
    kind = written.type.lower() if written else "azurepubliccloud"
    if kind in CLOUDS:
        return CLOUDS[kind]
    if written is None or kind != PRIVATE:
        names = "AzurePublicCloud, AzureUSGovernmentCloud, AzureChinaCloud or Private"
        raise CredentialError(f"{at}.type: must be {names}")
    for name, url in (
        ("keyVaultResourceURL", written.key_vault_resource_url),
        ("activeDirectoryEndpoint", written.active_directory_endpoint),
    ):
        if not protected(url):
            raise CredentialError(f"{at}.{name}: must be an https URL in a Private cloud")
    return Cloud(written.active_directory_endpoint, written.key_vault_resource_url)


async def application(credentials: AzureKeyVaultCredentials, cloud: Cloud, at: str, tools: Tools) -> ClientCredentials:
    """An application that shows its secret. Raises `CredentialError`."""
    ref = credentials.client_secret.value_from.secret_key_ref
    secret = await secret_key(ref.name, ref.key, f"{at}.clientSecret", tools)
    url = token_url(cloud.login, credentials.tenant_id)
    return kept(ClientCredentials(url, credentials.client_id, secret.strip(), (cloud.scope,)), tools)


def workload(identity: PodIdentity, cloud: Cloud, at: str, tools: Tools) -> ClientCredentials:
    """The daemon, or an identity that believes it. Raises `CredentialError`."""
    own = {name: tools.environment.get(variable, "") for name, variable in AZURE.items()}
    found = AzureWorkload.of({**own, **identity.parameters()}, cloud.login)
    for _, problem in found.problems():
        raise CredentialError(f"{at}: {problem}")
    return kept(found.tokens(cloud.scope), tools)
