"""Cron expressions as KEDA reads them (robfig/cron: five fields), and when they come next in a time zone.

What is read differs from Debian's cron, which cronsim follows: `?` is `*`, `*/2` as day restricts (a day then matches
by month *or* week), `5/2` of the week ends on Saturday, and there is neither L, #, nor 7 for Sunday. Where the clock is
set, Debian's rules hold and not KEDA's: a time that is left out comes at the end of the gap, one that comes twice
counts once. In KEDA a window whose start is left out is open for a day, one whose start comes twice begins late."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
NEVER = float("inf")
MINUTE = 60


@dataclass(frozen=True, slots=True)
class Field:
    """One of the five: its range and what may stand for its numbers, the first name for the lowest."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def read(self, text: str) -> str:
        """The same for cronsim: `*`, or every number spelled out. Raises `ValueError`."""
        parts = [part for part in text.split(",") if part]
        found = {number for part in parts for number in self._numbers(part)}
        if not found:
            raise self._refused()
        every = any(part[0] in "*?" and part.partition("/")[2] in ("", "1") for part in parts)
        return "*" if every else ",".join(map(str, sorted(found)))

    def _numbers(self, part: str) -> range:
        span, slash, step = part.partition("/")
        left, dash, right = span.partition("-")
        if left in ("*", "?"):
            first, last = self.low, self.high
        else:
            first = self._number(left)
            last = self._number(right) if dash else self.high if slash else first
        if not self.low <= first <= last <= self.high or (slash and not (_is_number(step) and int(step))):
            raise self._refused()
        return range(first, last + 1, int(step) if slash else 1)

    def _number(self, text: str) -> int:
        if text.upper() in self.words:
            return self.words.index(text.upper()) + self.low
        if not _is_number(text):
            raise self._refused()
        return int(text)

    def _refused(self) -> ValueError:
        return ValueError(f"the {self.name} is not {self.low}-{self.high}, *, a range, a step or a list of those")


def _is_number(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 4


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("day of the week", 0, 6, DAYS),
)


@lru_cache(maxsize=4096)
def read(expression: str) -> str:
    """The expression as cronsim is to see it. Raises `ValueError` with a sentence."""
    parts = expression.split()
    if len(parts) != len(FIELDS):
        raise ValueError(f"has {len(parts)} fields; a schedule has five: minute, hour, day, month, day of the week")
    return " ".join(field.read(part) for field, part in zip(FIELDS, parts, strict=True))


def following(expression: str, timezone: str, now: float) -> float:
    """When the schedule comes next after `now`; `NEVER` for a day that no month has."""
    return _following(read(expression), timezone, int(now // MINUTE))


@lru_cache(maxsize=16384)
def _following(expression: str, timezone: str, minute: int) -> float:
    """Every schedule comes at a whole minute, so all of a minute has the same next one. Where the clock was set back,
    cronsim may begin with what has already come."""
    now = minute * MINUTE
    try:
        coming = (one.timestamp() for one in CronSim(expression, datetime.fromtimestamp(now, ZoneInfo(timezone))))
        return next((one for one in coming if one > now), NEVER)
    except CronSimError:
        return NEVER


def problems(start: str, end: str, timezone: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a window, by parameter."""
    for name, expression in (("start", start), ("end", end)):
        try:
            read(expression)
        except ValueError as problem:
            yield name, str(problem)
    if start == end:
        yield "end", "must differ from start"
    try:
        ZoneInfo(timezone)
    except (OSError, ValueError, KeyError):
        yield "timezone", "is not the name of a time zone such as Europe/Berlin"
