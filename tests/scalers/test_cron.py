"""cron: schedules as robfig/cron reads them, windows, and days on which the clock is set."""

import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.declare import load
from scaler.sdk import Aim
from scalers import _schedule
from scalers._clock import Clock
from scalers.cron import Cron

METADATA = {"timezone": "UTC", "start": "0 6 * * *", "end": "0 20 * * *", "desiredReplicas": "10"}


def problems(**metadata: str) -> dict[str, str]:
    return dict(load(Cron, {**METADATA, **metadata}, {}, {}).problems)


def cron(**metadata: str) -> Cron:
    scaler = load(Cron, {**METADATA, **metadata}, {}, {}).value
    assert scaler is not None
    return scaler


def moment(text: str, timezone: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone)).timestamp()


# --------------------------------------------------------------------------------------------------------- schedules

COMES = [  # answered by robfig/cron v3.0.1
    ("0 6 * * 1-5", "Europe/Berlin", "2026-01-09 05:59:59", "2026-01-09 06:00"),
    ("0 6 * * 1-5", "Europe/Berlin", "2026-01-09 06:00:00", "2026-01-12 06:00"),
    ("0 * * * *", "America/New_York", "2026-03-08 01:30:00", "2026-03-08 03:00"),
    ("*/15 9-17 * * MON-FRI", "America/New_York", "2026-11-20 17:45:00", "2026-11-23 09:00"),
    ("0 0 13 * 5", "UTC", "2026-11-13 00:00:00", "2026-11-20 00:00"),
    ("0 0 */2 * 1", "UTC", "2026-11-22 00:00:00", "2026-11-23 00:00"),
    ("0 0 */2 * 5", "UTC", "2026-11-22 00:00:00", "2026-11-23 00:00"),
    ("0 0 * * 1", "UTC", "2026-11-22 00:00:00", "2026-11-23 00:00"),
    ("0 0 1-7 * *", "UTC", "2026-11-22 00:00:00", "2026-12-01 00:00"),
    ("0 0 ? JAN,jul sun", "UTC", "2026-11-22 00:00:00", "2027-01-03 00:00"),
    ("0 0 * * 5/1", "UTC", "2026-11-22 00:00:00", "2026-11-27 00:00"),
    ("0 0 29 2 *", "UTC", "2026-11-22 00:00:00", "2028-02-29 00:00"),
    ("0 0 30 2 1", "UTC", "2026-11-22 00:00:00", "2027-02-01 00:00"),
    ("5/20 0 * * *", "UTC", "2026-11-22 00:05:00", "2026-11-22 00:25"),
    ("59 23 31 12 *", "Asia/Tokyo", "2026-11-22 00:00:00", "2026-12-31 23:59"),
    ("0 12 1,,15 * *", "Asia/Kathmandu", "2026-11-22 00:00:00", "2026-12-01 12:00"),
    ("* * * * *", "UTC", "2026-11-22 00:00:30", "2026-11-22 00:01"),
    ("0 0 1 1 *", "Pacific/Apia", "2026-11-22 00:00:00", "2027-01-01 00:00"),
    ("10 8 * * */2", "UTC", "2026-11-22 00:00:00", "2026-11-22 08:10"),
    ("0 3 */1 * 2", "UTC", "2026-11-22 00:00:00", "2026-11-24 03:00"),
    ("0 3 *,4 * 2", "UTC", "2026-11-22 00:00:00", "2026-11-24 03:00"),
]


@pytest.mark.parametrize(("expression", "timezone", "now", "comes"), COMES)
def test_a_schedule_comes_when_robfig_says(expression: str, timezone: str, now: str, comes: str) -> None:
    found = _schedule.following(expression, timezone, moment(now, timezone))
    assert datetime.fromtimestamp(found, ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M") == comes


@pytest.mark.parametrize("expression", ["0 0 31 2 *", "0 0 31 4,6 *"])
def test_a_day_that_no_month_has_never_comes(expression: str) -> None:
    assert _schedule.following(expression, "UTC", 0.0) == _schedule.NEVER


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "0 * * * * *",
        "@daily",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 7",
        "* * * * L",
        "* * L * *",
        "* * * * 5#2",
        "* * * * 5L",
        "* * * FOO *",
        "MON * * * *",
        "5-3 * * * *",
        "1-2-3 * * * *",
        "*/0 * * * *",
        "*/x * * * *",
        "*/ * * * *",
        "1/2/3 * * * *",
        "-1 * * * *",
        "1.5 * * * *",
        ", * * * *",
        "*,60 * * * *",
        "١ * * * *",
        "9" * 5000 + " * * * *",
    ],
)
def test_what_robfig_refuses_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"five|the (minute|hour|day|month)"):
        _schedule.read(expression)


