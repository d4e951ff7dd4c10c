"""Binding 5,000 kafka manifests, one after another: CPU time of each, and of all. The manifests differ in names, topics
and groups and share 20 clusters; they are decoded already, and no credentials are read."""

from collections.abc import Sequence
from time import process_time_ns

from scaler import catalog
from scaler.core.model import Mode
from scaler.manifests.bind import Binding, bind
from scaler.manifests.watched import Manifest
from tests.performance.figure import Figure
from tests.performance.line import MemoryCluster, run, scaled_object

COUNT = 5000
CLUSTERS = 20
ADVANCED = {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}}


def measure() -> list[Figure]:
    manifests = [_manifest(index) for index in range(COUNT)]
    run(_bound(manifests[:10]))
    taken = run(_bound(manifests))
    total = sum(taken) / 1e6
    return [
        Figure("binding 5,000 kafka manifests", "s", (total,), note="all together, CPU"),
        Figure("binding one of them", "µs", taken),
    ]


async def _bound(manifests: Sequence[Manifest]) -> tuple[float, ...]:
    """Microseconds for each."""
    cluster = MemoryCluster(manifests)
    binding = Binding(catalog.find, cluster.read, cluster.manifest, mode=Mode.DIRECT)
    taken: list[float] = []
    for manifest in manifests:
        began = process_time_ns()
        await bind(manifest, binding)
        taken.append((process_time_ns() - began) / 1000)
    return tuple(taken)


def _manifest(index: int) -> Manifest:
    metadata = {
        "bootstrapServers": f"kafka-{index % CLUSTERS}-a:9092,kafka-{index % CLUSTERS}-b:9092",
        "consumerGroup": f"workers-{index}",
        "topic": f"orders-{index}",
        "lagThreshold": "50",
        "activationLagThreshold": "5",
        "offsetResetPolicy": "earliest",
    }
    return scaled_object(f"worker-{index}", "kafka", metadata, maxReplicaCount=20, advanced=ADVANCED)
