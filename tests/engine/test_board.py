"""The board: what is kept, what is counted, and what is handed out once."""

import threading
from typing import Any

import pytest

from scaler.core.model import Decision, Event, Failure, Goal, Metric, Reading, Spec, State, Target, Value, Why
from scaler.engine.board import Board, Entry
from scaler.manifests.watched import Ref, Trigger, Watched
from tests.engine.scene import Plain, ref, trigger
from tests.engine.sources import Batch

NOW = 1_700_000_000.0
SEEN = Target(wanted=1, exists=1, ready=1)
STEADY = Decision(1, Why.STEADY)


def watched(*triggers: Trigger, name: str = "orders") -> Watched:
    bound = triggers or (trigger(Batch("a"), "x"),)
    goals = tuple(goal for one in bound for goal in one.goals)
    return Watched(ref(name), Spec(name, goals), bound, 30.0, ref("target"), frozenset(), _never)


def _never(*_: Any) -> Decision:
    raise NotImplementedError


@pytest.fixture
def board() -> Board:
    made = Board()
    made.place(watched())
    return made


def entry(board: Board, name: str = "orders") -> Entry:
    found = board.get(ref(name))
    assert found is not None
    return found


def publish(board: Board, *readings: Reading, decision: Decision = STEADY, at: float = NOW) -> None:
    board.publish(ref("orders"), readings, SEEN, decision, at, {one.metric: 0.5 for one in readings})


def failure(at: float, metric: str = "s0-x") -> Failure:
    return Failure(metric, "no answer", "SourceError", at)


# ------------------------------------------------------------------------------------------------------- what is kept


def test_an_object_that_nobody_knows_has_nothing(board: Board) -> None:
    nobody = Ref("ScaledObject", "default", "nobody")
    assert (board.get(nobody), board.state(nobody), board.unsent(nobody)) == (None, State(), None)
    assert board.metric(nobody, "s0-x") is None
    assert len(board) == 1


def test_a_round_is_kept(board: Board) -> None:
    decision = Decision(3, Why.ABOVE_TARGET, state=State(last_active=NOW))
    reading = Value("s0-x", 25.0, True, NOW)
    publish(board, reading, decision=decision)
    kept = entry(board)
    assert (kept.readings, kept.took) == ({"s0-x": reading}, {"s0-x": 0.5})
    assert (kept.decision, kept.target, kept.at, kept.state) == (decision, SEEN, NOW, decision.state)
    assert board.state(ref("orders")) == decision.state


def test_a_refresh_of_one_metric_leaves_the_others(board: Board) -> None:
    board.place(watched(trigger(Batch("a"), "x"), trigger(Batch("a"), "y", index=1)))
    publish(board, Value("s0-x", 1.0, True, NOW), Value("s1-y", 2.0, True, NOW))
    publish(board, Value("s0-x", 5.0, True, NOW + 1))
    assert [one.value for one in entry(board).readings.values() if isinstance(one, Value)] == [5.0, 2.0]


def test_the_metrics_api_reads_without_regard_to_case(board: Board) -> None:
    metric = Metric("s0-X", 25.0, NOW)
    publish(board, decision=Decision(3, Why.ABOVE_TARGET, metrics=(metric,)))
    assert board.metric(ref("orders"), "S0-x") is metric
    assert board.metric(ref("orders"), "s1-x") is None


def test_an_object_in_a_new_shape_forgets_what_it_no_longer_has(board: Board) -> None:
    publish(board, Value("s0-x", 1.0, True, NOW), decision=Decision(1, Why.STEADY, state=State(last_active=NOW)))
    board.place(watched(trigger(Batch("a"), "y")))
    assert (entry(board).readings, entry(board).took) == ({}, {})
    assert board.state(ref("orders")).last_active == NOW


def test_what_an_earlier_daemon_remembered_counts_at_first_sight_only() -> None:
    board, remembered = Board(), State(last_active=NOW)
    board.place(watched(), remembered)
    assert board.state(ref("orders")) is remembered
    publish(board, decision=Decision(1, Why.STEADY, state=State(last_active=NOW + 30)))
    board.place(watched(), remembered)
    assert board.state(ref("orders")).last_active == NOW + 30


def test_a_dropped_object_is_forgotten(board: Board) -> None:
    board.drop(ref("orders"))
    board.drop(ref("orders"))
    assert (len(board), list(board)) == (0, [])


# ---------------------------------------------------------------------------------------------------- what is counted


def test_a_failed_attempt_counts_once(board: Board) -> None:
    for at in (1.0, 1.0, 2.0):
        publish(board, failure(at))
    assert entry(board).errors == {"s0-x": 2}
    publish(board, Value("s0-x", 1.0, True, 3.0))
    publish(board, failure(4.0))
    assert entry(board).errors == {"s0-x": 3}


def test_a_refresh_that_repeats_anothers_failure_counts_nothing(board: Board) -> None:
    board.place(watched(trigger(Batch("a"), "x"), trigger(Batch("b"), "y", index=1)))
    publish(board, failure(1.0), Value("s1-y", 2.0, True, 1.0))
    publish(board, Value("s1-y", 3.0, True, 9.0), failure(1.0))
    assert entry(board).errors.total() == 1


def test_a_fault_leaves_what_was_there_until_the_next_round(board: Board) -> None:
    publish(board, Value("s0-x", 1.0, True, NOW))
    board.fault(ref("orders"), "the cluster cannot be reached")
    board.fault(ref("orders"), "the cluster cannot be reached")
    assert (entry(board).problem, entry(board).faults) == ("the cluster cannot be reached", 2)
    assert entry(board).decision is STEADY
    publish(board, Value("s0-x", 1.0, True, NOW))
    assert (entry(board).problem, entry(board).faults) == ("", 2)


