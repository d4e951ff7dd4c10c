"""Connection strings of Azure Storage, as Azure's own clients read them."""

import base64
import binascii
from urllib.parse import urlsplit

LOCAL = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6"
    "IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1"
)
"""What UseDevelopmentStorage=true stands for: the emulator's account, which is the same everywhere and no secret."""


def read(text: str, service: str) -> tuple[str, str, str, str]:
    """(endpoint of the service, account, key, shared access signature), one of the last two. Raises `ValueError` with a
    sentence that quotes none of it."""
    parts = _parts(text)
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        parts = _parts(LOCAL) | parts
    account, key, signature = (parts.get(one, "") for one in ("accountname", "accountkey", "sharedaccesssignature"))
    if not account or not (key or signature):
        raise ValueError("must have AccountName, and AccountKey or SharedAccessSignature")
    try:
        base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("has an AccountKey that is not base64") from None
    suffix, scheme = parts.get("endpointsuffix", "core.windows.net"), parts.get("defaultendpointsprotocol", "https")
    endpoint = parts.get(f"{service}endpoint", "").rstrip("/") or f"{scheme}://{account}.{service}.{suffix}"
    if not endpoint.startswith(("http://", "https://")):
        raise ValueError("must have http or https as DefaultEndpointsProtocol or in its endpoint")
    try:
        _ = urlsplit(endpoint).port
    except ValueError:
        raise ValueError("has an endpoint that is no URL") from None
    return endpoint, account, key, "" if key else signature.removeprefix("?")


def _parts(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.strip().strip(";").split(";")]
    if not all(name and equals for name, equals, _ in pairs):
        raise ValueError("must be a connection string: Name=value;Name=value")
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
