"""A Kafka cluster as a source: the progress of any number of groups in one go, over one connection for each broker.

One round is one Metadata request, one ListOffsets to each leader for the union of all partitions, and one OffsetFetch
for each distinct group. What went wrong with one topic, group or broker is the error of the queries that need it."""

import asyncio
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
from scalers._kafka_lag import Progress
from scalers._kafka_login import Login
from scalers._kafka_protocol import SLICE, Address, Brokers
from scalers._kafka_round import Numbers, Offsets, Round

PAUSE = 0.25
NEWEST = -1


@dataclass(frozen=True)
class KafkaCluster(Source[Offsets, Progress]):
    """`brokers` are where to begin; without `tls` and `login` the connections are plain and nameless. `timeout` is for
    one request: shorter than the source's patience, so that one silent broker costs only those who need it."""

    how: ClassVar[Together] = Together()

    brokers: tuple[str, ...]
    tls: Tls | None = field(default=None, repr=False)
    login: Login | None = field(default=None, repr=False)
    timeout: float = 3.0

    def __str__(self) -> str:
        return f"kafka at {', '.join(self.brokers)}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator["KafkaConnection"]:
        context = await asyncio.to_thread(self.tls.context) if self.tls else None
        brokers = Brokers(self.brokers, context, self.login, self.timeout)
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

    async def _round(self, queries: Sequence[Offsets]) -> list[Progress | SourceError]:
        await self._brokers.renew()
        known = Round(queries)
        await self._find_coordinators(known)
        await self._ask_open_groups(known)
        known.layout = await self._brokers.layout(known.topics())
        known.plan()
        leaders, groups = known.leaders(), known.remaining()
        replies = await self._brokers.ask(
            [
                *((leader, _newest(topics)) for leader, topics in leaders.items()),
                *(
                    (self._coordinators[one], OffsetFetchRequest(one, [*topics.items()]))
                    for one, topics in groups.items()
                ),
            ]
        )
        for topics, reply in zip(leaders.values(), replies, strict=False):
            _take_ends(known, topics, reply)
        for group, reply in zip(groups, replies[len(leaders) :], strict=True):
            known.committed[group] = self._offsets(group, reply)
        answers: list[Progress | SourceError] = []
        for begin in range(0, len(queries), SLICE):
            answers += [known.answer(query) for query in queries[begin : begin + SLICE]]
            await asyncio.sleep(0)  # others want the loop, too
        return answers

    async def _find_coordinators(self, known: Round) -> None:
        """Of the groups that are new here, or that have moved."""
        if not (lost := [group for group in known.groups() if group not in self._coordinators]):
            return
        where = await self._brokers.anyone()
        replies = await self._brokers.ask([(where, FindCoordinatorRequest(group, 0)) for group in lost])
        for group, reply in zip(lost, replies, strict=True):
            if isinstance(reply, SourceError):
                known.committed[group] = reply
            elif reply.error_code:
                known.committed[group] = failure(f"group {group}", reply.error_code)
            else:
                self._coordinators[group] = (reply.host, reply.port)

    async def _ask_open_groups(self, known: Round) -> None:
        """All offsets of groups for which no topics are named; and whether they have members, where that matters."""
        asked = known.open_groups()
        described = [group for group, members in asked.items() if members]
        replies = await self._brokers.ask(
            [
                *((self._coordinators[group], DescribeGroupsRequest([group])) for group in described),
                *((self._coordinators[group], OffsetFetchRequest(group, None)) for group in asked),
            ]
        )
        for group, reply in zip(described, replies, strict=False):
            if problem := _idle(group, reply):
                known.idle[group] = problem
        for group, reply in zip(asked, replies[len(described) :], strict=True):
            known.committed[group] = self._offsets(group, reply)
            known.whole.add(group)

    def _offsets(self, group: str, reply: Any) -> Mapping[str, Numbers] | SourceError:
        """What an OffsetFetch brought. A group that fails is looked for anew in the next round."""
        if not isinstance(reply, SourceError) and not getattr(reply, "error_code", 0):
            return {topic: dict(_place(topic, *row) for row in rows) for topic, rows in reply.topics}
        del self._coordinators[group]
        return reply if isinstance(reply, SourceError) else failure(f"group {group}", reply.error_code)


def _newest(topics: Mapping[str, Iterable[int]]) -> OffsetRequest:
    return OffsetRequest(
        -1, 0, [(topic, [(number, NEWEST) for number in numbers]) for topic, numbers in topics.items()]
    )


def _place(topic: str, number: int, offset: int, _: str, code: int) -> tuple[int, int | SourceError]:
    return number, partition_failure(topic, number, code) if code else offset


def _take_ends(known: Round, topics: Mapping[str, Iterable[int]], reply: Any) -> None:
    """What a ListOffsets brought about these partitions."""
    if isinstance(reply, SourceError):
        for topic, numbers in topics.items():
            known.ends[topic].update(dict.fromkeys(numbers, reply))
        return
    for topic, rows in reply.topics:
        for number, code, _, offset in rows:
            known.ends[topic][number] = partition_failure(topic, number, code) if code else offset


def _idle(group: str, reply: Any) -> SourceError | None:
    """Why a group cannot be taken as one that is at work."""
    if isinstance(reply, SourceError):
        return reply
    code, _, _, _, _, members, *_ = reply.groups[0]
    if code:
        return failure(f"group {group}", code)
    return None if members else AnswerError(f"group {group} has no active members; name its topics with topic")
