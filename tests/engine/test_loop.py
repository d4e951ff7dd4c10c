"""The line: what one object's trouble does to the others, overlap, refreshes, what is written and when."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from scaler.core import jobs
from scaler.core.model import Advice, Decision, Event, Failure, Goal, JobRules, State, Target, Why
from scaler.engine.cluster import Gone
from scaler.errors import ClusterError, Conflict, LoginError, NotFound, ScalerError, SourceError
from scaler.manifests.watched import Ref, Watched
from tests.cluster.remembering import RememberingCluster
from tests.engine.scene import EPOCH, Rising, ref, scene, trigger
from tests.engine.sources import HANGS, Batch, Raised, Server, Single

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def test_from_a_manifest_to_replicas_and_back() -> None:
    server = Server(answers={"q": 35})
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=server), "q"), cooldown=15.0)
        await stage.settled()
        assert stage.replicas("a") == 4
        assert stage.decision("a").why is Why.ACTIVATED
        server.answers["q"] = 0
        await stage.settled(10)
        await stage.ring()
        assert stage.replicas("a") == 4
        assert stage.decision("a").why is Why.COOLING
        await stage.settled(15)
        assert stage.replicas("a") == 0, "`again` looked when the cooldown ended, no slot had to ring"


async def test_objects_of_one_source_are_asked_together_and_equal_queries_once() -> None:
    server = Server(answers={"q": 10, "r": 20})
    async with scene() as stage:
        for name, query in (("a", "q"), ("b", "q"), ("c", "r")):
            stage.add(name, trigger(Batch(server=server), query))
        await stage.settled()
        server.fetched.clear()
        await stage.settled(10)
        await stage.ring()
        assert server.attempts == 1
        assert [sorted(batch) for batch in server.fetched] == [["q", "r"]]
        assert [stage.replicas(name) for name in "abc"] == [1, 1, 2]


async def test_a_bug_in_one_scaler_is_that_objects_failure() -> None:
    source = Batch(server=Server(answers={"q": "bug", "r": 10}))
    async with scene() as stage:
        stage.add("bad", trigger(source, "q"), replicas=3)
        stage.add("good", trigger(source, "r"))
        await stage.settled()
        assert stage.replicas("good") == 1
        assert stage.replicas("bad") == 3
        [reading] = stage.board.get(ref("bad")).readings.values()  # type: ignore[union-attr]  # it was served
        assert isinstance(reading, Failure)
        assert reading.reason == "InternalError"
        assert "ZeroDivisionError" in reading.problem


async def test_a_bug_in_one_decision_is_that_objects_fault(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> Decision:
        raise RuntimeError("a bug")

    source = Batch(server=Server(answers={"q": 10}))
    async with scene() as stage:
        stage.add("bad", trigger(source, "q"), with_decide=broken)
        stage.add("good", trigger(source, "q"))
        await stage.settled()
        assert stage.replicas("good") == 1
        assert [(name.name, "bug" in words) for name, words in stage.cluster.reported] == [("bad", True)]
        await stage.settled(10)
        await stage.ring()
        assert len(stage.cluster.reported) == 1, "told once"
    assert any(record.exc_info for record in caplog.records), "with a traceback"


@pytest.mark.parametrize("answer", [HANGS, "bad", Raised(SourceError("gone")), float("nan"), float("inf"), "x"])
async def test_what_cannot_be_read_moves_nothing(answer: object) -> None:
    server = Server(answers={"q": 50})
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=server), "q"), cooldown=1.0)
        await stage.settled()
        assert stage.replicas("a") == 5
        server.answers["q"] = answer
        for _ in range(5):
            await stage.settled(10)
            await stage.ring()
        assert stage.replicas("a") == 5
        server.answers["q"] = 60
        await stage.settled(15)
        await stage.ring()
        assert stage.replicas("a") == 6, "it recovers by itself"


async def test_a_slow_trigger_delays_only_its_own_object() -> None:
    async with scene() as stage:
        stage.add("slow", trigger(Batch("slow", Server(answers={"q": HANGS})), "q"))
        stage.add("quick", trigger(Batch("quick", Server(answers={"q": 10})), "q"))
        await stage.settled(0.1)
        assert stage.replicas("quick") == 1


async def test_an_object_is_served_once_at_a_time_and_a_skipped_round_is_counted() -> None:
    server = Server(answers={"q": 10}, takes=8.0)
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=server), "q"), interval=5.0)
        await stage.settled(1)
        for slot in stage.agenda.slots:
            stage.agenda.ring(slot, stage.clock())
        await stage.settled(1)
        assert len(server.fetched) == 1
        assert stage.agenda.skipped[ref("a")] == 1
        await stage.settled(8)
        assert len(server.fetched) == 2, "it came again when it was done"


class SlowCluster(RememberingCluster):
    """Takes 3 s to write."""

    async def apply(self, watched: Watched, decision: Decision) -> None:
        await asyncio.sleep(3)
        await super().apply(watched, decision)


async def test_what_is_decided_while_writing_becomes_one_more_write(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(answers={"q": 10})
    async with scene(metric_max_age=0.5) as stage:
        slow = SlowCluster()
        slow.replicas = stage.cluster.replicas
        stage.loop._cluster.apply = slow.apply  # type: ignore[method-assign]  # the one way to make this cluster slow
        stage.add("a", trigger(Batch(server=server), "q"))
        await stage.settled(0.5)
        for load in (20, 30, 40):
            server.answers["q"] = load
            await stage.settled(0.6)
            await stage.loop.refresh(ref("a"), "s0-q")
        await stage.settled(10)
        assert [decision.replicas for decision in slow.applied] == [1, 4], "the latest only"
        assert stage.replicas("a") == 4


class RefusingCluster(RememberingCluster):
    """Refuses the first writes, each in its own way."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals: list[Exception] = []

    async def apply(self, watched: Watched, decision: Decision) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        await super().apply(watched, decision)


