"""Memory: how much the workload's replicas use. It cannot start a workload from zero: nothing is to be seen then."""

from scaler.sdk import Example, Sample, Usage
from scalers._usage import WorkloadUsage


class Memory(WorkloadUsage):
    resource = "memory"
    example = Example(
        metadata={"value": "512Mi"},
        metric_type="AverageValue",
        answer=Usage((Sample("web-1", 300_000_000.0), Sample("web-2", 500_000_000.0))),
        value=800_000_000.0,
    )
