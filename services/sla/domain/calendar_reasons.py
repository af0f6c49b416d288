"""Why a calendar is open or closed, stretch by stretch: what someone who doubts a due instant is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import MAXYEAR, UTC, date, datetime, time

from services.sla.domain.calendar import DAY, Calendar, rules
from services.sla.domain.zone import offsets

OPEN = "open"
OUTSIDE = "outside hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """From `start` up to, but without, `end`, both in UTC. `why` is one of:

    - open: `open`, or the name of the exception whose hours these are;
    - closed: the name of the exception, the name of the holiday where its weekday has hours, or `outside hours`;
    - in a calendar with a union: the names of the calendars that are open, or the reason of each that is closed.
    """

    start: datetime
    end: datetime
    open: bool
    why: str


def explain(calendar: Calendar, start: datetime, end: datetime) -> tuple[Stretch, ...]:
    """What the calendar is from `start` to `end`, without gaps; two neighbours differ in `open` or in `why`.

    The open stretches sum up to `business_time`. Nothing when `end` is not after `start`.
    """
    return tuple(_joined(_explained(calendar, start.astimezone(UTC), end.astimezone(UTC))))


def _explained(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Stretch]:
    for begins, ends, current in rules(calendar, start, end):
        if current is not calendar:
            yield from _explained(current, begins, ends)
        elif calendar.union:
            yield from _together(calendar, begins, ends)
        else:
            yield from _own(calendar, begins, ends)


def _together(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Stretch]:
    """The calendar's own hours, where it has some, and those of its union, side by side."""
    sides = [(one.name, explain(one, start, end)) for one in calendar.union]
    if any(calendar.week) or calendar.exceptions:
        sides.insert(0, (calendar.name, tuple(_joined(_own(calendar, start, end)))))
    indices = [0] * len(sides)
    at = start
    while at < end:
        now = [(name, stretches[index]) for (name, stretches), index in zip(sides, indices, strict=True)]
        until = min(stretch.end for _, stretch in now)
        working = [name for name, stretch in now if stretch.open]
        why = ", ".join(working) or "; ".join(f"{name}: {stretch.why}" for name, stretch in now)
        yield Stretch(start=at, end=until, open=bool(working), why=why)
        indices = [index + (stretch.end == until) for index, (_, stretch) in zip(indices, now, strict=True)]
        at = until


def _own(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Stretch]:
    """The calendar's own hours, cut at each midnight and each change of the offset."""
    for number in range(start.year, end.year + 1):
        if not 1 < number < MAXYEAR:
            begins = max(start, datetime(number, 1, 1, tzinfo=UTC))
            ends = end if end.year == number else datetime(number + 1, 1, 1, tzinfo=UTC)
            yield Stretch(start=begins, end=ends, open=False, why=OUTSIDE)
            continue
        for begins, ends, offset in offsets(calendar.zone, number):
            wall, wall_end = max(begins, start) + offset, min(ends, end) + offset
            while wall < wall_end:
                midnight = datetime.combine(wall.date(), time.min, UTC)
                until = min(midnight + DAY, wall_end)
                for stretch in _day(calendar, midnight, wall, until):
                    yield replace(stretch, start=stretch.start - offset, end=stretch.end - offset)
                wall = until


def _day(calendar: Calendar, midnight: datetime, start: datetime, end: datetime) -> Iterator[Stretch]:
    """A part of one date, on the wall clock."""
    at = start
    for day in (midnight - DAY, midnight):
        for interval in calendar.intervals(day.date()):
            opens, closes = max(day + interval.opens, at), min(day + interval.closes, end)
            if opens < closes:
                if at < opens:
                    yield Stretch(start=at, end=opens, open=False, why=_why_closed(calendar, midnight.date()))
                yield Stretch(start=opens, end=closes, open=True, why=_why_open(calendar, day.date()))
                at = closes
    if at < end:
        yield Stretch(start=at, end=end, open=False, why=_why_closed(calendar, midnight.date()))


def _why_open(calendar: Calendar, day: date) -> str:
    special = calendar.exceptions.get(day)
    return special.name if special else OPEN


def _why_closed(calendar: Calendar, day: date) -> str:
    """A holiday on a weekday without hours takes nothing away."""
    special = calendar.exceptions.get(day)
    if special is not None:
        return special.name
    return calendar.holidays.get(day, OUTSIDE) if calendar.week[day.weekday()] else OUTSIDE


def _joined(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    current: Stretch | None = None
    for stretch in stretches:
        if current is not None and (current.open, current.why) == (stretch.open, stretch.why):
            current = replace(current, end=stretch.end)
            continue
        if current is not None:
            yield current
        current = stretch
    if current is not None:
        yield current