async def test_a_conflict_is_observed_and_decided_again_at_once() -> None:
    server = Server(answers={"q": 10})
    async with scene() as stage:
        refusing = RefusingCluster()
        refusing.replicas, refusing.refusals = stage.cluster.replicas, [Conflict("moved")]
        stage.loop._cluster.apply = refusing.apply  # type: ignore[method-assign]  # as above
        stage.add("a", trigger(Batch(server=server), "q"))
        await stage.settled()
        assert stage.replicas("a") == 1
        assert not stage.cluster.reported
        events = [event.reason for decision in refusing.applied for event in decision.events]
        assert events.count("KEDAScaleTargetActivated") >= 1, "an event of the refused write is not lost"


async def test_a_target_that_does_not_exist_is_told_once_and_found_later() -> None:
    server = Server(answers={"q": 10})
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=server), "q"))
        del stage.cluster.replicas[Ref("Deployment", "default", "a")]
        await stage.settled()
        await stage.settled(10)
        await stage.ring()
        assert [words for _, words in stage.cluster.reported] == ["there is no Deployment a"]
        stage.cluster.replicas[Ref("Deployment", "default", "a")] = 0
        await stage.settled(10)
        await stage.ring()
        assert stage.replicas("a") == 1


async def test_a_deleted_object_is_forgotten_everywhere() -> None:
    server = Server(answers={"q": 10}, takes=2.0)
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=server), "q"))
        await stage.settled(1)
        stage.cluster.changes.put_nowait(Gone(ref("a")))
        await stage.settled(5)
        assert stage.board.get(ref("a")) is None
        assert not stage.cluster.applied, "what was under way is not written any more"
        assert len(stage.agenda) == 0


async def test_the_answer_before_is_kept_for_who_compares() -> None:
    server = Server(answers={"q": 10})
    async with scene() as stage:
        source = Batch(server=server)
        stage.add("a", trigger(source, "q", scaler=Rising()))
        await stage.settled()
        server.answers["q"] = 14
        await stage.settled(10)
        await stage.ring()
        assert stage.values("a") == {"s0-q": 4.0}
        stage.add("a", trigger(source, "q", scaler=Rising()), maximum=7)
        server.answers["q"] = 15
        await stage.settled()
        assert stage.values("a") == {"s0-q": 1.0}, "an edit elsewhere in the object does not lose it"


