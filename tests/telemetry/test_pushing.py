"""What is pushed arrives at a receiver, over gRPC and HTTP; one that is away costs a line in the log and no time."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.core import Metric as Family

from scaler.core.model import Value
from scaler.engine.board import Board
from scaler.engine.rounds import Applied, Rounds
from scaler.errors import SettingsError
from scaler.sdk.exchanges import Exchange
from scaler.telemetry.pushing import GRACE, Wanted, pushing
from scaler.web.telemetry import BoardCollector, Told
from tests.rig.otlp import Receiver, over_grpc, over_http
from tests.rig.process import free_ports
from tests.telemetry.test_names import KEDA
from tests.telemetry.test_traces import ROUND
from tests.web.telemetry.scene import NOW, filled, publish, ref, trigger, watched

pytestmark = pytest.mark.timeout(60)

ORDERS = frozenset({("namespace", "shop"), ("scaledObject", "orders")})


def wanted(protocol: str, board: Board | None = None, rounds: Rounds | None = None, **others: object) -> Wanted:
    told = Told(lambda: board, counting=[_counts]) if board is not None else None
    made = Wanted(
        metrics=BoardCollector(told).collect if told else None,
        rounds=rounds,
        ratio=0.0,
        protocols={"metrics": protocol, "traces": protocol},
        delta=False,
        clock=lambda: NOW,
    )
    return replace(made, **others)  # type: ignore[arg-type]  # whatever a test says


def everything() -> Board:
    board = filled()
    board.traffic.heard(ref(), trigger(), [Exchange(200, 0.02), Exchange(200, 0.2)])
    board.answered_nothing(ref(), "s0-kafka-topic")
    job = ref("batch", kind="ScaledJob")
    board.place(watched(of=job))
    publish(board, Value("s0-kafka-topic", 7.0, True, NOW), of=job)
    return board


def _counts() -> dict[str, dict[tuple[str, ...], float]]:
    return {
        "keda_cloudeventsource_events_emitted": {("shop", "events", "http", "emitted"): 4},
        "keda_cloudeventsource_events_queued": {("shop",): 1},
    }


async def test_all_of_kedas_metrics_arrive(receiver: Receiver, protocol: str) -> None:
    async with pushing(wanted(protocol, everything())):
        await receiver.until(lambda: receiver.latest("keda.scaled.object.paused"))
    names = {one.name for one in receiver.metrics}
    assert names >= KEDA
    assert {"event_scaler.backlog", "event_scaler.replicas_decided", "event_scaler.condition"} <= names | {
        "event_scaler.condition"
    }
    assert receiver.scopes == {"keda-open-telemetry-metrics"}
    assert receiver.resources[0]["service.name"] == "event-scaler-test"
    assert {name.lower(): value for name, value in receiver.headers.items()}["x-tenant"] == "shop"


async def test_their_values_and_attributes(receiver: Receiver, protocol: str) -> None:
    async with pushing(wanted(protocol, everything())):
        await receiver.until(lambda: receiver.latest("keda.scaler.http.request.duration.seconds"))
    of_object = {"namespace": "shop", "metric": "s0-kafka-topic", "scaler": "kafkaScaler"}
    assert receiver.values("keda.scaler.metrics.value") == {
        frozenset({**of_object, "scaledObject": "orders", "scalerIndex": "0"}.items()): 25,
        frozenset({**of_object, "scaledJob": "batch", "triggerIndex": "0"}.items()): 7,
    }
    assert receiver.values("keda.scaledobject.errors")[ORDERS] == 0
    [point] = receiver.latest("keda.scaler.http.request.duration.seconds").values()
    assert (point.count, round(point.sum, 2), point.HasField("min")) == (2, 0.22, False)
    [emitted] = receiver.latest("keda.cloudeventsource.events.emitted.count")
    assert ("cloudEventSource", "events") in emitted


async def test_metrics_come_again_and_again_with_what_is_new(receiver: Receiver, protocol: str) -> None:
    board = everything()
    async with pushing(wanted(protocol, board)):
        await receiver.until(lambda: receiver.pushes >= 2)
        board.fault(ref(), "no")
        await receiver.until(lambda: receiver.values("keda.scaledobject.errors").get(ORDERS) == 1)
        board.drop(ref())
        receiver.metrics.clear()
        seen = receiver.pushes
        await receiver.until(lambda: receiver.pushes >= seen + 2)
    assert ORDERS not in receiver.values("keda.scaledobject.errors"), "nothing is remembered of what is gone"


async def test_the_last_of_it_is_pushed_at_the_end(
    receiver: Receiver, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "60000")
    async with pushing(wanted(protocol, everything())):
        assert receiver.pushes == 0
    assert receiver.latest("keda.build.info")


async def test_many_objects_come_in_messages_that_a_receiver_takes(receiver: Receiver, protocol: str) -> None:
    board = Board()
    for number in range(600):
        whose = ref(f"orders-{number}")
        board.place(watched(of=whose))
        publish(board, Value("s0-kafka-topic", 1.0, True, NOW), of=whose)
    async with pushing(wanted(protocol, board)):
        await receiver.until(lambda: len(receiver.values("keda.scaler.active")) == 600)
    assert len(receiver.sizes) > 1
    assert max(receiver.sizes) < 4 * 1024 * 1024


async def test_traces_arrive(receiver: Receiver, protocol: str) -> None:
    rounds = Rounds()
    async with pushing(wanted(protocol, rounds=rounds)):
        rounds.decided(ROUND)
        rounds.writing(ROUND.watched.ref)
        rounds.applied(ROUND.watched.ref, Applied(NOW + 2.6, NOW + 3.0))
        await receiver.until(lambda: len(receiver.spans) == 7)
    [root] = receiver.named("round")
    assert (root.start_time_unix_nano, root.end_time_unix_nano) == (int(NOW * 1e9), int((NOW + 3.0) * 1e9))
    assert {span.name for span in receiver.spans} == {"round", "fetch", "read", "see", "decide", "apply"}
    assert {span.parent_span_id for span in receiver.spans if span.name != "round"} == {root.span_id}
    assert receiver.scopes == {"event-scaler"}


async def test_who_is_away_costs_one_line_for_each_change(
    receiver: Receiver, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.down = True
    with caplog.at_level(logging.INFO):
        async with pushing(wanted(protocol, everything())):
            await _until(lambda: "cannot be delivered" in caplog.text)
            await asyncio.sleep(0.5)
            receiver.down = False
            await receiver.until(lambda: receiver.pushes >= 2)
            await _until(lambda: "delivered again" in caplog.text)
    assert [message for message in caplog.messages if "OpenTelemetry" in message or "xport" in message] == [
        "OpenTelemetry metrics cannot be delivered: what there is meanwhile is lost",
        "OpenTelemetry metrics are delivered again",
    ]


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
async def test_nobody_there_keeps_nothing_from_ending(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
    rounds = Rounds()
    async with asyncio.timeout(2 * GRACE + 20), pushing(wanted(protocol, everything(), rounds)):
        rounds.decided(ROUND)
        rounds.writing(ROUND.watched.ref)
        rounds.applied(ROUND.watched.ref, Applied(NOW, NOW))
        await asyncio.sleep(0.3)


async def test_it_finds_who_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    [port] = free_ports(1)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    async with pushing(wanted("http/protobuf", everything())):
        await asyncio.sleep(0.3)
        async with over_http(port) as receiver:
            await receiver.until(lambda: receiver.latest("keda.build.info"))


async def test_each_signal_may_go_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    rounds = Rounds()
    async with over_http() as metrics, over_grpc() as traces:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", f"{metrics.url}/v1/metrics")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", traces.url)
        apart = {"metrics": "http/protobuf", "traces": "grpc"}
        async with pushing(wanted("", everything(), rounds, protocols=apart)):
            rounds.decided(ROUND)
            rounds.writing(ROUND.watched.ref)
            rounds.applied(ROUND.watched.ref, Applied(NOW, NOW))
            await metrics.until(lambda: metrics.latest("keda.build.info"))
            await traces.until(lambda: traces.named("round"))
        assert not metrics.spans
        assert not traces.metrics


async def test_a_protocol_that_there_is_not() -> None:
    with pytest.raises(SettingsError) as raised:
        async with pushing(wanted("http/json", everything())):
            pass
    assert raised.value.problems == {"OTEL_EXPORTER_OTLP_PROTOCOL": "must be grpc or http/protobuf"}


async def test_a_bug_of_the_board_does_not_end_the_pushes(
    receiver: Receiver, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    good, broken = BoardCollector(Told(everything)), True

    def collect() -> Iterator[Family]:
        if broken:
            raise ZeroDivisionError
        yield from good.collect()

    async with pushing(wanted(protocol, everything(), metrics=collect)):
        await _until(lambda: "because of a bug" in caplog.text)
        broken = False
        await receiver.until(lambda: receiver.latest("keda.build.info"))


def test_the_sdk_is_loaded_only_when_it_is_wanted() -> None:
    said = "import sys, scaler.daemon.faces, scaler.telemetry.pushing; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert not [name for name in done.stdout.split() if name.startswith(("opentelemetry", "grpc"))]


async def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("opentelemetry", "scaler.telemetry.exporters"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delattr("scaler.telemetry.exporters", raising=False)
    with pytest.raises(SettingsError) as raised:
        async with pushing(wanted("grpc", everything())):
            pass
    assert str(raised.value) == "OpenTelemetry: needs what is not installed: pip install 'event-scaler[otel]'"


async def test_so_it_does_without_one_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.grpc.trace_exporter", None)
    with pytest.raises(SettingsError) as raised:
        async with pushing(wanted("grpc", rounds=Rounds())):
            pass
    assert "event-scaler[otel]" in str(raised.value)


async def test_a_variable_that_cannot_be_understood_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "hunter2")
    with pytest.raises(SettingsError) as raised:
        async with pushing(wanted("grpc", everything())):
            pass
    assert "cannot be understood" in str(raised.value)
    assert "hunter2" not in str(raised.value)


async def _until(so: object) -> None:
    assert callable(so)
    async with asyncio.timeout(20):
        while True:
            if so():
                return
            await asyncio.sleep(0.02)
