"""Business time: which moments count, exact over every change of a zone's offset.

A moment is open when the wall clock of the calendar's zone shows a date that is no holiday and a time inside one of
that weekday's intervals. So an hour that the wall clock skips is never open, and an hour that it shows twice is open
twice; a whole day (00:00 to 24:00) has 23, 24 or 25 hours, as the zone has it (IANA time zone database).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
HORIZON = timedelta(days=3653)
"""How far `add_business` looks ahead: about ten years."""
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Half-open: from `opens` up to, but without, `closes`, both counted from midnight on the wall clock."""

    opens: timedelta
    closes: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When a desk works. `week` has the intervals of Monday to Sunday, in order and without overlap."""

    name: str
    zone: str
    week: tuple[tuple[Interval, ...], ...]
    holidays: frozenset[date] = field(default_factory=frozenset)


def business_time(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """How much of `start` (included) to `end` (left out) is open; nothing when `end` is not after `start`."""
    total = _NOTHING
    if end <= start:
        return total
    for opens, closes in _open(calendar, start):
        if opens >= end:
            break
        total += min(closes, end) - opens
    return total


def business_seconds(calendar: Calendar, start: datetime, end: datetime) -> float:
    """`business_time` in seconds."""
    return business_time(calendar, start, end).total_seconds()


def add_business(calendar: Calendar, start: datetime, amount: timedelta) -> datetime | None:
    """The earliest instant by which `amount` of open time has gone since `start`; `start` itself for none.

    None when the calendar does not hold that much open time within `HORIZON`.
    """
    if amount <= _NOTHING:
        return start
    for opens, closes in _open(calendar, start):
        if opens - start > HORIZON:
            return None
        if amount <= closes - opens:
            return opens + amount
        amount -= closes - opens
    return None


def _open(calendar: Calendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The open pieces of time from `start` on, in order, as pairs of UTC instants; without end unless never open."""
    if not any(calendar.week):
        return
    for begins, ends, offset in _segments(calendar.zone, start):
        # Within one offset the wall clock is UTC moved by it, so plain arithmetic on UTC instants is exact.
        wall, wall_end = begins + offset, ends + offset
        midnight = datetime.combine(wall.date(), time.min, UTC)
        while midnight < wall_end:
            if midnight.date() not in calendar.holidays:
                for interval in calendar.week[midnight.weekday()]:
                    opens = max(midnight + interval.opens, wall)
                    closes = min(midnight + interval.closes, wall_end)
                    if opens < closes:
                        yield opens - offset, closes - offset
            midnight += DAY


def _segments(zone: str, start: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Stretches of one UTC offset from `start` on: begin, end, offset. Years are cut apart, which changes no sum."""
    for year in range(start.year, MAXYEAR):
        for begins, ends, offset in _offsets(zone, year):
            if ends > start:
                yield max(begins, start), ends, offset


@lru_cache(maxsize=1024)
def _offsets(zone: str, year: int) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """The stretches of one UTC offset in a year of UTC.

    zoneinfo does not tell its transitions, so they are looked for hour by hour and then halved down to the second;
    the database has no two transitions within an hour.
    """
    begins, ends = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    info = ZoneInfo(zone)
    stretches = []
    before = begins
    while before < ends:
        after = min(before + _HOUR, ends)
        if after < ends and _offset(info, after) != _offset(info, before):
            change = _transition(info, before, after)
            stretches.append((begins, change, _offset(info, before)))
            begins = change
        before = after
    return (*stretches, (begins, ends, _offset(info, begins)))


def _transition(info: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second with the offset of `after`; `before` has another."""
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        before, after = (before, middle) if _offset(info, middle) == _offset(info, after) else (middle, after)
    return after


def _offset(info: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(info).utcoffset() or _NOTHING