async def test_what_was_remembered_is_gone_on_with() -> None:
    remembered = State(last_active=EPOCH - 5, seen=4, original_replicas=2, highest=(Advice(4, EPOCH - 5),))
    async with scene() as stage:
        stage.add(
            "a", trigger(Batch(server=Server(answers={"q": 0})), "q"), replicas=4, remembered=remembered, cooldown=60.0
        )
        await stage.settled()
        assert stage.decision("a").why is Why.COOLING
        assert stage.decision("a").again == EPOCH + 55
        assert stage.board.state(ref("a")).original_replicas == 2


# --------------------------------------------------------------------------------------------------------- refreshing


async def test_a_young_reading_answers_without_asking_and_an_old_one_is_read_anew() -> None:
    server = Server(answers={"q": 10})
    async with scene(metric_max_age=5.0) as stage:
        stage.add("a", trigger(Batch(server=server), "q"), interval=30.0)
        await stage.settled(1)
        fetches = len(server.fetched)
        await stage.loop.refresh(ref("a"), "s0-q")
        assert len(server.fetched) == fetches
        await stage.settled(6)
        server.answers["q"] = 70
        await stage.loop.refresh(ref("a"), "s0-q")
        assert len(server.fetched) == fetches + 1
        metric = stage.board.metric(ref("a"), "S0-Q")
        assert metric is not None
        assert metric.value == 70
        await stage.settled(1)
        assert stage.replicas("a") == 7, "a refresh decides and writes as a poll does"


async def test_a_hanging_trigger_does_not_delay_its_healthy_neighbour() -> None:
    good, bad = Server(answers={"q": 10}), Server(answers={"r": 10})
    async with scene(metric_max_age=1.0) as stage:
        stage.add("a", trigger(Batch("good", good), "q"), trigger(Batch("bad", bad), "r", index=1))
        await stage.settled(2)
        bad.answers["r"] = HANGS
        good.answers["q"] = 30
        await stage.loop.refresh(ref("a"), "s0-q")
        assert stage.values("a") == {"s0-q": 30.0, "s1-r": 10.0}, "the other reading is the board's"
        with pytest.raises(TimeoutError):
            await stage.loop.refresh(ref("a"), "s1-r")


async def test_equal_refreshes_are_one_and_a_caller_that_gives_up_cancels_nothing() -> None:
    server = Server(answers={"q": 10})
    async with scene(metric_max_age=1.0) as stage:
        stage.add("a", trigger(Batch(server=server), "q"), interval=60.0)
        await stage.settled(3)
        server.takes, fetches = 1.0, len(server.fetched)
        first = asyncio.ensure_future(stage.loop.refresh(ref("a"), "s0-q"))
        second = asyncio.ensure_future(stage.loop.refresh(ref("a"), "s0-q"))
        await stage.settled(0.5)
        first.cancel()
        await second
        assert len(server.fetched) == fetches + 1


async def test_refreshes_of_a_source_that_answers_together_take_the_others_along() -> None:
    server = Server(answers={"q": 10, "r": 20})
    async with scene(metric_max_age=4.0) as stage:
        source = Batch(server=server)
        stage.add("a", trigger(source, "q"), interval=60.0)
        stage.add("b", trigger(source, "r"), interval=60.0)
        await stage.settled(5)
        server.fetched.clear()
        await stage.loop.refresh(ref("a"), "s0-q")
        await stage.loop.refresh(ref("b"), "s0-r")
        assert [sorted(batch) for batch in server.fetched] == [["q", "r"]]


