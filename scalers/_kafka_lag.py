"""What lag is: how far a group is behind in each partition, and the number that this makes under the parameters that
both Kafka types share (KEDA behaviour 6.2). Pure; where the offsets come from stands in `_kafka`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scaler.sdk import ENV, METADATA, Backlog, Declared, Listed, Ranges, activation, param, target

_SERVER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+)(?::(\d{1,5}))?")


class PartitionProgress(NamedTuple):
    """One partition: its log's end, and where the group is; `None` where it has committed nothing."""

    topic: str
    partition: int
    end: int
    committed: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a group has come in every partition that was asked about."""

    partitions: tuple[PartitionProgress, ...]


class KafkaLag(Declared):
    """Whose lag, and how it counts."""

    bootstrap_servers: Listed = param(
        "Brokers to begin with, as host:port, separated by commas; the others are learned from them.",
        places=(METADATA, ENV),
    )
    consumer_group: str = param("Group whose committed offsets are compared with the ends.", places=(METADATA, ENV))
    topic: str = param(
        "Topic whose lag counts. Without it: every topic that the group has committed an offset to.",
        default="",
        places=(METADATA, ENV),
    )
    partition_limitation: Ranges = param(
        "Count these partitions only, for example 1,2,10-12; by default all.", default=()
    )
    lag_threshold: int = target("Messages of lag that one replica should handle.", default=10)
    activation_lag_threshold: int = activation(
        "The target leaves zero when the lag, before any of the limits below, is greater than this.", at_least=0
    )
    offset_reset_policy: str = param(
        "Where the consumers begin in a partition without committed offset: it counts as 1 with `latest`, as the whole "
        "log with `earliest`.",
        default="latest",
        choices=("latest", "earliest"),
    )
    allow_idle_consumers: bool = param(
        "Let there be more replicas than partitions; the surplus has nothing to do.", default=False
    )
    exclude_persistent_lag: bool = param(
        "Leave out partitions whose committed offset has not moved since the reading before: more replicas do not help "
        "a consumer that is stuck.",
        default=False,
    )
    scale_to_zero_on_invalid_offset: bool = param(
        "Count a partition without committed offset as 0, whatever `offsetResetPolicy` says.", default=False
    )
    limit_to_partitions_with_lag: bool = param(
        "At most one replica for each partition that has lag; needs `topic`.", default=False
    )
    ensure_even_distribution_of_partitions: bool = param(
        "Only ask for numbers of replicas that divide the number of partitions, so that each gets as many; needs "
        "`topic`.",
        default=False,
    )

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        if not self.bootstrap_servers or not all(map(_is_server, self.bootstrap_servers)):
            yield "bootstrapServers", "must be brokers as host:port, separated by commas"
        if self.allow_idle_consumers and self.limit_to_partitions_with_lag:
            yield "allowIdleConsumers", "must not be true together with limitToPartitionsWithLag"
        if self.limit_to_partitions_with_lag and self.ensure_even_distribution_of_partitions:
            yield "limitToPartitionsWithLag", "must not be true together with ensureEvenDistributionOfPartitions"
        if (needing := [*self.needing_topic()]) and not self.topic:
            yield "topic", f"is required for {' and '.join(needing)}"

    def brokers(self) -> tuple[str, ...]:
        """In one order, so that the same brokers are the same source."""
        return tuple(sorted(set(self.bootstrap_servers)))

    def needing_topic(self) -> Iterator[str]:
        """The settings in use that make no sense for all topics of a group."""
        if self.limit_to_partitions_with_lag:
            yield "limitToPartitionsWithLag"
        if self.ensure_even_distribution_of_partitions:
            yield "ensureEvenDistributionOfPartitions"

    def read(self, answer: Progress) -> Backlog:
        return backlog(self, answer, None)

    def compare(self, answer: Progress, previous: Progress | None) -> Backlog:
        return backlog(self, answer, previous)

    def active(self, answer: Progress) -> bool:
        return waiting(self, answer) > self.activation_lag_threshold


def backlog(rules: KafkaLag, now: Progress, before: Progress | None) -> Backlog:
    """All that waits, and the part of it that counts."""
    return Backlog(ready=max(0, waiting(rules, now)), value=capped(rules, moving(rules, now, before)))


def waiting(rules: KafkaLag, now: Progress) -> int:
    """The lag that decides about activity: all of it."""
    return sum(behind(rules, at) for at in now.partitions)


def behind(rules: KafkaLag, at: PartitionProgress) -> int:
    """The lag of one partition. It may be negative: a topic that was made anew is shorter than what was committed."""
    if at.committed is not None:
        return at.end - at.committed
    if rules.scale_to_zero_on_invalid_offset:
        return 0
    return at.end if rules.offset_reset_policy == "earliest" else 1


def moving(rules: KafkaLag, now: Progress, before: Progress | None) -> list[int]:
    """The lag of each partition, 0 where it is persistent and that is to be left out. At first sight it never is."""
    if before is None or not rules.exclude_persistent_lag:
        return [behind(rules, at) for at in now.partitions]
    known = {(at.topic, at.partition): at.committed for at in before.partitions}
    return [
        0 if at.committed is not None and known.get((at.topic, at.partition)) == at.committed else behind(rules, at)
        for at in now.partitions
    ]


def capped(rules: KafkaLag, lags: Sequence[int]) -> int:
    """The metric: the sum, bounded by what that many partitions can keep busy."""
    total, threshold, partitions = sum(lags), rules.lag_threshold, len(lags)
    limited, even = rules.limit_to_partitions_with_lag, rules.ensure_even_distribution_of_partitions
    if rules.allow_idle_consumers and not limited and not even:
        return total
    if even:
        total = threshold * next((n for n in _divisors(partitions) if n * threshold >= total), partitions)
    most = sum(lag > 0 for lag in lags) if limited else partitions
    return most * threshold if total // threshold > most else total


def _is_server(text: str) -> bool:
    found = _SERVER.fullmatch(text)
    return found is not None and int(found[1] or 0) <= 65535


def _divisors(number: int) -> Iterator[int]:
    return (one for one in range(1, number + 1) if number % one == 0)
