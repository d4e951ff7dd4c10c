"""A Kafka broker behind logins, TLS and access rules; otherwise as `kafka`, whose methods it has.

The methods come in by a listener of their own that asks nobody's name, so a test's scene never depends on the login
that the test is about.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateAclsRequest, DescribeAclsRequest

from tests.rig.brokers import Broker, Listener, started
from tests.rig.certificates import Authority, Pair
from tests.rig.kafka import LIMIT, MOMENT, Kafka
from tests.rig.process import free_ports

# Who may come in by PLAIN and SCRAM. OAUTHBEARER believes the token's subject, TLS the certificate's name.
USERS = {"scaler": "scaler-secret", "stranger": "stranger-secret"}
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
SECURITY = "org.apache.kafka.common.security"

TOPIC, GROUP = 2, 3
LITERAL = 3
ALL = 2
DENY, ALLOW = 2, 3
Resource = tuple[int, str, int]
Rule = tuple[str, str, int, int]


class SecuredKafka(Kafka):
    """Three more ways in than `bootstrap`: `sasl`, `tls` (asks for the client's certificate) and `sasl_tls`."""

    users = USERS

    def __init__(self, brokers: tuple[Broker, ...], ports: Mapping[str, int], authority: Authority) -> None:
        super().__init__(brokers)
        self._ways = dict(ports)
        self.authority = authority
        self.client: Pair = authority.issue("scaler")

    @property
    def sasl(self) -> str:
        """SASL_PLAINTEXT: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER."""
        return f"127.0.0.1:{self._ways['SASL']}"

    @property
    def tls(self) -> str:
        """SSL, with a client's certificate that `authority` signed."""
        return f"127.0.0.1:{self._ways['TLS']}"

    @property
    def sasl_tls(self) -> str:
        """SASL_SSL: the same mechanisms as `sasl`, over TLS without a client's certificate."""
        return f"127.0.0.1:{self._ways['SASL_TLS']}"

    @property
    def ports(self) -> set[int]:
        return super().ports | set(self._ways.values())

    async def deny(self, user: str, *, group: str = "", topic: str = "") -> None:
        """From now on this user may do nothing with that group or topic; everybody else still may."""
        resource = (GROUP, group, LITERAL) if group else (TOPIC, topic, LITERAL)
        client = AIOKafkaClient(bootstrap_servers=self.bootstrap)
        await client.bootstrap()
        try:
            node = self.brokers[0].number
            for rule in (("User:*", "*", ALL, ALLOW), (f"User:{user}", "*", ALL, DENY)):
                await client.send(node, CreateAclsRequest(*resource, *rule))
                async with asyncio.timeout(LIMIT):
                    while not await _obeyed(client, node, resource, rule):  # noqa: ASYNC110 - the event is the broker's
                        await asyncio.sleep(MOMENT)
        finally:
            await client.close()


@contextmanager
def secured_kafka() -> Iterator[SecuredKafka]:
    """One broker with every kind of login that aiokafka speaks, but Kerberos."""
    with tempfile.TemporaryDirectory(prefix="event-scaler-certificates-") as folder:
        authority = Authority(Path(folder))
        protocols = {"SASL": "SASL_PLAINTEXT", "TLS": "SSL", "SASL_TLS": "SASL_SSL"}
        ports = dict(zip(protocols, free_ports(len(protocols)), strict=True))
        listeners = [Listener(name, protocol, ports[name]) for name, protocol in protocols.items()]
        settings = _access() | _encryption(authority) | _logins("sasl") | _logins("sasl_tls")
        with started(1, listeners=listeners, settings=settings, format_with=_scram()) as brokers:
            yield SecuredKafka(brokers, ports, authority)


async def _obeyed(client: AIOKafkaClient, node: int, resource: Resource, rule: Rule) -> bool:
    answer = await client.send(node, DescribeAclsRequest(*resource, *rule))
    return bool(answer.resources)


def _access() -> dict[str, str]:
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
        "super.users": "User:ANONYMOUS",
    }


def _encryption(authority: Authority) -> dict[str, str]:
    server = authority.issue("broker")
    both = server.key.with_name("broker.pem")
    both.write_text(server.key.read_text() + server.certificate.read_text())
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.certificate),
        "ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/",
        "listener.name.tls.ssl.client.auth": "required",
    }


def _logins(listener: str) -> dict[str, str]:
    passwords = " ".join(f'user_{user}="{password}"' for user, password in USERS.items())
    modules = {
        "plain": f"{SECURITY}.plain.PlainLoginModule required {passwords};",
        "scram-sha-256": f"{SECURITY}.scram.ScramLoginModule required;",
        "scram-sha-512": f"{SECURITY}.scram.ScramLoginModule required;",
        "oauthbearer": f"{SECURITY}.oauthbearer.OAuthBearerLoginModule required;",
    }
    prefix = f"listener.name.{listener}"
    handler = f"{SECURITY}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
    return {f"{prefix}.{mechanism}.sasl.jaas.config": module for mechanism, module in modules.items()} | {
        f"{prefix}.sasl.enabled.mechanisms": ",".join(MECHANISMS),
        f"{prefix}.oauthbearer.sasl.server.callback.handler.class": handler,
    }


def _scram() -> list[str]:
    """The passwords that SCRAM checks are part of the data folder."""
    known = (
        f"{mechanism}=[name={user},password={password}]"
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        for user, password in USERS.items()
    )
    return [word for user in known for word in ("--add-scram", user)]
