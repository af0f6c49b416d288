"""Why a calendar counts some time and leaves out other: a span cut into open and closed stretches, each with its why.

Built on what the calendar itself says is open (`business_time`, `add_business`), so that a proof can never show other
hours than those that were counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.sla.domain.calendar import DAY, Calendar, add_business, business_time

OPEN = "open"
OUTSIDE_HOURS = "outside hours"
HOLIDAY = "holiday"
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Half-open, and all open or all closed. `why` is one of `open`, `outside hours` and `holiday`."""

    start: datetime
    end: datetime
    open: bool
    why: str


def stretches(calendar: Calendar, start: datetime, end: datetime) -> tuple[Stretch, ...]:
    """`start` to `end` without a hole, in order; neighbours differ in their why. Nothing when the span is empty."""
    found = list[Stretch]()
    at = start
    while at < end:
        for stretch in _next(calendar, at, end):
            if found and (found[-1].open, found[-1].why) == (stretch.open, stretch.why):
                found[-1] = replace(found[-1], end=stretch.end)
            else:
                found.append(stretch)
        at = found[-1].end
    return tuple(found)


def _next(calendar: Calendar, at: datetime, end: datetime) -> Iterator[Stretch]:
    """What is closed from `at` on, and then the open stretch after it."""
    first = add_business(calendar, at, _INSTANT)
    opens = end if first is None else min(first - _INSTANT, end)
    yield from _closed(calendar, at, opens)
    if opens < end:
        yield Stretch(start=opens, end=_closes(calendar, opens, end), open=True, why=OPEN)


def _closes(calendar: Calendar, opens: datetime, end: datetime) -> datetime:
    """The end of the open time that begins at `opens`, looked for in doubling steps and then by halving."""
    step = DAY
    while opens + step < end and business_time(calendar, opens, opens + step) == step:
        step *= 2
    high = min(opens + step, end)
    if business_time(calendar, opens, high) == high - opens:
        return high
    low = opens
    while high - low > _INSTANT:
        middle = low + (high - low) // 2
        if business_time(calendar, opens, middle) == middle - opens:
            low = middle
        else:
            high = middle
    return low


def _closed(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Stretch]:
    """A closed stretch, cut at the midnights of the calendar's zone: each day has its own why."""
    zone = ZoneInfo(calendar.zone)
    while start < end:
        day = start.astimezone(zone).date()
        midnight = datetime.combine(day + DAY, time.min, zone).astimezone(UTC)
        until = min(midnight if midnight > start else end, end)
        holiday = day in calendar.holidays and bool(calendar.week[day.weekday()])
        yield Stretch(start=start, end=until, open=False, why=HOLIDAY if holiday else OUTSIDE_HOURS)
        start = until
