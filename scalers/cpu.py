"""CPU: how busy the workload's replicas are. It cannot start a workload from zero: nothing is to be seen then."""

from scaler.sdk import Example, Sample, Usage
from scalers._usage import WorkloadUsage


class Cpu(WorkloadUsage):
    resource = "cpu"
    example = Example(
        metadata={"value": "60"},
        metric_type="Utilization",
        answer=Usage((Sample("web-1", 0.45, request=0.5), Sample("web-2", 0.15, request=0.5))),
        value=0.6,
    )
