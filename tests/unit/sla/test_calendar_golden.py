"""The golden table of due instants: `golden/due.yaml`, worked out by hand, which says itself how to add to it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.sla.domain.calendar import Calendar, Interval, SpecialDay, add_business, business_time
from services.sla.domain.calendar_reasons import explain
from services.sla.domain.zone import offsets

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = timedelta(days=1)
CASES = yaml.load((Path(__file__).parent / "golden" / "due.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)
EVERY = pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])


def intervals(text: str) -> tuple[Interval, ...]:
    if text == "closed":
        return ()
    found = []
    for hours, minutes, to_hours, to_minutes in re.findall(r"(\d\d):(\d\d)-(\d\d):(\d\d)", text):
        opens = timedelta(hours=int(hours), minutes=int(minutes))
        closes = timedelta(hours=int(to_hours), minutes=int(to_minutes))
        found.append(Interval(opens=opens, closes=closes if closes > opens else closes + DAY))
    return tuple(found)


def week(text: str) -> tuple[tuple[Interval, ...], ...]:
    days = [intervals("00:00-24:00" if text == "24x7" else "closed")] * 7
    for part in text.split(";") if text != "24x7" else ():
        named, hours = part.strip().split(" ", 1)
        first, last = (WEEKDAYS.index(name) for name in (named.split("-") * 2)[:2])
        for day in range(first, last + 1 if last >= first else last + 8):
            days[day % 7] = intervals(hours)
    return tuple(days)


def amount(text: str) -> timedelta:
    units = {"h": "hours", "m": "minutes", "s": "seconds"}
    return timedelta(**{units[unit]: int(number) for number, unit in re.findall(r"(\d+)([hms])", text)})


def calendar(case: dict[str, Any]) -> Calendar:
    special = case.get("exceptions", {})
    return Calendar(
        name="golden",
        zone=case["zone"],
        week=week(case["hours"]),
        holidays={date.fromisoformat(day): "holiday" for day in case.get("holidays", ())},
        exceptions={
            date.fromisoformat(day): SpecialDay(name="special", intervals=intervals(hours))
            for day, hours in special.items()
        },
    )


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@EVERY
def test_it_is_due_when_a_person_says_it_is(case: dict[str, Any]) -> None:
    due = add_business(calendar(case), instant(case["start"]), amount(case["amount"]))
    assert due == instant(case["due"]), case["why"]


@EVERY
def test_as_much_has_gone_by_then_as_a_person_says(case: dict[str, Any]) -> None:
    start, due = instant(case["start"]), instant(case["due"])
    assert business_time(calendar(case), start, due) == amount(case["amount"])
    stretches = explain(calendar(case), start, due)
    assert sum((one.end - one.start for one in stretches if one.open), timedelta(0)) == amount(case["amount"])
    assert stretches[-1].open


@EVERY
def test_the_start_is_written_as_the_zone_shows_it(case: dict[str, Any]) -> None:
    written = datetime.fromisoformat(case["start"])
    at = written.astimezone(UTC)
    assert [offset for begins, ends, offset in offsets(case["zone"], at.year) if begins <= at < ends] == [
        written.utcoffset()
    ]


def test_the_table_is_long_enough_and_names_no_case_twice() -> None:
    names = [case["case"] for case in CASES]
    assert len(names) >= 60
    assert len(set(names)) == len(names)
    assert all(case["why"] for case in CASES)
