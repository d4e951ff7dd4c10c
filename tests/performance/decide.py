"""`decide` alone: CPU time of one decision, in batches of 500. Each decision gets the state of the one before and sees
the replicas that it decided, a second later each time; making the arguments is not measured.

- plain: hpa mode, one AverageValue goal, a number that never changes;
- window: direct mode with a scale-down window of 3,600 s and advice that rises and falls between 1 and 100 over an
  hour, with noise. The window is full (3,600 rounds) before the first batch, so its queue is as long as it gets."""

import math
import random
from collections.abc import Callable
from itertools import pairwise
from time import process_time_ns

from scaler.core.decide import decide
from scaler.core.model import Behavior, Goal, Mode, Rules, Spec, State, Target, Value
from tests.performance.figure import Aim, Figure

BATCH = 500
BATCHES = 200
WARM = 3600
MOST = 20.0
METRIC = "s0-kafka-orders"
TARGETS = [Target(number, number, number) for number in range(101)]
GOALS = (Goal(METRIC, 10.0),)
PLAIN = Spec("bench/plain", GOALS, minimum=1)
WINDOW = Spec(
    "bench/window", GOALS, minimum=1, mode=Mode.DIRECT, behavior=Behavior(down=Rules(window=3600), up=Rules(window=0))
)


def measure() -> list[Figure]:
    chance = random.Random(1)
    plain, _ = _batches(PLAIN, lambda _: 30.0)
    window, longest = _batches(WINDOW, lambda at: 500 + 450 * math.sin(at * math.tau / 3600) + chance.uniform(-50, 50))
    return [
        Figure("decide, plain", "µs", plain, Aim(MOST), f"batches of {BATCH}"),
        Figure("decide, window 3600 s", "µs", window, Aim(MOST), f"up to {longest} records in the window"),
    ]


def _batches(spec: Spec, value: Callable[[float], float]) -> tuple[tuple[float, ...], int]:
    """Microseconds a decision of each batch, and how long the window's queue became."""
    readings = [(Value(METRIC, value(at), True, float(at)),) for at in range(WARM + BATCH * BATCHES)]
    target, state, longest = TARGETS[3], State(), 0
    marks: list[int] = []
    for at, reading in enumerate(readings):
        if at >= WARM and (at - WARM) % BATCH == 0:
            marks.append(process_time_ns())
            longest = max(longest, len(state.highest), len(state.lowest))
        decision = decide(spec, target, reading, state, float(at))
        target, state = TARGETS[decision.replicas or 0], decision.state
    marks.append(process_time_ns())
    return tuple((after - before) / BATCH / 1000 for before, after in pairwise(marks)), longest
