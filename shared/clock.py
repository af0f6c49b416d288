"""Time as the house keeps it: aware UTC instants with milliseconds, passed in and never fetched by a rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
    """Read RFC 3339. Raises Invalid when it is not one or names no offset: a time without a zone is no instant."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Invalid(f"{text!r} is not an RFC 3339 time", pointer=pointer) from None
    if at.tzinfo is None:
        raise Invalid(f"{text!r} names no UTC offset", pointer=pointer)
    try:
        return to_milliseconds(at)
    except OverflowError:
        # The first and the last hours of the calendar have no UTC equal in it.
        raise Invalid(f"{text!r} is out of range", pointer=pointer) from None
