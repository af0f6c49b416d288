"""iCalendar files as the large senders write them, and ones that nobody can work out."""

from __future__ import annotations

import time
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from services.sla.calendar_words import FOLDER
from services.sla.holiday_sources.ical import FIELD, read
from services.sla.ical_days import local_day
from services.sla.ical_rules import Effort, recurrences
from services.sla.ical_text import reduced, unfolded

ZONE = "Europe/Stockholm"
ZONES = ("Europe/Stockholm", "America/New_York", "Asia/Tokyo", "Pacific/Auckland", "Asia/Kathmandu", "Pacific/Honolulu")
OUTLOOK = """BEGIN:VEVENT
UID:1
SUMMARY:Foundation day
DTSTART;VALUE=DATE:20251020
DTEND;VALUE=DATE:20251021
RRULE:FREQ=YEARLY;UNTIL=20271019T220000Z;BYMONTHDAY=20;BYMONTH=10
END:VEVENT
"""


def make_file(*events: str, more: str = "") -> str:
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//t//EN\n{more}{''.join(events)}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


def make_event(*lines: str, start: str = "DTSTART;VALUE=DATE:20251020") -> str:
    return "\n".join(["BEGIN:VEVENT", "UID:1", "SUMMARY:Day off", start, *lines, "END:VEVENT", ""])


@pytest.mark.parametrize("zone", [ZONE, None, "UTC", "Asia/Tokyo"])
def test_an_until_that_is_the_instant_of_a_local_midnight_lets_that_day_recur(zone: str | None) -> None:
    assert sorted(read(make_file(OUTLOOK), zone=zone)) == [date(year, 10, 20) for year in (2025, 2026, 2027)]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("of_the_file", [False, True])
def test_instants_of_a_local_midnight_mean_its_day_in_every_zone(zone: str, of_the_file: bool) -> None:
    def instant(day: int) -> str:
        local = datetime(2025, 10, day, tzinfo=ZoneInfo(zone))
        return f"{local.astimezone(ZoneInfo('UTC')):%Y%m%dT%H%M%SZ}"

    event = make_event(f"RRULE:FREQ=DAILY;UNTIL={instant(24)}", f"EXDATE:{instant(22)}", f"RDATE:{instant(27)}")
    moved = make_event(f"RECURRENCE-ID:{instant(23)}", start="DTSTART;VALUE=DATE:20251030").replace("Day off", "Moved")
    text = make_file(event, moved, more=f"X-WR-TIMEZONE:{zone}\n" if of_the_file else "")
    holidays = read(text, zone="UTC" if of_the_file else zone)
    days = {day.day: name for day, name in sorted(holidays.items())}
    assert days == {20: "Day off", 21: "Day off", 24: "Day off", 27: "Day off", 30: "Moved"}


@pytest.mark.parametrize("place", ["EXDATE;TZID=Europe/Stockholm:", "EXDATE;TZID=W. Europe Standard Time:", "EXDATE:"])
def test_a_local_midnight_with_or_without_its_zone_means_its_own_day(place: str) -> None:
    event = make_event("RRULE:FREQ=DAILY;COUNT=3", f"{place}20251021T000000")
    assert [day.day for day in sorted(read(make_file(event), zone="Asia/Tokyo"))] == [20, 22]


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20251022", 22),
        ("20251022T000000Z", 22),
        ("20251022T235959Z", 22),
        ("20251022T215959Z", 22),
        ("20251022T230000", 22),
    ],
)
def test_an_until_may_be_a_date_midnight_in_utc_or_the_end_of_a_day(until: str, last: int) -> None:
    days = read(make_file(make_event(f"RRULE:FREQ=DAILY;UNTIL={until}")), zone=ZONE)
    assert max(days) == date(2025, 10, last)


def test_an_event_that_begins_at_the_instant_of_a_local_midnight_is_a_whole_day() -> None:
    event = make_event("DTEND:20251020T220000Z", start="DTSTART:20251019T220000Z")
    assert sorted(read(make_file(event), zone=ZONE)) == [date(2025, 10, 20)]
    with pytest.raises(ValidationError, match="has a time of day"):
        read(make_file(event), zone="UTC")


@given(st.dates(date(1971, 1, 1), date(2099, 12, 31)), st.sampled_from(ZONES))
def test_the_midnight_of_a_day_means_that_day(day: date, zone: str) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
    if midnight.astimezone(ZoneInfo(zone)).hour == 0:
        assert local_day(midnight, [ZoneInfo(zone)]) == day


