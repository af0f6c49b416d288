"""Holidays from an iCalendar file (RFC 5545): its events of whole days, with their recurrences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON
from marshmallow import ValidationError, fields

from services.sla.calendar_words import FIRST_YEAR, FOLDER, LAST_YEAR
from services.sla.ical_days import day_after, is_whole_day, local_day, other_day
from services.sla.ical_rules import Effort, recurrences
from services.sla.ical_text import reduced, unfolded, zone_names

KEY = "ical"
LARGEST = 8 * 2**20
"""Bytes of a file; one of a country's holidays has some thousand."""
_DAY, _LONGEST = timedelta(days=1), timedelta(days=366)
_FIRST, _LAST = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
_DAY_COST = 70
_NO_CALENDAR = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What icalendar and dateutil raise for what they cannot read."""


class _ICal(fields.Field[dict[date, str]]):
    """The name of a file, beside the settings file unless it is absolute."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[date, str]:  # noqa: ARG002
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValidationError(f"{value!r} is not the name of a file")
        path = FOLDER.get() / value
        try:
            if path.stat().st_size > LARGEST:
                raise ValidationError(f"{value} has more than {LARGEST} bytes")
            return read(unfolded(path.read_bytes()), zone=data.get("zone"))
        except OSError as error:
            raise ValidationError(f"{value}: {error.strerror}") from None
        except _NO_CALENDAR as error:
            raise ValidationError(f"{value} is not an iCalendar file that can be read: {error}") from None


def read(text: str, *, zone: Any = None) -> dict[date, str]:
    """Names by date, out of unfolded lines.

    Raises ValidationError for an event that has a time of day, ValueError for what is no iCalendar or too much to work
    out.

    A cancelled event is none; an event that replaces one recurrence of another (RECURRENCE-ID) moves or renames it.
    `zone` is the name of the calendar's: instants that are midnight there, or in a zone of the file, mean its days.
    """
    calendar = Calendar.from_ical(reduced(text))
    return _Reading(_zones(calendar.get("X-WR-TIMEZONE"), zone, *zone_names(text))).days(calendar)


def _zones(*names: Any) -> list[ZoneInfo]:
    """The zones that have a known name."""
    found = []
    for name in names:
        try:
            found.append(ZoneInfo(WINDOWS_TO_OLSON.get(str(name), str(name or ""))))
        except (ValueError, OSError, LookupError):
            continue
    return found


class _Reading:
    """The reading of one file: instants mean days of `zones`, and what is spent on all events is bounded."""

    def __init__(self, zones: Sequence[ZoneInfo]) -> None:
        self._zones = zones
        self._effort = Effort()

    def days(self, calendar: Any) -> dict[date, str]:
        events = [event for event in calendar.walk("VEVENT") if isinstance(event, Event)]
        moved = {(str(event.get("UID")), self._replaced(event)) for event in events}
        found: dict[date, str] = {}
        for event in events:
            if str(event.get("STATUS", "")).upper() == "CANCELLED":
                continue
            name = str(event.get("SUMMARY", "")).strip()[:200] or "holiday"
            length = min(max(self._length(event), _DAY), _LONGEST)
            for first in self._starts(event):
                if self._replaced(event) or (str(event.get("UID")), first) not in moved:
                    # DTEND is left out of the event (RFC 5545, 3.6.1).
                    self._effort.spend(_DAY_COST * length.days)
                    found.update({first + timedelta(days=day): name for day in range(length.days)})
        return found

    def _replaced(self, event: Event) -> date | None:
        """Which recurrence of another event this one stands for."""
        recurrence: Any = event.get("RECURRENCE-ID")
        if recurrence is not None and "RANGE" in recurrence.params:
            name = event.get("SUMMARY", "an event")
            raise ValidationError(f"{name} moves later recurrences as well (RANGE): give them an event of their own")
        return None if recurrence is None else local_day(recurrence.dt, self._zones)

    def _length(self, event: Event) -> timedelta:
        """From the first day to the one that is left out."""
        first, end, duration = self._whole_day(event.start, event), event.end, event.get("DURATION")
        if duration is not None and not duration.dt % _DAY:
            # Days and not hours: one in which the clocks change has 23 or 25 of them (RFC 5545, 3.3.6).
            length: timedelta = duration.dt
            return length
        after = day_after(end, self._zones)
        return (self._whole_day(end, event) if after is None else after) - first

    def _starts(self, event: Event) -> Iterator[date]:
        """The first day of each recurrence within the years that are worked out."""
        first = self._whole_day(event.start, event)
        left_out = {local_day(one, self._zones) for one in event.exdates}
        starts = {first, *(local_day(one, self._zones) for one, _ in event.rdates)}
        for rule in event.rrules:
            starts |= {day for day in self._recurrences(rule, first) if day >= _FIRST - _LONGEST}
        for rule in _rules(event, "EXRULE"):
            left_out |= set(self._recurrences(rule, first))
        yield from sorted(starts - left_out)

    def _recurrences(self, rule: Mapping[str, Any], first: date) -> Iterator[date]:
        until = rule.get("UNTIL")
        last = min(local_day(until[0], self._zones), _LAST) if until else _LAST
        other = other_day(until[0], self._zones) if until else None
        rest = {name: value for name, value in rule.items() if name != "UNTIL"}
        before: date | None = None
        for day in recurrences(rest, first, min(other or last, _LAST), self._effort):
            # Of the two days that such an UNTIL may mean, it is the one that the rule has.
            if day > last and before == last:
                return
            before = day
            yield day

    def _whole_day(self, value: date | datetime, event: Event) -> date:
        if not is_whole_day(value, self._zones):
            name = event.get("SUMMARY", "an event")
            raise ValidationError(
                f"{name} on {local_day(value, self._zones)} has a time of day: a holiday is a whole day"
            )
        return local_day(value, self._zones)


def _rules(event: Event, name: str) -> list[Mapping[str, Any]]:
    """The rules of RFC 2445, section 4.8.5.2, which some calendars still have."""
    given: Any = event.get(name, [])
    return given if isinstance(given, list) else [given]


FIELD = _ICal()