async def test_cached_metrics_are_never_asked_for() -> None:
    server = Server(answers={"q": 10})
    async with scene(metric_max_age=1.0) as stage:
        made = trigger(Batch(server=server), "q")
        cached = type(made)(
            made.index, made.type, made.scaler, made.source, made.query, made.goals, made.name, cached=True
        )
        stage.add("a", cached, interval=60.0)
        await stage.settled(30)
        fetches = len(server.fetched)
        await stage.loop.refresh(ref("a"), "s0-q")
        assert len(server.fetched) == fetches


async def test_what_is_not_served_cannot_be_refreshed() -> None:
    async with scene() as stage:
        with pytest.raises(NotFound):
            await stage.loop.refresh(ref("nobody"), "s0-q")


# ------------------------------------------------------------------------------------------------------------ talking


async def test_one_log_line_for_a_change_and_none_for_a_quiet_round(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "scaler")
    server = Server(answers={"q": 35})
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=server), "q"))
        await stage.settled()
        for _ in range(5):
            await stage.settled(10)
            await stage.ring()
        assert [record.getMessage() for record in caplog.records] == [f"default/a 0→4 {Why.ACTIVATED.value}"]
        assert caplog.records[0].__dict__["trigger"] == "s0-q"
        assert caplog.records[0].__dict__["value"] == "35"
        caplog.clear()
        server.answers["q"] = "bad"
        for _ in range(3):
            await stage.settled(10)
            await stage.ring()
        server.answers["q"] = 35
        await stage.settled(10)
        await stage.ring()
        said = [record.getMessage() for record in caplog.records]
        assert said == ["no number in the answer", "can be read again"]


async def test_a_wall_clock_that_is_stepped_changes_no_decision() -> None:
    """The daemon's clock follows a step of the wall clock by a second a minute: nothing cools down or expires by it."""
    from scaler.clock import Clock

    server = Server(answers={"q": 35})
    offset = {"wall": 0.0}
    async with scene() as stage:
        loop = asyncio.get_running_loop()
        clock = Clock(wall=lambda: EPOCH + loop.time() + offset["wall"], steady=loop.time)
        stage.loop._clock = clock  # the clock that is handed to the daemon
        stage.add("a", trigger(Batch(server=server), "q"), cooldown=120.0)
        await stage.settled()
        server.answers["q"] = 0
        seen = []
        for step in (0.0, 3600.0, 0.0, -3600.0, 0.0):
            offset["wall"] += step
            await stage.settled(10)
            await stage.ring()
            seen.append((stage.replicas("a"), stage.decision("a").why))
        assert set(seen) == {(4, Why.COOLING)}


async def test_an_object_that_goes_while_it_is_served_leaves_no_trace() -> None:
    server = Server(answers={"q": 10}, takes=2.0)
    async with scene() as stage:
        made = stage.add("a", trigger(Batch(server=server), "q"))
        await stage.settled(1)
        stage.cluster.changes.put_nowait(Gone(ref("a")))
        del stage.cluster.replicas[made.target]
        await stage.settled(5)
        assert stage.board.get(ref("a")) is None


async def test_an_owner_who_cannot_be_told_stops_nobody() -> None:
    async def away(ref: Ref, problem: ScalerError) -> None:
        raise ClusterError(f"the API server is away, {problem} is not told to {ref}")

    source = Batch(server=Server(answers={"q": 10}))
    async with scene() as stage:
        stage.cluster.report = away  # type: ignore[method-assign]  # the one way to make this cluster fail so
        bad = stage.add("bad", trigger(source, "q"))
        del stage.cluster.replicas[bad.target]
        stage.add("good", trigger(source, "q"))
        await stage.settled()
        assert stage.replicas("good") == 1


async def test_what_was_refreshed_is_left_out_by_its_slot() -> None:
    server = Server(answers={"q": 10})
    async with scene(metric_max_age=1.0) as stage:
        stage.add("a", trigger(Batch(server=server), "q"), interval=10.0)
        await stage.settled(9)
        await stage.loop.refresh(ref("a"), "s0-q")
        fetches = len(server.fetched)
        await stage.ring()
        assert len(server.fetched) == fetches