def test_a_fault_before_anything_is_known_is_kept() -> None:
    board = Board()
    board.fault(ref("orders"), "spec.triggers: no triggers defined")
    assert (entry(board).watched, entry(board).problem) == (None, "spec.triggers: no triggers defined")
    board.place(watched())
    assert entry(board).problem == ""


def test_failed_attempts_are_never_uncounted(board: Board) -> None:
    publish(board, failure(1.0))
    publish(board, failure(2.0))
    board.fault(ref("orders"), "the cluster cannot be reached")
    board.place(watched(trigger(Batch("a"), "y")))
    assert (entry(board).errors, entry(board).faults) == ({}, 3)


# -------------------------------------------------------------------------------------------------- what is to be sent


def test_a_decision_is_handed_out_once(board: Board) -> None:
    decision = Decision(3, Why.ABOVE_TARGET)
    publish(board, decision=decision)
    assert board.unsent(ref("orders")) is decision
    assert board.unsent(ref("orders")) is None


def test_only_the_latest_decision_is_handed_out_with_all_events_that_wait(board: Board) -> None:
    first, second = Event("First", "one"), Event("Second", "two")
    publish(board, decision=Decision(3, Why.ACTIVATED, events=(first,)))
    publish(board, decision=Decision(5, Why.ABOVE_TARGET, events=(second,)))
    handed = board.unsent(ref("orders"))
    assert handed == Decision(5, Why.ABOVE_TARGET, events=(first, second))


def test_events_that_were_not_written_wait_for_the_next_decision(board: Board) -> None:
    first, second = Event("First", "one"), Event("Second", "two")
    publish(board, decision=Decision(3, Why.ACTIVATED, events=(first,)))
    handed = board.unsent(ref("orders"))
    assert handed is not None
    board.keep_unsent(ref("orders"), handed.events)
    assert board.unsent(ref("orders")) is None
    publish(board, decision=Decision(3, Why.STEADY, events=(second,)))
    handed = board.unsent(ref("orders"))
    assert handed is not None
    assert handed.events == (first, second)


def test_events_of_a_dropped_object_are_dropped(board: Board) -> None:
    board.drop(ref("orders"))
    board.keep_unsent(ref("orders"), [Event("First", "one")])
    assert len(board) == 0


# ------------------------------------------------------------------------------------------------ the answer before


def test_the_answer_before_is_given_once_for_each_trigger(board: Board) -> None:
    one, two = trigger(Batch("a"), "x"), trigger(Batch("a"), "y", index=1)
    assert board.previous(ref("orders"), one, 10) is None
    assert board.previous(ref("orders"), two, 99) is None
    assert board.previous(ref("orders"), one, 20) == 10
    assert board.previous(ref("orders"), one, 30) == 20


def test_the_answer_before_of_another_trigger_is_none_of_this_ones(board: Board) -> None:
    board.previous(ref("orders"), trigger(Batch("a"), "x"), 10)
    assert board.previous(ref("orders"), trigger(Batch("a"), "other"), 20) is None


@pytest.mark.parametrize(("kept", "expected"), [(True, 10), (False, None)])
def test_the_answer_before_is_kept_while_the_trigger_stays(board: Board, kept: bool, expected: int | None) -> None:
    one = trigger(Batch("a"), "x", scaler=Plain())
    board.previous(ref("orders"), one, 10)
    board.place(watched(trigger(Batch("a"), "x" if kept else "y", scaler=Plain())))
    board.place(watched(one))
    assert board.previous(ref("orders"), one, 20) == expected


def test_an_object_that_is_gone_has_no_answer_before(board: Board) -> None:
    board.drop(ref("orders"))
    assert board.previous(ref("orders"), trigger(Batch("a"), "x"), 10) is None
    assert len(board) == 0


# ------------------------------------------------------------------------------------------------------------ readers


def test_a_reader_sees_what_was_there_when_it_began(board: Board) -> None:
    for number in range(5):
        board.place(watched(name=f"o{number}"))
    seen = []
    for whose, _ in board:
        seen.append(whose.name)
        board.drop(ref("o4"))
        board.place(watched(name=f"new-{whose.name}"))
    assert seen == ["orders", "o0", "o1", "o2", "o3", "o4"]


def test_a_refused_login_is_news_once_for_each_attempt(board: Board) -> None:
    who = ref("orders")
    assert [board.refused(who, at) for at in (5.0, 5.0, 4.0, 6.0, 6.0)] == [True, False, False, True, False]
    assert not board.refused(Ref("ScaledObject", "default", "nobody"), 7.0)
    board.drop(who)
    board.place(watched())
    assert board.refused(who, 5.0)


def test_a_reader_may_stand_in_another_thread(board: Board) -> None:
    wrong: list[RuntimeError] = []

    def read() -> None:
        try:
            for _ in range(200):
                list(board)
        except RuntimeError as error:
            wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    number = 0
    while any(reader.is_alive() for reader in readers):
        board.place(watched(name=f"o{number % 100}"))
        board.drop(ref(f"o{(number + 50) % 100}"))
        number += 1
    assert wrong == []


def test_goals_of_one_trigger_are_metrics_of_their_own(board: Board) -> None:
    both = Trigger(0, "plain", Plain(), Batch("a"), "x", (Goal("s0-x", 1.0), Goal("s0-y", 1.0)))
    board.place(watched(both))
    publish(board, failure(1.0), failure(1.0, "s0-y"))
    assert entry(board).errors == {"s0-x": 1, "s0-y": 1}
