"""An object as the engine holds it: what was bound from one generation of a manifest. Nothing here asks, writes or
remembers; `bind` makes these values, the loop serves them."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from scaler.core.model import Backlog, Decision, Failure, Goal, Reading, Spec, State, Target, Value
from scaler.errors import AnswerError, SourceError
from scaler.sdk.scaler import Amount, AnyScaler, Result, Usage
from scaler.sdk.source import AnySource


class Ref(NamedTuple):
    """Names an object of the cluster: a ScaledObject, a Secret, a Deployment. The kind `Environment` stands for the
    environment of a workload's container, named `[Kind.version.group/]workload/container` (an empty container is the
    first, a Deployment's kind is left out); `Identity` stands for who the workload's pods are, named the same way
    without the container; `Store` for what a store of credentials gave. A tuple, because it is the key of everything
    and hashed many times a round."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was found: `body` is the decoded document, `created` the object's creation (epoch seconds)."""

    ref: Ref
    body: Mapping[str, Any] = field(hash=False)
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class Trigger:
    """One entry of `spec.triggers`, bound. `name` is the entry's own or empty; `cached` is `useCachedMetrics`."""

    index: int
    type: str
    scaler: AnyScaler = field(repr=False)
    source: AnySource
    query: Any
    goals: tuple[Goal, ...]
    name: str = ""
    cached: bool = False

    def read(self, answer: Any, previous: Any, at: float) -> tuple[Reading, ...]:
        """One reading for each goal. What the scaler raises becomes failures: no exception crosses into the core."""
        try:
            result = self.scaler.compare(answer, previous) if self.scaler.compares() else self.scaler.read(answer)
            active = self.scaler.active(answer)
            return tuple(
                self._reading(goal, _amount(result, index), active, at) for index, goal in enumerate(self.goals)
            )
        except AnswerError as error:
            return self.failed(error, at)
        except Exception as error:  # a scaler's bug is this trigger's failure, nobody else's
            return self._broken(error, at)

    def empty(self, answer: Any) -> bool:
        """Whether the answer has nothing in it. A scaler that cannot tell says what is wrong when it reads."""
        with suppress(Exception):
            return self.scaler.empty(answer)
        return False

    def failed(self, error: SourceError, at: float) -> tuple[Failure, ...]:
        """The readings of a source that did not answer; a failed attempt is told by its own `at`."""
        return tuple(Failure(goal.metric, str(error), error.reason, error.at or at) for goal in self.goals)

    def _broken(self, error: Exception, at: float) -> tuple[Failure, ...]:
        sentence = f"the {self.type} scaler cannot read the answer to its query ({type(error).__name__})"
        return tuple(Failure(goal.metric, sentence, "InternalError", at) for goal in self.goals)

    def _reading(self, goal: Goal, amount: Amount, active: bool | None, at: float) -> Reading:
        if isinstance(amount, Usage):
            value = sum(sample.value for sample in amount.samples)
            return Value(goal.metric, value, None, at, samples=amount.samples)
        backlog = amount if isinstance(amount, Backlog) else None
        value = backlog.counted if backlog else float(amount)  # type: ignore[arg-type]  # a Backlog is not a float
        if not math.isfinite(value):
            return Failure(goal.metric, "the answer is not a finite number", AnswerError.reason, at)
        return Value(goal.metric, value, value > goal.activation if active is None else active, at, backlog)


def _amount(result: Result, index: int) -> Amount:
    return list(result.values())[index] if isinstance(result, Mapping) else result


Decide = Callable[[Spec, Target, Sequence[Reading], State, float], Decision]


@dataclass(frozen=True, slots=True)
class Watched:
    """Everything needed to serve one object. `refs` are the other objects it was bound from: when one of them is
    touched it is bound again. `warnings` are what was odd but accepted; `remarks` are what its owner should read beside
    "ready"."""

    ref: Ref
    spec: Spec
    triggers: tuple[Trigger, ...]
    interval: float
    target: Ref
    refs: frozenset[Ref]
    decide: Decide
    warnings: tuple[str, ...] = ()
    authentications: tuple[str, ...] = ()
    generation: int = 0
    remarks: tuple[str, ...] = ()

    def has(self, metric: str) -> bool:
        """One of its triggers', or its formula's."""
        goals, made = self.spec.goals, self.spec.composite
        return any(goal.metric == metric for goal in goals) or (made is not None and made.metric == metric)

    def behind(self, metric: str) -> tuple[Trigger, ...]:
        """The triggers that a metric comes from; a formula's comes from all its inputs."""
        made = self.spec.composite
        wanted = {one for _, one in self.spec.variables} if made is not None and made.metric == metric else {metric}
        return tuple(one for one in self.triggers if any(goal.metric in wanted for goal in one.goals))
