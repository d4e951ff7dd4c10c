"""What the line says to people: one log line for each decision that changes something, one for a failure that begins
and one for its end, nothing for a round in which nothing happened. It decides nothing and keeps what it has said."""

import logging
from collections.abc import Hashable, Sequence

from scaler.core.disagreement import Disagreement
from scaler.core.model import Decision, Failure, Mode, Reading, Target, Value
from scaler.errors import ManifestError, ScalerError
from scaler.manifests.watched import Ref, Watched

log = logging.getLogger("scaler")


Topic = tuple[str, str]
"""What a line is about: ("metric", its name), or one of the object's own topics."""

PROBLEM, WARNINGS, MOVE = ("object", "problem"), ("object", "warnings"), ("object", "move")
DISAGREEMENT = ("object", "disagreement")


class Narrator:
    """Remembers, for each object, the last thing said on each topic; nothing for an object of which all is well."""

    def __init__(self) -> None:
        self._said: dict[Ref, dict[Topic, Hashable]] = {}

    def bound(self, watched: Watched) -> None:
        """Binding worked; what is odd about the manifest is said when it is new."""
        if self._news(watched.ref, PROBLEM, None):
            log.info("can be served again")
        if self._news(watched.ref, WARNINGS, watched.warnings or None):
            for warning in watched.warnings:
                log.warning(warning)

    def failed(self, ref: Ref, error: ScalerError) -> bool:
        """The object cannot be bound or served; true when that is news."""
        if not self._news(ref, PROBLEM, str(error)):
            return False
        problems = error.problems if isinstance(error, ManifestError) else {"": str(error)}
        for path, problem in problems.items():
            log.error(f"{path}: {problem}" if path else problem, extra={"reason": error.reason})
        return True

    def decided(self, watched: Watched, readings: Sequence[Reading], target: Target, decision: Decision) -> None:
        """One round's outcome, before it is written. Jobs are made anew each time, by however many at a time."""
        ref = watched.ref
        for reading in readings:
            self._read(ref, reading)
        moves = decision.replicas is not None and decision.replicas != target.wanted
        fact = (target.wanted, decision.replicas, decision.why) if moves else None
        makes = bool(decision.create) and watched.spec.mode is not Mode.OBSERVE
        if (self._news(ref, MOVE, fact) or makes) and fact:
            log.info(f"{ref} {fact[0]}→{fact[1]} {decision.why.value}", extra=_values(watched, readings))

    def compared(self, ref: Ref, found: Disagreement | None) -> None:
        """A disagreement is told when it has lasted, and when it is over."""
        told = found is not None and found.lasting
        if self._news(ref, DISAGREEMENT, told or None):
            if found is not None and told:
                log.warning(f"{ref} has {found.theirs} replicas, here it would have {found.ours}")
            else:
                log.info(f"{ref} has the replicas again that it would have here")

    def served(self, ref: Ref) -> None:
        """The round went all the way, the write included."""
        if self._news(ref, PROBLEM, None):
            log.info("is served again")

    def _read(self, ref: Ref, reading: Reading) -> None:
        topic = ("metric", reading.metric)
        if not isinstance(reading, Failure):
            if self._news(ref, topic, None):
                log.info("can be read again", extra={"metric": reading.metric})
        elif self._news(ref, topic, reading.problem):
            log.warning(reading.problem, extra={"metric": reading.metric, "reason": reading.reason})

    def _news(self, ref: Ref, topic: Topic, fact: Hashable) -> bool:
        """Whether this differs from what was said last; `None` is nothing to say."""
        said = self._said.get(ref)
        if said is None:
            if fact is None:
                return False
            said = self._said[ref] = {}
        if said.get(topic) == fact:
            return False
        if fact is None:
            del said[topic]
        else:
            said[topic] = fact
        return True

    def forget(self, ref: Ref) -> None:
        self._said.pop(ref, None)


def _values(watched: Watched, readings: Sequence[Reading]) -> dict[str, str]:
    """`trigger=s0-kafka-orders value=250`, for the metrics that could be read."""
    order = {goal.metric: index for index, goal in enumerate(watched.spec.goals)}
    found = sorted((one for one in readings if isinstance(one, Value)), key=lambda one: order.get(one.metric, 0))
    if not found:
        return {}
    return {
        "trigger": ",".join(one.metric for one in found),
        "value": ",".join(f"{one.value:g}" for one in found),
    }
