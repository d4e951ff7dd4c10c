"""Logins of Kafka connections: what is shown, and when it must be shown anew. Those of one provider alone stand in
`_kafka_msk` and `_kafka_kerberos`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiokafka.abc import AbstractTokenProvider

from scaler.sdk import ClientCredentials, Tls, http_session


class Login:
    """How a connection shows who is asking. Its kinds are frozen values: part of the source's identity."""

    mechanism: str
    shown: ClassVar[str]
    """What a broker that refuses the login did not like."""

    def refused(self) -> None:
        """A broker did not accept it: a token that is kept is not to be shown again."""

    def admits(self, host: str) -> bool:
        """Whether it may be shown to the broker there."""
        return True

    async def proof(self) -> str:
        """The token to show now, where there is one that expires. Raises `SourceError` when it cannot be had."""
        return ""

    def settings(self, proof: str) -> Mapping[str, Any]:
        """The login in aiokafka's words."""
        return {}

    def exchange(self, host: str) -> Any:
        """For GSSAPI alone: the talk with the broker, an authenticator as aiokafka has them."""
        raise NotImplementedError


@dataclass(frozen=True)
class Password(Login):
    """PLAIN and SCRAM."""

    shown = "password"

    mechanism: str
    username: str
    password: str = field(repr=False)

    def settings(self, proof: str) -> Mapping[str, Any]:
        return {"sasl_plain_username": self.username, "sasl_plain_password": self.password}


class Bearer(Login):
    """A token, whoever makes it (`proof`), with its extensions."""

    mechanism = "OAUTHBEARER"
    shown = "token"

    def extensions(self) -> Mapping[str, str]:
        return {}

    def settings(self, proof: str) -> Mapping[str, Any]:
        return {"sasl_oauth_token_provider": _Token(proof, self.extensions())}


@dataclass(frozen=True)
class OAuth(Bearer):
    """Tokens from an endpoint, by client credentials."""

    credentials: ClientCredentials
    pairs: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def refused(self) -> None:
        self.credentials.refused()

    async def proof(self) -> str:
        async with http_session(Tls(), 1) as session:
            return await self.credentials.token(session)

    def extensions(self) -> Mapping[str, str]:
        return dict(self.pairs)


class _Token(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """What aiokafka asks for a token when it connects."""

    def __init__(self, token: str, extensions: Mapping[str, str]) -> None:
        self._token = token
        self._extensions = extensions

    async def token(self) -> str:
        return self._token

    def extensions(self) -> Mapping[str, str]:
        return self._extensions
