"""Business time: which moments count, exact over every change of a zone's offset, of holidays and of versions.

A moment is open when the wall clock of the calendar's zone shows a time inside an interval of its date. The intervals
of a date are those of its exception, none on a holiday, else those of its weekday; an interval that closes after
midnight belongs to the date on which it opens, whatever the next date is. So an hour that the wall clock skips is
never open, and an hour that it shows twice is open twice; a whole day (00:00 to 24:00) has 23, 24 or 25 hours, as the
zone has it (IANA time zone database, the edition of `services.sla.domain.zone`).

A calendar is also open when any calendar of its `union` is (follow the sun), and no moment counts twice. From the
instant of a version on its calendar holds instead, wall clock and all.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from itertools import accumulate

from services.sla.domain.inputs import digest
from services.sla.domain.zone import offsets

DAY = timedelta(days=1)
HORIZON = timedelta(days=3653)
"""How far `add_business` looks ahead: about ten years."""
CLOSED_WEEK: Week = ((),) * 7
_NOTHING = timedelta(0)

Piece = tuple[datetime, datetime]
"""Open time: from the first instant up to, but without, the second; both in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Half-open: from `opens` up to, but without, `closes`, both counted from midnight on the wall clock.

    It opens within its day and is a day long at most; `closes` beyond 24 hours is on the next day.
    """

    opens: timedelta
    closes: timedelta


Week = tuple[tuple[Interval, ...], ...]
"""The intervals of Monday to Sunday, in order and without overlap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDay:
    """A date with hours of its own, instead of its weekday's and even on a holiday; without intervals it is closed."""

    name: str
    intervals: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When a desk works.

    `holidays` names the dates on which nothing opens, `exceptions` the dates with hours of their own. `versions` rise
    in `effective_from`. The hours of `union` add to the calendar's own.
    """

    name: str
    zone: str
    week: Week = CLOSED_WEEK
    holidays: Mapping[date, str] = field(default_factory=dict)
    exceptions: Mapping[date, SpecialDay] = field(default_factory=dict)
    union: tuple[Calendar, ...] = ()
    versions: tuple[Version, ...] = ()
    _years: dict[int, _Year] = field(default_factory=dict, init=False, repr=False, compare=False)

    def intervals(self, day: date) -> tuple[Interval, ...]:
        """What the calendar's own hours, in their first version, are on a date."""
        special = self.exceptions.get(day)
        if special is not None:
            return special.intervals
        return () if day in self.holidays else self.week[day.weekday()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What holds from an instant on, in place of what held before."""

    effective_from: datetime
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class _Year:
    """The open pieces of a year of UTC, with the open time of the year that has gone before and after each."""

    opens: tuple[datetime, ...]
    closes: tuple[datetime, ...]
    before: tuple[timedelta, ...]
    after: tuple[timedelta, ...]

    @property
    def total(self) -> timedelta:
        return self.after[-1] if self.after else _NOTHING

    def gone(self, at: datetime) -> timedelta:
        """How much of the year is open before an instant in it."""
        index = bisect_right(self.opens, at) - 1
        return self.before[index] + min(at, self.closes[index]) - self.opens[index] if index >= 0 else _NOTHING

    def when(self, amount: timedelta) -> datetime:
        """The earliest instant by which this much, above nothing and at most the total, has gone."""
        index = bisect_left(self.after, amount)
        return self.opens[index] + (amount - self.before[index])


def business_time(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """How much of `start` (included) to `end` (left out) is open; nothing when `end` is not after `start`."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if end <= start:
        return _NOTHING
    first, last = start.year, end.year
    gone = _year(calendar, last).gone(end) - _year(calendar, first).gone(start)
    return gone + sum((_year(calendar, year).total for year in range(first, last)), _NOTHING) if first < last else gone


def business_seconds(calendar: Calendar, start: datetime, end: datetime) -> float:
    """`business_time` in seconds."""
    return business_time(calendar, start, end).total_seconds()


def add_business(calendar: Calendar, start: datetime, amount: timedelta) -> datetime | None:
    """The earliest instant, in UTC, by which `amount` of open time has gone since `start`; `start` itself for none.

    None when the calendar does not hold that much open time within `HORIZON`.
    """
    start = start.astimezone(UTC)
    if amount <= _NOTHING:
        return start
    amount += _year(calendar, start.year).gone(start)
    last = (start + HORIZON).year if start.year < MAXYEAR - 20 else MAXYEAR
    for number in range(start.year, last + 1):
        year = _year(calendar, number)
        if amount <= year.total:
            due = year.when(amount)
            return due if due - start <= HORIZON else None
        amount -= year.total
    return None


def rules(calendar: Calendar, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, Calendar]]:
    """Which version holds when between two instants: begin, end (left out), calendar; the first is the calendar."""
    current = calendar
    for version in calendar.versions:
        until = min(version.effective_from, end)
        if start < until:
            yield start, until, current
            start = until
        current = version.calendar
    if start < end:
        yield start, end, current


