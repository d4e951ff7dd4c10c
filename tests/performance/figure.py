"""A figure: samples of one quantity, what is aimed at, and how both are written down. How a sample is taken stands in
the benchmark's own module."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

Of = Literal["min", "median", "p99", "max"]
SHOWN: tuple[Of, ...] = ("min", "median", "p99", "max")
QUANTILES: dict[Of, float] = {"min": 0.0, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True, slots=True)
class Aim:
    """At most so much, of this statistic; or at least so much."""

    most: float = math.inf
    of: Of = "median"
    least: float = -math.inf

    def data(self) -> dict[str, Any]:
        return {"of": self.of, **({"most": self.most} if self.most < math.inf else {"least": self.least})}

    def __str__(self) -> str:
        bound = f"≤ {shown(self.most)}" if self.most < math.inf else f"≥ {shown(self.least)}"
        return f"{self.of} {bound}"


@dataclass(frozen=True, slots=True)
class Figure:
    """`samples` are in `unit`; `keda` is what KEDA was measured at in the same way; `note` says what the number alone
    does not; `problem` stands in place of samples where there are none."""

    what: str
    unit: str = ""
    samples: tuple[float, ...] = ()
    aim: Aim | None = None
    note: str = ""
    problem: str = ""
    keda: str = ""

    def statistic(self, of: Of) -> float:
        return median(self.samples) if of == "median" else quantile(self.samples, QUANTILES[of])

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; `None` where there is no aim, or nothing to compare with it."""
        if self.aim is None or not self.samples:
            return None
        return self.aim.least <= self.statistic(self.aim.of) <= self.aim.most

    def data(self) -> dict[str, Any]:
        """For JSON."""
        found: dict[str, Any] = {"what": self.what, "unit": self.unit, "n": len(self.samples)}
        if self.samples:
            found |= {of: self.statistic(of) for of in SHOWN}
        if self.aim:
            found |= {"aim": self.aim.data(), "met": self.met}
        texts = {"keda": self.keda, "note": self.note, "problem": self.problem}
        return found | {key: text for key, text in texts.items() if text}

    def cells(self) -> list[str]:
        """For the table."""
        if not self.samples:
            return [self.what, "0", *[""] * 7, self.problem or "no samples"]
        numbers = [shown(self.statistic(of)) for of in SHOWN]
        verdict = "" if self.met is None else f" {'met' if self.met else 'MISSED'}"
        aim = f"{self.aim}{verdict}" if self.aim else ""
        return [self.what, str(len(self.samples)), *numbers, self.unit, self.keda, aim, self.note]


HEAD = ["", "n", *SHOWN, "unit", "KEDA", "aim", ""]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be; numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:>{width}}" if 0 < at < 6 else f"{cell:<{width}}" for at, (cell, width) in found).rstrip()
        for found in (list(enumerate(zip(row, widths, strict=True))) for row in rows)
    )


def shown(number: float) -> str:
    """Three digits that count."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    places = max(0, 2 - math.floor(math.log10(abs(number))))
    return f"{number:,.{places}f}" if number != int(number) else f"{int(number):,}"


def quantile(samples: Sequence[float], q: float) -> float:
    """By nearest rank: always a number that was measured."""
    return sorted(samples)[max(0, math.ceil(q * len(samples)) - 1)]
