"""Stories of minutes: `at(0).load(400).expect(1, ACTIVATED)`. The workload obeys each decision at once unless told
otherwise, and each decision gets the state of the one before."""

from collections.abc import Sequence
from typing import Self

from scaler.core.decide import decide
from scaler.core.model import (
    Condition,
    ConditionType,
    Decision,
    Failure,
    Goal,
    Mode,
    Reading,
    Spec,
    State,
    Target,
    Value,
    Why,
)

START = 1_700_000_000.0
QUEUE = Goal("s0-queue", 5.0)


def spec(
    *goals: Goal,
    minimum: int = 0,
    maximum: int = 100,
    idle: int | None = None,
    cooldown: float = 300.0,
    mode: Mode = Mode.DIRECT,
) -> Spec:
    """An object with one queue trigger, five messages a replica, unless said otherwise."""
    return Spec(
        "shop/orders",
        goals or (QUEUE,),
        minimum=minimum,
        maximum=maximum,
        idle=idle,
        cooldown=cooldown,
        created=START,
        mode=mode,
        target_name="worker",
    )


class Story:
    """One object's life. `now` counts from the start of the story."""

    def __init__(self, told: Spec, replicas: int = 0, state: State | None = None) -> None:
        self.spec = told
        self.target = Target(replicas, replicas, replicas)
        self.state = state or State()
        self.now = START
        self.readings: Sequence[Reading] = ()
        self.decision = Decision(None, Why.STEADY)

    def at(self, seconds: float) -> Self:
        self.now = START + seconds
        return self

    def load(self, *values: float | str) -> Self:
        """One value for each goal; a text is the problem why there is none."""
        self.readings = [self._read(goal, value) for goal, value in zip(self.spec.goals, values, strict=True)]
        return self

    def _read(self, goal: Goal, value: float | str) -> Reading:
        if isinstance(value, str):
            return Failure(goal.metric, value, "SourceError", self.now)
        return Value(goal.metric, value, value > goal.activation, self.now)

    def hear(self, *readings: Reading) -> Self:
        self.readings = readings
        return self

    def sees(self, wanted: int, *, exists: int | None = None, ready: int | None = None) -> Self:
        """Somebody else moved the workload, or it is not what was asked for."""
        exists = wanted if exists is None else exists
        self.target = Target(wanted, exists, exists if ready is None else ready)
        return self

    def edited(self, told: Spec) -> Self:
        """Somebody edited the object."""
        self.spec = told
        return self

    def decide(self) -> Decision:
        self.decision = decide(self.spec, self.target, self.readings, self.state, self.now)
        self.state = self.decision.state
        return self.decision

    def expect(
        self, replicas: int | None, why: Why | None = None, *, again: float | None = -1.0, obeyed: bool = True
    ) -> Self:
        """Decide, compare, obey (unless somebody hinders it). `again` counts from the start of the story."""
        decision = self.decide()
        assert (decision.replicas, decision.why) == (replicas, why or decision.why), decision.trail
        if again is None or again >= 0:
            assert decision.again == (None if again is None else START + again), decision.trail
        if obeyed and replicas is not None:
            self.target = Target(replicas, replicas, replicas)
        return self

    def tells(self, *reasons: str) -> Self:
        """The events of the last decision."""
        assert tuple(event.reason for event in self.decision.events) == reasons
        return self

    def says(self, kind: ConditionType, status: str, reason: str) -> Self:
        """A condition of the last decision."""
        found = self.condition(kind)
        assert (found.status, found.reason) == (status, reason)
        return self

    def condition(self, kind: ConditionType) -> Condition:
        return next(one for one in self.decision.conditions if one.type is kind)

    def rules(self, *rules: Why) -> Self:
        """The rules that spoke in the last decision, in order."""
        assert tuple(note.rule for note in self.decision.trail) == rules
        return self
