"""The arithmetic of lag, as tables (KEDA behaviour 6.2)."""

from typing import Any

import pytest

from scalers._kafka_lag import KafkaLag, PartitionProgress, Progress, backlog, behind, capped, waiting

NEVER = None


def rules(**given: Any) -> KafkaLag:
    return KafkaLag(bootstrap_servers=("kafka:9092",), consumer_group="g", topic="t", **given)


def progress(*places: tuple[int, int | None]) -> Progress:
    """(end, committed) of each partition."""
    return Progress(tuple(PartitionProgress("t", number, *place) for number, place in enumerate(places)))


@pytest.mark.parametrize(
    ("end", "committed", "given", "expected"),
    [
        (100, 90, {}, 10),
        (100, 100, {}, 0),
        (100, 0, {}, 100),
        (3, 90, {}, -87),  # the topic was made anew: not clamped for itself
        (100, NEVER, {}, 1),
        (0, NEVER, {}, 1),
        (100, NEVER, {"offset_reset_policy": "latest"}, 1),
        (100, NEVER, {"offset_reset_policy": "earliest"}, 100),
        (0, NEVER, {"offset_reset_policy": "earliest"}, 0),
        (100, NEVER, {"scale_to_zero_on_invalid_offset": True}, 0),
        (100, NEVER, {"scale_to_zero_on_invalid_offset": True, "offset_reset_policy": "earliest"}, 0),
        (100, 90, {"scale_to_zero_on_invalid_offset": True}, 10),
    ],
)
def test_the_lag_of_one_partition(end: int, committed: int | None, given: dict[str, Any], expected: int) -> None:
    assert behind(rules(**given), PartitionProgress("t", 0, end, committed)) == expected


@pytest.mark.parametrize(
    ("lags", "given", "expected"),
    [
        # the sum, bounded by one replica's threshold for each partition
        ([5, 6, 7], {}, 18),
        ([20, 20, 20], {}, 30),
        ([100, 0, 0], {}, 30),
        ([38, 0, 0], {}, 38),  # floor(38 / 10) is not more than 3
        ([40, 0, 0], {}, 30),
        ([0, 0, 0], {}, 0),
        ([-80, 0, 0], {}, -80),
        ([50, -80, 40], {}, 10),
        ([100, 0, 0], {"lag_threshold": 50}, 100),
        # idle consumers may be
        ([100, 0, 0], {"allow_idle_consumers": True}, 100),
        # only as many as have lag
        ([100, 0, 0], {"limit_to_partitions_with_lag": True}, 10),
        ([100, 1, 0], {"limit_to_partitions_with_lag": True}, 20),
        ([19, 0, 0], {"limit_to_partitions_with_lag": True}, 19),  # floor(19 / 10) is not more than 1
        ([0, 0, 0], {"limit_to_partitions_with_lag": True}, 0),
        # numbers that divide the partitions
        ([0] * 6, {"ensure_even_distribution_of_partitions": True}, 10),  # never zero
        ([1] + [0] * 5, {"ensure_even_distribution_of_partitions": True}, 10),
        ([11] + [0] * 5, {"ensure_even_distribution_of_partitions": True}, 20),
        ([21] + [0] * 5, {"ensure_even_distribution_of_partitions": True}, 30),
        ([31] + [0] * 5, {"ensure_even_distribution_of_partitions": True}, 60),
        ([60] + [0] * 5, {"ensure_even_distribution_of_partitions": True}, 60),
        ([600] + [0] * 5, {"ensure_even_distribution_of_partitions": True}, 60),
        ([12, 0, 0, 0, 0, 0, 0], {"ensure_even_distribution_of_partitions": True}, 70),  # 7 is prime
        ([600] + [0] * 5, {"ensure_even_distribution_of_partitions": True, "allow_idle_consumers": True}, 60),
        ([-80] + [0] * 5, {"ensure_even_distribution_of_partitions": True}, 10),
    ],
)
def test_the_metric_is_bounded(lags: list[int], given: dict[str, Any], expected: int) -> None:
    assert capped(rules(**given), lags) == expected


@pytest.mark.parametrize(
    ("before", "now", "counted", "lag"),
    [
        (NEVER, [(100, 90)], 10, 10),  # first sight counts fully
        ([(95, 90)], [(100, 90)], 0, 10),  # stuck
        ([(95, 90)], [(100, 91)], 9, 9),  # moved
        ([(95, 95)], [(100, 90)], 10, 10),  # moved back
        ([(95, NEVER)], [(100, 90)], 10, 10),  # committed for the first time
        ([(95, NEVER)], [(100, NEVER)], 1, 1),  # no offset is never "the same offset"
        ([(95, 90), (50, 50)], [(100, 90), (60, 51)], 9, 19),
        ([(95, 90)], [(100, 90), (60, 51)], 9, 19),  # a partition that is new
    ],
)
def test_persistent_lag_does_not_count(
    before: list[tuple[int, int | None]] | None, now: list[tuple[int, int | None]], counted: int, lag: int
) -> None:
    excluding = rules(exclude_persistent_lag=True)
    earlier = progress(*before) if before else None
    result = backlog(excluding, progress(*now), earlier)
    assert (result.counted, result.ready) == (counted, lag)
    assert waiting(excluding, progress(*now)) == lag, "what is stuck keeps the target active"
    assert backlog(rules(), progress(*now), earlier).counted == lag, "only where it was asked for"


def test_partitions_that_are_stuck_have_no_lag_to_scale_for() -> None:
    limited = rules(exclude_persistent_lag=True, limit_to_partitions_with_lag=True)
    before, now = progress((100, 50), (100, 50), (100, 50)), progress((200, 50), (200, 60), (200, 50))
    assert backlog(limited, now, before).counted == 10


def test_partitions_of_the_same_number_in_two_topics_are_two() -> None:
    def two(first: int, second: int) -> Progress:
        return Progress((PartitionProgress("a", 0, 100, first), PartitionProgress("b", 0, 100, second)))

    assert backlog(rules(exclude_persistent_lag=True), two(90, 95), two(95, 90)).counted == 15


def test_what_the_board_shows_is_all_that_waits_and_never_less_than_nothing() -> None:
    assert backlog(rules(), progress((1000, 0), (0, 0)), None).ready == 1000
    assert backlog(rules(), progress((1000, 0), (0, 0)), None).counted == 20
    assert backlog(rules(), progress((5, 100)), None).ready == 0
