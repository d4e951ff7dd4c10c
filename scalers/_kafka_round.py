"""One round of questions to a Kafka cluster: what has to be asked for a number of queries, and the answer to each of
them in what came back. Pure; the asking stands in `_kafka`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scaler.sdk import AnswerError, SourceError
from scalers._kafka_errors import NO_LEADER, partition_failure
from scalers._kafka_lag import PartitionProgress, Progress
from scalers._kafka_protocol import Address, Leaders

NOTHING = -1
Numbers = Mapping[int, int | SourceError]
Plan = Mapping[str, Leaders]


@dataclass(frozen=True, slots=True)
class Offsets:
    """The progress of a group in these partitions (none: all) of these topics (none: all that it has committed to).
    `loose` is apache-kafka's way: what does not exist counts for nothing, and no topics are all of the cluster's, as
    long as the group has members."""

    group: str
    topics: tuple[str, ...] = ()
    partitions: frozenset[int] = frozenset()
    loose: bool = False

    @property
    def everywhere(self) -> bool:
        return self.loose and not self.topics


class Round:
    """What is known so far: `layout` says who leads which partition, `committed` has the offsets of each group (of all
    its topics where it is in `whole`), `idle` those without members, `ends` the offsets of the logs. An error stands
    where it happened."""

    def __init__(self, queries: Sequence[Offsets]) -> None:
        self.queries = queries
        self.layout: Mapping[str, Leaders | SourceError] = {}
        self.committed: dict[str, Mapping[str, Numbers] | SourceError] = {}
        self.whole: set[str] = set()
        self.idle: dict[str, SourceError] = {}
        self.ends: dict[str, dict[int, int | SourceError]] = defaultdict(dict)
        self._plans: dict[Offsets, Plan | SourceError] = {}

    def groups(self) -> list[str]:
        return [*dict.fromkeys(query.group for query in self.queries)]

    def open_groups(self) -> dict[str, bool]:
        """The groups that must be asked before it is known which topics matter, and whether their members matter."""
        found: dict[str, bool] = {}
        for query in self.queries:
            if not query.topics and query.group not in self.committed:
                found[query.group] = found.get(query.group, False) or query.loose
        return found

    def topics(self) -> list[str] | None:
        """The topics that matter; `None` is all of the cluster's."""
        if any(query.everywhere for query in self.queries):
            return None
        return [*dict.fromkeys(topic for query in self.queries for topic in self._topics(query))]

    def plan(self) -> None:
        """With the layout at hand: which partitions matter to whom."""
        self._plans = {query: self._plan(query) for query in self.queries}

    def leaders(self) -> dict[Address, dict[str, list[int]]]:
        """All partitions that matter, by the broker that knows their end. Those without a leader have an error."""
        found: dict[Address, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for topic, numbers in _merged(
            plan for plan in self._plans.values() if not isinstance(plan, SourceError)
        ).items():
            for number, leader in numbers.items():
                if leader:
                    found[leader][topic].append(number)
                else:
                    self.ends[topic][number] = partition_failure(topic, number, NO_LEADER)
        return found

    def remaining(self) -> dict[str, dict[str, list[int]]]:
        """The partitions that matter of each group whose offsets are not known yet."""
        plans: dict[str, list[Plan]] = defaultdict(list)
        for query, plan in self._plans.items():
            if query.group not in self.committed and not isinstance(plan, SourceError):
                plans[query.group].append(plan)
        return {
            group: {topic: [*numbers] for topic, numbers in _merged(found).items()} for group, found in plans.items()
        }

    def answer(self, query: Offsets) -> Progress | SourceError:
        group, plan = self.committed.get(query.group, {}), self._plans[query]
        if isinstance(group, SourceError):
            return group
        if query.everywhere and query.group in self.idle:
            return self.idle[query.group]
        if isinstance(plan, SourceError):
            return plan
        found = []
        for topic, numbers in plan.items():
            ends, places = self.ends[topic], group.get(topic, {})
            for number in numbers:
                end, place = ends.get(number), places.get(number)
                if place is None:
                    place = self._unsaid(query, topic, number)
                if end is None:
                    end = _unsaid(topic, number)
                if isinstance(end, SourceError):
                    return end
                if isinstance(place, SourceError):
                    return place
                found.append(PartitionProgress(topic, number, end, None if place < 0 else place))
        return Progress(tuple(found))

    def _unsaid(self, query: Offsets, topic: str, number: int) -> int | SourceError:
        """Where the answer about a group leaves a partition out."""
        if query.group in self.whole:
            return NOTHING
        return 0 if query.loose else _unsaid(topic, number)

    def _topics(self, query: Offsets) -> Iterable[str]:
        if query.topics:
            return query.topics
        group = self.committed[query.group]
        return self.layout if query.everywhere else () if isinstance(group, SourceError) else group

    def _plan(self, query: Offsets) -> "Plan | SourceError":
        found = {}
        for topic in self._topics(query):
            leaders = self.layout.get(topic)
            if isinstance(leaders, SourceError):
                return leaders
            if leaders is None and not query.loose:
                return AnswerError(f"topic {topic} does not exist")
            found[topic] = _chosen(leaders or {}, query.partitions)
            if not found[topic] and not query.loose:
                return AnswerError(f"topic {topic} has none of the partitions in partitionLimitation")
        if not found and not query.loose:
            return AnswerError(f"group {query.group} has committed no offset, so that its topics are unknown")
        if not any(found.values()):
            return AnswerError(f"there is no partition in which group {query.group} could have lag")
        return found


def _unsaid(topic: str, number: int) -> SourceError:
    return AnswerError(f"nothing was said about partition {number} of topic {topic}")


def _chosen(leaders: Leaders, numbers: frozenset[int]) -> Leaders:
    return {number: leader for number, leader in leaders.items() if number in numbers} if numbers else leaders


def _merged(plans: Iterable[Plan]) -> dict[str, dict[int, Address | None]]:
    found: dict[str, dict[int, Address | None]] = defaultdict(dict)
    for plan in plans:
        for topic, leaders in plan.items():
            found[topic].update(leaders)
    return found
