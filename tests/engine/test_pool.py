"""The pool: equal means shared, and a failure belongs to whom it belongs."""

import asyncio
import gc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from scaler.engine.keeper import SLICE, Answered
from scaler.engine.pool import Pool
from scaler.errors import InternalError, SourceBusy, SourceError
from tests.engine.conftest import EPOCH
from tests.engine.sources import (
    HANGS,
    Batch,
    Heartbeating,
    Miscounting,
    MiscountingSingle,
    Pair,
    Raised,
    Server,
    Single,
)

pytestmark = pytest.mark.looptime

Clock = Callable[[], float]
BOTH = pytest.mark.parametrize("kind", [Batch, Single])


def now() -> float:
    return asyncio.get_running_loop().time()


async def ask_all(pool: Pool, source: Batch, queries: list[str], *, interval: float = 30.0) -> list[Answered]:
    return await asyncio.gather(*(pool.ask(source, query, interval=interval) for query in queries))


def text(answered: Answered) -> str:
    """The error's sentence; the test fails where there is none."""
    assert isinstance(answered.answer, SourceError)
    return str(answered.answer)


# --------------------------------------------------------------------------------------------------- equal is shared


@BOTH
async def test_equal_sources_are_one_connection(clock: Clock, server: Server, kind: type[Batch]) -> None:
    async with Pool(clock) as pool:
        answers = await asyncio.gather(
            pool.ask(kind("a", server), "x", interval=30), pool.ask(kind("a", server), "y", interval=30)
        )
        assert [one.answer for one in answers] == ["x", "y"]
        assert (server.attempts, len(pool)) == (1, 1)


@BOTH
async def test_credentials_are_part_of_a_source(clock: Clock, server: Server, kind: type[Batch]) -> None:
    async with Pool(clock) as pool:
        await pool.ask(kind("a", server, password="one"), "x", interval=30)
        await pool.ask(kind("a", server, password="two"), "x", interval=30)
        assert (server.attempts, len(pool)) == (2, 2)


async def test_everything_that_waits_is_one_batch_and_equal_queries_are_one(clock: Clock, server: Server) -> None:
    async with Pool(clock) as pool:
        answers = await ask_all(pool, Batch("a", server), ["x", "y", "x", "z", "y"])
        assert [one.answer for one in answers] == ["x", "y", "x", "z", "y"]
        assert server.fetched == [("x", "y", "z")]


async def test_what_arrives_meanwhile_joins_the_next_batch(clock: Clock, server: Server) -> None:
    server.takes = 2.0
    async with Pool(clock) as pool, asyncio.TaskGroup() as tasks:
        tasks.create_task(ask_all(pool, Batch("a", server), ["x"]))
        await asyncio.sleep(0.5)
        later = [tasks.create_task(ask_all(pool, Batch("a", server), [query])) for query in ("x", "y", "x")]
        await asyncio.gather(*later)
        assert server.fetched == [("x",), ("x", "y")]
        assert (server.most_under_way, now()) == (1, 4.0)


async def test_parallel_asks_one_query_at_a_time_and_equal_ones_once(clock: Clock, server: Server) -> None:
    server.takes = 2.0
    async with Pool(clock) as pool, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(ask_all(pool, Single("a", server), ["x", "y", "x"]))
        await asyncio.sleep(1)
        joined = await pool.ask(Single("a", server), "x", interval=30)
        assert (joined.answer, joined.at, joined.took) == ("x", EPOCH + 2, 2.0)
        await first
        assert server.fetched == [("x",), ("y",)]


async def test_parallel_keeps_its_limit(clock: Clock, server: Server) -> None:
    server.takes = 1.0
    async with Pool(clock) as pool:
        await ask_all(pool, Pair("a", server), [f"q{number}" for number in range(6)])
        assert (server.most_under_way, len(server.fetched), now()) == (2, 6, 3.0)


async def test_an_answer_says_when_it_was_known_and_how_long_it_took(clock: Clock, server: Server) -> None:
    server.takes = 1.5
    async with Pool(clock) as pool:
        [answered] = await ask_all(pool, Batch("a", server), ["x"])
        assert (answered.at, answered.took) == (EPOCH + 1.5, 1.5)


