"""The daemon as a process, watched from outside: what it pushes by OpenTelemetry, while what it pushes to comes and
goes."""

import sys
from pathlib import Path

import pytest

from tests.e2e.daemon import daemon, deployment, scaled_object
from tests.e2e.servers import numbers
from tests.rig.otlp import Receiver, attributes_of, over_grpc, over_http
from tests.rig.process import free_ports

ORDERS = frozenset({("namespace", "default"), ("scaledObject", "orders")})


def environment(url: str, protocol: str) -> dict[str, str]:
    return {
        "SCALER_ENABLE_OPENTELEMETRY_METRICS": "true",
        "SCALER_ENABLE_OPENTELEMETRY_TRACES": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_METRIC_EXPORT_INTERVAL": "300",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_RESOURCE_ATTRIBUTES": "k8s.cluster.name=test",
    }


def orders(url: str) -> list[dict[str, object]]:
    metadata = {"url": f"{url}/orders", "valueLocation": "value", "targetValue": "5"}
    worker = deployment("orders", sys.executable, "-c", "import time; time.sleep(3600)")
    return [scaled_object("orders", {"type": "metrics-api", "metadata": metadata}), worker]


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
async def test_metrics_and_the_trace_of_a_decision_arrive(tmp_path: Path, protocol: str) -> None:
    async with (
        over_grpc() if protocol == "grpc" else over_http() as receiver,
        numbers() as server,
        daemon(tmp_path, environment=environment(receiver.url, protocol)) as made,
    ):
        server.answers["orders"] = 12
        made.write("orders.yaml", *orders(server.url))
        await made.start()
        await receiver.until(lambda: receiver.values("event_scaler.replicas_wanted").get(ORDERS) == 3)
        [value] = receiver.values("keda.scaler.metrics.value").values()
        assert value == 12
        trace = await receiver.until(lambda: _trace(receiver, "activated"))
        assert await made.stop() == 0
    spans = {span.name: span for span in trace}
    assert spans.keys() == {"round", "fetch", "read", "see", "decide", "apply"}
    assert attributes_of(spans["round"].attributes)["scaler.replicas.decided"] == 3
    assert attributes_of(spans["fetch"].attributes)["scaler.value"] == 12
    assert spans["apply"].end_time_unix_nano >= spans["decide"].end_time_unix_nano > spans["fetch"].start_time_unix_nano
    assert receiver.resources[0]["k8s.cluster.name"] == "test"


async def test_who_comes_later_is_found_and_who_never_comes_costs_a_line(tmp_path: Path) -> None:
    [port] = free_ports(1)
    settings = environment(f"http://127.0.0.1:{port}", "http/protobuf")
    async with numbers() as server, daemon(tmp_path, environment=settings) as made:
        server.answers["orders"] = 12
        made.write("orders.yaml", *orders(server.url))
        await made.start()
        await made.until(lambda: made.moves("default/orders"), "it scales, whoever is away")
        await made.until(lambda: "metrics cannot be delivered" in made.said(), "it says so")
        async with over_http(port) as receiver:
            await receiver.until(lambda: receiver.values("event_scaler.replicas_wanted").get(ORDERS) == 3)
            await made.until(lambda: "metrics are delivered again" in made.said(), "it says so again")
        assert await made.stop() == 0
    assert made.said().count("metrics cannot be delivered") <= 2, "when it began, and when the receiver had gone"
    assert "Traceback" not in made.said()


def _trace(receiver: Receiver, why: str) -> list[object]:
    """All spans of the trace whose decision was that, when its root is there."""
    for root in receiver.named("round"):
        if attributes_of(root.attributes)["scaler.why"] == why:
            return [span for span in receiver.spans if span.trace_id == root.trace_id]
    return []
