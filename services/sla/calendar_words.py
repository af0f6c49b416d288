"""The words of a calendar in the settings: dates, instants, hours, weeks; each says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from services.sla.domain.calendar import CLOSED_WEEK, DAY, Interval, Week
from shared.clock import parse_instant, with_seconds
from shared.errors import Invalid
from shared.formats import Instant

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
AROUND_THE_CLOCK = "24x7"
FIRST_YEAR, LAST_YEAR = 1970, 2100
"""The years for which holidays are worked out: before and after them there are none."""
FOLDER: ContextVar[Path] = ContextVar("FOLDER", default=Path())
"""Where the names of further files start: the folder of the settings file that is being read."""
NAME = validate.Length(1, 200)
_INTERVAL = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NOTHING = timedelta(0)
_MOMENTS = date(FIRST_YEAR, 1, 1), date(9000, 1, 1)


class Day(fields.Field[date]):
    """`2026-12-24`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:  # noqa: ARG002
        try:
            return _date(value)
        except (TypeError, ValueError):
            raise ValidationError(f"{value!r} is not a date such as 2026-12-24") from None


def _date(value: Any) -> date:
    """RFC 3339, `full-date`: weeks, days of a year and forms without hyphens are other standards' dates."""
    if _DATE.fullmatch(value) is None:
        raise ValueError("no full-date")
    return date.fromisoformat(value)


class WrittenInstant(Instant):
    """An instant as people write it in the settings: RFC 3339, of which the seconds may be left out."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        return super()._deserialize(with_seconds(value) if isinstance(value, str) else value, attr, data, **kwargs)


class Moment(fields.Field[datetime | date]):
    """`2027-01-01`, the start of that date in the calendar's zone, or an instant such as `2027-01-01T06:00+01:00`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime | date:  # noqa: ARG002
        fault = ValidationError(
            f"{value!r} is neither a date nor an instant with its offset, such as 2027-01-01T06:00+01:00"
        )
        try:
            moment = _date(value) if _DATE.fullmatch(value) else parse_instant(with_seconds(value))
        except (TypeError, ValueError, Invalid):
            raise fault from None
        if not _MOMENTS[0] <= (moment.date() if isinstance(moment, datetime) else moment) <= _MOMENTS[1]:
            raise fault
        return moment


class Opening(fields.Field[Interval]):
    """`08:00-12:00`, half-open. `24:00` is the end of the day; `22:00-06:00` closes on the next day."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Interval:  # noqa: ARG002
        match = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValidationError(f"{value!r} is not an interval such as 08:00-12:00")
        hours, minutes, to_hours, to_minutes = (int(part) for part in match.groups())
        opens, closes = timedelta(hours=hours, minutes=minutes), timedelta(hours=to_hours, minutes=to_minutes)
        if minutes > 59 or to_minutes > 59 or opens >= DAY or closes > DAY or opens == closes:
            raise ValidationError(f"{value!r} must open and close at different times from 00:00 to 24:00")
        return Interval(opens=opens, closes=closes if closes > opens else closes + DAY)


def in_order(openings: Sequence[Interval]) -> bool:
    """Whether no interval opens before the one ahead of it closes."""
    return all(before.closes <= after.opens for before, after in pairwise(openings))


class _WeekSchema(Schema):
    class Meta:
        unknown = RAISE
        include = {day: fields.List(Opening(), load_default=list) for day in WEEKDAYS}  # noqa: RUF012

    @validates_schema(skip_on_field_errors=True)
    def _in_order(self, data: Mapping[str, list[Interval]], **_: Any) -> None:
        faults: dict[str, list[str]] = {}
        for day, before in zip(WEEKDAYS, (WEEKDAYS[-1], *WEEKDAYS), strict=False):
            night = data[before][-1].closes - DAY if data[before] else _NOTHING
            if not in_order(data[day]):
                faults[day] = ["intervals must be in order and must not overlap"]
            elif data[day] and data[day][0].opens < night:
                faults[day] = [f"intervals must not overlap the one of {before} that closes after midnight"]
        if faults:
            raise ValidationError(faults)


class WeekHours(fields.Field[Week]):
    """The intervals of each weekday, of which none is open that is not named; or `24x7`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Week:  # noqa: ARG002
        if value == AROUND_THE_CLOCK:
            return ((Interval(opens=_NOTHING, closes=DAY),),) * len(CLOSED_WEEK)
        if not isinstance(value, Mapping):
            raise ValidationError(f"{value!r} is neither {AROUND_THE_CLOCK} nor intervals by weekday")
        days = _WeekSchema().load(dict(value))
        return tuple(tuple(days[day]) for day in WEEKDAYS)