@BOTH
async def test_a_connection_is_entered_and_left_in_the_same_task(
    clock: Clock, server: Server, kind: type[Batch]
) -> None:
    async with Pool(clock) as pool:
        await pool.ask(kind("a", server), "x", interval=30)
    assert (len(server.opened), len(server.closed), len(server.owners)) == (1, 1, 1)


# --------------------------------------------------------------------------------------------- failures of one query


@BOTH
async def test_a_failed_query_is_nobody_elses(clock: Clock, server: Server, kind: type[Batch]) -> None:
    server.answers = {"bad": SourceError("no such topic")}
    async with Pool(clock) as pool:
        bad, good = await ask_all(pool, kind("a", server), ["bad", "good"])
        assert (text(bad), good.answer) == ("no such topic", "good")
        assert isinstance(bad.answer, SourceError)
        assert (bad.answer.at, server.attempts, len(server.closed)) == (EPOCH, 1, 0)


async def test_one_query_of_a_hundred_that_hangs_delays_nobody(clock: Clock, server: Server) -> None:
    server.takes, server.answers = 0.1, {"q7": HANGS}
    async with Pool(clock) as pool, asyncio.TaskGroup() as tasks:
        hanging = tasks.create_task(pool.ask(Single("a", server), "q7", interval=30))
        others = await ask_all(pool, Single("a", server), [f"q{number}" for number in range(100) if number != 7])
        assert now() == pytest.approx(0.2)
        assert all(isinstance(one.answer, str) for one in others)
        assert text(await hanging) == "a did not answer in 10 s"
        assert now() == pytest.approx(10)
        assert (server.attempts, len(server.closed)) == (1, 0)