async def test_a_write_that_fails_every_round_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "scaler")
    refusing = RefusingCluster()
    refusing.refusals = [ClusterError("there is no such program") for _ in range(4)]
    async with scene() as stage:
        refusing.replicas = stage.cluster.replicas
        stage.loop._cluster.apply = refusing.apply  # type: ignore[method-assign]  # as above
        stage.add("a", trigger(Batch(server=Server(answers={"q": 10})), "q"))
        for _ in range(5):
            await stage.settled(10)
            await stage.ring()
    said = [record.getMessage() for record in caplog.records if "→" not in record.getMessage()]
    assert said == ["there is no such program", "is served again"]


# ------------------------------------------------------------------------------------------------------- refused logins


REFUSED = Raised(LoginError("wrong user or password"))


async def test_a_refused_login_is_doubted_once_for_each_attempt_by_everybody_it_concerns() -> None:
    server = Server(answers={"q": REFUSED})
    source = Batch(server=server)
    async with scene() as stage:
        stage.add("a", trigger(source, "q"), trigger(source, "r", index=1))
        stage.add("b", trigger(source, "q"))
        stage.add("other", trigger(Batch("other"), "5"))
        await stage.settled(0.3)
        assert sorted(stage.cluster.doubted) == [ref("a"), ref("b")]
        for name in ("a", "b"):
            stage.agenda.poke(ref(name))
        await stage.settled(0.05)
        assert len(stage.cluster.doubted) == 2, "the source rests: that was the same attempt"
        await stage.settled(10)
        await stage.ring()
        assert sorted(stage.cluster.doubted) == [ref("a"), ref("a"), ref("b"), ref("b")]


async def test_a_refused_login_of_one_query_is_doubted_too_and_other_failures_are_not() -> None:
    server = Server(answers={"q": LoginError("HTTP 401"), "r": SourceError("HTTP 500"), "s": "bad"})
    async with scene() as stage:
        for name, query in (("a", "q"), ("b", "r"), ("c", "s")):
            stage.add(name, trigger(Batch(server=server), query))
        await stage.settled()
        assert stage.cluster.doubted == [ref("a")]
        assert stage.values("a") == {"s0-q": "HTTP 401"}


async def test_a_refresh_that_is_refused_is_doubted() -> None:
    server = Server(answers={"q": 10})
    async with scene(metric_max_age=1.0) as stage:
        stage.add("a", trigger(Single(server=server), "q"), interval=60.0)
        await stage.settled(5)
        server.answers["q"] = LoginError("HTTP 401")
        await stage.loop.refresh(ref("a"), "s0-q")
        await stage.settled(0.1)
        assert stage.cluster.doubted == [ref("a")]


async def test_who_asks_stores_hears_of_a_doubt_beside_the_cluster() -> None:
    """And the cluster does not wait for a store that hangs."""
    told: list[Ref] = []

    async def doubt(watched: Watched) -> None:
        told.append(watched.ref)
        await asyncio.sleep(3600)

    async with scene(doubt=doubt) as stage:
        stage.add("a", trigger(Batch(server=Server(answers={"q": REFUSED})), "q"))
        await stage.settled()
        assert told == stage.cluster.doubted == [ref("a")]


@pytest.mark.parametrize("failure", [ClusterError("away"), RuntimeError("a bug"), 3600.0])
async def test_a_doubt_delays_and_breaks_nothing(failure: Exception | float) -> None:
    doubted: list[Ref] = []

    async def doubt(watched: Watched) -> None:
        doubted.append(watched.ref)
        if isinstance(failure, Exception):
            raise failure
        await asyncio.sleep(failure)

    server = Server(answers={"q": REFUSED, "r": 10})
    async with scene() as stage:
        stage.cluster.doubt = doubt  # type: ignore[method-assign]  # the one way to make this cluster fail so
        stage.add("a", trigger(Batch(server=server), "q"), replicas=3)
        stage.add("b", trigger(Batch("b", server=server), "r"))
        for rounds in (1, 2, 3):
            await stage.settled(10)
            await stage.ring()
            assert stage.replicas("b") == 1
            assert stage.values("a") == {"s0-q": "wrong user or password"}
            assert len(doubted) == rounds + 1
        server.answers["q"] = 50
        await stage.settled(10)
        await stage.ring()
        assert stage.replicas("a") == 5, "the line went on all the time"
        assert bool(stage.cluster.reported) is isinstance(failure, RuntimeError), "only a bug is told"


