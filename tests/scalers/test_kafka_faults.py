"""What Kafka says in bad times, and what it is asked in good ones: with brokers that say what a test tells them to."""

import asyncio
from dataclasses import replace

import pytest

from scaler.errors import AnswerError, SourceError
from scalers._kafka import KafkaCluster
from scalers._kafka_lag import PartitionProgress, Progress
from scalers._kafka_round import Offsets
from tests.scalers.fake_kafka import FakeKafka, fake_kafka

ORDERS = Offsets("billing", ("orders",))
NOT_LEADER, LOADING, NO_COORDINATOR, MOVED = 6, 14, 15, 16
TOPIC_FORBIDDEN, GROUP_FORBIDDEN, ODD = 29, 30, 87


def cluster(fake: FakeKafka) -> KafkaCluster:
    return KafkaCluster(fake.brokers, timeout=0.3)


async def ask(fake: FakeKafka, *queries: Offsets) -> list[Progress | SourceError]:
    """The answers, and in `fake.asked` what the brokers were asked for them after the connection stood."""
    async with cluster(fake).open() as connection:
        fake.asked.clear()
        return [*await connection.fetch(queries)]


def orders(*committed: int | None) -> Progress:
    return Progress(tuple(PartitionProgress("orders", number, 100, at) for number, at in enumerate(committed)))


# What is asked


async def test_a_round_is_one_request_of_each_kind_and_place() -> None:
    topics = {f"t{number}": [1, 2, 3, 1, 2, 3] for number in range(10)}
    queries = [Offsets(f"g{number}", (f"t{number % 10}",)) for number in range(100)]
    async with fake_kafka(topics, brokers=3) as fake, cluster(fake).open() as connection:
        await connection.fetch(queries)
        assert fake.asked["FindCoordinator"] == 100
        fake.asked.clear()
        answers = await connection.fetch(queries)
        assert all(isinstance(answer, Progress) for answer in answers)
        assert fake.asked == {"Metadata": 1, "ListOffsets": 3, "OffsetFetch": 100}
        assert fake.connections == 3


async def test_triggers_of_one_group_share_its_offsets() -> None:
    async with fake_kafka({"orders": [1, 1], "refunds": [1]}) as fake:
        fake.committed["billing"] = {("orders", 0): 40, ("refunds", 0): 100}
        answers = await ask(
            fake,
            ORDERS,
            replace(ORDERS, partitions=frozenset({1})),
            Offsets("billing", ("refunds",)),
            Offsets("billing"),
            Offsets("billing", ("refunds", "orders"), loose=True),
        )
        assert fake.asked == {"FindCoordinator": 1, "OffsetFetch": 1, "Metadata": 1, "ListOffsets": 1}
    all_orders, only_one, refunds, everything, loose = answers
    assert all_orders == orders(40, None)
    assert only_one == Progress((PartitionProgress("orders", 1, 100, None),))
    assert refunds == Progress((PartitionProgress("refunds", 0, 100, 100),))
    assert isinstance(everything, Progress)
    assert isinstance(loose, Progress)
    assert {*everything.partitions} == {*loose.partitions} == {*orders(40, None).partitions, *refunds.partitions}


# What passes


@pytest.mark.parametrize("code", [LOADING, NO_COORDINATOR, MOVED])
async def test_a_group_that_moves_is_asked_once_more(code: int) -> None:
    async with fake_kafka({"orders": [1]}) as fake:
        fake.committed["billing"] = {("orders", 0): 40}
        fake.fetch_codes["billing"] = [code]
        answers = await ask(fake, ORDERS, Offsets("other", ("orders",)))
        assert answers == [orders(40), orders(None)]
        assert fake.asked["OffsetFetch"] == 3, "the other group is not asked again"
        assert fake.asked["FindCoordinator"] == 3


async def test_a_coordinator_that_is_not_there_yet_is_looked_for_once_more() -> None:
    async with fake_kafka({"orders": [1]}) as fake:
        fake.find_codes["billing"] = [NO_COORDINATOR]
        assert await ask(fake, ORDERS) == [orders(None)]


async def test_a_leader_that_moves_is_asked_once_more() -> None:
    async with fake_kafka({"orders": [1, 1]}) as fake:
        fake.end_codes[("orders", 1)] = [NOT_LEADER]
        assert await ask(fake, ORDERS) == [orders(None, None)]
        assert fake.asked["Metadata"] == 2


@pytest.mark.parametrize("code", [LOADING, NO_COORDINATOR, MOVED])
async def test_a_group_that_keeps_moving_is_an_error_of_its_own(code: int) -> None:
    async with fake_kafka({"orders": [1]}) as fake:
        fake.fetch_codes["billing"] = [code] * 4
        failed, other = await ask(fake, ORDERS, Offsets("other", ("orders",)))
        assert isinstance(failed, SourceError)
        assert str(failed).startswith("group billing ")
        assert other == orders(None)


async def test_a_broker_that_was_away_is_found_again() -> None:
    async with fake_kafka({"orders": [1, 2]}, brokers=2) as fake, cluster(fake).open() as connection:
        assert await connection.fetch([ORDERS]) == [orders(None, None)]
        fake.deaf_to = "ListOffsets"
        [failed] = await connection.fetch([ORDERS])
        assert isinstance(failed, SourceError)
        assert "closed the connection" in str(failed)
        fake.deaf_to = ""
        assert await connection.fetch([ORDERS]) == [orders(None, None)]


