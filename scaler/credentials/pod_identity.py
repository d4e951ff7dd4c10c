"""The identity that a TriggerAuthentication names instead of a secret (KEDA behaviour 2.2); a store of secrets may be
read with one, too. How a token is had for it stands in the sdk."""

import json
from collections.abc import Iterator, Mapping

from scaler.declare import Resource, param
from scaler.sdk.identity import variables


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
        for name, value in (("identityId", self.identity_id), ("identityTenantId", self.identity_tenant_id)):
            if value == "":
                yield name, "must not be empty where it is given"
        if self.identity_authority_host and not self.identity_tenant_id:
            yield "identityAuthorityHost", "needs identityTenantId"
        if self.provider != "aws":
            return
        if self.role_arn and self.identity_owner == "workload":
            yield "roleArn", "must not be given with the identityOwner workload"
        if self.external_id and not self.role_arn:
            yield "externalID", "needs roleArn"

    def parameters(self, role: str | None = None) -> dict[str, str]:
        """As parameters of the trigger, for types that know identities; `role` is the one to act as, where that is not
        written here."""
        given = {
            "podIdentity": self.provider,
            "identityId": self.identity_id,
            "identityTenantId": self.identity_tenant_id,
            "identityAuthorityHost": self.identity_authority_host,
            "identityRoleArn": role or self.role_arn,
            "identityExternalId": self.external_id,
        }
        return {name: value for name, value in given.items() if value}

    def daemon(self, known: Mapping[str, str]) -> dict[str, str]:
        """What the daemon's own environment adds to them, out of all that is known of it: for AWS and Google as one
        parameter, a JSON object of variables."""
        if self.provider == "azure-workload":
            return {name: known[name] for name in variables.AZURE if name in known}
        names = {"aws": variables.AWS, "aws-eks": variables.AWS, "gcp": variables.GOOGLE}.get(self.provider)
        if names is None:
            return {}
        return {"daemonIdentity": json.dumps({name: known[name] for name in names if name in known}, sort_keys=True)}
