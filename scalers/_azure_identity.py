"""Azure's workload identity: a token that the platform keeps in a file is exchanged for one of Microsoft Entra. What is
known of the identity comes with the credentials, put there by binding: the object's own part (`podIdentity`) and the
daemon's (`federatedTokenFile`, `clientId`, `tenantId`, `authorityHost`)."""

from collections.abc import Iterator

from scaler.sdk import AUTH, ClientCredentials, Declared, param

WORKLOAD = "azure-workload"
LOGINS = (
    "https://login.microsoftonline.com",
    "https://login.microsoftonline.us",
    "https://login.chinacloudapi.cn",
    "https://login.partner.microsoftonline.cn",
)
"""Who gets the daemon's token can act as the daemon: it goes to these, and to the host that the daemon was given."""

_FROM_DAEMON = "Of the daemon's own identity; comes with podIdentity."


class AzureIdentity(Declared):
    """A shared group: to be named before `Scaler` among a type's bases."""

    pod_identity: str = param("Provider of the TriggerAuthentication's podIdentity.", default="", places=(AUTH,))
    identity_id: str = param("Client id instead of the daemon's.", default="", places=(AUTH,))
    identity_tenant_id: str = param("Tenant instead of the daemon's.", default="", places=(AUTH,))
    identity_authority_host: str = param(
        "Login host instead of the daemon's: one of Azure's.", default="", places=(AUTH,)
    )
    federated_token_file: str = param(_FROM_DAEMON, default="", places=(AUTH,))
    client_id: str = param(_FROM_DAEMON, default="", places=(AUTH,))
    tenant_id: str = param(_FROM_DAEMON, default="", places=(AUTH,))
    authority_host: str = param(_FROM_DAEMON, default="", places=(AUTH,))

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        if self.pod_identity not in ("", "none", WORKLOAD):
            yield "podIdentity", f"must be none or {WORKLOAD} for this type"
        if self.pod_identity != WORKLOAD:
            return
        for what, known in (
            ("a token file (AZURE_FEDERATED_TOKEN_FILE)", self.federated_token_file),
            ("a client id (AZURE_CLIENT_ID or identityId)", self.identity_id or self.client_id),
            ("a tenant (AZURE_TENANT_ID or identityTenantId)", self.identity_tenant_id or self.tenant_id),
        ):
            if not known:
                yield "podIdentity", f"{WORKLOAD} needs {what}, which the daemon does not have"
        if self._login() not in (*LOGINS, self.authority_host.rstrip("/")):
            yield "identityAuthorityHost", "must be a login host of Azure, or the daemon's own (AZURE_AUTHORITY_HOST)"
        elif not self._login().startswith("https://"):
            yield "podIdentity", "the daemon's own login host (AZURE_AUTHORITY_HOST) must be an https URL"

    def entra(self, scope: str) -> ClientCredentials | None:
        """Tokens for this scope, where the workload identity is to be used."""
        if self.pod_identity != WORKLOAD:
            return None
        tenant = self.identity_tenant_id or self.tenant_id
        return ClientCredentials(
            f"{self._login()}/{tenant}/oauth2/v2.0/token",
            self.identity_id or self.client_id,
            scopes=(scope,),
            assertion_file=self.federated_token_file,
        )

    def _login(self) -> str:
        return (self.identity_authority_host or self.authority_host or LOGINS[0]).rstrip("/")
