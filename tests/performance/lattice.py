"""How late questions are, seen from the source. An object that is polled every so many seconds is due at one phase of
each interval, which follows from what it asks. What a question came after that is its lateness: from the ring of the
slot to the arrival at the source, everything between included."""

from collections.abc import Iterable, Mapping, Sequence

from scaler import catalog
from scaler.engine.timetable import offset
from scaler.engine.watching import slot_of
from scaler.manifests.bind import Binding, bind
from scaler.manifests.watched import Manifest, Ref
from tests.e2e.kube_objects import Object
from tests.performance.http_source import Asked
from tests.performance.line import MemoryCluster

EARLY = 0.002
"""Seconds that a slot may ring too early, by what is lost in rounding."""


async def offsets(objects: Iterable[Object]) -> dict[str, float]:
    """Seconds from the beginning of an interval at which each object is due, by its name."""
    cluster = MemoryCluster([])
    binding = Binding(catalog.find, cluster.read, cluster.manifest)
    found = {}
    for one in objects:
        name = one["metadata"]["name"]
        watched = await bind(Manifest(Ref("ScaledObject", "bench", name), one), binding)
        found[name] = offset(slot_of(watched)[0])
    return found


def lateness(asked: Sequence[Asked], interval: float, due: Mapping[str, float]) -> list[float]:
    """Milliseconds of each question, in their order."""
    return [max(0.0, (one.at - due[one.name] + EARLY) % interval - EARLY) * 1000 for one in asked]
