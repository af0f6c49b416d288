from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.domain.calendar import Calendar, add_business, business_seconds, business_time
from tests.unit.sla.factories import HOUR, MINUTE, MONDAY, WEEKDAYS, make_calendar
from tests.unit.sla.slow_model import after_minutes, open_minutes
from tests.unit.sla.strategies import calendars_at_edges

OFFICE = make_calendar("08:00-12:00", "13:00-18:00", days=WEEKDAYS, zone="Europe/Stockholm")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-03-02T08:00+01:00", "2026-03-02T18:00+01:00", 9),
        ("2026-03-02T12:00+01:00", "2026-03-02T13:00+01:00", 0),
        ("2026-03-02T11:30+01:00", "2026-03-02T13:30+01:00", 1),
        ("2026-03-06T17:00+01:00", "2026-03-09T09:00+01:00", 2),
        ("2026-03-02T10:00+01:00", "2026-03-02T09:00+01:00", 0),
        # The clocks go forward in the weekend between: office hours do not notice.
        ("2026-03-27T17:00+01:00", "2026-03-30T09:00+02:00", 2),
    ],
)
def test_only_opening_hours_count(start: str, end: str, hours: int) -> None:
    assert business_time(OFFICE, at(start), at(end)) == hours * HOUR
    assert business_seconds(OFFICE, at(start), at(end)) == hours * 3600


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Stockholm", date(2026, 3, 29), 23),
        ("Europe/Stockholm", date(2026, 10, 25), 25),
        ("Europe/Stockholm", date(2026, 7, 1), 24),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
    ],
)
def test_a_whole_day_is_as_long_as_its_zone_makes_it(zone: str, day: date, hours: float) -> None:
    week = tuple(make_calendar().week[0] if weekday == day.weekday() else () for weekday in range(7))
    calendar = Calendar(name="one day", zone=zone, week=week)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    assert business_time(calendar, noon - 2 * 24 * HOUR, noon + 2 * 24 * HOUR) == hours * HOUR


def test_around_the_clock_is_plain_time_in_any_zone() -> None:
    calendar = make_calendar(zone="Europe/Stockholm")
    assert add_business(calendar, at("2026-03-29T00:30+01:00"), 4 * HOUR) == at("2026-03-29T05:30+02:00")


def test_an_hour_that_the_wall_clock_skips_is_never_open() -> None:
    calendar = make_calendar("02:00-04:00", zone="Europe/Stockholm")
    assert business_time(calendar, at("2026-03-29T00:00+01:00"), at("2026-03-30T00:00+02:00")) == HOUR


def test_an_hour_that_the_wall_clock_shows_twice_is_open_twice() -> None:
    calendar = make_calendar("02:00-03:00", zone="Europe/Stockholm")
    assert business_time(calendar, at("2026-10-25T00:00+02:00"), at("2026-10-26T00:00+01:00")) == 2 * HOUR


def test_holidays_are_closed() -> None:
    calendar = make_calendar("08:00-18:00", zone="Europe/Stockholm", holidays={date(2026, 5, 1): "First of May"})
    assert add_business(calendar, at("2026-04-30T17:00+02:00"), 2 * HOUR) == at("2026-05-02T09:00+02:00")


def test_time_that_ends_with_the_opening_hours_is_due_when_they_end() -> None:
    assert add_business(OFFICE, at("2026-03-02T08:00+01:00"), 4 * HOUR) == at("2026-03-02T12:00+01:00")


def test_no_time_is_due_at_once_even_when_closed() -> None:
    assert add_business(OFFICE, at("2026-03-01T08:00+01:00"), timedelta(0)) == at("2026-03-01T08:00+01:00")


@pytest.mark.parametrize("week", [((),) * 7, make_calendar(days=1).week])
def test_what_is_out_of_reach_is_never_due(week: tuple[tuple[()], ...]) -> None:
    calendar = Calendar(name="seldom", zone="UTC", week=week)
    assert add_business(calendar, MONDAY, timedelta(days=2000)) is None


@given(calendars_at_edges(), st.integers(0, 3 * 24 * 60))
@settings(max_examples=40, deadline=None)
def test_business_time_equals_counting_minutes(case: tuple[Calendar, datetime], minutes: int) -> None:
    calendar, start = case
    end = start + minutes * MINUTE
    assert business_time(calendar, start, end) == open_minutes(calendar, start, end) * MINUTE


@given(calendars_at_edges(), st.integers(0, 24 * 60))
@settings(max_examples=40, deadline=None)
def test_adding_business_time_equals_counting_minutes(case: tuple[Calendar, datetime], amount: int) -> None:
    calendar, start = case
    limit = 3 * 24 * 60
    expected, due = after_minutes(calendar, start, amount, limit), add_business(calendar, start, amount * MINUTE)
    if expected is None:
        assert due is None or due > start + limit * MINUTE
    else:
        assert due == expected


@given(calendars_at_edges(), st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_adding_and_measuring_are_inverse_to_the_millisecond(
    case: tuple[Calendar, datetime], offset: int, amount: int
) -> None:
    calendar, start = case
    start += timedelta(milliseconds=offset)
    due = add_business(calendar, start, timedelta(milliseconds=amount))
    if due is not None:
        assert business_time(calendar, start, due) == timedelta(milliseconds=amount)


@given(calendars_at_edges(), st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_time_can_be_cut_anywhere(case: tuple[Calendar, datetime], first: int, second: int) -> None:
    calendar, start = case
    middle = start + timedelta(milliseconds=first * 100)
    end = middle + timedelta(milliseconds=second * 100)
    parts = business_time(calendar, start, middle) + business_time(calendar, middle, end)
    assert business_time(calendar, start, end) == parts
