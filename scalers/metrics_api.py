"""Metrics API: a number out of what any URL answers with, as JSON, YAML, XML or in Prometheus' text format."""

from collections.abc import Iterator

from scaler.sdk import (
    Duration,
    Example,
    Get,
    Query,
    Reply,
    Scaler,
    Source,
    activation,
    default_timeout,
    param,
    target,
)
from scalers._auth_modes import AuthModes, path_of, url_problem
from scalers._endpoints import ServiceEndpoints
from scalers._metric_formats import location_problem, value_at


class MetricsApi(AuthModes, Scaler[Query, Reply]):
    target_value: float | None = target("Value one replica should handle; not needed beside a formula.", default=None)
    activation_target_value: float = activation()
    url: str = param("The whole URL to ask.")
    format: str = param("What it answers with.", default="json", choices=("prometheus", "json", "xml", "yaml"))
    value_location: str = param(
        "Where the number stands: a GJSON path in json, keys and indexes joined by dots in yaml and xml (from the root "
        'element on), a selector such as name{label="value"} in prometheus. Text may be a quantity such as 500m.'
    )
    unsafe_ssl: bool = param("Trust any certificate.", default=False)
    aggregate_from_kube_service_endpoints: bool = param(
        "Ask each endpoint of the Kubernetes service that the URL names; not possible without a cluster.", default=False
    )
    aggregation_type: str = param(
        "How the numbers of several endpoints become one.", default="average", choices=("average", "sum", "max", "min")
    )
    timeout: Duration | None = param("How long one request may take; 3 s unless given.", default=None)

    example = Example(
        metadata={
            "url": "http://api:3232/v1/stats",
            "valueLocation": "components.worker.tasks",
            "targetValue": "8",
            "authModes": "bearer",
        },
        auth={"bearerToken": "secret"},
        answer={"components": {"worker": {"tasks": 32}}},
        value=32.0,
    )

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        if problem := url_problem(self.url):
            yield "url", problem
        if problem := location_problem(self.format, self.value_location):
            yield "valueLocation", problem

    def label(self) -> str:
        return f"metric-api-{self.value_location}"

    def source(self) -> Source[Query, Reply]:
        http = self.http(self.url, verify=not self.unsafe_ssl, timeout=self.timeout or default_timeout())
        return ServiceEndpoints(http) if self.aggregate_from_kube_service_endpoints else http

    def ask(self) -> Query:
        return Get(path_of(self.url))

    def read(self, answer: Reply) -> float:
        return value_at(answer, self.format, self.value_location)
