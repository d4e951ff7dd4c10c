"""How many HTTP requests were made for whom, with which status, how long they took: counted for each trigger that they
answered, as KEDA's are, although one request may answer many. Only what has an answer is counted."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from scaler.engine.tally import Durations
from scaler.manifests.watched import Ref, Trigger
from scaler.sdk.exchanges import Exchange

Name = tuple[str, str]
"""Namespace and name of an object."""


class Whose(NamedTuple):
    """A trigger (its type, its own name, its first metric) and the status of a request."""

    type: str
    name: str
    metric: str
    status: int


class Kind(NamedTuple):
    """What durations are told apart by, unless it is by whose they are."""

    type: str
    status: int


class Traffic:
    """`detailed`: durations are kept for each trigger, not only for each type. Objects are shown by namespace and name,
    as KEDA's labels are: a ScaledObject and a ScaledJob of one name are one there, but each goes for itself."""

    def __init__(self, *, detailed: bool = False) -> None:
        self.detailed = detailed
        self._requests: dict[Ref, Counter[Whose]] = {}
        self._durations: dict[Ref, dict[Whose, Durations]] = {}
        self._by_kind: dict[Kind, Durations] = {}

    def heard(self, ref: Ref, trigger: Trigger, exchanges: Iterable[Exchange]) -> None:
        """What the trigger's question took."""
        for status, seconds in exchanges:
            whose = Whose(trigger.type, trigger.name, trigger.goals[0].metric if trigger.goals else "", status)
            self._requests.setdefault(ref, Counter())[whose] += 1
            if self.detailed:
                self._durations.setdefault(ref, {}).setdefault(whose, Durations()).add(seconds)
            else:
                self._by_kind.setdefault(Kind(trigger.type, status), Durations()).add(seconds)

    def only(self, ref: Ref, metrics: Collection[str]) -> None:
        """The object has no others any more."""
        requests, durations = self._requests.get(ref, Counter()), self._durations.get(ref, {})
        for whose in [one for one in requests if one.metric not in metrics]:
            del requests[whose]
            durations.pop(whose, None)

    def forget(self, ref: Ref) -> None:
        self._requests.pop(ref, None)
        self._durations.pop(ref, None)

    def requests(self) -> Iterator[tuple[Name, Whose, int]]:
        """What is there now, also for another thread."""
        found: Counter[tuple[Name, Whose]] = Counter()
        for ref, counts in list(self._requests.items()):
            for whose, count in list(counts.items()):
                found[(ref.namespace, ref.name), whose] += count
        for (name, whose), count in found.items():
            yield name, whose, count

    def durations(self) -> Iterator[tuple[Name, Whose, Durations]]:
        found: dict[tuple[Name, Whose], Durations] = {}
        for ref, held in list(self._durations.items()):
            for whose, durations in list(held.items()):
                key = (ref.namespace, ref.name), whose
                found[key] = found[key].merged(durations) if key in found else durations
        for (name, whose), durations in found.items():
            yield name, whose, durations

    def durations_by_kind(self) -> Iterator[tuple[Kind, Durations]]:
        yield from list(self._by_kind.items())
