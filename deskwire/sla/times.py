"""Instants in the reader's zone, and lengths of time in words that line up."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
from marshmallow import ValidationError

from services.sla.threshold_settings import Duration
from shared.clock import parse_instant, with_seconds
from shared.errors import Invalid

_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?", re.ASCII)
"""A date, or a time without an offset; everything else is RFC 3339."""


class Zone:
    """The reader's time zone: a named one, else the machine's own."""

    def __init__(self, name: str | None) -> None:
        """Raises Invalid when `name` is not an IANA time zone."""
        try:
            self._zone = None if name is None else ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            raise Invalid(f"{name!r} is not an IANA time zone", pointer="/zone") from None
        self.name = name or "this machine's time"

    def at(self, instant: str | None) -> str:
        """`2026-03-29 03:00:00 +02:00`: with the offset, for an hour may come twice. Empty for none."""
        if instant is None:
            return ""
        local = parse_instant(instant).astimezone(self._zone)
        return local.isoformat(sep=" ", timespec="seconds").replace("+", " +")

    def read(self, text: str) -> datetime:
        """An instant a person wrote: a date or a time without an offset is one in this zone. Raises Invalid."""
        try:
            if _LOCAL.fullmatch(text) is None:
                return parse_instant(with_seconds(text))
            at = datetime.fromisoformat(text.upper())
            # `astimezone` on a time without an offset takes it for the machine's own.
            return at.replace(tzinfo=self._zone) if self._zone else at.astimezone()
        except (ValueError, OverflowError, Invalid):
            raise Invalid(f"{text!r} is neither a date nor an RFC 3339 time") from None

    def read_period(self, since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
        """Both bounds of a period, where they are given. Raises Invalid."""
        first, last = (None if text is None else self.read(text) for text in (since, until))
        if first is not None and last is not None and first >= last:
            raise Invalid(f"the period ends ({until}) before it begins ({since})")
        return first, last


class OpenTime(click.ParamType[timedelta]):
    """A length of open time as policies write it: `4h`, `15m`, `1h30m`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Fails, as click does, with a word on what is a duration."""
        if isinstance(value, timedelta):
            return value
        try:
            found: timedelta = Duration().deserialize(value)
        except ValidationError as error:
            self.fail(str(error.messages[0]), param, ctx)
        return found


def length(seconds: float) -> str:
    """`2h 05m 00s`, days as hours: targets are agreed in hours. Below a minute `4.250s`."""
    sign, rest = ("-" if seconds < 0 else ""), abs(seconds)
    if rest < 60:
        return f"{sign}{rest:g}s"
    minutes, left = divmod(round(rest), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}h {minutes:02}m {left:02}s" if hours else f"{sign}{minutes}m {left:02}s"


def span_words(seconds: float) -> str:
    """A length in two units at most, for where there is little room: `65h 38m`, `2h`, `4m 05s`, `45s`."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02}m" if minutes else f"{hours}h"
    if minutes:
        return f"{minutes}m {left:02}s" if left else f"{minutes}m"
    return f"{left}s"


zone_option: Callable[[Callable[..., object]], Callable[..., object]] = click.option(
    "--zone", "zone_name", metavar="ZONE", help="Show times in this zone, such as Europe/Berlin."
)


def period(command: Callable[..., object]) -> Callable[..., object]:
    """The options `--from` (in the period) and `--to` (not in it), as `since` and `until`."""
    until = click.option("--to", "until", metavar="INSTANT", help="Clocks that started before this instant.")
    since = click.option("--from", "since", metavar="INSTANT", help="Clocks that started at this instant or later.")
    return since(until(command))
