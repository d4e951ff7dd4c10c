"""`Scaler`: the class that every trigger type extends. A scaler is a frozen value that says where to ask, what, and how
the answer becomes a number. It does no I/O and keeps nothing; I/O lives in the source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from scaler.core.model import Backlog, Sample
from scaler.declare import Declared, parameters
from scaler.sdk.source import Source

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Usage:
    """What `cpu` and `memory` read: one sample for each running unit of the workload."""

    samples: tuple[Sample, ...]


Amount = float | Backlog | Usage
Result = Amount | Mapping[str, Amount]


@dataclass(frozen=True, slots=True)
class Aim:
    """One metric that a trigger yields, before it has a name: what it aims at and when it is active. Usage may be that
    of one `container`, and keeps its target as it was `written`."""

    target: float
    activation: float = 0.0
    container: str = ""
    written: str = ""


@dataclass(frozen=True)
class Example:
    """A working trigger, an answer its source could give, and what `read` makes of it: documentation, example manifest
    and conformance test in one. `auth` is what a TriggerAuthentication would hand over."""

    metadata: Mapping[str, str]
    answer: Any
    value: float
    auth: Mapping[str, str] = field(default_factory=dict)
    active: bool = True
    metric_type: str = ""


class Scaler(Declared, Generic[Q, A]):
    """One trigger type: its declared parameters and these methods. `source`, `ask` and `read` are always written; the
    others only where the type is peculiar."""

    resource: ClassVar[str] = ""
    """`cpu` or `memory` where the metric is the workload's own usage."""

    cacheable: ClassVar[bool] = True
    """Whether `useCachedMetrics` may be set (KEDA refuses it for cpu, memory and cron)."""

    example: ClassVar[Example]

    def source(self) -> Source[Q, A]:
        """Where to ask."""
        raise NotImplementedError(f"{type(self).__name__}.source")

    def ask(self) -> Q:
        """What to ask: hashable; equal queries to one source are asked once."""
        raise NotImplementedError(f"{type(self).__name__}.ask")

    def read(self, answer: A) -> Result:
        """The number in the answer. Raises `AnswerError` where there is none: failing is not zero."""
        raise NotImplementedError(f"{type(self).__name__}.read")

    def label(self) -> str:
        """What tells two metrics of this type apart; becomes the metric's name behind `sN-`."""
        return type(self).__module__.rpartition(".")[2].replace("_", "-")

    def active(self, answer: A) -> bool | None:
        """Activity where it is not "value > activation"; `None` leaves it to that comparison."""
        return None

    def empty(self, answer: A) -> bool:
        """Whether the source had an answer with nothing in it, such as a query without results; counted for /metrics,
        whatever `read` makes of it."""
        return False

    def aims(self, answer: A | None) -> Mapping[str, Aim | None]:
        """What each metric aims at, by label; by default the declared `target`; `None` where it was not given."""
        goal, start = _role(type(self), "target"), _role(type(self), "activation")
        value = getattr(self, goal) if goal else None
        return {
            self.label(): None
            if value is None
            else Aim(float(value), float(getattr(self, start) or 0) if start else 0.0)
        }

    def compare(self, answer: A, previous: A | None) -> Result:
        """Like `read`, with the answer before this one, for a type whose number depends on both. Only where it is
        overridden is the previous answer kept."""
        return self.read(answer)

    @classmethod
    def compares(cls) -> bool:
        """Whether this type wants the previous answer."""
        return cls.compare is not Scaler.compare


AnyScaler = Scaler[Any, Any]


def _role(cls: type[Declared], role: str) -> str:
    return next((field for field, one in parameters(cls).items() if one.words.role == role), "")
