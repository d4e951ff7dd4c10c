"""A round as spans: which, when, with what; and which rounds are traced at all."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, Tracer

from scaler.core.model import Decision, Event, Failure, Note, Target, Value, Why
from scaler.engine.rounds import Applied, Round, Rounds
from scaler.telemetry.traces import follow, trace
from tests.web.telemetry.scene import NOW, trigger, watched

BOUND = watched(trigger(0), trigger(1, "cron", name="office"))
MADE = Decision(3, Why.ABOVE_TARGET, (Note(Why.ABOVE_TARGET, 2, 4), Note(Why.LIMITED_UP, 4, 3)))
ROUND = Round(
    watched=BOUND,
    readings=(
        Value("s0-kafka-topic", 25.0, True, NOW + 1.0),
        Failure("s1-cron-topic", "no clock", "SourceError", NOW + 2),
    ),
    took={"s0-kafka-topic": 0.75, "s1-cron-topic": 2.0},
    target=Target(wanted=2, exists=2, ready=1),
    decision=MADE,
    began=NOW,
    read=NOW + 2.1,
    seen=NOW + 2.5,
    decided=NOW + 2.6,
    applied=Applied(NOW + 2.6, NOW + 3.0),
)


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(spans: InMemorySpanExporter) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider.get_tracer("test")


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [one for one in spans.get_finished_spans() if one.name == name]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if true():
                return
            await asyncio.sleep(0.01)


def seconds(span: ReadableSpan) -> tuple[float, float]:
    assert span.start_time is not None
    assert span.end_time is not None
    return round(span.start_time / 1e9 - NOW, 3), round(span.end_time / 1e9 - NOW, 3)


def test_one_trace_of_what_happened_when_it_happened(spans: InMemorySpanExporter, tracer: Tracer) -> None:
    trace(tracer, ROUND)
    found = {one.name: seconds(one) for one in spans.get_finished_spans() if one.name != "fetch"}
    assert found == {
        "round": (0, 3.0),
        "read": (2.0, 2.1),
        "see": (2.1, 2.5),
        "decide": (2.5, 2.6),
        "apply": (2.6, 3.0),
    }
    assert [seconds(one) for one in named(spans, "fetch")] == [(0.25, 1.0), (0.0, 2.0)]
    [root] = named(spans, "round")
    children = [one for one in spans.get_finished_spans() if one is not root]
    assert root.context is not None
    assert {one.parent.span_id for one in children if one.parent} == {root.context.span_id}
    assert len({one.context.trace_id for one in (root, *children) if one.context}) == 1


def test_what_the_spans_say(spans: InMemorySpanExporter, tracer: Tracer) -> None:
    trace(tracer, ROUND)
    [root] = named(spans, "round")
    assert dict(root.attributes or {}) == {
        "k8s.namespace.name": "shop",
        "scaler.kind": "ScaledObject",
        "scaler.object": "orders",
        "scaler.target": "x",
        "scaler.why": "above_target",
        "scaler.changes": True,
        "scaler.create": 0,
        "scaler.replicas.decided": 3,
    }
    good, bad = (dict(one.attributes or {}) for one in named(spans, "fetch"))
    assert (good["scaler.source"], good["scaler.value"], good["scaler.trigger.type"]) == ("a", 25.0, "kafka")
    assert (bad["error.type"], bad["scaler.trigger.name"]) == ("SourceError", "office")
    [decided] = named(spans, "decide")
    assert dict(decided.attributes or {}) == {"scaler.trail": "above_target > limited_up"}
    [seen] = named(spans, "see")
    assert dict(seen.attributes or {}) == {"scaler.replicas.wanted": 2, "scaler.replicas.ready": 1}


def test_what_failed_is_an_error(spans: InMemorySpanExporter, tracer: Tracer) -> None:
    trace(tracer, replace(ROUND, applied=Applied(NOW + 2.6, NOW + 3.0, "Conflict")))
    failed = {
        one.name: one.status.description
        for one in spans.get_finished_spans()
        if one.status.status_code is StatusCode.ERROR
    }
    assert failed == {"fetch": "no clock", "apply": "Conflict", "round": "Conflict"}


def test_without_a_write_it_ends_with_the_decision(spans: InMemorySpanExporter, tracer: Tracer) -> None:
    trace(tracer, replace(ROUND, applied=None))
    assert named(spans, "apply") == []
    assert seconds(named(spans, "round")[0]) == (0, 2.6)


def test_an_answer_that_was_there_already_took_no_time(spans: InMemorySpanExporter, tracer: Tracer) -> None:
    old = Value("s0-kafka-topic", 25.0, True, NOW - 3)
    trace(tracer, replace(ROUND, readings=(old,), took={"s0-kafka-topic": 0.5}))
    [fetched] = named(spans, "fetch")
    assert seconds(fetched) == (0, 0)
    assert dict(fetched.attributes or {})["scaler.kept"] is True


def test_no_secret_is_told(spans: InMemorySpanExporter, tracer: Tracer) -> None:
    trace(tracer, ROUND)
    assert "hunter2" not in "".join(one.to_json() for one in spans.get_finished_spans())


STEADY = replace(ROUND, decision=Decision(2, Why.STEADY))


@pytest.mark.parametrize(
    ("happened", "ratio", "traced"),
    [
        (ROUND, 0.0, 1),
        (STEADY, 0.0, 0),
        (STEADY, 0.5, 1),
        (STEADY, 0.4, 0),
        (STEADY, 1.0, 1),
        (replace(STEADY, decision=replace(STEADY.decision, events=(Event("Ready", "it is"),))), 0.0, 1),
        (replace(STEADY, decision=replace(STEADY.decision, create=1)), 0.0, 1),
        (replace(ROUND, decision=Decision(None, Why.LEFT_TO_HPA)), 0.0, 0),
    ],
)
async def test_what_changes_something_is_traced_and_a_share_of_the_rest(
    spans: InMemorySpanExporter, tracer: Tracer, happened: Round, ratio: float, traced: int
) -> None:
    rounds = Rounds()
    following = asyncio.create_task(follow(rounds, tracer, ratio, chance=lambda: 0.45))
    rounds.decided(happened)
    rounds.decided(replace(ROUND, began=NOW - 1))
    rounds.writing(ROUND.watched.ref)
    rounds.applied(ROUND.watched.ref, Applied(NOW, NOW))
    await until(lambda: len(named(spans, "round")) >= 1 + traced)
    following.cancel()
    assert len(named(spans, "round")) == 1 + traced


async def test_a_bug_in_a_trace_ends_nothing_and_is_told_once(
    spans: InMemorySpanExporter, tracer: Tracer, caplog: pytest.LogCaptureFixture
) -> None:
    rounds, broken = Rounds(), replace(ROUND, readings=(None,))  # type: ignore[arg-type]  # nothing can be made of it
    following = asyncio.create_task(follow(rounds, tracer, 1.0))
    for _ in range(2):
        rounds.decided(broken)
        rounds.writing(ROUND.watched.ref)
        rounds.applied(ROUND.watched.ref, Applied(NOW, NOW))
        await until(lambda: not rounds._done and bool(caplog.messages))
    rounds.decided(broken)
    rounds.decided(ROUND)
    rounds.decided(ROUND)
    await until(lambda: bool(named(spans, "apply")))
    assert not following.done()
    following.cancel()
    assert caplog.messages == ["a round could not be traced because of a bug"]
