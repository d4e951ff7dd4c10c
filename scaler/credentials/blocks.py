"""The blocks of a TriggerAuthentication that name a store of values, as declared classes (KEDA behaviour 2.2). They
stand below the manifests, beside the rooms that fetch them: `vault`, `oauth2.py` and so on, one for each store."""

from collections.abc import Iterator, Mapping

from scaler.credentials.pod_identity import PodIdentity
from scaler.declare import Resource, param, secret

# -------------------------------------------------------------------------------------------------- a key of a Secret


class SecretKeyRef(Resource):
    """A key of a Secret."""

    name: str = param("Name of the Secret.")
    key: str = param("Key in its data.")


class ValueFrom(Resource):
    """Where a value is kept."""

    secret_key_ref: SecretKeyRef = param("The Secret that holds it.")


class KeptValue(Resource):
    """A value that is not written here."""

    value_from: ValueFrom = param("Where it is kept.")


# -------------------------------------------------------------------------------------------------------------- Vault


class VaultCredential(Resource):
    """What a login to Vault shows."""

    token: str = secret("A token of Vault, for the authentication `token`.", default="")
    service_account: str = param("File with the service account's token, for `kubernetes`.", default="")
    service_account_name: str = param("Service account that a token is asked for, for `kubernetes`.", default="")


class VaultPkiData(Resource):
    """What a certificate is asked for with."""

    common_name: str = param("Its common name.", default="")
    alt_names: str = param("Its alternative names.", default="")
    ip_sans: str = param("Its addresses.", default="")
    uri_sans: str = param("Its URIs.", default="")
    other_sans: str = param("Its other names.", default="")
    ttl: str = param("How long it is valid.", default="")
    format: str = param("How it is encoded.", default="")


class VaultSecret(Resource):
    """A parameter that is a key of a secret in Vault."""

    parameter: str = param("The trigger's parameter.")
    path: str = param("Path of the secret.")
    key: str = param("Key in it.")
    type: str = param(
        "The engine behind the path; nothing lets the answer tell.",
        default="",
        choices=("", "secretV2", "secret", "pki"),
    )
    pki_data: VaultPkiData | None = param("The certificate to ask for, of type `pki`.", default=None)


class HashiCorpVault(Resource):
    """Parameters from HashiCorp Vault."""

    address: str = param("URL of Vault.")
    authentication: str = param("How to log in.", choices=("token", "kubernetes"))
    secrets: tuple[VaultSecret, ...] = param("The parameters.", filled=True)
    credential: VaultCredential | None = param("What the login shows.", default=None)
    namespace: str = param("Namespace within Vault.", default="")
    role: str = param("Role to log in with, for `kubernetes`.", default="")
    mount: str = param("Where the login is mounted, for `kubernetes`.", default="")


# ------------------------------------------------------------------------------------------------- the clouds' stores


class AzureKeyVaultSecret(Resource):
    """A parameter that is a secret in a key vault."""

    parameter: str = param("The trigger's parameter.")
    name: str = param("Name of the secret.")
    version: str = param("Its version; the latest where it is not given.", default="")


class AzureKeyVaultCredentials(Resource):
    """The application that reads the vault."""

    client_id: str = param("Its id.")
    tenant_id: str = param("Its tenant.")
    client_secret: KeptValue = param("Its secret.")


class AzureCloud(Resource):
    """A cloud other than the public one."""

    type: str = param("Name of the cloud, or Private.")
    key_vault_resource_url: str = param(
        "Resource that tokens are asked for, in a private cloud.", default="", names=("keyVaultResourceURL",)
    )
    active_directory_endpoint: str = param("Where to log in, in a private cloud.", default="")


class AzureKeyVault(Resource):
    """Parameters from an Azure key vault."""

    vault_uri: str = param("URL of the vault.")
    secrets: tuple[AzureKeyVaultSecret, ...] = param("The parameters.", filled=True)
    credentials: AzureKeyVaultCredentials | None = param("The application that reads the vault.", default=None)
    pod_identity: PodIdentity | None = param("An identity instead of credentials.", default=None)
    cloud: AzureCloud | None = param("A cloud other than the public one.", default=None)


class GcpSecret(Resource):
    """A parameter that is a secret of Google's Secret Manager."""

    parameter: str = param("The trigger's parameter.")
    id: str = param("Id of the secret.")
    version: str = param("Its version.", default="latest")


class GcpCredentials(Resource):
    """The service account that reads the secrets."""

    client_secret: KeptValue = param("Its key.")


class GcpSecretManager(Resource):
    """Parameters from Google's Secret Manager."""

    secrets: tuple[GcpSecret, ...] = param("The parameters.", filled=True)
    credentials: GcpCredentials | None = param("The service account that reads them.", default=None)
    pod_identity: PodIdentity | None = param("An identity instead of credentials.", default=None)


class AwsSecret(Resource):
    """A parameter that is a secret of AWS Secrets Manager."""

    parameter: str = param("The trigger's parameter.")
    name: str = param("Name or ARN of the secret.")
    version_id: str = param("Id of its version.", default="")
    version_stage: str = param("Stage of its version.", default="")
    secret_key: str = param("Key in it, where it is a JSON object.", default="")


class AwsCredentials(Resource):
    """The access key that reads the secrets."""

    access_key: KeptValue = param("Its id.")
    access_secret_key: KeptValue = param("Its secret.")
    access_token: KeptValue | None = param("Its session token.", default=None)


class AwsSecretManager(Resource):
    """Parameters from AWS Secrets Manager."""

    secrets: tuple[AwsSecret, ...] = param("The parameters.", filled=True)
    credentials: AwsCredentials | None = param("The access key that reads them.", default=None)
    pod_identity: PodIdentity | None = param("An identity instead of credentials.", default=None)
    region: str = param("Region of the secrets.", default="")


# ------------------------------------------------------------------------------------------------------------- tokens


class BoundServiceAccountToken(Resource):
    """A parameter that is a service account's token."""

    parameter: str = param("The trigger's parameter.")
    service_account_name: str = param("The service account, in the ScaledObject's namespace.")


class OAuth2(Resource):
    """A token by OAuth 2."""

    type: str = param("The grant.", default="clientCredentials", choices=("clientCredentials",))
    client_id: str = param("Id of the client.")
    client_secret: KeptValue | None = param("Its secret.", default=None)
    token_url: str = param("Where tokens are had.")
    scopes: tuple[str, ...] = param("What the token is for.", default=())
    token_url_params: Mapping[str, str] = param("What is sent along.", default={})

    def check(self) -> Iterator[tuple[str, str]]:
        if not self.client_id:
            yield "clientId", "must not be empty"
        if not self.token_url.lower().startswith(("http://", "https://")):
            yield "tokenUrl", "must be a URL that begins with http:// or https://"

    def __hash__(self) -> int:
        """Without the parameters: a mapping has no hash, and equality looks at them anyway."""
        return hash((self.client_id, self.client_secret, self.token_url, self.scopes))
