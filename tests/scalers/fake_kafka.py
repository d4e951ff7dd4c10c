"""A Kafka of some brokers that says what a test tells it to: for error codes that a real one gives only in bad times.
It speaks the few requests that a lag needs, in one version each."""

import asyncio
import io
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiokafka.protocol.admin import ApiVersionRequest_v0, DescribeGroupsRequest_v2
from aiokafka.protocol.api import RequestHeader_v1
from aiokafka.protocol.commit import OffsetFetchRequest_v3
from aiokafka.protocol.coordination import FindCoordinatorRequest_v1
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.offset import OffsetRequest_v3

SPOKEN = {
    one.API_KEY: one
    for one in (
        ApiVersionRequest_v0,
        DescribeGroupsRequest_v2,
        FindCoordinatorRequest_v1,
        MetadataRequest_v5,
        OffsetFetchRequest_v3,
        OffsetRequest_v3,
    )
}
NAMES = {
    2: "ListOffsets",
    3: "Metadata",
    9: "OffsetFetch",
    10: "FindCoordinator",
    15: "DescribeGroups",
    18: "ApiVersions",
}
Codes = list[int]


class FakeKafka:
    """`topics` has the leader of each partition (1, 2, …, or -1), `committed` what groups have. The lists of codes are
    used up one by one, then all is well: `fetch_codes` by group, `find_codes` by group, `end_codes` by partition."""

    def __init__(self, topics: dict[str, list[int]]) -> None:
        self.topics = topics
        self.committed: dict[str, dict[tuple[str, int], int]] = {}
        self.end = 100
        self.endless: int | None = None
        self.fetch_codes: dict[str, Codes] = {}
        self.find_codes: dict[str, Codes] = {}
        self.end_codes: dict[tuple[str, int], Codes] = {}
        self.place_codes: dict[tuple[str, int], Codes] = {}
        self.unsaid: set[tuple[str, int]] = set()
        self.silent = False
        self.deaf_to = ""
        self.ports: list[int] = []
        self.asked: Counter[str] = Counter()
        self.connections = 0

    @property
    def brokers(self) -> tuple[str, ...]:
        return tuple(f"127.0.0.1:{port}" for port in self.ports)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                answer = self._answer(io.BytesIO(await reader.readexactly(size)))
                if answer is None:
                    break
                if not self.silent:
                    writer.write(struct.pack(">i", len(answer)) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, text: io.BytesIO) -> bytes | None:
        key, _, number, _ = RequestHeader_v1.SCHEMA.decode(text)
        request = SPOKEN[key].decode(text)
        self.asked[NAMES[key]] += 1
        if NAMES[key] == self.deaf_to:
            return None
        reply: Callable[[Any], tuple[Any, ...]] = getattr(self, f"_{NAMES[key]}")
        answer: bytes = request.RESPONSE_TYPE.SCHEMA.encode(reply(request))
        return struct.pack(">i", number) + answer

    def _ApiVersions(self, _: Any) -> tuple[Any, ...]:
        return (0, [(key, one.API_VERSION, one.API_VERSION) for key, one in SPOKEN.items()])

    def _Metadata(self, request: Any) -> tuple[Any, ...]:
        brokers = [(node, "127.0.0.1", port, None) for node, port in enumerate(self.ports, 1)]
        names = self.topics if request.topics is None else request.topics
        return (0, brokers, "fake", 1, [self._topic(name) for name in names])

    def _topic(self, name: str) -> tuple[Any, ...]:
        if name not in self.topics:
            return (3, name, False, [])
        partitions: list[Any] = [(0, number, leader, [], [], []) for number, leader in enumerate(self.topics[name])]
        return (0, name, False, partitions)

    def _FindCoordinator(self, request: Any) -> tuple[Any, ...]:
        code = _next(self.find_codes, request.coordinator_key)
        return (0, code, "", 1, "127.0.0.1", self.ports[0])

    def _OffsetFetch(self, request: Any) -> tuple[Any, ...]:
        group = request.consumer_group
        if code := _next(self.fetch_codes, group):
            return (0, [], code)
        known = self.committed.get(group, {})
        asked = request.topics
        if asked is None:
            asked = [(topic, [n for t, n in known if t == topic]) for topic in dict.fromkeys(t for t, _ in known)]
        return (0, [(topic, [*self._places(known, topic, numbers)]) for topic, numbers in asked], 0)

    def _places(self, known: dict[tuple[str, int], int], topic: str, numbers: list[int]) -> Any:
        for number in numbers:
            if (topic, number) not in self.unsaid:
                code = _next(self.place_codes, (topic, number))
                yield (number, known.get((topic, number), -1), "", code)

    def _ListOffsets(self, request: Any) -> tuple[Any, ...]:
        return (
            0,
            [
                (topic, [(n, _next(self.end_codes, (topic, n)), -1, self.end) for n, _ in numbers if n != self.endless])
                for topic, numbers in request.topics
            ],
        )

    def _DescribeGroups(self, request: Any) -> tuple[Any, ...]:
        return (0, [(0, group, "Empty", "consumer", "", []) for group in request.groups])


def _next(codes: dict[Any, Codes], key: Any) -> int:
    return codes[key].pop(0) if codes.get(key) else 0


@asynccontextmanager
async def fake_kafka(topics: dict[str, list[int]], brokers: int = 1) -> AsyncIterator[FakeKafka]:
    """The life of the brokers; their connections end with it."""
    fake = FakeKafka(topics)
    async with AsyncExitStack() as stack:
        for _ in range(brokers):
            server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
            stack.push_async_callback(server.wait_closed)
            stack.callback(server.close)
            fake.ports.append(server.sockets[0].getsockname()[1])
        yield fake
