"""Connections to the brokers of one cluster: one for each address, opened when it is first needed, all requests
pipelined. Built on aiokafka's connections and not on its client, which hides why it cannot connect, and asks for all
topics by itself whenever a connection breaks."""

import asyncio
import ssl
import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka.conn import AIOKafkaConnection, OAuthAuthenticator
from aiokafka.errors import IncompatibleBrokerVersion, KafkaConnectionError, KafkaError, SaslAuthenticationFailed
from aiokafka.protocol.metadata import MetadataRequest

from scaler.sdk import AnswerError, LoginError, SourceError
from scalers._kafka_errors import UNKNOWN_TOPIC, Passing, Refused, Silent, closed, failure, no_connection
from scalers._kafka_login import Login

PORT = 9092
WINDOW = 500
SLICE = 50
Address = tuple[str, int]
Leaders = Mapping[int, Address | None]
ODDITIES = (KafkaError, EOFError, LookupError, ValueError, AssertionError, NotImplementedError, struct.error)


class BrokerConnection(AIOKafkaConnection):  # type: ignore[misc]  # aiokafka has no types
    """A connection to one broker, with its login."""

    def __init__(
        self, where: Address, context: ssl.SSLContext | None, login: Login | None, proof: str, timeout: float
    ) -> None:
        self._login = login
        host, port = where
        self.name = f"kafka broker {shown(where)}"
        super().__init__(
            host,
            port,
            client_id="event-scaler",
            request_timeout_ms=timeout * 1000,
            security_protocol=("SASL_" if login else "") + ("SSL" if context else "PLAINTEXT"),
            ssl_context=context,
            **({"sasl_mechanism": login.mechanism, **login.settings(proof)} if login else {}),
        )

    def authenticator_oauth(self) -> Any:
        return _BearerExchange(sasl_oauth_token_provider=self._sasl_oauth_token_provider)

    def authenticator_gssapi(self) -> Any:
        return self._login.exchange(self.host) if self._login else None

    async def reply(self, request: Any) -> Any:
        """What the broker answers, or the `SourceError` in its place."""
        try:
            return await self.send(request)
        except TimeoutError:
            return Silent(f"{self.name} does not answer")
        except KafkaConnectionError:
            return Passing(f"{self.name} closed the connection")
        except (IncompatibleBrokerVersion, NotImplementedError):
            return AnswerError(f"{self.name} speaks no version of the protocol that is known here")
        except ODDITIES:
            self.close()
            return SourceError(f"{self.name} does not answer as a Kafka broker does")


class _BearerExchange(OAuthAuthenticator):  # type: ignore[misc]  # aiokafka has no types
    """RFC 7628 3.2.2: a refusal comes as an answer with text in it. aiokafka's own takes it for a welcome."""

    async def step(self, payload: bytes | None) -> Any:
        if payload:
            raise SaslAuthenticationFailed
        return await super().step(payload)


