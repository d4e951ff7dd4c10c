"""One trace for each decision that changes something, and for a share of the others: what was fetched from which
source, read, seen, decided and written, when and for how long. It is made of rounds that are over, in a thread of its
own."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterator, Mapping

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, StatusCode, Tracer, set_span_in_context

from scaler.core.model import Failure, Reading
from scaler.engine.rounds import Round, Rounds
from scaler.logs import Changes
from scaler.manifests.watched import Trigger

log = logging.getLogger(__name__)

TRACER = "event-scaler"

Attributes = Mapping[str, str | int | float | bool]


def provider_of(exporter: SpanExporter) -> TracerProvider:
    """Its life is that of the push; the SDK's variables say how much waits, and how often it is sent."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


async def follow(rounds: Rounds, tracer: Tracer, ratio: float, chance: Callable[[], float] = random.random) -> None:
    """For ever. `ratio` is the share of the rounds in which nothing changes that are traced as well."""
    changes = Changes()
    while True:
        taken = [one for one in await rounds.taken() if one.changes or chance() < ratio]
        if taken:
            await asyncio.to_thread(_trace, tracer, taken, changes)


def _trace(tracer: Tracer, taken: list[Round], changes: Changes) -> None:
    """A bug in one of them must end neither the others nor the daemon; it is told when it is new."""
    bug: Exception | None = None
    for one in taken:
        try:
            trace(tracer, one)
        except Exception as error:  # as in the reader that pushes metrics
            bug = bug or error
    if changes.news("traces", type(bug).__name__ if bug else None) and bug:
        log.error("a round could not be traced because of a bug", exc_info=bug)


def trace(tracer: Tracer, round_: Round) -> None:
    """The spans of one round, with the times at which it happened."""
    root = tracer.start_span("round", start_time=_ns(round_.began), attributes=_about(round_))
    for name, began, ended, attributes, problem in _parts(round_):
        span = tracer.start_span(
            name, context=set_span_in_context(root), start_time=_ns(began), attributes=dict(attributes)
        )
        _end(span, ended, problem)
    applied = round_.applied
    _end(root, applied.ended if applied else round_.decided, applied.problem if applied else "")


Part = tuple[str, float, float, Attributes, str]
"""(name, began, ended, attributes, problem)."""


def _parts(round_: Round) -> Iterator[Part]:
    readings = {reading.metric: reading for reading in round_.readings}
    fetched = round_.began
    for trigger in round_.watched.triggers:
        for goal in trigger.goals[:1]:
            if (reading := readings.get(goal.metric)) is not None and goal.metric in round_.took:
                part = _fetch(round_, trigger, reading)
                fetched = max(fetched, part[2])
                yield part
    yield "read", min(fetched, round_.read), round_.read, {"scaler.readings": len(round_.readings)}, ""
    target = round_.target
    seen: Attributes = {"scaler.replicas.wanted": target.wanted, "scaler.replicas.ready": target.ready}
    yield "see", round_.read, round_.seen, seen, ""
    steps = " > ".join(note.rule.name.lower() for note in round_.decision.trail)
    yield "decide", round_.seen, round_.decided, {"scaler.trail": steps}, ""
    if (applied := round_.applied) is not None:
        yield "apply", applied.began, applied.ended, {}, applied.problem


def _fetch(round_: Round, trigger: Trigger, reading: Reading) -> Part:
    """An answer that was there already took this round no time."""
    kept = reading.at < round_.began
    ended = round_.began if kept else min(reading.at, round_.read)
    began = ended if kept else max(round_.began, ended - round_.took[reading.metric])
    attributes: dict[str, str | int | float | bool] = {
        "scaler.trigger.type": trigger.type,
        "scaler.trigger.index": trigger.index,
        "scaler.metric": reading.metric,
        "scaler.source": str(trigger.source),
        "scaler.kept": kept,
    }
    if trigger.name:
        attributes["scaler.trigger.name"] = trigger.name
    if isinstance(reading, Failure):
        attributes["error.type"] = reading.reason
        return "fetch", began, ended, attributes, reading.problem
    attributes["scaler.value"] = reading.value
    return "fetch", began, ended, attributes, ""


def _about(round_: Round) -> dict[str, str | int | float | bool]:
    watched, decision = round_.watched, round_.decision
    found: dict[str, str | int | float | bool] = {
        "k8s.namespace.name": watched.ref.namespace,
        "scaler.kind": watched.ref.kind,
        "scaler.object": watched.ref.name,
        "scaler.target": watched.target.name,
        "scaler.why": decision.why.name.lower(),
        "scaler.changes": round_.changes,
        "scaler.create": decision.create,
    }
    if decision.replicas is not None:
        found["scaler.replicas.decided"] = decision.replicas
    return found


def _end(span: Span, at: float, problem: str) -> None:
    if problem:
        span.set_status(StatusCode.ERROR, problem)
    span.end(end_time=_ns(at))


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
