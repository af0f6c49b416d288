"""Deliberately slow and simple: what calendars mean, moment by moment, with none of the service's code."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


@cache
def zone_info(name: str) -> ZoneInfo:
    """Python's own reading of the pinned database; `ZoneInfo(name)` would read the machine's."""
    with (files("tzdata") / "zoneinfo").joinpath(*name.split("/")).open("rb") as content:
        return ZoneInfo.from_file(content, key=name)


def is_open(calendar: Any, at: datetime) -> bool:
    """Whether the wall clock is inside an interval, by the version of that moment, of the calendar or of its union."""
    return verdict(calendar, at)[0]


def verdict(calendar: Any, at: datetime) -> tuple[bool, str]:
    """Whether it is open, and why."""
    for version in reversed(calendar.versions):
        if version.effective_from <= at:
            return verdict(version.calendar, at)
    if not calendar.union:
        return own_hours(calendar, at)
    sides = [(one.name, *verdict(one, at)) for one in calendar.union]
    if any(calendar.week) or calendar.exceptions:
        sides.insert(0, (calendar.name, *own_hours(calendar, at)))
    working = [name for name, opened, _ in sides if opened]
    return bool(working), ", ".join(working) or "; ".join(f"{name}: {why}" for name, _, why in sides)


def own_hours(calendar: Any, at: datetime) -> tuple[bool, str]:
    wall = at.astimezone(zone_info(calendar.zone))
    since_midnight = timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second)
    for back in (1, 0):
        day = wall.date() - timedelta(days=back)
        since = since_midnight + timedelta(days=back)
        if day in calendar.exceptions:
            special = calendar.exceptions[day]
            intervals, why = special.intervals, special.name
        else:
            intervals, why = () if day in calendar.holidays else calendar.week[day.weekday()], "open"
        if any(one.opens <= since < one.closes for one in intervals):
            return True, why
    if day in calendar.exceptions:
        return False, calendar.exceptions[day].name
    if day in calendar.holidays and calendar.week[day.weekday()]:
        return False, calendar.holidays[day]
    return False, "outside hours"


def open_minutes(calendar: Any, start: datetime, end: datetime) -> int:
    """How many of the minutes between are open."""
    minutes = int((end - start) / MINUTE)
    return sum(is_open(calendar, start + step * MINUTE) for step in range(minutes))


def after_minutes(calendar: Any, start: datetime, amount: int, limit: int) -> datetime | None:
    """When `amount` open minutes have gone, if they have within `limit` minutes."""
    at = start
    for _ in range(limit):
        if amount == 0:
            return at
        amount -= is_open(calendar, at)
        at += MINUTE
    return at if amount == 0 else None
