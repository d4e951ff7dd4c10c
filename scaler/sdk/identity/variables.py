"""The variables of the daemon's environment by which the clouds tell it who it is, under the names that they have for
everybody. Read by `settings` alone."""

AWS = (
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
)

AZURE = {
    "federatedTokenFile": "AZURE_FEDERATED_TOKEN_FILE",
    "clientId": "AZURE_CLIENT_ID",
    "tenantId": "AZURE_TENANT_ID",
    "authorityHost": "AZURE_AUTHORITY_HOST",
}
"""By the parameter that trigger types know them by."""

GOOGLE = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GCE_METADATA_HOST",
    "CLOUDSDK_CORE_PROJECT",
    "GOOGLE_CLOUD_PROJECT",
    "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER",
)
