"""TriggerAuthentication's spec as declared classes (KEDA behaviour 2.2): Secrets, ConfigMaps, environment variables and
the pod identity. How a reference is resolved stands in `scaler.credentials`."""

from collections.abc import Iterator

from scaler.credentials.resolve import Reference
from scaler.declare import Resource, param

LATER = (
    "hashiCorpVault",
    "azureKeyVault",
    "gcpSecretManager",
    "awsSecretManager",
    "boundServiceAccountToken",
    "oauth2",
)


class TargetRef(Resource):
    """A parameter that is a key of a Secret or ConfigMap."""

    parameter: str = param("The trigger's parameter.")
    name: str = param("Name of the object, in the ScaledObject's namespace.")
    key: str = param("Key in its data.")


class EnvRef(Resource):
    """A parameter that is a variable of the scaled workload's container."""

    parameter: str = param("The trigger's parameter.")
    name: str = param("Name of the variable.")
    container_name: str = param("The container; the first one where it is not given.", default="")


class PodIdentity(Resource):
    """An identity instead of a secret."""

    provider: str = param("Who vouches.", choices=("azure-workload", "gcp", "aws", "aws-eks", "none"))
    identity_id: str | None = param("Client id of the identity, instead of the daemon's own.", default=None)
    identity_tenant_id: str | None = param("Its tenant.", default=None)
    identity_authority_host: str | None = param("Where it logs in.", default=None)

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


class TriggerAuthenticationSpec(Resource):
    """`spec` of a TriggerAuthentication or ClusterTriggerAuthentication."""

    secret_target_ref: tuple[TargetRef, ...] = param("Parameters from Secrets.", default=())
    config_map_target_ref: tuple[TargetRef, ...] = param("Parameters from ConfigMaps.", default=())
    env: tuple[EnvRef, ...] = param("Parameters from the workload's environment.", default=())
    pod_identity: PodIdentity | None = param("An identity instead of a secret.", default=None)

    def check(self) -> Iterator[tuple[str, str]]:
        if self.pod_identity:
            for name, problem in self.pod_identity.check():
                yield f"podIdentity.{name}", problem

    def references(self, workload: str) -> tuple[Reference, ...]:
        """In KEDA's order: later ones win."""
        return (
            *(
                Reference(one.parameter, "Environment", f"{workload}/{one.container_name}", one.name, f"spec.env[{i}]")
                for i, one in enumerate(self.env)
            ),
            *_targets("ConfigMap", "configMapTargetRef", self.config_map_target_ref),
            *_targets("Secret", "secretTargetRef", self.secret_target_ref),
        )


def _targets(kind: str, field: str, refs: tuple[TargetRef, ...]) -> Iterator[Reference]:
    for index, one in enumerate(refs):
        yield Reference(one.parameter, kind, one.name, one.key, f"spec.{field}[{index}]")
