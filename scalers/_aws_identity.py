"""AWS: an access key, or the identity that a TriggerAuthentication names (`podIdentity` aws, aws-eks). What is known of
that comes with the credentials, put there by binding: the role to act as, and who the daemon is. Temporary keys are
renewed by their source before they end."""

import json
from collections.abc import Iterator

from scaler.sdk import AUTH, Declared, Keys, KeySource, Lasting, param, role_keys, secret

PROVIDERS = ("aws", "aws-eks")


class AwsIdentity(Declared):
    """A shared group: to be named before `Scaler` among a type's bases."""

    pod_identity: str = param("Provider of the TriggerAuthentication's podIdentity.", default="", places=(AUTH,))
    identity_role_arn: str = param("Role to act as; comes with podIdentity.", default="", places=(AUTH,))
    identity_external_id: str = secret("What the role asks for; comes with podIdentity.", default="")
    daemon_identity: str = secret("Who the daemon is; comes with podIdentity.", default="")

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        if self.asks_aws() and self.pod_identity not in ("", "none", *PROVIDERS):
            yield "podIdentity", f"must be one of none, {', '.join(PROVIDERS)} for this type"

    def asks_aws(self) -> bool:
        """Whether AWS is asked at all: a type may have other ways to log in."""
        return True

    def identified(self) -> bool:
        """Whether an identity is to be used, and no access key."""
        return self.pod_identity in PROVIDERS

    def key_source(self, access_key: str, secret_key: str, token: str) -> KeySource:
        """Where keys come from: these, unless an identity is to be used."""
        if not self.identified():
            return Lasting(Keys(access_key, secret_key, token))
        return role_keys(json.loads(self.daemon_identity or "{}"), self.identity_role_arn, self.identity_external_id)
