"""What must hold for every object, load and past (architecture 12). The past is a fold of decisions over random rounds,
some of them hindered by others, so that every state tried here is one that can come about."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scaler.core.decide import decide
from scaler.core.model import (
    Behavior,
    Decision,
    Failure,
    Fallback,
    FallbackBehavior,
    Goal,
    MetricType,
    Mode,
    Pause,
    Policy,
    PolicyType,
    Reading,
    Rules,
    Select,
    Spec,
    State,
    Target,
    Value,
)
from scaler.core.policy import regime
from tests.core.story import START

Load = float | None
"""What a source holds; `None` where it does not answer."""


class Round(NamedTuple):
    """What one decision finds: the pause before it, the loads, and the size that somebody else gave the workload."""

    pause: float
    loads: tuple[Load, ...]
    moved: int | None


class Tale(NamedTuple):
    """An object and what happened to it so far; the last round is yet to be decided."""

    spec: Spec
    state: State
    target: Target
    loads: tuple[Load, ...]
    now: float

    def decide(self, loads: Sequence[Load] | None = None) -> Decision:
        return decide(self.spec, self.target, readings(self.spec, loads or self.loads, self.now), self.state, self.now)


def readings(spec: Spec, loads: Sequence[Load], now: float) -> list[Reading]:
    return [
        Failure(goal.metric, "no answer", "SourceError", now)
        if load is None
        else Value(goal.metric, load, load > goal.activation, now)
        for goal, load in zip(spec.goals, loads, strict=True)
    ]


policies = st.lists(
    st.builds(
        Policy, st.sampled_from(PolicyType), st.sampled_from([1, 4, 20, 50, 100]), st.sampled_from([15, 60, 600])
    ),
    max_size=2,
).map(tuple)
rules = st.builds(
    Rules,
    st.sampled_from([None, 0, 60, 300]),
    st.sampled_from([None, *Select]),
    policies,
    st.sampled_from([None, 0.0, 0.3]),
)
fallbacks = st.builds(Fallback, st.integers(0, 2), st.integers(0, 20), st.sampled_from(FallbackBehavior))


@st.composite
def goals(draw: st.DrawFn) -> tuple[Goal, ...]:
    return tuple(
        Goal(
            f"s{index}-m",
            draw(st.sampled_from([0.3, 1.0, 5.0])),
            draw(st.sampled_from([0.0, 10.0])),
            draw(st.sampled_from([MetricType.AVERAGE_VALUE, MetricType.VALUE])),
        )
        for index in range(draw(st.integers(1, 3)))
    )


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    minimum = draw(st.integers(0, 5))
    return Spec(
        "shop/orders",
        draw(goals()),
        minimum=minimum,
        maximum=max(1, minimum + draw(st.sampled_from([0, 3, 100]))),
        idle=draw(st.none() | st.integers(0, minimum - 1)) if minimum else None,
        cooldown=draw(st.sampled_from([0.0, 60.0, 300.0])),
        initial_cooldown=draw(st.sampled_from([0.0, 100.0])),
        created=START,
        fallback=draw(st.none() | fallbacks),
        behavior=draw(st.none() | st.builds(Behavior, rules, rules)),
        force=draw(st.sampled_from([False, False, False, True])),
        mode=draw(st.sampled_from([Mode.HPA, Mode.DIRECT])),
    )


loads = st.none() | st.sampled_from([0.0, 0.0, 1.0, 5.0, 5.4, 5.6, 9.0, 30.0, 400.0])


def rounds(spec: Spec) -> st.SearchStrategy[list[Round]]:
    one = st.builds(Round, st.sampled_from([1.0, 15.0, 60.0, 301.0]), several(spec), st.none() | st.integers(0, 120))
    return st.lists(one, max_size=5)


def several(spec: Spec) -> st.SearchStrategy[tuple[Load, ...]]:
    return st.tuples(*[loads] * len(spec.goals))


@st.composite
def tales(draw: st.DrawFn) -> Tale:
    spec = draw(specs())
    state, now, wanted = State(), START, draw(st.integers(0, 20))
    for one in draw(rounds(spec)):
        decision = decide(spec, Target(wanted, wanted, wanted), readings(spec, one.loads, now), state, now)
        state, now = decision.state, now + one.pause
        wanted = decision.replicas or 0 if one.moved is None else one.moved
    exists = wanted + draw(st.sampled_from([0, 0, 0, 3])) if spec.mode is Mode.DIRECT else wanted
    ready = draw(st.integers(0, exists)) if spec.mode is Mode.DIRECT else exists
    return Tale(spec, state, Target(wanted, exists, ready), draw(several(spec)), now)


def proved(examples: int = 50) -> settings:
    return settings(derandomize=True, max_examples=examples, deadline=None, database=None)


def unread(tale: Tale) -> bool:
    return any(metric.problem for metric in tale.decide().metrics)


# ------------------------------------------------------------------------------------------------------ what must hold


@proved()
@given(tales())
def test_within_bounds(tale: Tale) -> None:
    """Above zero within minimum and maximum; below only where it rests, is left alone, or is on its way to rest."""
    spec, decision = tale.spec, tale.decide()
    assert decision.replicas is not None
    assert 0 <= decision.replicas <= spec.maximum
    if decision.replicas < max(1, spec.minimum):
        assert not decision.state.active
        assert spec.minimum == 0 or spec.idle is not None or unread(tale)


@proved()
@given(tales())
def test_never_zero_while_active(tale: Tale) -> None:
    decision = tale.decide()
    assert not decision.state.active or (decision.replicas or 0) >= max(1, tale.spec.minimum)


@proved(150)
@given(tales(), st.data())
def test_more_load_never_gives_fewer(tale: Tale, data: st.DataObject) -> None:
    more = [load if load is None else load + data.draw(st.sampled_from([0.0, 0.2, 1.0, 50.0])) for load in tale.loads]
    fewer, many = tale.decide().replicas, tale.decide(more).replicas
    assert fewer is not None
    assert many is not None
    assert fewer <= many


@proved()
@given(tales())
def test_without_data_nothing_moves(tale: Tale) -> None:
    spec = replace(tale.spec, force=False, fallback=None)
    low = 0 if tale.target.wanted == 0 or spec.idle is not None else spec.minimum
    assume(low <= tale.target.wanted <= spec.maximum)
    assume(spec.idle is None or not spec.idle < tale.target.wanted < spec.minimum)
    dark = tale._replace(spec=spec, loads=(None,) * len(spec.goals))
    assert dark.decide().replicas == tale.target.wanted


@proved()
@given(tales())
def test_never_down_while_a_metric_is_unknown(tale: Tale) -> None:
    assume(unread(tale) and tale.target.wanted <= tale.spec.maximum)
    assert (tale.decide().replicas or 0) >= tale.target.wanted


@proved()
@given(tales())
def test_a_pause_freezes(tale: Tale) -> None:
    for pause in (Pause(full=True), Pause(scale_in=True, scale_out=True)):
        frozen = tale._replace(spec=replace(tale.spec, pause=pause))
        assert frozen.decide().replicas == tale.target.wanted


@proved()
@given(tales())
def test_a_pause_of_one_direction_holds_that_direction(tale: Tale) -> None:
    no_less = tale._replace(spec=replace(tale.spec, pause=Pause(scale_in=True))).decide()
    no_more = tale._replace(spec=replace(tale.spec, pause=Pause(scale_out=True))).decide()
    assert (no_less.replicas or 0) >= tale.target.wanted >= (no_more.replicas or 0)


@proved()
@given(tales())
def test_the_same_gives_the_same(tale: Tale) -> None:
    assert tale.decide() == tale.decide()


@proved()
@given(tales())
def test_a_restart_with_its_state_changes_nothing(tale: Tale) -> None:
    written = msgspec.json.encode(tale.state)
    assert tale._replace(state=msgspec.json.decode(written, type=State)).decide() == tale.decide()


@proved()
@given(tales())
def test_a_restart_never_scales_down_at_once(tale: Tale) -> None:
    """With nothing left but what KEDA keeps in the status. To rest is the cooldown's, which is kept; a written window
    of 0 is not meant to hold anything."""
    assume(regime(tale.spec).down.window > 0)
    left = State(last_active=tale.state.last_active, original_replicas=tale.state.original_replicas)
    decision = tale._replace(state=left).decide()
    assume(tale.target.wanted <= tale.spec.maximum and (decision.state.active or tale.spec.minimum > 0))
    assume(tale.spec.idle is None or decision.state.active)
    assert (decision.replicas or 0) >= tale.target.wanted


@proved()
@given(tales())
def test_the_trail_ends_at_the_number(tale: Tale) -> None:
    decision = tale.decide()
    assert decision.trail[-1].after == decision.replicas
    assert decision.why in {note.rule for note in decision.trail}


@proved()
@given(tales())
def test_what_holds_back_ends_in_the_future(tale: Tale) -> None:
    decision = tale.decide()
    assert decision.again is None or decision.again > tale.now


@proved()
@given(tales())
def test_nothing_is_told_twice(tale: Tale) -> None:
    """The same round once more, with the workload unmoved: no event is posted again."""
    first = tale.decide()
    assert tale._replace(state=first.state).decide().events == ()