async def test_a_bug_in_a_parallel_query_is_that_querys(
    clock: Clock, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.takes, server.answers = 1.0, {"bad": Raised(ZeroDivisionError("secret=hunter2"))}
    async with Pool(clock) as pool:
        bad, good = await ask_all(pool, Single("a", server), ["bad", "good"])
        assert isinstance(bad.answer, InternalError)
        assert text(bad) == "a failed in a way that it should not (ZeroDivisionError)"
        assert (good.answer, server.attempts, len(server.closed)) == ("good", 1, 0)
        assert "a source failed in a way that it should not" in caplog.text


async def test_a_parallel_source_that_gives_no_answer_fails_that_query_alone(clock: Clock) -> None:
    async with Pool(clock) as pool:
        short, good = await ask_all(pool, MiscountingSingle("a"), ["short", "good"])
        assert (text(short), good.answer) == ("a gave 0 answers to 1 queries", "good")


# --------------------------------------------------------------------------------------- failures of the connection


@BOTH
async def test_a_lost_connection_is_everybodys_and_is_closed(clock: Clock, server: Server, kind: type[Batch]) -> None:
    server.takes, server.answers = 1.0, {"x": Raised(SourceError("the broker hung up")), "y": HANGS, "z": HANGS}
    async with Pool(clock) as pool:
        answers = await ask_all(pool, kind("a", server), ["x", "y", "z"])
        assert {text(one) for one in answers} == {"the broker hung up"}
        assert {one.at for one in answers} == {EPOCH + 1}
        assert len({id(one.answer) for one in answers}) == 1
        await asyncio.sleep(0)
        assert len(server.closed) == 1


@BOTH
async def test_other_sources_keep_their_connections(clock: Clock, server: Server, kind: type[Batch]) -> None:
    other = Server()
    server.answers = {"x": Raised(SourceError("gone"))}
    async with Pool(clock) as pool:
        await ask_all(pool, kind("b", other), ["x"])
        await ask_all(pool, kind("a", server), ["x"])
        await ask_all(pool, kind("b", other), ["x"])
        assert (other.attempts, len(other.closed)) == (1, 0)


async def test_a_batch_that_hangs_fails_as_a_whole(clock: Clock, server: Server) -> None:
    server.answers = {"x": HANGS}
    async with Pool(clock) as pool:
        answers = await ask_all(pool, Batch("a", server, wait=4.0), ["x", "y"])
        assert {text(one) for one in answers} == {"a did not answer in 4 s"}
        assert now() == 4.0


@BOTH
async def test_an_open_that_hangs_is_a_failure(clock: Clock, server: Server, kind: type[Batch]) -> None:
    server.opening = [3600.0]
    async with Pool(clock) as pool:
        answers = await ask_all(pool, kind("a", server), ["x", "y"])
        assert {text(one) for one in answers} == {"a cannot be connected to within 10 s"}
        assert now() == 10.0


async def test_a_close_that_hangs_keeps_nobody_waiting(
    clock: Clock, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.closing, server.answers = 3600.0, {"x": Raised(SourceError("gone"))}
    async with Pool(clock) as pool:
        [lost] = await ask_all(pool, Batch("a", server), ["x"])
        assert (text(lost), now()) == ("gone", 0.0)
        await asyncio.sleep(1)
        server.answers = {}
        [found] = await ask_all(pool, Batch("a", server), ["x"])
        assert (found.answer, now()) == ("x", 10.0)
        assert caplog.messages == ["a connection was not closed in order"]
        server.closing = 0.0


async def test_a_close_that_fails_is_not_a_failure_of_the_next_question(clock: Clock, server: Server) -> None:
    server.closing = OSError("already closed")
    async with Pool(clock, idle=60) as pool:
        await ask_all(pool, Batch("a", server), ["x"])
        await asyncio.sleep(61)
        assert len(server.closed) == 1
        server.closing = 0.0
        [found] = await ask_all(pool, Batch("a", server), ["x"])
        assert (found.answer, server.attempts) == ("x", 2)


@BOTH
async def test_a_bug_while_opening_is_kept_to_its_source(
    clock: Clock, server: Server, kind: type[Batch], caplog: pytest.LogCaptureFixture
) -> None:
    server.opening = [KeyError("password")]
    async with Pool(clock) as pool:
        [bad] = await ask_all(pool, kind("a", server), ["x"])
        assert isinstance(bad.answer, InternalError)
        assert "password" not in text(bad)
        [good] = await ask_all(pool, kind("b", Server()), ["x"])
        assert good.answer == "x"
        assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_a_bug_in_a_batch_fails_the_batch_and_the_next_one_is_tried(clock: Clock, server: Server) -> None:
    server.answers = {"x": Raised(TypeError("oops"))}
    async with Pool(clock) as pool:
        answers = await ask_all(pool, Batch("a", server), ["x", "y"])
        assert all(isinstance(one.answer, InternalError) for one in answers)
        server.answers = {}
        await asyncio.sleep(0.5)
        [good] = await ask_all(pool, Batch("a", server), ["x"])
        assert good.answer == "x"


async def test_a_wrong_number_of_answers_is_nobodys_answer(clock: Clock) -> None:
    async with Pool(clock) as pool:
        answers = await ask_all(pool, Miscounting("a"), ["x", "y"])
        assert {text(one) for one in answers} == {"a gave 1 answers to 2 queries"}


async def test_a_connection_that_dies_by_itself_is_a_failure(clock: Clock, server: Server) -> None:
    server.answers = {"x": HANGS}
    async with Pool(clock) as pool:
        [lost] = await ask_all(pool, Heartbeating("a", server), ["x"])
        assert (text(lost), now()) == ("the heart stopped", 5.0)


# -------------------------------------------------------------------------------------------------- rest after failure


@BOTH
async def test_a_resting_source_repeats_its_error_and_the_moment_of_it(
    clock: Clock, server: Server, kind: type[Batch]
) -> None:
    server.opening = [SourceError("refused")]
    async with Pool(clock) as pool:
        [first] = await ask_all(pool, kind("a", server), ["x"])
        await asyncio.sleep(0.3)
        again = await ask_all(pool, kind("a", server), ["x", "other"])
        assert all(one.answer is first.answer for one in again)
        assert {one.at for one in again} == {first.at} == {EPOCH}
        assert server.attempts == 1


async def attempts(clock: Clock, server: Server, *, interval: float, seconds: float) -> list[float]:
    """When a source that refuses is connected to, if somebody asks all the time."""
    async with Pool(clock) as pool:
        while now() < seconds:
            server.opening = [SourceError("refused")]
            await pool.ask(Batch("a", server), "x", interval=interval)
            await asyncio.sleep(0.1)
    return server.opened


async def test_rests_grow(clock: Clock, server: Server) -> None:
    opened = await attempts(clock, server, interval=30, seconds=40)
    rests = [after - before for before, after in pairwise(opened)]
    for rest, most in zip(rests, (0.5, 1.0, 2.0, 5.0, 10.0, 10.0, 10.0), strict=False):
        assert 0.8 * most <= rest <= most + 0.11


@pytest.mark.parametrize("interval", [1.0, 5.0, 10.0])
async def test_no_rest_lasts_into_the_next_round(clock: Clock, server: Server, interval: float) -> None:
    opened = await attempts(clock, server, interval=interval, seconds=20)
    assert max(after - before for before, after in pairwise(opened)) <= interval / 2 + 0.11


async def test_each_round_of_a_dead_source_is_an_attempt(clock: Clock, server: Server) -> None:
    server.opening = [3600.0] * 10
    async with Pool(clock) as pool:
        moments = []
        for _ in range(10):
            moments.append((await pool.ask(Batch("a", server, wait=1.0), "x", interval=5)).at)
            await asyncio.sleep(5 - now() % 5)
        assert moments == [EPOCH + 5 * number + 1 for number in range(10)]


async def test_success_resets_the_rests(clock: Clock, server: Server) -> None:
    async with Pool(clock) as pool:
        for _ in range(4):
            server.opening = [SourceError("refused")]
            await ask_all(pool, Batch("a", server), ["x"])
            await asyncio.sleep(10)
        await ask_all(pool, Batch("a", server), ["x"])
        server.answers = {"x": Raised(SourceError("gone"))}
        await ask_all(pool, Batch("a", server), ["x"])
        server.answers = {}
        await asyncio.sleep(0.5)
        [found] = await ask_all(pool, Batch("a", server), ["x"])
        assert found.answer == "x"


# ------------------------------------------------------------------------------------------------- asked for patience


@BOTH
async def test_a_busy_source_is_left_alone_for_as_long_as_it_asked(
    clock: Clock, server: Server, kind: type[Batch]
) -> None:
    server.answers = {"x": SourceBusy("too many requests", retry_after=20)}
    async with Pool(clock) as pool:
        [busy] = await ask_all(pool, kind("a", server), ["x"])
        server.answers = {}
        await asyncio.sleep(19)
        [meanwhile] = await ask_all(pool, kind("a", server), ["y"])
        assert (meanwhile.answer, meanwhile.at) == (busy.answer, EPOCH)
        await asyncio.sleep(1)
        [after] = await ask_all(pool, kind("a", server), ["y"])
        assert (after.answer, server.attempts) == ("y", 1)


async def test_a_busy_connection_is_left_alone_for_as_long_as_it_asked(clock: Clock, server: Server) -> None:
    server.opening = [SourceBusy("come back later", retry_after=40)]
    async with Pool(clock) as pool:
        await ask_all(pool, Batch("a", server), ["x"], interval=1)
        await asyncio.sleep(39)
        assert text((await ask_all(pool, Batch("a", server), ["x"]))[0]) == "come back later"
        await asyncio.sleep(1)
        assert (await ask_all(pool, Batch("a", server), ["x"]))[0].answer == "x"


async def test_who_waits_behind_a_busy_answer_is_not_asked_for(clock: Clock, server: Server) -> None:
    server.takes = 1.0
    server.answers = {"q0": SourceBusy("too many requests", retry_after=20)}
    async with Pool(clock) as pool:
        answers = await ask_all(pool, Pair("a", server), [f"q{number}" for number in range(100)])
        assert len(server.fetched) <= 4
        assert [text(one) for one in answers[4:]] == ["too many requests"] * 96


async def test_a_batch_that_waits_behind_a_busy_answer_is_not_asked_for(clock: Clock, server: Server) -> None:
    server.takes = 1.0
    server.answers = {"x": SourceBusy("too many requests", retry_after=20)}
    async with Pool(clock) as pool, asyncio.TaskGroup() as tasks:
        tasks.create_task(pool.ask(Batch("a", server), "x", interval=30))
        await asyncio.sleep(0.5)
        assert text(await pool.ask(Batch("a", server), "y", interval=30)) == "too many requests"
        assert server.fetched == [("x",)]


@BOTH
async def test_the_least_pause_between_two_fetches_is_kept(clock: Clock, server: Server, kind: type[Batch]) -> None:
    async with Pool(clock) as pool:
        for number in range(4):
            await pool.ask(kind("a", server, pause=3.0), f"q{number}", interval=30)
        assert server.at == [0, 3, 6, 9]


async def test_the_least_pause_spaces_queries_that_wait_together(clock: Clock, server: Server) -> None:
    async with Pool(clock) as pool:
        await ask_all(pool, Single("a", server, pause=2.0), ["x", "y", "z"])
        assert server.at == [0, 2, 4]


# ------------------------------------------------------------------------------------------------------------ refreshes


async def test_a_refresh_makes_do_with_a_young_answer(clock: Clock, server: Server) -> None:
    async with Pool(clock) as pool:
        polled = await pool.ask(Batch("a", server), "x", interval=30)
        await asyncio.sleep(5)
        assert await pool.ask(Batch("a", server), "x", interval=30, fresh=5) is polled
        await asyncio.sleep(0.1)
        asked = await pool.ask(Batch("a", server), "x", interval=30, fresh=5)
        assert (asked.at, server.fetched) == (EPOCH + 5.1, [("x",), ("x",)])


async def test_a_refresh_does_not_make_do_with_an_error(clock: Clock, server: Server) -> None:
    server.answers = {"x": SourceError("not yet")}
    async with Pool(clock) as pool:
        await pool.ask(Batch("a", server), "x", interval=30)
        server.answers = {}
        assert (await pool.ask(Batch("a", server), "x", interval=30, fresh=5)).answer == "x"


async def test_a_refresh_asks_a_together_source_for_all_that_is_old(clock: Clock, server: Server) -> None:
    async with Pool(clock) as pool:
        await ask_all(pool, Batch("a", server), ["x", "y", "z"])
        await asyncio.sleep(4)
        await pool.ask(Batch("a", server), "z", interval=30)
        await asyncio.sleep(2)
        await pool.ask(Batch("a", server), "x", interval=30, fresh=5)
        assert server.fetched[-1] == ("x", "y")  # z is 2 s old, less than half of 5
        joined = await pool.ask(Batch("a", server), "y", interval=30, fresh=5)
        assert (joined.at, len(server.fetched)) == (EPOCH + 6, 3)


async def test_a_refresh_asks_a_parallel_source_for_nothing_else(clock: Clock, server: Server) -> None:
    async with Pool(clock) as pool:
        await ask_all(pool, Single("a", server), ["x", "y"])
        await asyncio.sleep(10)
        await pool.ask(Single("a", server), "x", interval=30, fresh=5)
        assert server.fetched == [("x",), ("y",), ("x",)]


async def test_a_query_that_nobody_wants_any_more_is_forgotten(clock: Clock, server: Server) -> None:
    async with Pool(clock, idle=60) as pool:
        await pool.ask(Batch("a", server), "old", interval=30)
        for _ in range(5):
            await asyncio.sleep(30)
            await pool.ask(Batch("a", server), "x", interval=30, fresh=5)
        assert server.fetched[-1] == ("x",)


async def test_a_joined_query_outlives_a_lost_connection(clock: Clock, server: Server) -> None:
    async with Pool(clock) as pool:
        await ask_all(pool, Batch("a", server), ["x", "y"])
        await asyncio.sleep(10)
        server.answers = {"x": Raised(SourceError("gone"))}
        await pool.ask(Batch("a", server), "x", interval=30, fresh=5)
        server.answers = {}
        await asyncio.sleep(10)
        await pool.ask(Batch("a", server), "x", interval=30, fresh=5)
        assert server.fetched[-1] == ("x", "y")


# ---------------------------------------------------------------------------------------------------------- the waiters


@BOTH
async def test_a_waiter_that_gives_up_hurts_nobody(clock: Clock, server: Server, kind: type[Batch]) -> None:
    server.takes = 2.0
    async with Pool(clock) as pool, asyncio.TaskGroup() as tasks:
        patient = tasks.create_task(pool.ask(kind("a", server), "x", interval=30))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await pool.ask(kind("a", server), "x", interval=30)
        assert (await patient).answer == "x"
        assert server.fetched == [("x",)]


@BOTH
@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("distinct", [False, True])
async def test_answers_are_handed_out_in_slices(
    clock: Clock, server: Server, kind: type[Batch], lost: bool, distinct: bool
) -> None:
    """Between two passes of the loop at most `SLICE` waiters go on, so that a metric request never waits for a herd."""
    count, passes, woken = 400, 0, [0] * 10_000
    server.opening = [SourceError("refused")] if lost else []

    async def tick() -> None:
        nonlocal passes
        while True:
            await asyncio.sleep(0)
            passes += 1

    async def waiter(number: int) -> None:
        await pool.ask(kind("a", server), f"q{number if distinct else 0}", interval=30)
        woken[passes] += 1

    async with Pool(clock) as pool, asyncio.TaskGroup() as tasks:
        waiters = [tasks.create_task(waiter(number)) for number in range(count)]
        ticking = tasks.create_task(tick())
        await asyncio.gather(*waiters)
        ticking.cancel()
    limit = 64 if kind is Single and distinct and not lost else SLICE  # fetches that end in one pass, one answer each
    assert (sum(woken), max(woken) <= limit) == (count, True)


# ------------------------------------------------------------------------------------------------------------- the end


@BOTH
async def test_an_idle_connection_is_closed_and_opened_again_when_asked(
    clock: Clock, server: Server, kind: type[Batch]
) -> None:
    async with Pool(clock, idle=300) as pool:
        await pool.ask(kind("a", server), "x", interval=30)
        await asyncio.sleep(299)
        assert server.closed == []
        await asyncio.sleep(2)
        assert server.closed == [300]
        assert (await pool.ask(kind("a", server), "x", interval=30)).answer == "x"
        assert server.attempts == 2
        await asyncio.sleep(1000)
        assert len(pool) == 0


async def test_a_question_that_comes_while_closing_is_answered(clock: Clock, server: Server) -> None:
    server.closing = 5.0
    async with Pool(clock, idle=300) as pool:
        await pool.ask(Batch("a", server), "x", interval=30)
        await asyncio.sleep(302)
        assert (await pool.ask(Batch("a", server), "y", interval=30)).answer == "y"
        assert now() == 305
        server.closing = 0.0


@BOTH
@pytest.mark.parametrize("state", ["not started", "opening", "fetching"])
async def test_leaving_the_pool_answers_all_who_wait(
    clock: Clock, server: Server, kind: type[Batch], state: str
) -> None:
    server.opening, server.takes = [100.0 if state == "opening" else 0.0], 5.0
    waiting: list[asyncio.Task[Answered]] = []
    async with Pool(clock) as pool:
        waiting.extend(
            asyncio.create_task(pool.ask(kind("a", server, wait=200), query, interval=30)) for query in ("x", "y", "x")
        )
        await asyncio.sleep(0 if state == "not started" else 1)
    for answered in await asyncio.gather(*waiting):
        assert text(answered) == "the daemon is stopping"
    assert len(server.closed) == (1 if state == "fetching" else 0)


async def test_who_asks_a_pool_that_was_left_is_answered(clock: Clock, server: Server) -> None:
    async with Pool(clock) as pool:
        pass
    assert text(await pool.ask(Batch("a", server), "x", interval=30)) == "the daemon is stopping"


async def test_leaving_the_pool_closes_every_connection_at_once(clock: Clock) -> None:
    servers = [Server(closing=2.0) for _ in range(5)]
    async with Pool(clock) as pool:
        for number, server in enumerate(servers):
            await pool.ask(Batch(str(number), server), "x", interval=30)
    assert [server.closed for server in servers] == [[0.0]] * 5
    assert now() == 2.0


async def test_nothing_is_left_behind(clock: Clock, server: Server) -> None:
    async with Pool(clock) as pool:
        await ask_all(pool, Single("a", server), ["x", "y"])
    gc.collect()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_five_thousand_objects_on_twenty_clusters_are_twenty_fetches(clock: Clock) -> None:
    servers = [Server(takes=0.1) for _ in range(20)]
    async with Pool(clock) as pool:
        asked: list[Any] = [
            pool.ask(Batch(str(number % 20), servers[number % 20]), f"q{number}", interval=30) for number in range(5000)
        ]
        await asyncio.gather(*asked)
    assert [len(server.fetched) for server in servers] == [1] * 20
