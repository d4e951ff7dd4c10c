"""Cron: a number of replicas between two times of a calendar. Outside of them the trigger is not active."""

from collections.abc import Iterator, Mapping

from scaler.sdk import Aim, Example, Scaler, param
from scalers import _schedule
from scalers._clock import Clock

_IN_A_NAME = (" ", ""), ("*", "x"), ("/", "Sl"), ("?", "Qm"), (",", "Cm")


class Cron(Scaler[str, float]):
    start: str = param("When the window begins: five fields (minute, hour, day, month, day of the week).")
    end: str = param("When it ends, likewise.")
    timezone: str = param("Time zone in which both are meant, such as Europe/Berlin.")
    desired_replicas: int = param("Replicas inside the window.")

    cacheable = False
    example = Example(
        metadata={"timezone": "Europe/Berlin", "start": "0 6 * * 1-5", "end": "0 20 * * 1-5", "desiredReplicas": "10"},
        answer=1_767_772_800.0,  # a Wednesday, 2026-01-07 09:00 in Berlin
        value=10.0,
    )

    def check(self) -> Iterator[tuple[str, str]]:
        yield from super().check()
        yield from _schedule.problems(self.start, self.end, self.timezone)
        if self.desired_replicas == 0:
            yield "desiredReplicas", "must not be 0"

    def label(self) -> str:
        return f"cron-{self.timezone}-{_in_a_name(self.start)}-{_in_a_name(self.end)}"

    def aims(self, answer: float | None) -> Mapping[str, Aim | None]:
        return {self.label(): Aim(target=1.0)}

    def source(self) -> Clock:
        return Clock()

    def ask(self) -> str:
        return "now"

    def read(self, answer: float) -> float:
        return float(self.desired_replicas) if self.active(answer) else 0.0

    def active(self, answer: float) -> bool:
        """Inside, the end comes before the next start."""
        ends = _schedule.following(self.end, self.timezone, answer)
        return ends < _schedule.NEVER and ends <= _schedule.following(self.start, self.timezone, answer)


def _in_a_name(schedule: str) -> str:
    for sign, word in _IN_A_NAME:
        schedule = schedule.replace(sign, word)
    return schedule
