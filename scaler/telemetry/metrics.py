"""The push of metrics: the SDK's reader says when (`OTEL_METRIC_EXPORT_INTERVAL`) and frames what is sent with the
resource; what there is to send comes from the board. It all happens in the SDK's own thread."""

import logging
from dataclasses import replace
from typing import Any

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
    ScopeMetrics,
)

from scaler.telemetry.exporters import Said
from scaler.telemetry.names import METER
from scaler.telemetry.points import Points

log = logging.getLogger(__name__)

FRAME = "event_scaler.pushes"
"""The one instrument that the SDK knows of: without any it would have nothing to send, and ask for nothing."""


class BoardReader(PeriodicExportingMetricReader):
    """Sends what `points` gives, in the frame of what the SDK has collected."""

    def __init__(self, exporter: Any, points: Points) -> None:
        self._outlet, self._points, self._said = exporter, points, Said("metrics")
        super().__init__(exporter)

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> None:
        """The hook that the SDK has for readers."""
        try:
            made = self._points.made()
            told = [
                replace(resource, scope_metrics=[_filled(scope, made) for scope in resource.scope_metrics])
                for resource in metrics_data.resource_metrics
            ]
            result = self._outlet.export(MetricsData(told), timeout_millis=timeout_millis)
        except Exception:  # it is the SDK's thread: what escapes ends it, and with it every later push
            log.exception("metrics could not be pushed because of a bug")
        else:
            self._said.heard(arrived=result is MetricExportResult.SUCCESS)


def _filled(scope: ScopeMetrics, made: list[Any]) -> ScopeMetrics:
    return replace(scope, metrics=[*scope.metrics, *made]) if scope.scope.name == METER else scope


def provider_of(reader: BoardReader) -> MeterProvider:
    """Its life is that of the push."""
    provider = MeterProvider([reader], shutdown_on_exit=False)
    pushes = 0

    def counted(_: CallbackOptions) -> list[Observation]:
        nonlocal pushes
        pushes += 1
        return [Observation(pushes)]

    meter = provider.get_meter(METER)
    meter.create_observable_counter(FRAME, callbacks=[counted], description="Pushes by OTLP that were begun.")
    return provider