HOURS = ",".join(map(str, range(24)))
SLOW = {
    "hours and minutes": [f"RRULE:FREQ=DAILY;BYHOUR={HOURS};BYMINUTE={','.join(map(str, range(60)))}"],
    "millions of them": ["RRULE:FREQ=DAILY;COUNT=100000000"],
    "every day since the first": ["RRULE:FREQ=DAILY"],
}


@pytest.mark.parametrize("lines", SLOW.values(), ids=SLOW.keys())
def test_a_rule_that_says_too_much_of_a_day_is_read_quickly(lines: list[str]) -> None:
    started = time.process_time()
    days = read(make_file(make_event(*lines, start="DTSTART;VALUE=DATE:19700101")))
    assert time.process_time() - started < 2
    assert (min(days), max(days)) == (date(1970, 1, 1), date(2100, 12, 31))


ENDLESS = {
    "a date that never is": ["RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"],
    "a place that no month has": ["RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=200"] * 10,
    "no interval": ["RRULE:FREQ=DAILY;INTERVAL=0"],
    "many days of the year": [f"RRULE:FREQ=YEARLY;BYYEARDAY={','.join(map(str, range(1, 367)))}"] * 9,
    "thousands of rules": ["RRULE:FREQ=YEARLY"] * 5_000,
    "many rules of each day": ["RRULE:FREQ=DAILY"] * 100,
    "a year each day": ["DTEND;VALUE=DATE:19710101", "RRULE:FREQ=DAILY"],
}


@pytest.mark.parametrize("lines", ENDLESS.values(), ids=ENDLESS.keys())
def test_recurrences_that_nobody_can_work_out_are_refused_quickly(lines: list[str]) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match="more recurrences than can be worked out"):
        read(make_file(make_event(*lines, start="DTSTART;VALUE=DATE:19700101")))
    assert time.process_time() - started < 6


@pytest.mark.parametrize("frequency", ["SECONDLY", "MINUTELY", "HOURLY"])
def test_a_whole_day_does_not_recur_within_a_day(frequency: str) -> None:
    with pytest.raises(ValueError, match="a whole day recurs YEARLY"):
        read(make_file(make_event(f"RRULE:FREQ={frequency}", start="DTSTART;VALUE=DATE:19700101")))


ZONE_RULE = """BEGIN:VTIMEZONE
TZID:Custom
BEGIN:STANDARD
DTSTART:19700101T000000
RRULE:FREQ=SECONDLY
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:STANDARD
END:VTIMEZONE
"""


def test_what_says_nothing_of_days_is_not_worked_on() -> None:
    noise = make_event(
        f"DESCRIPTION:{'x' * 3_000_000}", *["ATTENDEE:mailto:a@b"] * 20_000, "BEGIN:VALARM", "END:VALARM"
    )
    started = time.process_time()
    assert sorted(read(make_file(noise, more=ZONE_RULE))) == [date(2025, 10, 20)]
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (make_file("BEGIN:VEVENT\n" * 5_000), "nested more than"),
        (make_file(*[make_event()] * 4_000), "more than 15000 lines"),
        (make_file(make_event("EXDATE:" + ",".join(["20250101T000000Z"] * 40_000))), "or 524288 characters"),
        ("BEGIN:VCALENDAR\nEND:VEVENT\n", "ends what has not begun"),
        ("<html>", "is no part of a calendar"),
    ],
)
def test_a_file_that_is_too_long_too_deep_or_none_is_refused_with_the_reason(text: str, fault: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match=fault):
        read(text)
    assert time.process_time() - started < 2


def test_a_calendar_of_many_years_is_read() -> None:
    rules = [
        make_event(f"RRULE:FREQ=YEARLY;BYMONTH={1 + n % 12};BYDAY=1MO").replace("UID:1", f"UID:{n}") for n in range(100)
    ]
    assert len(read(make_file(*rules))) == 75 * 12 + 3


def test_what_is_folded_is_read_as_one_line() -> None:
    text = make_file(make_event("RRULE:FREQ=DAI\n LY;COUNT=2")).replace("BEGIN:VEVENT", "BEG\r\n IN:VEVENT")
    lines = unfolded(text.encode())
    assert len(read(lines)) == 2
    assert "DAILY" in reduced(lines)


