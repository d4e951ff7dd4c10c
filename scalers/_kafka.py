"""A Kafka cluster as a source: the progress of any number of groups in one go, over one connection for each broker.

One round is one Metadata request, one ListOffsets to each leader for the union of all partitions, and one OffsetFetch
for each distinct group. What went wrong with one topic, group or broker is the error of the queries that need it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.offset import OffsetRequest

from scaler.sdk import AnswerError, Source, SourceError, Tls, Together
from scalers._kafka_errors import Passing, failure, partition_failure
from scalers._kafka_lag import PartitionProgress, Progress
from scalers._kafka_login import Login
from scalers._kafka_protocol import Address, Brokers, Leaders

PAUSE = 0.25
NEWEST = -1
NOTHING = -1
Numbers = Mapping[int, int | SourceError]


@dataclass(frozen=True, slots=True)
class Offsets:
    """The progress of a group, in these partitions (none: all) of these topics (none: all that it has committed to).
    `loose` is apache-kafka's way: what does not exist counts for nothing, and no topics are all of the cluster's, as
    long as the group has members."""

    group: str
    topics: tuple[str, ...] = ()
    partitions: tuple[int, ...] = ()
    loose: bool = False


@dataclass(frozen=True)
class KafkaCluster(Source[Offsets, Progress]):
    """`brokers` are where to begin; without `tls` and `login` the connections are plain and nameless."""

    how: ClassVar[Together] = Together()

    brokers: tuple[str, ...]
    tls: Tls | None = field(default=None, repr=False)
    login: Login | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"kafka at {', '.join(self.brokers)}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator["KafkaConnection"]:
        context = await asyncio.to_thread(self.tls.context) if self.tls else None
        brokers = Brokers(self.brokers, context, self.login)
        try:
            await brokers.renew()
            await brokers.layout(())
            yield KafkaConnection(brokers)
        finally:
            await brokers.close()


class KafkaConnection:
    """Asks round by round. All that it remembers is where each group has its coordinator."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._coordinators: dict[str, Address] = {}

    async def fetch(self, queries: Sequence[Offsets]) -> Sequence[Progress | SourceError]:
        """A round, and a second one for those whose leader or coordinator has just moved."""
        answers = await self._round(queries)
        again = [index for index, answer in enumerate(answers) if isinstance(answer, Passing)]
        if again:
            await asyncio.sleep(PAUSE)
            for index, answer in zip(again, await self._round([queries[index] for index in again]), strict=True):
                answers[index] = answer
        return answers
