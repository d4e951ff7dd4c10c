"""Azure's workload identity: a token that the platform keeps in a file is exchanged for one of Microsoft Entra. What is
known of the identity comes with the credentials, put there by binding: the object's own part (`podIdentity`) and the
daemon's (`federatedTokenFile`, `clientId`, `tenantId`, `authorityHost`)."""

from collections.abc import Iterator

from scaler.sdk import AUTH, AzureWorkload, ClientCredentials, Declared, param

WORKLOAD = "azure-workload"
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
        if self.pod_identity == WORKLOAD:
            yield from self._workload().problems()

    def entra(self, scope: str) -> ClientCredentials | None:
        """Tokens for this scope, where the workload identity is to be used."""
        return self._workload().tokens(scope) if self.pod_identity == WORKLOAD else None

    def _workload(self) -> AzureWorkload:
        return AzureWorkload(
            self.federated_token_file,
            self.identity_id or self.client_id,
            self.identity_tenant_id or self.tenant_id,
            (self.identity_authority_host or self.authority_host).rstrip("/"),
            self.authority_host.rstrip("/"),
        )