def fingerprint(calendar: Calendar) -> str:
    """16 hexadecimal digits that are the same for calendars that say the same, in this process and in any other.

    What was reckoned with a calendar holds for this fingerprint and for one `zone_database()`.
    """
    return digest(calendar)


def _year(calendar: Calendar, number: int) -> _Year:
    """Reckoned once for a calendar. The first and the last year of what Python can write are closed."""
    known = calendar._years.get(number)
    if known is None:
        pieces = tuple(_pieces(calendar, number)) if 1 < number < MAXYEAR else ()
        after = tuple(accumulate(closes - opens for opens, closes in pieces))
        known = calendar._years[number] = _Year(
            opens=tuple(opens for opens, _ in pieces),
            closes=tuple(closes for _, closes in pieces),
            before=(_NOTHING, *after)[: len(after)],
            after=after,
        )
    return known


def _pieces(calendar: Calendar, number: int) -> Iterator[Piece]:
    """The open pieces of a year of UTC, in order and without overlap."""
    begins, ends = datetime(number, 1, 1, tzinfo=UTC), datetime(number + 1, 1, 1, tzinfo=UTC)
    for start, end, current in rules(calendar, begins, ends):
        if current is calendar:
            found = apart(heapq.merge(_own(calendar, number), *(_known(one, number) for one in calendar.union)))
        else:
            found = _known(current, number)
        for opens, closes in found:
            if opens < end and closes > start:
                yield max(opens, start), min(closes, end)


def _known(calendar: Calendar, number: int) -> Iterator[Piece]:
    year = _year(calendar, number)
    return zip(year.opens, year.closes, strict=True)


def apart(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """What overlaps or touches, in order of its opening, becomes one piece."""
    current: Piece | None = None
    for opens, closes in pieces:
        if current is not None and opens <= current[1]:
            current = current[0], max(current[1], closes)
            continue
        if current is not None:
            yield current
        current = opens, closes
    if current is not None:
        yield current


def _own(calendar: Calendar, number: int) -> Iterator[Piece]:
    """The calendar's own hours in a year of UTC, in order of their opening; those of two dates may overlap."""
    if calendar.week == CLOSED_WEEK and not calendar.exceptions:
        return
    for begins, ends, offset in offsets(calendar.zone, number):
        # Within one offset the wall clock is UTC moved by it, so plain arithmetic on UTC instants is exact.
        wall, wall_end = begins + offset, ends + offset
        midnight = datetime.combine(wall.date(), time.min, UTC) - DAY
        while midnight < wall_end:
            for interval in calendar.intervals(midnight.date()):
                opens = max(midnight + interval.opens, wall)
                closes = min(midnight + interval.closes, wall_end)
                if opens < closes:
                    yield opens - offset, closes - offset
            midnight += DAY
