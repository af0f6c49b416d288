from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.sla.domain.calendar import Calendar, SpecialDay, Version, add_business, business_time, fingerprint
from services.sla.domain.calendar_reasons import explain
from services.sla.domain.zone import start_of
from tests.unit.sla.factories import HOUR, WEEKDAYS, make_calendar, make_interval

BERLIN = make_calendar("08:00-16:00", days=WEEKDAYS, zone="Europe/Berlin", name="berlin")
NEW_YORK = make_calendar("09:00-17:00", days=WEEKDAYS, zone="America/New_York", name="new_york")
TOKYO = make_calendar("09:00-17:00", days=WEEKDAYS, zone="Asia/Tokyo", name="tokyo")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def told(calendar: Calendar, start: str, end: str) -> list[tuple[str, bool, str]]:
    return [(f"{one.end:%d %H:%M}", one.open, one.why) for one in explain(calendar, at(start), at(end))]


def test_follow_the_sun_counts_no_moment_twice() -> None:
    sun = Calendar(name="sun", zone="UTC", union=(BERLIN, NEW_YORK, TOKYO))
    # Wednesday 4 March 2026 in UTC: Tokyo 00-08, Berlin 07-15, New York 14-22.
    start = at("2026-03-04T00:00Z")
    assert business_time(sun, start, start + 24 * HOUR) == 22 * HOUR
    assert add_business(sun, start, 23 * HOUR) == at("2026-03-05T01:00Z")
    assert told(sun, "2026-03-04T00:00Z", "2026-03-05T00:00Z") == [
        ("04 07:00", True, "tokyo"),
        ("04 08:00", True, "berlin, tokyo"),
        ("04 14:00", True, "berlin"),
        ("04 15:00", True, "berlin, new_york"),
        ("04 22:00", True, "new_york"),
        ("05 00:00", False, "berlin: outside hours; new_york: outside hours; tokyo: outside hours"),
    ]


def test_a_new_version_holds_from_its_instant_on_and_changes_nothing_before() -> None:
    later = make_calendar("10:00-12:00", zone="UTC")
    calendar = make_calendar("08:00-16:00", versions=(Version(effective_from=at("2026-03-04T11:00Z"), calendar=later),))
    # The day of the change: 08:00 to 11:00 by the old hours, 11:00 to 12:00 by the new ones.
    assert business_time(calendar, at("2026-03-04T00:00Z"), at("2026-03-05T00:00Z")) == 4 * HOUR
    assert business_time(calendar, at("2026-03-03T00:00Z"), at("2026-03-04T00:00Z")) == 8 * HOUR
    assert business_time(calendar, at("2026-03-05T00:00Z"), at("2026-03-06T00:00Z")) == 2 * HOUR
    assert add_business(calendar, at("2026-03-04T10:00Z"), 3 * HOUR) == at("2026-03-05T11:00Z")


def test_a_union_may_change_by_version() -> None:
    grown = Calendar(name="sun", zone="UTC", union=(BERLIN, TOKYO))
    sun = Calendar(
        name="sun",
        zone="UTC",
        union=(BERLIN,),
        versions=(Version(effective_from=at("2026-03-05T00:00Z"), calendar=grown),),
    )
    assert business_time(sun, at("2026-03-04T00:00Z"), at("2026-03-06T00:00Z")) == 8 * HOUR + 15 * HOUR


def test_every_closed_stretch_says_why() -> None:
    calendar = make_calendar(
        "08:00-16:00",
        days=WEEKDAYS,
        holidays={date(2026, 12, 25): "Christmas Day"},
        exceptions={
            date(2026, 12, 24): SpecialDay(name="Christmas Eve", intervals=(make_interval("08:00-12:00"),)),
            date(2026, 12, 28): SpecialDay(name="Stocktaking"),
        },
    )
    assert told(calendar, "2026-12-23T12:00Z", "2026-12-29T09:00Z") == [
        ("23 16:00", True, "open"),
        ("24 00:00", False, "outside hours"),
        ("24 08:00", False, "Christmas Eve"),
        ("24 12:00", True, "Christmas Eve"),
        ("25 00:00", False, "Christmas Eve"),
        ("26 00:00", False, "Christmas Day"),
        ("28 00:00", False, "outside hours"),
        ("29 00:00", False, "Stocktaking"),
        ("29 08:00", False, "outside hours"),
        ("29 09:00", True, "open"),
    ]


@pytest.mark.parametrize("end", ["2026-03-02T09:00Z", "2026-03-02T08:00Z"])
def test_no_time_has_nothing_to_explain(end: str) -> None:
    assert explain(BERLIN, at("2026-03-02T09:00Z"), at(end)) == ()


@pytest.mark.parametrize("text", ["0001-01-01T00:00Z", "0001-06-01T00:00Z", "9999-06-01T00:00Z", "9999-12-31T23:59Z"])
def test_the_ends_of_what_can_be_written_are_closed(text: str) -> None:
    start = at(text)
    calendar = make_calendar(zone="Asia/Tokyo")
    assert business_time(calendar, start, start) == timedelta(0)
    if start.year == 9999:
        assert add_business(calendar, start, HOUR) is None
    assert business_time(calendar, at("9998-12-31T23:00Z"), at("9999-12-31T00:00Z")) == HOUR
    assert not explain(calendar, at("9999-01-01T00:00Z"), at("9999-12-31T00:00Z"))[0].open


def test_instants_of_any_zone_mean_the_same() -> None:
    start, end = datetime.fromisoformat("2026-03-02T05:00-05:00"), datetime.fromisoformat("2026-03-02T20:00+09:00")
    assert business_time(BERLIN, start, end) == HOUR
    assert add_business(BERLIN, start, HOUR) == end


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23:00Z"),
        ("Europe/Berlin", date(2027, 1, 1), "2026-12-31T23:00Z"),
        ("America/New_York", date(2027, 1, 1), "2027-01-01T05:00Z"),
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00Z"),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00Z"),
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00Z"),
    ],
)
def test_a_date_begins_when_its_zone_first_shows_it(zone: str, day: date, begins: str) -> None:
    assert start_of(zone, day) == at(begins)


def test_a_fingerprint_is_of_what_a_calendar_says() -> None:
    same = make_calendar("08:00-16:00", days=WEEKDAYS, zone="Europe/Berlin", name="berlin")
    business_time(same, at("2026-03-02T09:00Z"), at("2026-03-03T09:00Z"))
    assert fingerprint(same) == fingerprint(BERLIN)
    changed = [
        make_calendar("08:00-16:00", days=WEEKDAYS, zone="Europe/Paris", name="berlin"),
        make_calendar("08:00-15:00", days=WEEKDAYS, zone="Europe/Berlin", name="berlin"),
        make_calendar("08:00-16:00", days=WEEKDAYS, zone="Europe/Berlin", name="berlin", holidays={date.max: "x"}),
        make_calendar("08:00-16:00", days=WEEKDAYS, zone="Europe/Berlin", name="berlin", union=(TOKYO,)),
        make_calendar(
            "08:00-16:00",
            days=WEEKDAYS,
            zone="Europe/Berlin",
            name="berlin",
            versions=(Version(effective_from=at("2026-03-02T09:00Z"), calendar=TOKYO),),
        ),
    ]
    assert len({fingerprint(one) for one in [BERLIN, *changed]}) == len(changed) + 1


def test_the_order_in_which_holidays_are_told_is_no_difference() -> None:
    first = {date(2026, 1, 1): "a", date(2026, 1, 6): "b"}
    second = dict(reversed(first.items()))
    assert fingerprint(make_calendar(holidays=first)) == fingerprint(make_calendar(holidays=second))