# What does not pass


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (GROUP_FORBIDDEN, "group billing may not be described with these credentials"),
        (ODD, "group billing: Kafka error 87"),
        (35, "group billing: Kafka error 35 (UNSUPPORTED_VERSION)"),
    ],
)
async def test_an_error_of_a_group_is_never_an_empty_one(code: int, sentence: str) -> None:
    async with fake_kafka({"orders": [1]}) as fake:
        for query in (ORDERS, Offsets("billing")):
            fake.fetch_codes["billing"] = [code]
            failed, other = await ask(fake, query, Offsets("other", ("orders",)))
            assert isinstance(failed, AnswerError)
            assert str(failed) == sentence
            assert other == orders(None)
            assert fake.asked["OffsetFetch"] == 2, "what does not pass is not tried again"


async def test_errors_of_partitions_are_those_of_whoever_needs_them() -> None:
    async with fake_kafka({"orders": [1, -1, 1, 1, 7]}) as fake:
        fake.end_codes[("orders", 2)] = [ODD]
        fake.place_codes[("orders", 3)] = [TOPIC_FORBIDDEN]
        answers = await ask(fake, *(replace(ORDERS, partitions=frozenset({number})) for number in range(5)))
    assert [str(answer) for answer in answers[1:]] == [
        "partition 1 of topic orders has no leader at the moment",
        "partition 2 of topic orders: Kafka error 87",
        "partition 3 of topic orders may not be described with these credentials",
        "partition 4 of topic orders has no leader at the moment",
    ]
    assert answers[0] == orders(None)


async def test_what_is_not_there_is_an_error_and_for_apache_kafka_nothing() -> None:
    async with fake_kafka({"orders": [1, 1]}) as fake:
        answers = await ask(
            fake,
            Offsets("billing", ("nowhere",)),
            replace(ORDERS, partitions=frozenset({9})),
            Offsets("billing", ("nowhere",), loose=True),
            Offsets("billing", ("nowhere", "orders"), loose=True),
            Offsets("billing", ("nowhere", "orders"), frozenset({1}), loose=True),
        )
    assert [str(answer) for answer in answers[:3]] == [
        "topic nowhere does not exist",
        "topic orders has none of the partitions in partitionLimitation",
        "there is no partition in which group billing could have lag",
    ]
    assert answers[3] == orders(None, None)
    assert answers[4] == Progress((PartitionProgress("orders", 1, 100, None),))


async def test_a_partition_about_which_nothing_is_said() -> None:
    async with fake_kafka({"orders": [1]}) as fake:
        fake.unsaid.add(("orders", 0))
        strict, loose = await ask(fake, ORDERS, replace(ORDERS, loose=True))
        assert str(strict) == "nothing was said about partition 0 of topic orders"
        assert loose == orders(0), "apache-kafka counts from the beginning"
        fake.unsaid.clear()
        fake.endless = 0
        both = await ask(fake, ORDERS, replace(ORDERS, loose=True))
        assert [str(one) for one in both] == [str(strict)] * 2


async def test_all_topics_of_a_group_that_has_none() -> None:
    async with fake_kafka({"orders": [1]}) as fake:
        strict, loose = await ask(fake, Offsets("new"), Offsets("new", loose=True))
    assert str(strict) == "group new has committed no offset, so that its topics are unknown"
    assert str(loose) == "group new has no active members; name its topics with topic"


# The connection as a whole


async def test_a_silent_broker_costs_only_those_who_need_it() -> None:
    async with fake_kafka({"orders": [1], "refunds": [2]}) as ours, fake_kafka({}) as silent:
        silent.silent = True
        ours.ports.append(silent.ports[0])
        answer, failed = await ask(ours, ORDERS, Offsets("billing", ("refunds",)))
    assert answer == orders(None)
    assert str(failed) == f"kafka broker {silent.brokers[0]} does not answer"


async def test_a_broker_that_does_not_answer_at_all() -> None:
    async with fake_kafka({}) as fake:
        fake.silent = True
        with pytest.raises(SourceError, match=r"^kafka broker 127.0.0.1:\d+ does not answer$"):
            await ask(fake)


async def test_a_broker_that_hangs_up_on_strangers() -> None:
    async with fake_kafka({}) as fake:
        fake.deaf_to = "Metadata"
        with pytest.raises(SourceError, match=r"closed the connection; it may want TLS or a login$"):
            await ask(fake)


async def test_no_broker_at_all() -> None:
    nobody = KafkaCluster(("127.0.0.1:1", "[::1]:1", "no-such-host.invalid"), timeout=2.0)
    with pytest.raises(SourceError) as raised:
        async with nobody.open():
            pass
    assert str(raised.value) == (
        "none of 3 brokers is of use: kafka broker 127.0.0.1:1 cannot be reached, kafka broker [::1]:1 cannot be "
        "reached, the name of kafka broker no-such-host.invalid:9092 cannot be resolved"
    )


async def test_a_broker_further_down_the_list_will_do() -> None:
    async with (
        fake_kafka({"orders": [1]}) as fake,
        KafkaCluster(("127.0.0.1:1", *fake.brokers)).open() as connection,
    ):
        assert await connection.fetch([ORDERS]) == [orders(None)]


async def test_a_round_that_is_given_up_leaves_nothing_behind() -> None:
    async with fake_kafka({"orders": [1]}) as fake, replace(cluster(fake), timeout=5.0).open() as connection:
        await connection.fetch([ORDERS])
        fake.silent = True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.fetch([ORDERS, Offsets("other", ("orders",))]), 0.1)
