"""Hours, holidays and time zones, as other desks got them wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.sla.domain.calendar import Calendar, add_business, business_time
from services.sla.domain.calendar_reasons import explain
from services.sla.storage import CLOCKS, DUE
from tests.unit.sla.factories import (
    HOUR,
    MINUTE,
    SlaInMemory,
    agreed,
    make_calendar,
    make_event,
    make_interval,
    make_policy,
    make_rule,
    make_threshold,
)

RESOLUTION = "INC0000001:resolution"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def make_desk(calendar: Calendar, **policy: Any) -> SlaInMemory:
    """One policy by this calendar."""
    return SlaInMemory(agreed(make_rule(make_policy(calendar="office", **policy)), calendars={"office": calendar}))


def test_around_the_clock_has_no_minute_at_midnight_that_is_closed() -> None:
    """https://github.com/zammad/zammad/issues/3180"""
    always = make_calendar("00:00-24:00", zone="Europe/Vilnius")
    assert business_time(always, utc("2020-09-04T20:00+03:00"), utc("2020-09-05T04:00+03:00")) == 8 * HOUR
    assert add_business(always, utc("2020-09-04T23:30+03:00"), HOUR) == utc("2020-09-05T00:30+03:00")


def test_a_threshold_before_the_target_lies_in_hours_when_the_target_is_on_the_next_day() -> None:
    """https://github.com/glpi-project/glpi/pull/22678: it was told at 00:00 where a day had several segments."""
    office = make_calendar("08:00-12:00", "12:00-18:00", days=5)
    before = make_threshold(-HOUR)
    for start, due in (("2026-03-02T10:00Z", "2026-03-02T13:00Z"), ("2026-03-02T17:00Z", "2026-03-03T10:00Z")):
        sla = make_desk(office, response=4 * HOUR, resolution=4 * HOUR, thresholds=(before,))
        sla.take(make_event(1, utc(start)))
        assert sla.rows(DUE)[RESOLUTION]["at"] == utc(due)


def test_thresholds_after_the_target_lie_in_hours_too() -> None:
    """https://github.com/zammad/zammad/issues/4432: reminders came at midnight and at weekends."""
    sla = make_desk(make_calendar("09:00-17:00", days=5), resolution=HOUR, response=HOUR, thresholds=(2 * HOUR,))
    sla.take(make_event(1, utc("2026-03-06T15:00Z")))
    sla.tick(utc("2026-03-09T12:00Z"))
    assert sla.told()[-2:] == [("breached", utc("2026-03-06T16:00Z")), ("passed", utc("2026-03-09T10:00Z"))]


def test_a_threshold_longer_before_the_target_than_the_target_is_none() -> None:
    """https://github.com/glpi-project/glpi/issues/15429: tickets were escalated as they were created."""
    sla = make_desk(make_calendar("09:00-17:00", days=5), thresholds=(make_threshold(-9 * HOUR),))
    sla.take(make_event(1, utc("2026-03-06T15:00Z")))
    sla.tick(utc("2026-03-06T15:01Z"))
    assert [name for name, _ in sla.told()] == ["started"]


def test_a_week_with_one_open_day_counts_that_day() -> None:
    """https://github.com/osTicket/osTicket/issues/6739"""
    tuesdays = Calendar(name="t", zone="UTC", week=((), (make_interval("08:00-17:00"),), (), (), (), (), ()))
    assert add_business(tuesdays, utc("2024-08-05T12:00Z"), 12 * HOUR) == utc("2024-08-13T11:00Z")


def test_a_lunch_break_is_closed_every_day() -> None:
    """https://github.com/osTicket/osTicket/issues/6847 and https://github.com/frappe/helpdesk/issues/2212"""
    office = make_calendar("09:00-13:00", "14:00-18:00", days=5)
    assert add_business(office, utc("2026-03-02T13:20Z"), 10 * MINUTE) == utc("2026-03-02T14:10Z")
    assert add_business(office, utc("2026-03-02T12:00Z"), 8 * HOUR) == utc("2026-03-03T12:00Z")