async def test_a_formulas_metric_asks_for_all_of_its_inputs() -> None:
    """Not for what it does not hear, nor for what is to be answered from the last poll."""
    servers = [Server(answers={query: 10}) for query in "qrst"]
    async with scene(metric_max_age=5.0) as stage:
        made = [trigger(Batch(str(i), server), "qrst"[i], index=i) for i, server in enumerate(servers)]
        made[2] = replace(made[2], cached=True)
        composite = Goal("composite-metric", 10.0)
        heard = (("q", "s0-q"), ("r", "s1-r"), ("s", "s2-s"))
        stage.add("a", *made, interval=60.0, formula="q + r + s", variables=heard, composite=composite)
        await stage.settled(1)
        fetches = [len(server.fetched) for server in servers]
        await stage.loop.refresh(ref("a"), "composite-metric")
        assert [len(server.fetched) for server in servers] == fetches, "they are young enough"
        await stage.settled(6)
        for server in servers:
            server.answers = dict.fromkeys(server.answers, 30)
        await stage.loop.refresh(ref("a"), "composite-metric")
        assert [len(one.fetched) - before for one, before in zip(servers, fetches, strict=True)] == [1, 1, 0, 0]
        metric = stage.board.metric(ref("a"), "composite-metric")
        assert metric is not None
        assert metric.value == 70
        await stage.settled(1)
        assert stage.replicas("a") == 7


async def test_a_formula_that_hears_nobody_needs_no_asking() -> None:
    server = Server(answers={"q": 10})
    async with scene(metric_max_age=1.0) as stage:
        composite = Goal("composite-metric", 10.0)
        stage.add("a", trigger(Batch(server=server), "q"), interval=60.0, formula="20", composite=composite)
        await stage.settled(5)
        fetches = len(server.fetched)
        await stage.loop.refresh(ref("a"), "composite-metric")
        assert len(server.fetched) == fetches
        assert stage.replicas("a") == 2


async def test_a_metric_that_the_object_has_not() -> None:
    async with scene() as stage:
        stage.add("a", trigger(Batch(), "q"))
        await stage.settled(1)
        for metric in ("s1-q", "composite-metric"):
            with pytest.raises(NotFound, match=metric):
                await stage.loop.refresh(ref("a"), metric)


async def test_jobs_are_made_by_the_same_line() -> None:
    """What runs is counted at each round; nothing is made twice, and of a manifest that is refused now the old rules
    hold."""
    server = Server(answers={"q": 30})
    async with scene() as stage:
        told = stage.add("a", trigger(Batch(server=server), "q"), with_decide=jobs.decide, jobs=JobRules())
        await stage.settled()
        assert stage.cluster.replicas[told.ref] == 3
        await stage.ring()
        assert stage.cluster.replicas[told.ref] == 3
        server.answers["q"] = 50
        await stage.settled(10)
        await stage.ring()
        assert stage.cluster.replicas[told.ref] == 5
        assert stage.decision("a").create == 2
        assert [one.create for one in stage.cluster.applied if one.create] == [3, 2]


async def test_jobs_that_cannot_be_seen_are_not_made_again() -> None:
    class Blind(RememberingCluster):
        async def seen(self, watched: Watched) -> Target:
            raise ClusterError("its jobs cannot be seen")

    server = Server(answers={"q": 30})
    async with scene() as stage:
        stage.cluster.seen = Blind().seen  # type: ignore[method-assign]  # as a cluster that cannot see them
        told = stage.add("a", trigger(Batch(server=server), "q"), with_decide=jobs.decide, jobs=JobRules())
        await stage.settled()
        assert stage.cluster.replicas.get(told.ref, 0) == 0
        assert stage.cluster.reported == [(told.ref, "its jobs cannot be seen")]


