"""AWS: keys that something beside the daemon hands out to whoever runs there: EKS Pod Identity's and ECS's agents, and
the instance (IMDSv2, as the last resort)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from scaler.errors import AnswerError, SourceError
from scaler.sdk.identity.asking import Told, file_of, left, tell
from scaler.sdk.signing import Params, Request
from scaler.sdk.sigv4 import Keys

AGENT = "the agent that gives out container credentials"
INSTANCE = "the EC2 instance's metadata service (the daemon's environment names no other AWS identity)"
ECS = "http://169.254.170.2"
AGENTS = frozenset(("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "127.0.0.1", "localhost", "::1"))
"""Where an agent may be without TLS: the token that it is shown must not leave the node."""

IMDS = "http://169.254.169.254"
ROLES = "/latest/meta-data/iam/security-credentials/"
SOON = 2.0
"""Seconds: outside of EC2 nobody answers at that address at all."""


@dataclass(frozen=True, slots=True)
class Container:
    """`AWS_CONTAINER_CREDENTIALS_*`; the agent believes a token in a file, or one that was given."""

    url: str
    token_file: str = ""
    token: str = field(default="", repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Container | None":
        relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "")
        whole = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
        if not (relative or whole):
            return None
        token = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        file = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "")
        return cls(f"{ECS}{relative}" if relative else whole, file, token)

    async def ask(self) -> tuple[Keys, float]:
        """The keys and for how many seconds they are good. Raises `SourceError`."""
        if not (self.url.startswith("https://") or _host(self.url) in AGENTS):
            raise SourceError("AWS_CONTAINER_CREDENTIALS_FULL_URI must be an https URL, or an agent's on this node")
        token = await file_of(self.token_file, "the agent's token file") if self.token_file else self.token
        headers: Params = (("Authorization", token),) if token else ()
        told = await tell(Request("GET", self.url, headers=headers), AGENT)
        return _keys(told, "to give the daemon keys")


@dataclass(frozen=True, slots=True)
class Instance:
    """The role of the EC2 instance, by the second version of its metadata service."""

    endpoint: str = IMDS

    async def ask(self) -> tuple[Keys, float]:
        """The keys and for how many seconds they are good. Raises `SourceError`."""
        shown = (("X-aws-ec2-metadata-token", await self._token()),)
        names = await tell(Request("GET", f"{self.endpoint}{ROLES}", headers=shown), INSTANCE, timeout=SOON)
        lines = names.body.decode(errors="replace").split()
        if names.status != 200 or not lines:
            raise AnswerError("the EC2 instance has no role, and the daemon's environment names no AWS identity")
        url = f"{self.endpoint}{ROLES}{quote(lines[0], safe='')}"
        return _keys(await tell(Request("GET", url, headers=shown), INSTANCE, timeout=SOON), "to give the daemon keys")

    async def _token(self) -> str:
        """For this one time: keys are had once in hours."""
        headers = (("X-aws-ec2-metadata-token-ttl-seconds", "60"),)
        told = await tell(Request("PUT", f"{self.endpoint}/latest/api/token", headers=headers), INSTANCE, timeout=SOON)
        if told.status != 200:
            raise told.refusal("a token")
        return told.body.decode(errors="replace").strip()


def _keys(told: Told, what: str) -> tuple[Keys, float]:
    if told.status != 200:
        raise told.refusal(what)
    content = told.json()
    access, secret, token, end = (
        told.text(content, name) for name in ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
    )
    return Keys(access, secret, token), left(end, datetime.now(UTC), told.who)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