class Brokers:
    """The brokers of a cluster: those that were given, and those that they tell of. `timeout` is for one request."""

    def __init__(
        self, given: Iterable[str], context: ssl.SSLContext | None, login: Login | None, timeout: float
    ) -> None:
        self._given = [address(one) for one in given]
        self._known: dict[int, Address] = {}
        self._context = context
        self._login = login
        self._timeout = timeout
        self._proof = ""
        self._connections: dict[Address, BrokerConnection] = {}

    async def renew(self) -> None:
        """Connect anew when the token has changed: brokers end what has expired."""
        if self._login and (proof := await self._login.proof()) != self._proof:
            await self.close()
            self._proof = proof

    async def close(self) -> None:
        closing = [connection.close() for connection in self._connections.values()]
        self._connections.clear()
        with suppress(TimeoutError):  # a broker that is silent need not agree
            async with asyncio.timeout(1):
                await asyncio.gather(*closing)

    async def layout(self, topics: Sequence[str] | None) -> dict[str, Leaders | SourceError]:
        """Who leads each partition of these topics (`None`: of all topics); unknown ones are left out. Raises the
        `SourceError` of a cluster of which no broker answers."""
        request = MetadataRequest(topics, allow_auto_topic_creation=False)
        for _ in range(2):  # the connection at hand may have ended since it was last used
            where = await self.anyone()
            [reply] = await self.ask([(where, request)])
            if not isinstance(reply, Passing | Silent):
                break
        if isinstance(reply, SourceError):
            useless = isinstance(reply, Passing) and not self._known
            raise closed(f"kafka broker {shown(where)}", self._login, self._context is not None) if useless else reply
        self._known = {node: (host, port) for node, host, port, *_ in reply.brokers}
        for stranger in self._connections.keys() - self._known.values():
            self._connections.pop(stranger).close()
        return {name: self._leaders(name, code, rows) for code, name, _, rows in reply.topics if code != UNKNOWN_TOPIC}

    def _leaders(self, topic: str, code: int, rows: Iterable[Any]) -> Leaders | SourceError:
        if code:
            return failure(f"topic {topic}", code)
        return {number: self._known.get(leader) for number, leader in sorted(row[1:3] for row in rows)}

    async def anyone(self) -> Address:
        """A broker that we are, or can be, connected with."""
        for where, connection in self._connections.items():
            if connection.connected():
                return where
        problems: list[SourceError] = []
        for where in dict.fromkeys((*self._given, *self._known.values())):
            connected = await self._connected(where)
            if not isinstance(connected, SourceError):
                return where
            if isinstance(connected, Refused):
                raise connected
            problems.append(connected)
        if len(problems) == 1:
            raise problems[0]
        kind = LoginError if any(isinstance(one, LoginError) for one in problems) else SourceError
        raise kind(f"none of {len(problems)} brokers is of use: {', '.join(map(str, problems))}")

    async def ask(self, questions: Sequence[tuple[Address, Any]]) -> list[Any]:
        """Everything at once; replies in the order of the questions, or the `SourceError` in its place."""
        by_broker: dict[Address, list[Any]] = defaultdict(list)
        for where, request in questions:
            by_broker[where].append(request)
        async with asyncio.TaskGroup() as tasks:
            talks = {where: tasks.create_task(self._talk(where, requests)) for where, requests in by_broker.items()}
        replies = {where: iter(talk.result()) for where, talk in talks.items()}
        return [next(replies[where]) for where, _ in questions]

    async def _talk(self, where: Address, requests: Sequence[Any]) -> Sequence[Any]:
        """By windows, each of which is sent as a whole: time runs for what is under way, not for what has to wait."""
        connected = await self._connected(where)
        if isinstance(connected, SourceError):
            return [connected] * len(requests)
        replies: list[Any] = []
        for begin in range(0, len(requests), WINDOW):
            replies += await _pipelined(connected, requests[begin : begin + WINDOW])
            if silent := next((reply for reply in replies[begin:] if isinstance(reply, Silent)), None):
                connected.close()
                return replies + [silent] * (len(requests) - len(replies))
        return replies

    async def _connected(self, where: Address) -> BrokerConnection | SourceError:
        if (connection := self._connections.get(where)) and connection.connected():
            return connection
        if self._login and not self._login.admits(where[0]):
            return LoginError(f"kafka broker {shown(where)} is not one of Amazon MSK: it is not shown the pod identity")
        connection = BrokerConnection(where, self._context, self._login, self._proof, self._timeout)
        try:
            await connection.connect()
        except (SourceError, OSError, *ODDITIES) as error:
            if self._login and isinstance(error, SaslAuthenticationFailed):
                self._login.refused()
            return no_connection(connection.name, error, self._login, self._context is not None)
        self._connections[where] = connection
        return connection


async def _pipelined(connection: BrokerConnection, requests: Sequence[Any]) -> list[Any]:
    """All are sent before the first answer is waited for."""
    under_way: list[asyncio.Task[Any]] = []
    async with asyncio.TaskGroup() as tasks:
        for begin in range(0, len(requests), SLICE):
            under_way += [tasks.create_task(connection.reply(one)) for one in requests[begin : begin + SLICE]]
            await asyncio.sleep(0)  # others want the loop, too
    return [task.result() for task in under_way]


def address(text: str) -> Address:
    """`host:port`, or `host` alone; an IPv6 address in brackets."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(PORT)
    return host.strip("[]"), int(port)


def shown(where: Address) -> str:
    host, port = where
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