# ----------------------------------------------------------------------------------------------- several entrances


async def test_a_poll_that_waits_for_its_neighbour_does_not_take_back_what_was_refreshed_meanwhile() -> None:
    """Nor is a failure counted again that was over before it was published."""
    quick, slow = Server(answers={"q": 10}), Server(answers={"r": 10})
    async with scene(metric_max_age=1.0) as stage:
        stage.add("a", trigger(Batch("quick", quick), "q"), trigger(Batch("slow", slow), "r", index=1), interval=30.0)
        await stage.settled(2)
        slow.takes, quick.answers["q"] = 6.0, SourceError("away")
        [slot] = stage.agenda.slots
        stage.agenda.ring(slot, stage.clock() + 20)
        await stage.settled(2)
        quick.answers["q"] = 50
        await stage.loop.refresh(ref("a"), "s0-q")
        assert stage.values("a")["s0-q"] == 50
        await stage.settled(10)
        assert stage.values("a")["s0-q"] == 50
        entry = stage.board.get(ref("a"))
        assert entry is not None
        assert not entry.errors
        assert not stage.decision("a").state.failures


async def test_a_refresh_that_waits_for_the_cluster_does_not_take_back_what_was_polled_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = Server(answers={"q": 10}), Server(answers={"r": 10})
    async with scene(metric_max_age=1.0) as stage:
        stage.add("a", trigger(Batch("one", one), "q"), trigger(Batch("other", other), "r", index=1), interval=30.0)
        await stage.settled(2)
        seen, waits = stage.cluster.seen, [2.0]

        async def slowly(watched: Watched) -> Target:
            await asyncio.sleep(waits.pop() if waits else 0)
            return await seen(watched)

        monkeypatch.setattr(stage.cluster, "seen", slowly)
        refreshing = asyncio.ensure_future(stage.loop.refresh(ref("a"), "s0-q"))
        await stage.settled(0.5)
        other.answers["r"] = 70
        stage.agenda.poke(ref("a"))
        await refreshing
        assert stage.values("a")["s1-r"] == 70


async def test_what_is_published_late_takes_nothing_back_from_a_poll_that_read_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(answers={"q": 10})
    async with scene(metric_max_age=1.0) as stage:
        stage.add("a", trigger(Batch(server=server), "q"), interval=30.0)
        await stage.settled(2)
        seen, waits = stage.cluster.seen, [2.0]

        async def slowly(watched: Watched) -> Target:
            await asyncio.sleep(waits.pop() if waits else 0)
            return await seen(watched)

        monkeypatch.setattr(stage.cluster, "seen", slowly)
        refreshing = asyncio.ensure_future(stage.loop.refresh(ref("a"), "s0-q"))
        await stage.settled(0.5)
        server.answers["q"], server.takes = 70, 3.0
        stage.agenda.poke(ref("a"))
        await refreshing
        assert stage.values("a") == {"s0-q": 10.0}
        await stage.settled(4)
        assert stage.values("a") == {"s0-q": 70.0}


async def test_a_clock_that_is_set_back_makes_no_old_reading_newer() -> None:
    server = Server(answers={"q": 10})
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=server), "q"))
        await stage.settled()
        before = stage.loop._clock
        stage.pool._keepers[Batch()]._clock = lambda: before() - 3600
        stage.loop._clock = lambda: before() - 3600
        server.answers["q"] = 40
        stage.agenda.poke(ref("a"))
        await stage.settled()
        assert stage.values("a") == {"s0-q": 40.0}


