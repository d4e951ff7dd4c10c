"""Boards that were filled by hand, and the page that comes of them, parsed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families as parse_text

from scaler.core.decide import decide
from scaler.core.model import Backlog, Decision, Goal, Jobs, Reading, Spec, Target, Value, Why
from scaler.engine.board import Board
from scaler.manifests.watched import Ref, Trigger, Watched
from scaler.sdk import Scaler, param, secret
from scaler.web import telemetry
from scaler.web.server import listening
from scaler.web.telemetry import Told
from tests.engine.sources import Batch

NOW = 1_700_000_000.0


class Guarded(Scaler[str, Any]):
    """A scaler with a secret."""

    address: str = param("Where.", default="")
    ignore_null_values: bool = param("Whether nothing is zero.", default=True)
    password: str = secret("How.", default="")


def ref(name: str = "orders", namespace: str = "shop", kind: str = "ScaledObject") -> Ref:
    return Ref(kind, namespace, name)


def trigger(index: int = 0, type_: str = "kafka", *, name: str = "", resource: str = "", **metadata: Any) -> Trigger:
    goal = Goal(resource or f"s{index}-{type_}-topic", 10.0, resource=resource)
    scaler = Guarded(address="broker", password="hunter2-scaler", **metadata)
    return Trigger(index, type_, scaler, Batch("a", password="hunter2-source"), "topic", (goal,), name)


def watched(*triggers: Trigger, of: Ref | None = None, **spec: Any) -> Watched:
    whose = of or ref()
    bound = triggers or (trigger(),)
    goals = tuple(goal for one in bound for goal in one.goals)
    return Watched(
        whose, Spec(str(whose), goals, **spec), bound, 30.0, Ref("Deployment", "shop", "x"), frozenset(), decide
    )


def publish(board: Board, *readings: Reading, of: Ref | None = None, jobs: Jobs | None = None, **decision: Any) -> None:
    made = Decision(**{"replicas": 3, "why": Why.ABOVE_TARGET, **decision})
    took = {reading.metric: 0.25 for reading in readings if isinstance(reading, Value)}
    target = Target(wanted=2, exists=2, ready=1, jobs=jobs)
    board.publish(of or ref(), readings, target, made, NOW, took)


def filled() -> Board:
    """One object with one kafka trigger that was read."""
    made = Board()
    made.place(watched())
    publish(made, Value("s0-kafka-topic", 25.0, True, NOW, Backlog(20.0, in_flight=5.0, oldest_age=90.0)))
    return made


@asynccontextmanager
async def serving(board: Board, **told: Any) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        listening("127.0.0.1", 0, telemetry.routes(Told(lambda: board, **told))) as (_, port),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def scraped(board: Board, **told: Any) -> dict[str, Family]:
    """The page, parsed; each family by the name that its samples have."""
    async with serving(board, **told) as client, client.get("/metrics") as reply:
        assert reply.status == 200
        return families_of(await reply.text())


def families_of(page: str) -> dict[str, Family]:
    return {on_the_wire(family): family for family in parse_text(page)}


def on_the_wire(family: Family) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def samples(families: dict[str, Family], name: str, *labels: str) -> dict[Any, float]:
    """Value by the given labels' values."""
    return {
        tuple(sample.labels[label] for label in labels): sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == name
    }


def only(families: dict[str, Family], name: str) -> float:
    [sample] = families[name].samples
    return sample.value
