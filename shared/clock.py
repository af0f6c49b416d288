"""Time as the house keeps it: aware UTC instants with milliseconds, passed in and never fetched by a rule."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

from shared.errors import Invalid


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The current instant: aware, UTC, whole milliseconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return to_milliseconds(datetime.now(UTC))


class SteadyClock:
    """A clock that nobody sets: it starts with the machine's and goes on evenly, for pauses within a process."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._at = datetime.now(UTC)

    def now(self) -> datetime:
        return to_milliseconds(self._at + timedelta(seconds=time.monotonic() - self._began))


class FixedClock:
    """A clock that stands until it is moved; for tests and replays."""

    def __init__(self, at: datetime) -> None:
        self._at = to_milliseconds(at)

    def now(self) -> datetime:
        return self._at

    def advance(self, by: timedelta) -> datetime:
        """Move the clock by `by` and return the new instant."""
        self._at += by
        return self._at


def to_milliseconds(at: datetime) -> datetime:
    """The instant in UTC, cut to milliseconds: what MongoDB keeps, so that what is read equals what was written."""
    at = at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def format_instant(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-03-29T01:00:00.000Z`."""
    return to_milliseconds(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_instant(text: str, *, pointer: str | None = None) -> datetime:
    """Read RFC 3339 (section 5.6), cut to milliseconds: all of it and nothing else that ISO 8601 knows.

    `t` and `z` may be small, a fraction may have any number of digits, and a space may stand for the T, as the RFC's
    note allows. A leap second, which there is at the end of a month in UTC only, counts as the last millisecond before
    the month that follows. Raises Invalid when it is no such time, names no offset, or lies outside the years 1 to 9999
    in UTC: a time without a zone is no instant.
    """
    match = _RFC_3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Invalid(f"{_quoted(text)} is not an RFC 3339 time with its offset from UTC", pointer=pointer)
    try:
        return _instant(match)
    except (ValueError, OverflowError):
        # A day that the month does not have, or the first and last hours of the calendar, with no UTC equal in it.
        raise Invalid(f"{_quoted(text)} is no moment of the calendar", pointer=pointer) from None


def with_seconds(text: str) -> str:
    """An instant as people write it, in settings and on the command line: its seconds may be left out."""
    return _SHORT.sub(r"\1:00\2", text)


_SHORT = re.compile(r"\A(.{10}[Tt ][0-9]{2}:[0-9]{2})([Zz]|[+-][0-9]{2}:[0-9]{2})\Z")
_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]"
    r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_SECOND = timedelta(seconds=1)


def _instant(match: re.Match[str]) -> datetime:
    *whole, fraction, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = map(int, whole)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    milliseconds = int((fraction or "")[:3].ljust(3, "0"))
    local = datetime(year, month, day, hour, minute, min(second, 59), milliseconds * 1000, timezone(offset))
    at = local.astimezone(UTC)
    if second < 60:
        return at
    following = at.replace(microsecond=0) + _SECOND
    if (following.day, following.hour, following.minute) != (1, 0, 0):
        raise ValueError("there is no leap second at this time")
    return following - timedelta(milliseconds=1)


def _quoted(text: object) -> str:
    quoted = repr(text)
    return quoted if len(quoted) <= 80 else f"{quoted[:77]}..."
