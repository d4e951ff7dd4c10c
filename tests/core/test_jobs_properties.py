"""What must hold for every ScaledJob, load and past; and that what is made is KEDA's table but for what is listed as a
difference (docs/differences-from-keda.md)."""

import math
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from scaler.core.jobs import decide
from scaler.core.model import (
    Calculation,
    Decision,
    Failure,
    Goal,
    JobRules,
    Jobs,
    Mode,
    Pause,
    Reading,
    Spec,
    State,
    Strategy,
    Target,
    Value,
)
from tests.core.story import START

Load = float | None


class Scene(NamedTuple):
    spec: Spec
    jobs: Jobs
    loads: tuple[Load, ...]

    def decide(self, loads: tuple[Load, ...] | None = None, running: int | None = None) -> Decision:
        jobs = self.jobs if running is None else Jobs(running, min(self.jobs.pending, running))
        target = Target(jobs.running, jobs.running, jobs.running - jobs.pending, jobs=jobs)
        return decide(self.spec, target, readings(self.spec, loads or self.loads), State(), START)


def readings(spec: Spec, loads: tuple[Load, ...]) -> list[Reading]:
    return [
        Failure(goal.metric, "no answer", "SourceError", START)
        if load is None
        else Value(goal.metric, load, load > goal.activation, START)
        for goal, load in zip(spec.goals, loads, strict=True)
    ]


loads = st.none() | st.sampled_from([0.0, 1.0, 2.5, 5.0, 9.0, 40.0, 1e6]) | st.floats(0, 1e9)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    count = draw(st.integers(1, 3))
    targets = [draw(st.sampled_from([0.3, 1.0, 5.0, 10.0])) for _ in range(count)]
    starts = [draw(st.sampled_from([0.0, 0.0, 4.0])) for _ in range(count)]
    rules = JobRules(
        strategy=draw(st.sampled_from(Strategy)),
        calculation=draw(st.sampled_from(Calculation)),
        deduction=draw(st.sampled_from([0, 0, 1, 5, -3])),
        share=draw(st.sampled_from([0.0, 0.5, 1.0, 2.0, -0.5, 1e300])),
    )
    minimum = draw(st.integers(0, 5))
    spec = Spec(
        "shop/orders",
        tuple(Goal(f"s{index}-q", targets[index], starts[index]) for index in range(count)),
        minimum=minimum,
        maximum=max(1, minimum + draw(st.sampled_from([0, 1, 8, 100]))),
        pause=Pause(full=draw(st.sampled_from([False, False, False, True]))),
        mode=Mode.DIRECT,
        jobs=rules,
    )
    running = draw(st.integers(0, 40))
    return Scene(spec, Jobs(running, draw(st.integers(0, running))), tuple(draw(loads) for _ in range(count)))


@given(scenes())
def test_never_more_than_the_ceiling(scene: Scene) -> None:
    create = scene.decide().create
    assert create >= 0
    assert scene.jobs.running + create <= max(scene.jobs.running, scene.spec.maximum)


@given(scenes())
def test_the_minimum_runs_whatever_the_triggers_say(scene: Scene) -> None:
    if scene.spec.pause.full:
        assert scene.decide().create == 0
    elif scene.jobs.running < scene.spec.minimum:
        assert scene.decide().create == scene.spec.minimum - scene.jobs.running


@given(scenes())
def test_without_work_and_without_a_reading_nothing_is_made_beyond_the_minimum(scene: Scene) -> None:
    nothing = tuple(None if load is None else 0.0 for load in scene.loads)
    assert scene.jobs.running + scene.decide(nothing).create <= max(scene.jobs.running, scene.spec.minimum)


@given(scenes(), st.floats(0, 1e6))
def test_more_load_never_makes_fewer(scene: Scene, more: float) -> None:
    """Of one trigger; of several the larger one may be for fewer jobs, as with KEDA."""
    spec = scene.spec
    alone = Scene(
        Spec(
            spec.name,
            spec.goals[:1],
            minimum=spec.minimum,
            maximum=spec.maximum,
            pause=spec.pause,
            mode=spec.mode,
            jobs=spec.jobs,
        ),
        scene.jobs,
        scene.loads[:1],
    )
    load = alone.loads[0] or 0.0
    assert alone.decide((load + more,)).create >= alone.decide((load,)).create


@given(scenes())
def test_the_default_makes_each_job_once(scene: Scene) -> None:
    """While the work is still counted that was there, what runs is all that is made for it."""
    if (scene.spec.jobs or JobRules()).strategy is not Strategy.DEFAULT or any(
        goal.target < 1 for goal in scene.spec.goals
    ):
        return
    first = scene.decide()
    total = first.replicas or 0
    if scene.jobs.running >= scene.spec.minimum:
        assert scene.decide(running=total).create == 0


@given(scenes())
def test_equal_arguments_give_an_equal_decision(scene: Scene) -> None:
    assert scene.decide() == scene.decide()


# --------------------------------------------------------------------------------------------------- KEDA, literally


def keda(scene: Scene) -> int:
    """KEDA behaviour 2.1 as it stands there, with a maximum that is given and not below the minimum."""
    spec, rules = scene.spec, scene.spec.jobs or JobRules()
    ceiling = spec.maximum - spec.minimum
    queue = most = 0.0
    active, heard = False, 0
    for goal, load in zip(spec.goals, scene.loads, strict=True):
        if load is None or not load > goal.activation:
            continue
        share = min(load / goal.target, ceiling)
        match rules.calculation:
            case Calculation.MAX:
                if load > queue:
                    queue, most, active = load, share, True
            case Calculation.MIN:
                if queue == 0 or load < queue:
                    queue, most, active = load, share, True
            case Calculation.AVG | Calculation.SUM:
                queue, most, active, heard = queue + load, most + share, True, heard + 1
    if rules.calculation is Calculation.AVG and heard:
        queue, most = queue / heard, most / heard
    wanted, scale = math.ceil(queue), math.ceil(min(most, ceiling))
    running, pending = scene.jobs.running, scene.jobs.pending
    if running < spec.minimum:
        return spec.minimum - running
    if not active and not spec.minimum:
        return 0
    spare = running - spec.minimum
    match rules.strategy:
        case Strategy.DEFAULT:
            effective = scale - spare
        case Strategy.CUSTOM:
            effective = min(scale - rules.deduction - math.trunc(spare * rules.share), ceiling)
        case Strategy.ACCURATE:
            effective = ceiling - spare if scale + spare - pending > ceiling else scale - pending
        case Strategy.EAGER:
            effective, wanted = min(ceiling - spare - pending, scale), ceiling
    return max(0, min(wanted, effective))


@given(scenes())
def test_it_is_kedas_table_but_for_the_ceiling(scene: Scene) -> None:
    """`custom` alone can go beyond it with KEDA."""
    if scene.spec.pause.full or (scene.spec.jobs or JobRules()).share > 1e9:
        return
    room = max(0, scene.spec.maximum - scene.jobs.running)
    theirs = keda(scene)
    if scene.jobs.running >= scene.spec.minimum:
        theirs = min(theirs, room)
    assert scene.decide().create == theirs


@given(scenes())
def test_only_custom_goes_beyond_the_ceiling_with_keda(scene: Scene) -> None:
    """So that the property above hides nothing else."""
    if (scene.spec.jobs or JobRules()).strategy is not Strategy.CUSTOM:
        assert scene.jobs.running + keda(scene) <= max(scene.jobs.running, scene.spec.maximum)
