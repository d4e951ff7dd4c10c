"""Which room fetches which block of a TriggerAuthentication, by the block's field."""

from collections.abc import Mapping

from scaler.credentials import (
    aws_secrets_manager,
    azure_key_vault,
    bound_token,
    file_path,
    gcp_secret_manager,
    oauth2,
)
from scaler.credentials.store import Room
from scaler.credentials.vault import room as vault

ROOMS: Mapping[str, Room] = {
    "filePath": file_path.ROOM,
    "hashiCorpVault": vault.ROOM,
    "azureKeyVault": azure_key_vault.ROOM,
    "gcpSecretManager": gcp_secret_manager.ROOM,
    "awsSecretManager": aws_secrets_manager.ROOM,
    "boundServiceAccountToken": bound_token.ROOM,
    "oauth2": oauth2.ROOM,
}
