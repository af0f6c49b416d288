from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import process_time

import pytest

from services.sla.domain.calendar import Calendar, Interval, add_business, business_time
from services.sla.settings import parse_agreements
from shared.errors import Invalid

HOUR = timedelta(hours=1)
OFFICE = 'zone: Europe/Berlin, week: {monday: ["08:00-12:00", "13:00-17:00"], tuesday: ["08:00-17:00"]}'
TERMS = "calendar: one, response: 1h, resolution: 4h"
POLICIES = "\npolicies:\n" + "".join(f"  P{number}: {{name: a, {TERMS}}}\n" for number in range(1, 5))
ICAL = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Desk//EN
BEGIN:VEVENT
UID:christmas
DTSTART;VALUE=DATE:20201224
DTEND;VALUE=DATE:20201227
RRULE:FREQ=YEARLY
EXDATE;VALUE=DATE:20271224
SUMMARY:Christmas
END:VEVENT
BEGIN:VEVENT
UID:christmas
RECURRENCE-ID;VALUE=DATE:20281224
DTSTART;VALUE=DATE:20281225
SUMMARY:Christmas\\, one day only
END:VEVENT
BEGIN:VEVENT
UID:thanks
DTSTART;VALUE=DATE:20241128
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;UNTIL=20271231T235959Z
SUMMARY:Thanksgiving
END:VEVENT
BEGIN:VEVENT
UID:party
DTSTART;VALUE=DATE:20260701
STATUS:CANCELLED
SUMMARY:Party
END:VEVENT
BEGIN:VEVENT
UID:midnights
DTSTART:20260803T000000
DTEND:20260804T000000
SUMMARY:As some write it
END:VEVENT
END:VCALENDAR
"""


def calendars(text: str, folder: Path | None = None) -> dict[str, Calendar]:
    return dict(parse_agreements("calendars:\n  " + text + POLICIES, name="sla.yaml", folder=folder).calendars)


def calendar(words: str, folder: Path | None = None) -> Calendar:
    return calendars(f"one: {{{words}}}", folder)["one"]


def faults(text: str, folder: Path | None = None) -> str:
    with pytest.raises(Invalid) as error:
        calendars(text, folder)
    assert error.value.slug == "bad-settings"
    return error.value.message


def test_holidays_come_by_country_and_subdivision() -> None:
    bavaria = calendar(OFFICE + ", holidays: {country: DE, subdivision: BY}").holidays
    berlin = calendar(OFFICE + ", holidays: {country: DE, subdivision: BE}").holidays
    assert bavaria[date(2026, 1, 6)] == "Epiphany"
    assert date(2026, 1, 6) not in berlin
    assert berlin[date(2028, 3, 8)] == "Women's Day"


def test_holidays_have_names_in_the_language_asked_for_whatever_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANGUAGE", "de")
    assert calendar(OFFICE + ", holidays: {country: DE}").holidays[date(2026, 10, 3)] == "German Unity Day"
    german = calendar(OFFICE + ", holidays: {country: DE, language: de}").holidays
    assert german[date(2026, 10, 3)] == "Tag der Deutschen Einheit"


def test_a_category_of_holidays_may_be_asked_for() -> None:
    assert date(2026, 12, 24) not in calendar(OFFICE + ", holidays: {country: SE}").holidays
    words = ", holidays: {country: SE, categories: [public, de_facto]}"
    assert calendar(OFFICE + words).holidays[date(2026, 12, 24)] == "Christmas Eve"


def test_own_dates_add_to_the_country_and_name_what_both_have() -> None:
    words = ", holidays: {country: DE}, dates: [2026-12-24, {date: 2026-12-25, name: We rest}]"
    holidays = calendar(OFFICE + words).holidays
    assert (holidays[date(2026, 12, 24)], holidays[date(2026, 12, 25)]) == ("holiday", "We rest")
    assert date(2026, 10, 3) in holidays


def test_holidays_are_a_plain_list_of_dates_as_well() -> None:
    assert calendar(OFFICE + ", holidays: [2026-12-24]").holidays == {date(2026, 12, 24): "holiday"}


def test_an_icalendar_file_gives_whole_days_with_their_recurrences(tmp_path: Path) -> None:
    (tmp_path / "days.ics").write_text(ICAL.replace("\n", "\r\n").replace("4TH", "4TH"), encoding="utf-8")
    holidays = calendar(OFFICE + ", ical: days.ics", tmp_path).holidays
    assert [holidays.get(date(2026, 12, day)) for day in (23, 24, 25, 26, 27)] == [None, *["Christmas"] * 3, None]
    assert date(2027, 12, 24) not in holidays
    assert [holidays.get(date(2028, 12, day)) for day in (24, 25, 26)] == [None, "Christmas, one day only", None]
    thanks = [day for day, name in sorted(holidays.items()) if name == "Thanksgiving"]
    assert thanks == [date(2024, 11, 28), date(2025, 11, 27), date(2026, 11, 26), date(2027, 11, 25)]
    assert date(2026, 7, 1) not in holidays
    assert holidays[date(2026, 8, 3)] == "As some write it"
    assert date(2026, 8, 4) not in holidays


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "is not an iCalendar file"),
        ("what is this", "is not an iCalendar file"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:2026\nEND:VEVENT\nEND:VCALENDAR", "is not an iCalendar file"),
        (ICAL.replace("20260803T000000", "20260803T100000"), "As some write it on 2026-08-03 has a time of day"),
        (ICAL.replace("RRULE:FREQ=YEARLY\n", "RRULE:FREQ=SECONDLY\n"), "recurs YEARLY"),
    ],
)
def test_an_icalendar_file_with_a_fault_is_named(tmp_path: Path, content: str, word: str) -> None:
    (tmp_path / "days.ics").write_text(content, encoding="utf-8")
    message = faults(f"one: {{{OFFICE}, ical: days.ics}}", tmp_path)
    assert "calendars.one.ical: " in message
    assert word in message


def test_exceptions_close_and_open_dates_even_holidays() -> None:
    words = """, dates: [{date: 2026-03-03, name: Town fair}], exceptions: [
        {date: 2026-03-02, closed: true, name: Move}, {date: 2026-03-03, hours: ["09:00-10:00", "22:00-01:00"]}]"""
    one = calendar(OFFICE + words)
    assert one.exceptions[date(2026, 3, 2)].name == "Move"
    start = datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert business_time(one, start, start + 24 * HOUR) == timedelta(0)
    assert business_time(one, start, start + 72 * HOUR) == 4 * HOUR


def test_an_interval_may_close_on_the_next_day() -> None:
    one = calendar('zone: UTC, week: {sunday: ["22:00-06:00"], monday: ["06:00-07:00"]}')
    assert one.week[6] == (Interval(opens=22 * HOUR, closes=30 * HOUR),)
    assert add_business(one, datetime(2026, 3, 1, tzinfo=UTC), 9 * HOUR) == datetime(2026, 3, 2, 7, tzinfo=UTC)


def test_around_the_clock_is_one_word() -> None:
    one = calendar("zone: Europe/Berlin, week: 24x7")
    start = datetime(2026, 3, 28, tzinfo=UTC)
    assert business_time(one, start, start + 72 * HOUR) == 72 * HOUR


def test_a_version_keeps_what_it_does_not_change() -> None:
    words = """, dates: [2027-01-05], versions: [
        {effective_from: 2027-01-01, week: {tuesday: ["10:00-11:00"]}},
        {effective_from: "2027-02-01T06:00+01:00", zone: UTC}]"""
    first = calendar(OFFICE + words)
    second, third = first.versions
    assert second.effective_from == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert third.effective_from == datetime(2027, 2, 1, 5, tzinfo=UTC)
    assert (second.calendar.zone, third.calendar.zone) == ("Europe/Berlin", "UTC")
    assert third.calendar.week == second.calendar.week != first.week
    assert date(2027, 1, 5) in third.calendar.holidays


def test_a_union_is_open_when_any_of_its_calendars_is() -> None:
    found = calendars("""one: {union: [west, east]}
  east: {zone: Asia/Tokyo, week: {monday: ["09:00-17:00"]}}
  west: {zone: Europe/Berlin, week: {monday: ["08:00-17:00"]}}""")
    # Monday 2 March 2026: Tokyo 00:00 to 08:00 UTC, Berlin 07:00 to 16:00 UTC.
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    assert [member.name for member in found["one"].union] == ["west", "east"]
    assert business_time(found["one"], monday, monday + 24 * HOUR) == 16 * HOUR


WRONG = """one: {zone: Berlin, week: 7x24, holidays: {country: XX}, dates: [{name: x}, 2026-02-29], ical: none.ics}
  two: {zone: UTC, week: {monday: ["22:00-06:00"], tuesday: ["05:00-09:00"]},
    holidays: {country: DE, subdivision: ZZ}}
  three: {zone: UTC, week: 24x7, exceptions: [{date: 2026-01-01},
    {date: 2026-01-02, closed: true, hours: ["08:00-09:00"]},
    {date: 2026-01-03, hours: ["10:00-12:00", "11:00-13:00"]}, {date: 2026-01-04, closed: no},
    {hours: ["08:00-24:30"]}]}
  four: {union: [five, nowhere]}
  five: {union: [six], versions: [{effective_from: 2026-01-01, union: [four]}]}
  six: {union: [six]}
  seven: {zone: UTC, week: 24x7, versions: [{zone: UTC}, {effective_from: 2026-01-01T00:00, week: {}},
    {effective_from: 1}]}
  eight: {holidays: {country: DE, categories: [x]}, versions: 3}
  nine: {zone: UTC, week: 24x7, holidays: {country: DE, language: xx}, exceptions: [3]}"""


@pytest.mark.parametrize(
    "place",
    [
        "calendars.one.zone: 'Berlin' is not",
        "calendars.one.week: '7x24' is neither",
        "calendars.one.holidays.country: no holidays",
        "calendars.one.dates.0.date: Missing",
        "calendars.one.dates.1: '2026-02-29' is not a date",
        "calendars.one.ical: none.ics: No such file",
        "calendars.two.week.tuesday: intervals must not overlap the one of monday",
        "calendars.two.holidays.subdivision: no holidays",
        "calendars.three.exceptions.0: must be either",
        "calendars.three.exceptions.1: must be either",
        "calendars.three.exceptions.2.hours: intervals must be in order",
        "calendars.three.exceptions.3",
        "calendars.three.exceptions.4.date: Missing",
        "calendars.three.exceptions.4.hours.0: '08:00-24:30'",
        "calendars.four.union: there is no calendar 'nowhere'",
        "calendars.four.union: 'five' would hold itself",
        "calendars.five.versions.0.union: 'four' would hold itself",
        "calendars.six.union: 'six' would hold itself",
        "calendars.seven.versions.0.effective_from: Missing",
        "calendars.seven.versions.1.effective_from: '2026-01-01T00:00' is neither",
        "calendars.seven.versions.2.effective_from: 1 is neither",
        "calendars.eight.zone: Missing",
        "calendars.eight.week: Missing",
        "calendars.eight.holidays.categories: DE has",
        "calendars.eight.versions: Not a valid list",
        "calendars.nine.holidays.language: DE has",
        "calendars.nine.exceptions.0",
    ],
)
def test_every_fault_of_a_calendar_is_named_with_its_place(place: str) -> None:
    assert place in faults(WRONG)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (
            "versions: [{effective_from: 2027-01-01, week: {}}]",
            "calendars.one.versions.0.week: a calendar must be open",
        ),
        (
            "versions: [{effective_from: 2027-01-01}, {effective_from: 2027-01-01}]",
            "calendars.one.versions.1.effective_from: must be after",
        ),
        (
            "exceptions: [{date: 2027-01-01, closed: true}, {date: 2027-01-01, closed: true}]",
            "calendars.one.exceptions.1.date: has an exception already",
        ),
    ],
)
def test_what_contradicts_itself_is_named(words: str, place: str) -> None:
    assert place in faults(f"one: {{{OFFICE}, {words}}}")


@pytest.mark.parametrize(
    "country", ["__class__", "__doc__", "__name__", "registry", "country_holidays", "HolidayBase", "date", "", "de"]
)
def test_a_country_that_is_none_is_named_whatever_else_has_its_name(country: str) -> None:
    message = faults(f"one: {{{OFFICE}, holidays: {{country: '{country}'}}}}")
    assert f"calendars.one.holidays.country: no holidays are known for {country!r}" in message


@pytest.mark.parametrize("country", ["DE", "DEU", "Germany", "UK", "XNYS", "NYSE"])
def test_a_country_is_known_by_each_of_its_names(country: str) -> None:
    assert calendar(f"{OFFICE}, holidays: {{country: {country}}}").holidays


def chain(size: int, *, wide: int = 1, circle: bool = False) -> str:
    """Calendars of which each holds all of the next layer; the last layer holds the first where it is a circle."""
    named = [[f"l{layer}-{one}" for one in range(wide)] for layer in range(size)]
    lines = [
        f"  {one}: {{union: [{', '.join(below)}]}}\n"
        for layer, below in zip(named, [*named[1:], *named[:1]], strict=True)
        for one in layer
    ]
    if not circle:
        lines[-wide:] = [f"  {one}: {{{OFFICE}}}\n" for one in named[-1]]
    return "".join(lines)[2:] + f"  one: {{{OFFICE}}}"


@pytest.mark.parametrize(("size", "wide"), [(1500, 1), (9, 8), (40, 40), (22, 1)])
def test_unions_that_hold_too_many_calendars_are_named(size: int, wide: int) -> None:
    started = process_time()
    message = faults(chain(size, wide=wide))
    assert process_time() - started < 10
    assert ".union: holds more than 1000 calendars, or more than 20 within each other" in message


@pytest.mark.parametrize(("size", "wide"), [(1500, 1), (9, 8)])
def test_unions_that_hold_themselves_are_named_however_long_the_way(size: int, wide: int) -> None:
    started = process_time()
    message = faults(chain(size, wide=wide, circle=True))
    assert process_time() - started < 10
    assert message.count("would hold itself") == size * wide * wide


@pytest.mark.parametrize(("size", "wide"), [(21, 1), (3, 30), (9, 2)])
def test_unions_within_each_other_are_read(size: int, wide: int) -> None:
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    opened = calendars(chain(size, wide=wide))["l0-0"]
    assert business_time(opened, monday, monday + 24 * HOUR) == 8 * HOUR