def test_hours_have_the_offset_of_their_own_day_and_not_of_today() -> None:
    """https://github.com/fivetran/dbt_zendesk/issues/25 and https://github.com/chatwoot/chatwoot/issues/2882"""
    office = make_calendar("09:00-17:00", days=5, zone="America/New_York")
    assert add_business(office, utc("2021-03-12T16:30-05:00"), HOUR) == utc("2021-03-15T13:30Z")
    winter, summer = (utc(f"2021-{day}T00:00Z") for day in ("01-15", "07-15"))
    assert add_business(office, winter, HOUR) == utc("2021-01-15T15:00Z")
    assert add_business(office, summer, HOUR) == utc("2021-07-15T14:00Z")


def test_a_holiday_is_the_date_that_the_zone_shows_west_of_greenwich_too() -> None:
    """https://github.com/zammad/zammad/issues/3706: Chilean holidays came one day early."""
    desk = make_calendar("09:00-18:00", zone="America/Santiago", holidays={date(2021, 9, 18): "National Day"})
    days = (utc(f"2021-09-{day}T00:00-03:00") for day in (17, 18, 19))
    assert [business_time(desk, day, day + timedelta(days=1)) / HOUR for day in days] == [9, 0, 9]


def test_a_due_instant_that_holidays_moved_names_them() -> None:
    """https://github.com/zammad/zammad/issues/390: six days for 48 hours, and nothing said that two were holidays."""
    holidays = {date(2016, 11, 11): "St. Martin", date(2016, 11, 13): "Volkstrauertag"}
    desk = make_calendar("09:00-21:00", zone="Europe/Berlin", holidays=holidays)
    start = utc("2016-11-09T23:00+01:00")
    due = add_business(desk, start, 48 * HOUR)
    assert due == utc("2016-11-15T21:00+01:00")
    assert {stretch.why for stretch in explain(desk, start, due) if not stretch.open} >= set(holidays.values())


def test_a_target_outside_hours_runs_from_the_next_opening() -> None:
    """https://github.com/freescout-help-desk/freescout/issues/3756, https://github.com/chatwoot/chatwoot/pull/13392"""
    office = make_calendar("09:00-17:00", days=5)
    assert add_business(office, utc("2024-02-01T16:00Z"), 4 * HOUR) == utc("2024-02-02T12:00Z")
    assert add_business(office, utc("2026-01-30T16:30Z"), HOUR) == utc("2026-02-02T09:30Z")


def test_a_response_to_what_came_on_a_free_day_is_measured_from_the_first_open_minute() -> None:
    """https://github.com/frappe/helpdesk/issues/2075"""
    sla = make_desk(make_calendar("10:00-18:00", days=5))
    sla.take(make_event(1, utc("2024-12-07T15:00Z")))
    replied = {"first_public_reply_at": "2024-12-09T10:15:00.000Z"}
    sla.take(make_event(2, utc("2024-12-09T10:15Z"), data=replied))
    row = sla.rows(CLOCKS)["INC0000001:response"]
    assert (row["state"], row["elapsed_seconds"]) == ("met", 900.0)


def test_a_calendar_that_never_opens_stops_nobody_from_working() -> None:
    """https://github.com/zammad/zammad/issues/1396: a ticket could not be saved any more."""
    sla = make_desk(make_calendar(days=0))
    taken = sla.take(make_event(1), make_event(2, data={"team": "payroll"}))
    assert (len(taken.handled), sla.rows(CLOCKS)[RESOLUTION]["due_at"], sla.rows(DUE)) == (2, None, {})


def test_a_night_shift_runs_over_midnight() -> None:
    """https://github.com/bokmann/business_time/issues/227"""
    night = make_calendar("22:00-30:00", zone="America/New_York")
    assert add_business(night, utc("2024-03-07T23:00-05:00"), 3 * HOUR) == utc("2024-03-08T02:00-05:00")


def test_a_calendar_that_changes_moves_the_open_records() -> None:
    """https://github.com/zammad/zammad/issues/534, https://github.com/zammad/zammad/issues/1361"""
    policy = {"response": 9 * HOUR, "resolution": 9 * HOUR, "thresholds": ()}
    sla = make_desk(make_calendar("09:00-17:00", days=5), **policy)
    sla.restart(sla.agreements)
    sla.take(make_event(1, utc("2026-03-02T09:00Z")))
    closed = make_calendar("09:00-17:00", days=5, holidays={date(2026, 3, 3): "Strike"})
    sla.restart(make_desk(closed, **policy).agreements)
    sla.reckon()
    assert sla.rows(CLOCKS)[RESOLUTION]["due_at"] == sla.rows(DUE)[RESOLUTION]["at"] == utc("2026-03-04T10:00Z")
