"""The identity that a TriggerAuthentication names instead of a secret (KEDA behaviour 2.2); a store of secrets may be
read with one, too. How a token is had for it stands in the sdk."""

from collections.abc import Iterator

from scaler.declare import Resource, param


class PodIdentity(Resource):
    """An identity instead of a secret."""

    provider: str = param("Who vouches.", choices=("azure-workload", "gcp", "aws", "aws-eks", "none"))
    identity_id: str | None = param("Client id of the identity, instead of the daemon's own.", default=None)
    identity_tenant_id: str | None = param("Its tenant.", default=None)
    identity_authority_host: str | None = param("Where it logs in.", default=None)
    role_arn: str | None = param("AWS role to assume; not with the workload's own identity.", default=None)
    external_id: str | None = param("What the role asks for when it is assumed.", default=None, names=("externalID",))
    identity_owner: str | None = param(
        "Whose AWS identity is used, the daemon's or the workload's.", default=None, choices=("keda", "workload")
    )

    def check(self) -> Iterator[tuple[str, str]]:
        if self.provider not in ("azure-workload", "none"):
            yield "provider", f"{self.provider} is not supported by this version"
        for name, value in (("identityId", self.identity_id), ("identityTenantId", self.identity_tenant_id)):
            if value == "":
                yield name, "must not be empty where it is given"
        if self.identity_authority_host and not self.identity_tenant_id:
            yield "identityAuthorityHost", "needs identityTenantId"

    def parameters(self) -> dict[str, str]:
        """As parameters of the trigger, for scalers that know identities."""
        given = {
            "podIdentity": self.provider,
            "identityId": self.identity_id,
            "identityTenantId": self.identity_tenant_id,
            "identityAuthorityHost": self.identity_authority_host,
        }
        return {name: value for name, value in given.items() if value}