def field(one: _schedule.Field) -> st.SearchStrategy[str]:
    numbers = st.lists(st.integers(one.low, one.high).map(str), min_size=1, max_size=3)
    return numbers.map(",".join) | st.just("*")


EXPRESSION = st.tuples(*[field(one) for one in _schedule.FIELDS]).map(" ".join)
MOMENT = st.floats(1.7e9, 1.9e9)


@settings(deadline=None)
@given(EXPRESSION, st.sampled_from(["UTC", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe"]), MOMENT)
def test_the_next_time_is_later_and_matches(expression: str, timezone: str, now: float) -> None:
    comes = _schedule.following(expression, timezone, now)
    if comes == _schedule.NEVER:
        return
    assert comes > now
    assert comes % 60 == 0
    month = _schedule.read(expression).split()[3]
    local = datetime.fromtimestamp(comes, ZoneInfo(timezone))
    assert month == "*" or str(local.month) in month.split(",")


def test_reading_again_within_a_minute_costs_next_to_nothing() -> None:
    scaler = cron(timezone="Europe/Berlin", start="0 6 * * 1-5", end="0 20 * * 1-5")
    scaler.read(1_767_772_800.0)
    before = _schedule._following.cache_info().misses
    for second in range(60):
        scaler.read(1_767_772_800.0 + second)
    assert _schedule._following.cache_info().misses == before


# ----------------------------------------------------------------------------------------------------------- windows


@pytest.mark.parametrize(
    ("now", "value"),
    [
        ("2026-11-23 05:59:59", 0.0),
        ("2026-11-23 06:00:00", 10.0),
        ("2026-11-23 12:00:00", 10.0),
        ("2026-11-23 19:59:59", 10.0),
        ("2026-11-23 20:00:00", 0.0),
        ("2026-11-23 23:59:59", 0.0),
    ],
)
def test_a_window(now: str, value: float) -> None:
    scaler, at = cron(), moment(now, "UTC")
    assert scaler.read(at) == value
    assert scaler.active(at) == (value > 0)


@pytest.mark.parametrize(("now", "value"), [("23:00", 10.0), ("05:59", 10.0), ("06:00", 0.0), ("21:59", 0.0)])
def test_a_window_over_midnight(now: str, value: float) -> None:
    assert cron(start="0 22 * * *", end="0 6 * * *").read(moment(f"2026-11-23 {now}", "UTC")) == value


def test_a_window_over_a_weekend() -> None:
    scaler = cron(start="0 18 * * FRI", end="0 6 * * MON")
    assert [day for day in range(23, 30) if scaler.active(moment(f"2026-11-{day} 12:00", "UTC"))] == [28, 29]


@pytest.mark.parametrize(
    ("start", "end", "active"),
    [("0 0 31 2 *", "0 6 * * *", True), ("0 6 * * *", "0 0 31 2 *", False), ("0 0 31 2 *", "0 0 30 2 *", False)],
)
def test_what_never_comes_is_as_in_keda(start: str, end: str, *, active: bool) -> None:
    """A start that never comes leaves the window open, an end that never comes leaves it closed."""
    assert cron(start=start, end=end).active(moment("2026-11-23 12:00", "UTC")) == active


def open_hours(day: str, timezone: str, start: str, end: str) -> list[str]:
    """The quarters of an hour on that day, by the wall clock, in which the window is open."""
    scaler = cron(timezone=timezone, start=start, end=end)
    first = moment(f"{day} 00:00", timezone)
    quarters = [datetime.fromtimestamp(first + 900 * step, ZoneInfo(timezone)) for step in range(100)]
    return [
        f"{one:%H:%M}{'+' if one.fold else ''}"
        for one in quarters
        if f"{one:%Y-%m-%d}" == day and scaler.active(one.timestamp())
    ]


def test_a_start_that_is_left_out_comes_at_the_end_of_the_gap() -> None:
    """In Berlin 02:30 is left out on 2026-03-29. In KEDA the window is open from Saturday's end on."""
    assert open_hours("2026-03-28", "Europe/Berlin", "30 2 * * *", "0 4 * * *")[-1] == "03:45"
    assert open_hours("2026-03-29", "Europe/Berlin", "30 2 * * *", "0 4 * * *") == ["03:00", "03:15", "03:30", "03:45"]


def test_an_end_that_is_left_out_comes_at_the_end_of_the_gap() -> None:
    """In KEDA the window is closed all night."""
    opened = open_hours("2026-03-29", "Europe/Berlin", "0 1 * * *", "30 2 * * *")
    assert opened == ["01:00", "01:15", "01:30", "01:45"]


def test_a_start_that_comes_twice_counts_once() -> None:
    """In Berlin 02:30 comes twice on 2026-10-25. In KEDA the window is closed between the two."""
    opened = open_hours("2026-10-25", "Europe/Berlin", "30 2 * * *", "30 3 * * *")
    assert opened == ["02:30", "02:45", "02:00+", "02:15+", "02:30+", "02:45+", "03:00", "03:15"]


def test_an_end_that_comes_twice_counts_once() -> None:
    opened = open_hours("2026-10-25", "Europe/Berlin", "0 1 * * *", "30 2 * * *")
    assert opened == ["01:00", "01:15", "01:30", "01:45", "02:00", "02:15"]


def test_a_midnight_that_is_left_out() -> None:
    """In Cairo the clock goes from 23:59 to 01:00 on 2026-04-24."""
    assert open_hours("2026-04-24", "Africa/Cairo", "0 0 * * *", "0 2 * * *") == ["01:00", "01:15", "01:30", "01:45"]


@settings(deadline=None)
@given(st.integers(0, 23), st.integers(1, 22), MOMENT, st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]))
def test_a_daily_window_is_open_by_the_wall_clock(start: int, length: int, now: float, timezone: str) -> None:
    """Whatever the zone, but for the night in which the clock is set."""
    local = datetime.fromtimestamp(now, ZoneInfo(timezone))
    offsets = {(local + timedelta(hours=hours)).utcoffset() for hours in range(-26, 27)}
    if len(offsets) > 1:
        return
    end = (start + length) % 24
    inside = start <= local.hour < end if start < end else not end <= local.hour < start
    assert cron(timezone=timezone, start=f"0 {start} * * *", end=f"0 {end} * * *").active(now) == inside


# ------------------------------------------------------------------------------------------------------- declaration


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"start": "0 6 * *"}, "start"),
        ({"end": "@daily"}, "end"),
        ({"end": METADATA["start"]}, "end"),
        ({"timezone": "Moon/Crater"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "America"}, "timezone"),
        ({"desiredReplicas": "0"}, "desiredReplicas"),
        ({"desiredReplicas": "5.0"}, "desiredReplicas"),
    ],
)
def test_validation(metadata: dict[str, str], name: str) -> None:
    assert list(problems(**metadata)) == [name]


def test_all_problems_come_at_once() -> None:
    assert list(problems(start="x", end="y", timezone="z", desiredReplicas="0")) == [
        "start",
        "end",
        "timezone",
        "desiredReplicas",
    ]


@pytest.mark.parametrize(
    ("metadata", "label"),
    [
        ({}, "cron-UTC-06xxx-020xxx"),
        ({"timezone": "Europe/Berlin", "start": "*/5 ? * * 1,2"}, "cron-Europe/Berlin-xSl5Qmxx1Cm2-020xxx"),
    ],
)
def test_the_name_is_kedas(metadata: dict[str, str], label: str) -> None:
    assert cron(**metadata).label() == label
    assert cron(**metadata).aims(None) == {label: Aim(1.0)}


def test_it_may_not_be_cached() -> None:
    assert not Cron.cacheable


async def test_the_clock_tells_everybody_the_same() -> None:
    async with Clock().open() as connection:
        first, second = await connection.fetch(["now", "then"])
    assert first == second
    assert not isinstance(first, Exception)
    assert abs(first - time.time()) < 5
