"""The latest of everything: readings, decision and target of every object, for whoever looks outward. Only the loop
writes here; readers never wait for a write to the cluster. It renders nothing and asks nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from scaler.core.disagreement import Disagreement
from scaler.core.model import Decision, Event, Failure, Metric, Reading, State, Target
from scaler.engine.traffic import Traffic
from scaler.manifests.watched import Ref, Trigger, Watched


@dataclass(slots=True)
class Entry:
    """One object. `problem` is why it is not served, where it is not; `refused` when a source last did not accept its
    login; `disagreement` is of an object that is only observed. `errors` counts failed attempts, by metric, and
    `faults` all others, those of metrics that are gone among them: their sum never goes down. `empty` counts answers
    with nothing in them, by metric."""

    watched: Watched | None = None
    state: State = field(default_factory=State)
    readings: dict[str, Reading] = field(default_factory=dict)
    decision: Decision | None = None
    sent: Decision | None = None
    target: Target | None = None
    at: float = 0.0
    took: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    refused: float = 0.0
    disagreement: Disagreement | None = None
    errors: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    empty: Counter[str] = field(default_factory=Counter)
    previous: dict[int, tuple[Trigger, Any]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


class Board:
    """`traffic` is what was asked over HTTP for whom."""

    def __init__(self, traffic: Traffic | None = None) -> None:
        self._entries: dict[Ref, Entry] = {}
        self.traffic = traffic or Traffic()

    def __iter__(self) -> Iterator[tuple[Ref, Entry]]:
        """What is there now: a reader may take its time over it, or stand in another thread."""
        return iter(list(self._entries.items()))

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, ref: Ref) -> Entry | None:
        return self._entries.get(ref)

    def state(self, ref: Ref) -> State:
        """What the last decision remembered; empty for an object seen for the first time."""
        entry = self._entries.get(ref)
        return entry.state if entry else State()

    def readings(self, ref: Ref) -> Mapping[str, Reading]:
        """The latest of each metric that was ever read, as it is now and later: whoever compares takes a copy."""
        entry = self._entries.get(ref)
        return entry.readings if entry else {}

    def metric(self, ref: Ref, name: str) -> Metric | None:
        """What the metrics API answers now (names are compared without case, as KEDA does)."""
        entry = self._entries.get(ref)
        metrics = entry.decision.metrics if entry and entry.decision else ()
        return next((metric for metric in metrics if metric.name.lower() == name.lower()), None)

    def place(self, watched: Watched, remembered: State | None = None) -> None:
        """An object is served from now on, or in a new shape; readings of metrics it no longer has are forgotten."""
        entry = self._entries.setdefault(watched.ref, Entry())
        if remembered is not None and entry.decision is None:
            entry.state = remembered
        entry.watched = watched
        entry.sent = entry.decision  # what an earlier binding decided is not written for this one
        entry.problem = ""
        for index, (trigger, _) in list(entry.previous.items()):
            if trigger not in watched.triggers:
                del entry.previous[index]
        names = {goal.metric for goal in watched.spec.goals}
        entry.faults += sum(count for metric, count in entry.errors.items() if metric not in names)
        for held in (entry.readings, entry.took, entry.errors, entry.empty):
            for gone in held.keys() - names:
                del held[gone]
        self.traffic.only(watched.ref, names)

    def publish(
        self,
        ref: Ref,
        readings: Sequence[Reading],
        target: Target,
        decision: Decision,
        now: float,
        took: Mapping[str, float],
        *,
        problem: str = "",
    ) -> None:
        """The outcome of one round; its events wait here until they are sent. `problem`: what is served is an earlier
        manifest, the newest cannot be."""
        entry = self._entries[ref]
        for reading in readings:
            before = entry.readings.get(reading.metric)
            if isinstance(reading, Failure) and not (isinstance(before, Failure) and before.at == reading.at):
                entry.errors[reading.metric] += 1
            entry.readings[reading.metric] = reading
        entry.took.update(took)
        entry.decision, entry.state, entry.target, entry.at = decision, decision.state, target, now
        entry.events.extend(decision.events)
        entry.problem = problem

    def differs(self, ref: Ref, disagreement: Disagreement | None) -> None:
        """How an object that is only observed is scaled otherwise than it would be here."""
        self._entries[ref].disagreement = disagreement

    def fault(self, ref: Ref, problem: str) -> None:
        """The object cannot be bound or served; what was there of it stays."""
        entry = self._entries.setdefault(ref, Entry())
        entry.problem = problem
        entry.faults += 1

    def unsent(self, ref: Ref) -> Decision | None:
        """The latest decision, with every event that waits, where it was not handed out before; else `None`."""
        entry = self._entries.get(ref)
        if entry is None or entry.decision is None or entry.sent is entry.decision:
            return None
        entry.sent = entry.decision
        events, entry.events = tuple(entry.events), []
        return replace(entry.decision, events=events) if events != entry.decision.events else entry.decision

    def previous(self, ref: Ref, trigger: Trigger, answer: Any) -> Any:
        """The trigger's answer before this one, which is kept in its place; `None` where it was another trigger's."""
        entry = self._entries.get(ref)
        if entry is None:
            return None
        before, previous = entry.previous.get(trigger.index, (None, None))
        entry.previous[trigger.index] = (trigger, answer)
        return previous if before == trigger else None

    def refused(self, ref: Ref, at: float) -> bool:
        """A source refused the object's credentials at that moment; true where nobody has said so yet."""
        entry = self._entries.get(ref)
        if entry is None or at <= entry.refused:
            return False
        entry.refused = at
        return True

    def keep_unsent(self, ref: Ref, events: Sequence[Event]) -> None:
        """Writing failed: these events wait for the next decision that is written."""
        if entry := self._entries.get(ref):
            entry.events[:0] = events

    def answered_nothing(self, ref: Ref, metric: str) -> None:
        """The source had an answer, with nothing in it."""
        if entry := self._entries.get(ref):
            entry.empty[metric] += 1

    def drop(self, ref: Ref) -> None:
        self._entries.pop(ref, None)
        self.traffic.forget(ref)
