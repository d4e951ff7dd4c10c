"""TriggerAuthentication's spec as declared classes (KEDA behaviour 2.2): Secrets, ConfigMaps, environment variables and
the pod identity; the rest, and how it is resolved, stands in `scaler.credentials`."""

from collections.abc import Iterator
from typing import Any

from scaler.credentials.blocks import (
    AwsSecretManager,
    AzureKeyVault,
    BoundServiceAccountToken,
    GcpSecretManager,
    HashiCorpVault,
    OAuth2,
)
from scaler.credentials.file_path import FilePath
from scaler.credentials.pod_identity import PodIdentity
from scaler.credentials.resolve import Reference
from scaler.declare import Resource, Rule, param


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


_AZURE = "!has(self.podIdentity) || self.podIdentity.provider != 'azure-workload'"
_AWS = "!has(self.podIdentity) || self.podIdentity.provider != 'aws'"
_ROLE = "has(self.podIdentity.roleArn) && self.podIdentity.roleArn != ''"


class TriggerAuthenticationSpec(Resource):
    """`spec` of a TriggerAuthentication or ClusterTriggerAuthentication."""

    rules = (
        Rule(
            f"{_AZURE} || !has(self.podIdentity.identityId) || self.podIdentity.identityId != ''",
            "podIdentity.identityId must not be empty where it is given",
        ),
        Rule(
            f"{_AZURE} || !has(self.podIdentity.identityTenantId) || self.podIdentity.identityTenantId != ''",
            "podIdentity.identityTenantId must not be empty where it is given",
        ),
        Rule(
            f"{_AZURE} || !has(self.podIdentity.identityAuthorityHost) || "
            "self.podIdentity.identityAuthorityHost == '' || has(self.podIdentity.identityTenantId)",
            "podIdentity.identityAuthorityHost needs podIdentity.identityTenantId",
        ),
        Rule(
            f"{_AWS} || !has(self.podIdentity.identityOwner) || self.podIdentity.identityOwner != 'workload' || "
            f"!({_ROLE})",
            "podIdentity.roleArn must not be given with the identityOwner workload",
        ),
        Rule(
            f"{_AWS} || !has(self.podIdentity.externalID) || self.podIdentity.externalID == '' || {_ROLE}",
            "podIdentity.externalID needs podIdentity.roleArn",
        ),
    )

    secret_target_ref: tuple[TargetRef, ...] = param("Parameters from Secrets.", default=())
    config_map_target_ref: tuple[TargetRef, ...] = param("Parameters from ConfigMaps.", default=())
    env: tuple[EnvRef, ...] = param("Parameters from the workload's environment.", default=())
    pod_identity: PodIdentity | None = param("An identity instead of a secret.", default=None)
    file_path: str = param("File of the daemon that holds all parameters, instead of everything else.", default="")
    hashi_corp_vault: HashiCorpVault | None = param("Parameters from HashiCorp Vault.", default=None)
    azure_key_vault: AzureKeyVault | None = param("Parameters from an Azure key vault.", default=None)
    gcp_secret_manager: GcpSecretManager | None = param("Parameters from Google's Secret Manager.", default=None)
    aws_secret_manager: AwsSecretManager | None = param("Parameters from AWS Secrets Manager.", default=None)
    bound_service_account_token: tuple[BoundServiceAccountToken, ...] = param(
        "Parameters that are tokens of service accounts.", default=()
    )
    oauth2: OAuth2 | None = param("A token by OAuth 2.", default=None)

    def check(self) -> Iterator[tuple[str, str]]:
        if self.pod_identity:
            for name, problem in self.pod_identity.check():
                yield f"podIdentity.{name}", problem
        for name, problem in self.oauth2.check() if self.oauth2 else ():
            yield f"oauth2.{name}", problem

    def references(self, workload: str) -> tuple[Reference, ...]:
        """In KEDA's order: later ones win, and `blocks` after them. A file stands instead of everything else."""
        if self.file_path:
            return ()
        return (
            *(
                Reference(one.parameter, "Environment", f"{workload}/{one.container_name}", one.name, f"spec.env[{i}]")
                for i, one in enumerate(self.env)
            ),
            *_targets("ConfigMap", "configMapTargetRef", self.config_map_target_ref),
            *_targets("Secret", "secretTargetRef", self.secret_target_ref),
        )

    def blocks(self) -> Iterator[tuple[str, str, Any]]:
        """(field, path, block) of every store, in KEDA's order: later ones win."""
        if self.file_path:
            yield "filePath", "spec.filePath", FilePath(self.file_path)
            return
        for field, block in (
            ("hashiCorpVault", self.hashi_corp_vault),
            ("azureKeyVault", self.azure_key_vault),
            ("gcpSecretManager", self.gcp_secret_manager),
            ("awsSecretManager", self.aws_secret_manager),
        ):
            if block is not None:
                yield field, f"spec.{field}", block
        for index, token in enumerate(self.bound_service_account_token):
            yield "boundServiceAccountToken", f"spec.boundServiceAccountToken[{index}]", token
        if self.oauth2 is not None:
            yield "oauth2", "spec.oauth2", self.oauth2


def _targets(kind: str, field: str, refs: tuple[TargetRef, ...]) -> Iterator[Reference]:
    for index, one in enumerate(refs):
        yield Reference(one.parameter, kind, one.name, one.key, f"spec.{field}[{index}]")
