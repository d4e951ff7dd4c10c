"""What `cpu` and `memory` share: nothing is asked here, the cluster reads the usage of the workload's own replicas."""

from collections.abc import Iterator, Mapping

from scaler.sdk import Aim, QuantityText, Scaler, Usage, param, quantity


class WorkloadUsage(Scaler[None, Usage]):
    type: str = param(
        "Not used any more: the trigger's `metricType` says this.",
        default="",
        choices=("Utilization", "AverageValue"),
        deprecated="The 'type' setting is DEPRECATED and is removed in v2.18 - Use 'metricType' instead.",
    )
    value: QuantityText = param(
        "What one replica should use: percent of its request with metricType Utilization, an amount with AverageValue."
    )
    container_name: str = param("The container whose usage counts; all of them unless given.", default="")

    cacheable = False

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        try:
            if quantity(self.value) <= 0:
                yield "value", "must be greater than 0"
        except ValueError:
            yield "value", "must be a quantity such as 60, 500m or 2Gi"

    def aims(self, answer: Usage | None) -> Mapping[str, Aim | None]:
        return {self.label(): Aim(quantity(self.value), container=self.container_name, written=self.value)}

    def read(self, answer: Usage) -> Usage:
        return answer
