"""The least of a NATS client: publish, ask, and JetStream's streams and pull consumers; standard library only.

    async with connect("nats://127.0.0.1:4222") as client:
        await client.api("STREAM.CREATE.orders", {"name": "orders", "subjects": ["orders.>"]})
        await client.api("CONSUMER.DURABLE.CREATE.orders.worker", durable("orders", "worker"))
        await client.store("orders.new", b"42")
        message = await client.pull("orders", "worker", wait=1)
        if message is not None:
            await client.acknowledge(message)

There is no task behind it: one caller at a time asks and reads the answer, and the server's PINGs are answered on the
way. So a client that neither asks nor flushes for minutes is dropped by the server. No TLS, no reconnecting.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

END = b"\r\n"
ACK = b"+ACK"
NACK = b"-NAK"
NOBODY = 503
NOTHING = (404, 408)


class NatsError(Exception):
    """The server refused; the text is its own sentence."""


@dataclass(frozen=True, slots=True)
class Message:
    """What came in: `status` is that of an answer without content, such as 404 for "nothing to pull"."""

    subject: str
    subscription: str
    reply: str | None
    data: bytes = field(repr=False)
    status: int | None = None


class Client:
    """A connection that said CONNECT; made by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._inbox = f"_INBOX.{secrets.token_hex(8)}"
        self._asked = 0

    async def publish(self, subject: str, data: bytes = b"", reply: str = "") -> None:
        """Handed to the connection; `flush` says that the server has it."""
        head = f"PUB {subject} {reply} {len(data)}" if reply else f"PUB {subject} {len(data)}"
        self._writer.write(head.encode() + END + data + END)
        await self._writer.drain()

    async def flush(self, *, timeout: float = 5) -> None:
        """Until the server has taken everything that was published."""
        async with asyncio.timeout(timeout):
            await self._send("PING")
            while await self._next() is not None:
                pass

    async def request(self, subject: str, data: bytes = b"", *, timeout: float = 5) -> Message:
        """Publish with an inbox of its own and wait for the one answer; TimeoutError when none comes."""
        self._asked += 1
        number = str(self._asked)
        inbox = f"{self._inbox}.{number}"
        async with asyncio.timeout(timeout):
            await self._send(f"SUB {inbox} {number}")
            await self._send(f"UNSUB {number} 1")
            await self.publish(subject, data, inbox)
            message = await self._next()
            while message is None or message.subscription != number:
                message = await self._next()
        if message.status == NOBODY:
            raise NatsError(f"nobody answers on {subject}")
        return message

    async def api(self, call: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A JetStream call, for example `STREAM.INFO.orders`; its error is raised."""
        answer = await self.request(f"$JS.API.{call}", json.dumps(body or {}).encode())
        return _content(answer)

    async def store(self, subject: str, data: bytes = b"") -> int:
        """Publish into a stream and wait until it is stored; its number in the stream."""
        return int(_content(await self.request(subject, data))["seq"])

    async def pull(self, stream: str, consumer: str, *, wait: float = 0) -> Message | None:
        """The consumer's next message; None when there was none within `wait` seconds."""
        patience = {"expires": int(wait * 1e9)} if wait else {"no_wait": True}
        ask = json.dumps({"batch": 1} | patience).encode()
        message = await self.request(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", ask, timeout=wait + 5)
        if message.status is not None and message.status not in NOTHING:
            raise NatsError(f"the pull was answered with {message.status}")
        return message if message.status is None else None

    async def acknowledge(self, message: Message, how: bytes = ACK) -> None:
        """Tell the stream what became of the message: ACK, NACK (to be delivered again)."""
        await self.publish(message.reply or "", how)

    async def _open(self, user: str | None, password: str | None) -> None:
        await self._reader.readuntil(END)
        login = {"user": unquote(user), "pass": unquote(password or "")} if user else {}
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "lang": "python"}
        await self._send(f"CONNECT {json.dumps(options | login)}")
        await self.flush()

    async def _send(self, line: str) -> None:
        self._writer.write(line.encode() + END)
        await self._writer.drain()

    async def _next(self) -> Message | None:
        """The next message; None is a PONG."""
        while True:
            verb, _, rest = (await self._reader.readuntil(END)).decode().strip().partition(" ")
            match verb.upper():
                case "MSG" | "HMSG":
                    return await self._message(verb, rest.split())
                case "PING":
                    await self._send("PONG")
                case "PONG":
                    return None
                case "-ERR":
                    raise NatsError(rest.strip("'"))

    async def _message(self, verb: str, words: list[str]) -> Message:
        """`subject sid [reply] [size of the head] size`, then so many bytes."""
        sizes = 2 if verb == "HMSG" else 1
        subject, subscription, *reply = words[:-sizes]
        head, size = int(words[-2]) if sizes == 2 else 0, int(words[-1])
        content = (await self._reader.readexactly(size + len(END)))[:size]
        return Message(subject, subscription, reply[0] if reply else None, content[head:], _status(content[:head]))


@asynccontextmanager
async def connect(url: str, *, timeout: float = 5) -> AsyncIterator[Client]:
    """A connection to `nats://[user:password@]host:port`, for the length of the block."""
    place = urlsplit(url)
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        client = Client(reader, writer)
        async with asyncio.timeout(timeout):
            await client._open(place.username, place.password)
        yield client
    finally:
        writer.close()
        await writer.wait_closed()


def durable(stream: str, consumer: str, **settings: Any) -> dict[str, Any]:
    """The body of CONSUMER.DURABLE.CREATE for a pull consumer that acknowledges each message."""
    config = {"durable_name": consumer, "ack_policy": "explicit", "deliver_policy": "all"} | settings
    return {"stream_name": stream, "config": config}


def _status(head: bytes) -> int | None:
    """Of `NATS/1.0 404 No Messages`."""
    words = head.split(END, 1)[0].split()
    return int(words[1]) if len(words) > 1 else None


def _content(message: Message) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(message.data)
    if "error" in content:
        raise NatsError(content["error"].get("description", "JetStream refused"))
    return content
