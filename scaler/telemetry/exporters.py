"""Who speaks OTLP, over gRPC or HTTP. Where to, with which headers, certificates and time-outs is said by the standard
variables, which the exporters read themselves. One that is down costs a log line when that begins and one when it ends:
what the SDK logs at every attempt is not let through."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from scaler.errors import SettingsError
from scaler.logs import Changes

log = logging.getLogger(__name__)

GRPC, HTTP = "grpc", "http/protobuf"
MOST = 4096
"""Data points of one message: less than the 4 MiB that a receiver takes over gRPC unless it is told otherwise."""


class Said:
    """Whether what is exported arrives, said when that changes."""

    def __init__(self, signal: str) -> None:
        self._signal, self._changes = signal, Changes()

    def heard(self, *, arrived: bool) -> None:
        if self._changes.news(self._signal, None if arrived else "lost"):
            if arrived:
                log.info("OpenTelemetry %s are delivered again", self._signal)
            else:
                log.warning("OpenTelemetry %s cannot be delivered: what there is meanwhile is lost", self._signal)


def quiet() -> None:
    """Failures are told by `Said`."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)


def metric_exporter(protocol: str) -> Any:
    """Raises `SettingsError` for a protocol that there is not, or a variable that cannot be understood."""
    if _known(protocol) == GRPC:
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as Grpc

        return _made(lambda: Grpc(max_export_batch_size=MOST))
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as Http

    return _made(lambda: Http(max_export_batch_size=MOST))


def span_exporter(protocol: str) -> SpanExporter:
    """The same for traces."""
    if _known(protocol) == GRPC:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

        return Telling(_made(Grpc))
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

    return Telling(_made(Http))


def _known(protocol: str) -> str:
    if protocol not in (GRPC, HTTP):
        raise SettingsError({"OTEL_EXPORTER_OTLP_PROTOCOL": f"must be {GRPC} or {HTTP}"})
    return protocol


def _made(make: Callable[[], Any]) -> Any:
    """What an exporter says of its variables may quote their values, headers with credentials among them."""
    try:
        return make()
    except Exception as error:  # the exporters' own constructors name no class of error
        problem = f"one of these variables cannot be understood ({type(error).__name__})"
        raise SettingsError({"OTEL_EXPORTER_OTLP_…": problem}) from None


class Telling(SpanExporter):
    """Another exporter, and whether it succeeds."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner, self._said = inner, Said("traces")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        self._said.heard(arrived=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)
