"""AWS: an access key in a Secret, or a role. Whose role it is (`identityOwner`): one that the TriggerAuthentication
names, the daemon's own, or the one that the workload's ServiceAccount is annotated with (KEDA behaviour 2.2)."""

import re
from collections.abc import Awaitable, Callable, Mapping

from scaler.credentials.blocks import AwsCredentials
from scaler.credentials.identity import kept
from scaler.credentials.pod_identity import PodIdentity
from scaler.credentials.store import Tools, secret_key
from scaler.errors import CredentialError, Forbidden, NotFound
from scaler.sdk.identity.aws import Lasting, role_keys
from scaler.sdk.identity.aws_sts import KeySource
from scaler.sdk.sigv4 import Keys

ANNOTATION = "eks.amazonaws.com/role-arn"
PROVIDERS = ("aws", "aws-eks")
IDENTITY = "Identity"
"""The kind under which the annotations of a workload's ServiceAccount are read, by the workload's name as an
`Environment` has it."""

Annotations = Callable[[], Awaitable[Mapping[str, str]]]
"""Of the ServiceAccount that the workload's pods run as. Raises `NotFound`, `Forbidden`."""

_ROLE = re.compile(r"arn:[a-z0-9-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)


def workloads(identity: PodIdentity | None) -> bool:
    """Whether the role is that of the workload."""
    return identity is not None and (
        identity.provider == "aws-eks" or (identity.provider == "aws" and identity.identity_owner == "workload")
    )


async def role_of(identity: PodIdentity, annotations: Annotations, at: str) -> str:
    """The role to act as; nothing is the daemon's own. Raises `CredentialError` that names what is missing."""
    if not workloads(identity):
        return identity.role_arn or ""
    try:
        role = (await annotations()).get(ANNOTATION, "").strip()
    except (NotFound, Forbidden) as error:
        raise CredentialError(f"{at}: the workload's role cannot be told: {error}") from None
    if not _ROLE.fullmatch(role):
        raise CredentialError(f"{at}: the workload's ServiceAccount has no role in its annotation {ANNOTATION}")
    return role


async def keys_of(identity: PodIdentity, at: str, tools: Tools) -> KeySource:
    """Keys by a store's `podIdentity`. Raises `CredentialError`."""

    async def annotations() -> Mapping[str, str]:
        return await tools.read(IDENTITY, tools.where.workload)

    role = await role_of(identity, annotations, f"{at}.podIdentity")
    return kept(role_keys(tools.environment, role, identity.external_id or ""), tools)


async def written_keys(credentials: AwsCredentials, at: str, tools: Tools) -> KeySource:
    """Keys that are in Secrets. Raises `CredentialError`."""
    found = {}
    for name, value in (
        ("accessKey", credentials.access_key),
        ("accessSecretKey", credentials.access_secret_key),
        ("accessToken", credentials.access_token),
    ):
        if value is not None:
            ref = value.value_from.secret_key_ref
            found[name] = (await secret_key(ref.name, ref.key, f"{at}.{name}", tools)).strip()
    return Lasting(Keys(found["accessKey"], found["accessSecretKey"], found.get("accessToken", "")))
