"""All rooms together: every name, with its type and labels."""

import pytest

from scaler.core.model import Condition, ConditionType, Jobs, Mode
from scaler.engine.board import Board
from scaler.manifests.watched import Ref
from scaler.sdk.exchanges import Exchange
from scaler.web.telemetry.counts import COUNTED
from tests.web.telemetry.expected import ABSENT, ALL, KEDA
from tests.web.telemetry.scene import filled, only, publish, ref, samples, scraped, serving, trigger, watched


@pytest.fixture
def board() -> Board:
    return filled()


def everything() -> Board:
    """A board of which every family has something to tell."""
    board, job = filled(), ref("batch", kind="ScaledJob")
    board.place(watched(of=job))
    publish(board, of=job, jobs=Jobs(running=1))
    board.place(watched(of=ref("other"), mode=Mode.OBSERVE))
    publish(board, of=ref("other"), conditions=(Condition(ConditionType.READY, "True", "", ""),))
    board.answered_nothing(ref(), "s0-kafka-topic")
    board.traffic.heard(ref(), trigger(), [Exchange(200, 0.1)])
    return board


@pytest.mark.parametrize(("name", "type_", "labels"), [(name, *rest) for name, rest in ALL.items()])
async def test_names_types_and_labels(name: str, type_: str, labels: set[str]) -> None:
    counts = {one.name: {tuple("x" * len(one.labels)): 1.0} for one in COUNTED}
    family = (await scraped(everything(), counting=[lambda: counts]))[name]
    assert family.type == type_
    assert family.samples
    for sample in family.samples:
        assert sample.name in (name, *(f"{name}_{part}" for part in ("bucket", "sum", "count")))
        assert set(sample.labels) - {"le"} == labels
    assert family.documentation.endswith(".")


async def test_nothing_else_is_told_but_of_the_process(board: Board) -> None:
    others = {name for name in await scraped(board) if name not in ALL}
    assert all(name.startswith(("process_", "python_")) for name in others)
    assert "process_resident_memory_bytes" in others
    assert not others & ABSENT


async def test_an_empty_board_has_every_name() -> None:
    families = await scraped(Board())
    assert ALL.keys() <= families.keys()
    calls = {name for name in KEDA if "grpc_server" in name}
    assert all(not families[name].samples for name in KEDA.keys() - calls - {"keda_build_info"})


async def test_two_boards_in_one_process_do_not_mix(board: Board) -> None:
    async with serving(Board()):
        assert only(await scraped(board), "keda_scaler_metrics_value") == 25


async def test_a_dropped_object_is_gone(board: Board) -> None:
    board.drop(ref())
    families = await scraped(board)
    assert not [name for name, one in families.items() for row in one.samples if row.labels.get("namespace") == "shop"]


async def test_the_rounds(board: Board) -> None:
    families = await scraped(board, sources=lambda: 7, skipped={ref(): 4}.__getitem__, late={ref(): 1.5}.__getitem__)
    assert only(families, "event_scaler_sources") == 7
    assert only(families, "event_scaler_skipped_rounds_total") == 4
    assert samples(families, "keda_internal_scale_loop_latency_seconds", "namespace", "type", "resource") == {
        ("shop", "scaledobject", "orders"): 1.5
    }


async def test_the_board_may_change_while_it_is_made(board: Board) -> None:
    """Objects come and go in the middle of a scrape: what was there at its beginning is told."""
    for number in range(10):
        board.place(watched(of=ref(f"o{number}")))

    def late(whose: Ref) -> float:
        board.place(watched(of=ref(f"new-{whose.name}")))
        board.drop(ref("o9"))
        return 0.0

    families = await scraped(board, late=late)
    assert len(samples(families, "keda_scaled_object_errors_total", "scaledObject")) == 11
