"""The events that wait for one sink: a bounded number of them, of each object in the order in which they happened. It
knows no sink and no time."""

from scaler.manifests.watched import Ref
from scaler.sinks.event import Happening

MOST = 1024
"""Events that may wait (KEDA's number; there for all sinks together)."""


class Waiting:
    """Of one object only one event is out at a time, so that none overtakes another. Where too many wait, the oldest is
    given up: what is true now matters more than what was."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._events: dict[str, Happening] = {}
        self._out: set[Ref] = set()

    def __len__(self) -> int:
        """Those that are out are not counted."""
        return len(self._events)

    def put(self, one: Happening) -> Happening | None:
        """The one that is given up for it, where there is no room."""
        self._events[one.id] = one
        return self._events.pop(next(iter(self._events))) if len(self._events) > self._most else None

    def take(self) -> Happening | None:
        """The oldest whose object has none out; it is out until `done`. `None` where there is nothing to be had."""
        found = next((one for one in self._events.values() if one.ref not in self._out), None)
        if found is not None:
            del self._events[found.id]
            self._out.add(found.ref)
        return found

    def done(self, one: Happening) -> None:
        """It was delivered, or given up."""
        self._out.discard(one.ref)
