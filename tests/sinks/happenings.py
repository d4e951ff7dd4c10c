"""Events that the tests of sinks send."""

from scaler.core.model import Event
from scaler.manifests.watched import Ref
from scaler.sinks.event import Happening, Origin, happening

NOW = 1_700_000_000.25
ORIGIN = Origin("prod", "keda")


def ref(name: str = "orders", namespace: str = "shop", kind: str = "ScaledObject") -> Ref:
    return Ref(kind, namespace, name)


def happened(
    reason: str = "ScaledObjectReady", *, to: Ref | None = None, id: str = "1", message: str = "all"
) -> Happening:
    """To `shop/orders`, unless said otherwise."""
    one = happening(to or ref(), Event(reason, message), at=NOW, id=id)
    assert one is not None
    return one
