"""What the line says to people: one log line for each decision that changes something, one for a failure that begins
and one for its end, nothing for a round in which nothing happened. It decides nothing and keeps what it has said."""

import logging
from collections.abc import Sequence

from scaler.core.model import Decision, Failure, Reading, Target, Value
from scaler.errors import ManifestError, ScalerError
from scaler.logs import Changes
from scaler.manifests.watched import Ref, Watched

log = logging.getLogger("scaler")


class Narrator:
    def __init__(self) -> None:
        self._said = Changes()
        self._metrics: dict[Ref, set[str]] = {}

    def bound(self, watched: Watched) -> None:
        """Binding worked; what is odd about the manifest is said when it is new."""
        if self._said.news((watched.ref, "problem"), None):
            log.info("can be served again")
        if self._said.news((watched.ref, "warnings"), watched.warnings or None):
            for warning in watched.warnings:
                log.warning(warning)

    def failed(self, ref: Ref, error: ScalerError) -> bool:
        """The object cannot be bound or served; true when that is news."""
        if not self._said.news((ref, "problem"), str(error)):
            return False
        problems = error.problems if isinstance(error, ManifestError) else {"": str(error)}
        for path, problem in problems.items():
            log.error(f"{path}: {problem}" if path else problem, extra={"reason": error.reason})
        return True

    def decided(self, watched: Watched, readings: Sequence[Reading], target: Target, decision: Decision) -> None:
        """One round's outcome."""
        if self._said.news((watched.ref, "problem"), None):
            log.info("is served again")
        for reading in readings:
            self._read(watched.ref, reading)
        if decision.replicas is not None and decision.replicas != target.wanted:
            fact = (target.wanted, decision.replicas, decision.why)
            if self._said.news((watched.ref, "move"), fact):
                log.info(
                    f"{watched.ref} {target.wanted}→{decision.replicas} {decision.why.value}",
                    extra=_values(watched, readings),
                )
        else:
            self._said.forget((watched.ref, "move"))

    def _read(self, ref: Ref, reading: Reading) -> None:
        key = (ref, reading.metric)
        self._metrics.setdefault(ref, set()).add(reading.metric)
        if isinstance(reading, Failure):
            if self._said.news(key, reading.problem):
                log.warning(reading.problem, extra={"metric": reading.metric, "reason": reading.reason})
        elif self._said.news(key, None):
            log.info("can be read again", extra={"metric": reading.metric})

    def forget(self, ref: Ref) -> None:
        for topic in ("problem", "warnings", "move", *self._metrics.pop(ref, ())):
            self._said.forget((ref, topic))


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
