"""A receiver of OTLP, over gRPC and over HTTP, as a collector is one: it takes what is pushed and keeps it, decoded. It
runs in the test's own loop; `down` makes it refuse everything."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc

PATIENCE = 30.0
Labels = frozenset[tuple[str, Any]]


@dataclass
class Receiver:
    """`metrics` and `spans` are what arrived, in order; `resources` with what they were framed, `headers` those of the
    latest push."""

    url: str = ""
    down: bool = False
    metrics: list[Any] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)
    resources: list[Mapping[str, Any]] = field(default_factory=list)
    scopes: set[str] = field(default_factory=set)
    headers: Mapping[str, str] = field(default_factory=dict)
    pushes: int = 0
    sizes: list[int] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, so: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait until `so()` is truthy, looking again whenever something arrives; gives what it gave."""
        async with asyncio.timeout(seconds):
            while not (found := so()):
                self._arrived.clear()
                await self._arrived.wait()
            return found

    def latest(self, name: str) -> dict[Labels, Any]:
        """The latest point of each series of that metric, by its attributes."""
        found: dict[Labels, Any] = {}
        for metric in self.metrics:
            if metric.name == name:
                for point in points_of(metric):
                    found[frozenset(attributes_of(point.attributes).items())] = point
        return found

    def values(self, name: str) -> dict[Labels, float]:
        return {labels: point.as_double or float(point.as_int) for labels, point in self.latest(name).items()}

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]

    def take_metrics(self, request: Any, headers: Mapping[str, str]) -> None:
        self._take(request, request.resource_metrics, headers)
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                self.scopes.add(scope.scope.name)
                self.metrics.extend(scope.metrics)

    def take_spans(self, request: Any, headers: Mapping[str, str]) -> None:
        self._take(request, request.resource_spans, headers)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.scopes.add(scope.scope.name)
                self.spans.extend(scope.spans)

    def _take(self, request: Any, resources: Any, headers: Mapping[str, str]) -> None:
        self.pushes += 1
        self.sizes.append(request.ByteSize())
        self.headers = headers
        self.resources.extend(attributes_of(one.resource.attributes) for one in resources)
        self._arrived.set()


@asynccontextmanager
async def over_grpc(port: int = 0) -> AsyncIterator[Receiver]:
    """On that port of loopback, or on any."""
    receiver = Receiver()

    class Metrics(metrics_grpc.MetricsServiceServicer):
        async def Export(self, request: Any, context: Any) -> Any:
            await _refuse(receiver, context)
            receiver.take_metrics(request, dict(context.invocation_metadata()))
            return metrics_pb.ExportMetricsServiceResponse()

    class Traces(trace_grpc.TraceServiceServicer):
        async def Export(self, request: Any, context: Any) -> Any:
            await _refuse(receiver, context)
            receiver.take_spans(request, dict(context.invocation_metadata()))
            return trace_pb.ExportTraceServiceResponse()

    server = grpc.aio.server()
    metrics_grpc.add_MetricsServiceServicer_to_server(Metrics(), server)
    trace_grpc.add_TraceServiceServicer_to_server(Traces(), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    receiver.url = f"http://127.0.0.1:{bound}"
    try:
        yield receiver
    finally:
        await server.stop(None)


@asynccontextmanager
async def over_http(port: int = 0) -> AsyncIterator[Receiver]:
    """On that port of loopback, or on any; protobuf in the bodies, perhaps compressed."""
    receiver = Receiver()

    async def handle(request: web.Request, kind: Any, take: Callable[..., None], answer: Any) -> web.Response:
        if receiver.down:
            return web.Response(status=400)
        assert request.headers["Content-Type"] == "application/x-protobuf"
        body = await request.read()
        content = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        take(kind.FromString(content), dict(request.headers))
        return web.Response(body=answer().SerializeToString(), content_type="application/x-protobuf")

    async def metrics(request: web.Request) -> web.Response:
        kind, answer = metrics_pb.ExportMetricsServiceRequest, metrics_pb.ExportMetricsServiceResponse
        return await handle(request, kind, receiver.take_metrics, answer)

    async def traces(request: web.Request) -> web.Response:
        kind, answer = trace_pb.ExportTraceServiceRequest, trace_pb.ExportTraceServiceResponse
        return await handle(request, kind, receiver.take_spans, answer)

    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_post("/v1/metrics", metrics)
    application.router.add_post("/v1/traces", traces)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield receiver
    finally:
        await runner.cleanup()


async def _refuse(receiver: Receiver, context: Any) -> None:
    if receiver.down:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "down")


def points_of(metric: Any) -> Iterator[Any]:
    yield from getattr(metric, metric.WhichOneof("data")).data_points


def attributes_of(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
