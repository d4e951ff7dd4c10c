"""Which room fetches which block of a TriggerAuthentication, by the block's field."""

from collections.abc import Mapping

from scaler.credentials import bound_token, file_path, oauth2
from scaler.credentials.store import Room
from scaler.credentials.vault import room as vault

ROOMS: Mapping[str, Room] = {
    "filePath": file_path.ROOM,
    "hashiCorpVault": vault.ROOM,
    "boundServiceAccountToken": bound_token.ROOM,
    "oauth2": oauth2.ROOM,
}
