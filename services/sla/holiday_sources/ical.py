"""Holidays from an iCalendar file (RFC 5545): its events of whole days, with their recurrences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from dateutil.rrule import rrulestr
from icalendar import Calendar, Event
from marshmallow import ValidationError, fields

from services.sla.calendar_words import FIRST_YEAR, FOLDER, LAST_YEAR

KEY = "ical"
LARGEST = 8 * 2**20
"""Bytes of a file; one of a country's holidays has some thousand."""
_LONGEST = timedelta(days=366)
_DAYS_APART = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
_FIRST, _LAST = datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR, 12, 31)  # noqa: DTZ001 (dates, without a zone)


class _ICal(fields.Field[dict[date, str]]):
    """The name of a file, beside the settings file unless it is absolute."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[date, str]:  # noqa: ARG002
        if not isinstance(value, str) or not value:
            raise ValidationError(f"{value!r} is not the name of a file")
        path = FOLDER.get() / value
        try:
            if path.stat().st_size > LARGEST:
                raise ValidationError(f"{value} has more than {LARGEST} bytes")
            return read(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise ValidationError(f"{value}: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise ValidationError(f"{value} is not an iCalendar file: {error}") from None


def read(text: str) -> dict[date, str]:
    """Names by date. Raises ValidationError for an event that has a time of day, ValueError for what is no iCalendar.

    A cancelled event is none; an event that replaces one recurrence of another (RECURRENCE-ID) moves or renames it.
    """
    events = [event for event in Calendar.from_ical(text).walk("VEVENT") if isinstance(event, Event)]
    moved = {(str(event.get("UID")), _replaced(event)) for event in events}
    found: dict[date, str] = {}
    for event in events:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        name = str(event.get("SUMMARY", "")).strip()[:200] or "holiday"
        for first in _starts(event):
            if _replaced(event) or (str(event.get("UID")), first) not in moved:
                found.update(dict.fromkeys(_days(event, first), name))
    return found


def _replaced(event: Event) -> date | None:
    """Which recurrence of another event this one stands for."""
    recurrence: Any = event.get("RECURRENCE-ID")
    return None if recurrence is None else _date(recurrence.dt)


def _starts(event: Event) -> Iterator[date]:
    """The first day of each recurrence within the years that are worked out."""
    first = _whole_day(event.start, event)
    left_out = {_date(one) for one in event.exdates}
    starts = {first, *(_date(one) for one, _ in event.rdates)}
    for rule in event.rrules:
        if rule.get("FREQ", [""])[0] not in _DAYS_APART:
            raise ValueError(f"a whole day recurs {', '.join(_DAYS_APART)}")
        # UNTIL of a whole day is written as a date or as an instant; without zones both are dates.
        until = rule.pop("UNTIL", None)
        last = min(datetime.combine(_date(until[0]), time.min), _LAST) if until else _LAST
        each = rrulestr(rule.to_ical().decode(), dtstart=datetime.combine(first, time.min))
        starts |= {one.date() for one in each.between(_FIRST - _LONGEST, last, inc=True)}
    yield from sorted(starts - left_out)


def _days(event: Event, first: date) -> Iterator[date]:
    """The dates of an event that starts on this one; DTEND is left out (RFC 5545, 3.6.1)."""
    length = _whole_day(event.end, event) - _whole_day(event.start, event)
    for day in range(min(max(length, timedelta(days=1)), _LONGEST).days):
        yield first + timedelta(days=day)


def _whole_day(value: date | datetime, event: Event) -> date:
    if isinstance(value, datetime) and value.time() != time.min:
        name = event.get("SUMMARY", "an event")
        raise ValidationError(f"{name} on {value.date()} has a time of day: a holiday is a whole day")
    return _date(value)


def _date(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


FIELD = _ICal()