@pytest.mark.parametrize("heard", [True, False])
async def test_a_refresh_before_the_first_poll_takes_nobody_for_failed(heard: bool) -> None:
    """Neither a neighbour nor, beside a formula, one that it does not hear."""
    composite = Goal("composite-metric", 10.0)
    made: dict[str, Any] = {"formula": "q", "variables": (("q", "s0-q"),), "composite": composite}
    async with scene() as stage:
        source = Single(server=Server(answers={"q": 10, "r": 10}))
        stage.add("first", trigger(source, "x"), interval=60.0)
        stage.add("a", trigger(source, "q"), trigger(source, "r", index=1), interval=60.0, **({} if heard else made))
        await stage.settled()
        assert stage.agenda.sweeping, "its first turn is still to come"
        for _ in range(2):
            await stage.loop.refresh(ref("a"), "s0-q" if heard else "composite-metric")
            assert stage.values("a") == {"s0-q": 10.0, "s1-r": 10.0}
            assert not stage.decision("a").state.failures
            assert stage.decision("a").state.ready
            await stage.settled(6)


async def test_a_neighbour_that_never_answered_delays_only_until_it_has_failed() -> None:
    good, bad = Server(answers={"q": 10}), Server(answers={"r": HANGS})
    async with scene() as stage:
        stage.add("a", trigger(Batch("good", good), "q"), trigger(Batch("bad", bad, wait=4.0), "r", index=1))
        await stage.settled(0.1)
        with pytest.raises(TimeoutError):
            await stage.loop.refresh(ref("a"), "s0-q")
        await stage.settled(3)
        await stage.loop.refresh(ref("a"), "s0-q")
        assert stage.values("a") == {"s0-q": 10.0, "s1-r": "bad did not answer in 4 s"}
        await stage.settled(6)
        bad.answers["r"], asked = HANGS, len(bad.fetched)
        await stage.loop.refresh(ref("a"), "s0-q")
        assert len(bad.fetched) == asked


# ------------------------------------------------------------------------------------------------ what goes or changes


async def test_who_is_to_look_again_is_forgotten_with_the_object() -> None:
    """What comes of time alone is looked at before the next poll: here the end of a cooldown."""
    server = Server(answers={"q": 10})
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=server), "q"), interval=60.0, cooldown=30.0)
        await stage.settled()
        server.answers["q"] = 0
        stage.agenda.poke(ref("a"))
        await stage.settled()
        assert stage.loop._timers
        stage.cluster.changes.put_nowait(Gone(ref("a")))
        await stage.settled()
        assert not stage.loop._timers


async def test_what_is_bound_anew_during_a_slow_write_is_written_as_it_is_bound_now() -> None:
    server = Server(answers={"q": 10})
    async with scene(metric_max_age=0.5) as stage:
        written: list[tuple[float, int | None]] = []

        async def slowly(watched: Watched, decision: Decision) -> None:
            written.append((watched.interval, decision.replicas))
            await asyncio.sleep(3)

        stage.loop._cluster.apply = slowly  # type: ignore[method-assign]  # the one way to make this cluster slow
        source = Batch(server=server)
        stage.add("a", trigger(source, "q"), interval=10.0)
        await stage.settled(1)
        server.answers["q"] = 20
        await stage.loop.refresh(ref("a"), "s0-q")
        stage.add("a", trigger(source, "q"), interval=20.0)
        await stage.settled(10)
        assert written[0] == (10.0, 1)
        assert {interval for interval, _ in written[1:]} == {20.0}


async def test_what_an_earlier_binding_decided_is_not_written_for_a_later_one() -> None:
    """Its events wait for what the later one decides."""
    server = Server(answers={"q": 10})
    async with scene() as stage:
        stage.add("a", trigger(Batch(server=server), "q"))
        await stage.settled()
        made = replace(stage.decision("a"), events=(Event("Told", "once"),))
        stage.board.publish(ref("a"), (), Target(1, 1, 1), made, stage.clock(), {})
        stage.board.place(stage.add("a", trigger(Batch(server=server), "q", index=1)))
        assert stage.board.unsent(ref("a")) is None
        await stage.settled()
        assert "Told" in [event.reason for event in stage.cluster.applied[-1].events]
