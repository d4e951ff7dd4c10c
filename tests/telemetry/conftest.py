"""Receivers of OTLP, and the variables by which exporters find them."""

from collections.abc import AsyncIterator

import pytest

from tests.rig.otlp import Receiver, over_grpc, over_http


@pytest.fixture(params=["grpc", "http/protobuf"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def receiver(protocol: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """Of each protocol; to it everything is pushed, often."""
    async with over_grpc() if protocol == "grpc" else over_http() as made:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=shop")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "event-scaler-test")
        yield made