def test_a_line_may_be_folded_within_a_character(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + make_file(make_event()).replace("Day off", "Jour f\u00e9ri\u00e9").encode()
    (tmp_path / "days.ics").write_bytes(content.replace("\u00e9".encode(), b"\xc3\r\n \xa9"))
    token = FOLDER.set(tmp_path)
    try:
        assert FIELD.deserialize("days.ics", "ical", {}) == {date(2025, 10, 20): "Jour f\u00e9ri\u00e9"}
    finally:
        FOLDER.reset(token)


def test_a_change_of_this_and_all_later_recurrences_is_refused_with_the_reason() -> None:
    series = make_event("RRULE:FREQ=DAILY;COUNT=5")
    moved = make_event("RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20251022", start="DTSTART;VALUE=DATE:20251101")
    with pytest.raises(ValidationError, match="moves later recurrences as well"):
        read(make_file(series, moved))


@pytest.mark.parametrize(
    ("rules", "days"),
    [
        (["EXRULE:FREQ=DAILY;INTERVAL=2;COUNT=2"], [21, 23, 24]),
        (["EXRULE:FREQ=WEEKLY;BYDAY=MO", "EXRULE:FREQ=WEEKLY;BYDAY=TU"], [22, 23, 24]),
    ],
)
def test_a_rule_of_what_is_left_out_is_honoured(rules: list[str], days: list[int]) -> None:
    found = read(make_file(make_event("RRULE:FREQ=DAILY;COUNT=5", *rules)))
    assert [day.day for day in sorted(found)] == days


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("DTSTART:20251020T000000", "DTEND:20251020T235959", [20]),
        ("DTSTART:20251020T000000", "DTEND:20251022T235959", [20, 21, 22]),
        ("DTSTART:20251020T000000", "DTEND:20251021T235900", [20, 21]),
        ("DTSTART;TZID=Asia/Tokyo:20251020T000000", "DTEND;TZID=Asia/Tokyo:20251021T235900", [20, 21]),
        ("DTSTART:20251019T220000Z", "DTEND:20251021T215959Z", [20, 21]),
        ("DTSTART:20251020T000000Z", "DTEND:20251021T235959Z", [20, 21]),
        ("DTSTART:20251025T220000Z", "DURATION:P1D", [26]),
        ("DTSTART:20250329T230000Z", "DURATION:P2D", [30, 31]),
        ("DTSTART:20251025T220000Z", "DURATION:PT24H", [26]),
        ("DTSTART:20251020T000000", "DURATION:P1W", list(range(20, 27))),
    ],
)
def test_days_that_end_in_their_last_minute_or_have_other_than_24_hours_are_whole(
    start: str, end: str, days: list[int]
) -> None:
    assert [day.day for day in sorted(read(make_file(make_event(end, start=start)), zone=ZONE))] == days


@pytest.mark.parametrize("end", ["DTEND:20251020T120000", "DTEND:20251020T235800", "DURATION:PT8H"])
def test_an_event_that_ends_at_a_time_of_day_is_still_refused(end: str) -> None:
    with pytest.raises(ValidationError, match="has a time of day"):
        read(make_file(make_event(end, start="DTSTART:20251020T000000")), zone=ZONE)


FAR_EAST = ("Pacific/Auckland", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Tongatapu", "Pacific/Apia")


@pytest.mark.parametrize("zone", [*FAR_EAST, *ZONES])
def test_a_yearly_holiday_keeps_its_last_day_whoever_wrote_its_until(zone: str) -> None:
    last = datetime(2027, 12, 25, tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
    event = make_event(f"RRULE:FREQ=YEARLY;UNTIL={last:%Y%m%dT%H%M%SZ}", start="DTSTART;VALUE=DATE:20251225")
    assert sorted(read(make_file(event))) == [date(year, 12, 25) for year in (2025, 2026, 2027)]
    assert sorted(read(make_file(event), zone=ZONE)) == [date(year, 12, 25) for year in (2025, 2026, 2027)]


@pytest.mark.parametrize(
    "named",
    [
        "BEGIN:VTIMEZONE\nTZID:Pacific/Auckland\nEND:VTIMEZONE\n",
        "BEGIN:VTIMEZONE\nTZID:New Zealand Standard Time\nEND:VTIMEZONE\n",
    ],
)
def test_the_zones_that_a_file_names_say_which_day_an_instant_means(named: str) -> None:
    event = make_event("RRULE:FREQ=DAILY;UNTIL=20251021T110000Z")
    assert [day.day for day in sorted(read(make_file(event, more=named)))] == [20, 21, 22]


def test_each_step_of_a_rule_is_counted_whether_or_not_a_day_comes_of_it() -> None:
    days = recurrences({"FREQ": ["WEEKLY"]}, date(2026, 1, 1), date(2026, 12, 31), Effort(10 * (200 + 7 * 8)))
    found = [next(days) for _ in range(10)]
    assert len(found) == 10
    with pytest.raises(ValueError, match="recurrences"):
        list(days)
