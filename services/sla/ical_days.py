"""Which day a date or an instant of an iCalendar file means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo

_LAST_SECOND, _LAST_MINUTE = time(23, 59, 59), time(23, 59)


def local_day(value: date | datetime, zones: Sequence[tzinfo]) -> date:
    """The day that is meant by a date, or by an instant that stands for one.

    Outlook, Google and Apple write the midnight at which a day begins as an instant in UTC. It is the midnight of one
    of `zones`, or else of some other zone, and then the nearest one of the first of them, or of UTC. Midnight in UTC
    and the last second before it are written by those who know no zone, and mean that date. A local time means its own
    date.
    """
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None or value.utcoffset() != timedelta(0) or value.time() in (time.min, _LAST_SECOND):
        return value.date()
    locals_ = [value.astimezone(zone) for zone in zones]
    for local in locals_:
        if local.time() in (time.min, _LAST_SECOND):
            return local.date()
    nearest = locals_[0] if locals_ else value
    if value.minute % 15 or value.second:
        # No zone has its midnight there: it is a time of day.
        return nearest.date()
    return (nearest.replace(tzinfo=None) + timedelta(hours=12)).date()


def day_after(value: date | datetime, zones: Sequence[tzinfo]) -> date | None:
    """The day that an event's end leaves out: that of its midnight, or the one behind the last minute of a day.

    None for a time of day.
    """
    if is_whole_day(value, zones):
        return local_day(value, zones)
    for local in (value, *_local(value, zones)):
        if isinstance(local, datetime) and local.time().replace(second=0, microsecond=0) == _LAST_MINUTE:
            return local.date() + timedelta(days=1)
    return None


def other_day(value: date | datetime, zones: Sequence[tzinfo]) -> date | None:
    """The day behind `local_day` that an instant may mean as well; None where there is no doubt.

    From 10:00 to 12:00 in UTC it is midnight west of -10:00 and, a day later, east of +12:00 (Auckland, Kiritimati).
    """
    if not isinstance(value, datetime) or value.tzinfo is None or value.utcoffset() != timedelta(0):
        return None
    doubtful = time(10) <= value.time() < time(12) and not value.minute % 15 and not value.second
    if not doubtful or any(local.time() in (time.min, _LAST_SECOND) for local in _local(value, zones)):
        return None
    return value.date() + timedelta(days=1)


def _local(value: date | datetime, zones: Sequence[tzinfo]) -> list[datetime]:
    aware = isinstance(value, datetime) and value.tzinfo is not None
    return [value.astimezone(zone) for zone in zones] if aware and isinstance(value, datetime) else []


def is_whole_day(value: date | datetime, zones: Sequence[tzinfo]) -> bool:
    """Whether the value is a date or a midnight, its own or in UTC or in one of `zones`."""
    if not isinstance(value, datetime) or value.time() == time.min:
        return True
    return value.tzinfo is not None and any(value.astimezone(zone).time() == time.min for zone in zones)
