"""The UTC offsets of a zone, from the pinned IANA time zone database: every replica and every proof uses one edition.

Python's zoneinfo prefers the machine's database, which may be of another edition, and does not tell transitions. So
the compiled files of the `tzdata` package are read as RFC 9636 describes them: the listed transitions, and after the
last of them the yearly rule of the footer. No transition is looked for, so none is missed.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from shared.errors import Invalid

Offsets = tuple[tuple[datetime, datetime, timedelta], ...]
"""Stretches of one offset, in order and without gaps: begin, end (left out), offset from UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = int((datetime.min.replace(tzinfo=UTC) - _EPOCH).total_seconds())
_HEADER = struct.Struct(">4sc15x6I")
_SIGNED = r"([+-]?)(\d{1,3})(?::(\d{2}))?(?::(\d{2}))?"
_NAME = r"(?:<[-+A-Za-z0-9]+>|[A-Za-z]+)"
_STANDARD = re.compile(rf"{_NAME}(?P<offset>{_SIGNED})", re.ASCII)
_SUMMER = re.compile(rf"{_NAME}(?P<offset>{_SIGNED})?,(?P<start>[^,]+),(?P<end>[^,]+)", re.ASCII)
_DAY = re.compile(rf"M(\d{{1,2}})\.([1-5])\.([0-6])(?:/(?P<time>{_SIGNED}))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A day of the year by weekday: `week` 5 is the last one of the month, `weekday` 0 is Sunday (POSIX TZ)."""

    month: int
    week: int
    weekday: int
    wall: timedelta

    def on(self, year: int) -> datetime:
        """The moment of the change on the wall clock, written as if it were UTC."""
        last = monthrange(year, self.month)[1]
        first = 1 + (self.weekday - date(year, self.month, 1).isoweekday()) % 7
        day = first + 7 * (self.week - 1)
        return datetime.combine(date(year, self.month, day if day <= last else day - 7), time.min, UTC) + self.wall


@dataclass(frozen=True, slots=True, kw_only=True)
class _Summer:
    """Summer time by rule, year after year. Its end is told on its own wall clock."""

    standard: timedelta
    offset: timedelta
    start: _Change
    end: _Change

    def changes(self, year: int) -> Iterator[tuple[datetime, timedelta]]:
        """The two changes that fall in a year of the wall clock: when, and to which offset."""
        yield self.start.on(year) - self.standard, self.offset
        yield self.end.on(year) - self.offset, self.standard


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zone:
    first: timedelta
    instants: tuple[datetime, ...]
    offsets: tuple[timedelta, ...]
    summer: _Summer | None


@cache
def zone_database() -> str:
    """The edition of the time zone database in use, such as `2026f`."""
    with (files("tzdata") / "zoneinfo" / "tzdata.zi").open(encoding="ascii") as lines:
        return lines.readline().removeprefix("# version ").strip()


@cache
def zone_names() -> frozenset[str]:
    """Every name that `offsets` takes."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="ascii").split())


@lru_cache(maxsize=4096)
def offsets(name: str, year: int) -> Offsets:
    """The stretches of one offset in a year of UTC, exact to the second.

    `year` is one of 2 to 9998. Raises Invalid (`unknown-zone`).
    """
    zone = _zone(name)
    begins, ends = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    at, current = begins, _listed(zone, begins)
    changes = sorted(_changes(zone, year))
    for instant, offset in changes:
        if instant <= begins:
            current = offset
    stretches = []
    for instant, offset in changes:
        if begins < instant < ends and offset != current:
            stretches.append((at, instant, current))
            at, current = instant, offset
    return (*stretches, (at, ends, current))


def wall_clock(name: str, at: datetime) -> datetime:
    """An instant of the years 2 to 9998 as a zone's wall clock shows it, with its offset from UTC at that moment."""
    at = at.astimezone(UTC)
    offset = next(offset for begins, ends, offset in offsets(name, at.year) if begins <= at < ends)
    return at.astimezone(timezone(offset))


def start_of(name: str, day: date) -> datetime:
    """The first instant, in UTC, at which a zone's wall clock shows a date, or a later one if it skips the date.

    `day` is in one of the years 3 to 9997.
    """
    midnight = datetime.combine(day, time.min, UTC)
    for year in (day.year - 1, day.year, day.year + 1):
        for begins, ends, offset in offsets(name, year):
            at = max(begins, midnight - offset)
            if at < ends:
                return at
    return midnight


def _listed(zone: _Zone, at: datetime) -> timedelta:
    index = bisect_right(zone.instants, at)
    return zone.offsets[index - 1] if index else zone.first


def _changes(zone: _Zone, year: int) -> Iterator[tuple[datetime, timedelta]]:
    """Every change that may touch a year of UTC: rules count only after the last listed change."""
    last = zone.instants[-1] if zone.instants else None
    yield from ((at, to) for at, to in zip(zone.instants, zone.offsets, strict=True) if at.year == year)
    if zone.summer is not None:
        for near in (year - 1, year, year + 1):
            yield from (change for change in zone.summer.changes(near) if last is None or change[0] > last)


@cache
def _zone(name: str) -> _Zone:
    if name not in zone_names():
        raise Invalid(f"{name!r} is not an IANA time zone", slug="unknown-zone")
    return _parse((files("tzdata") / "zoneinfo").joinpath(*name.split("/")).read_bytes())


def _parse(content: bytes) -> _Zone:
    """A TZif file of version 2 or later; its first, 32-bit block only repeats what the second one says."""
    position = _block(content, 0, 4)[-1]
    instants, kinds, types, end = _block(content, position, 8)
    steps = [(at, types[kind]) for at, kind in zip(instants, kinds, strict=True)]
    early = [offset for at, offset in steps if at < _EARLIEST]
    listed = [(_EPOCH + timedelta(seconds=at), offset) for at, offset in steps if at >= _EARLIEST]
    return _Zone(
        first=early[-1] if early else types[0],
        instants=tuple(at for at, _ in listed),
        offsets=tuple(offset for _, offset in listed),
        summer=_footer(content[end:].decode("ascii").strip("\n")),
    )


def _block(content: bytes, position: int, width: int) -> Any:
    """Instants in Unix seconds, the index of a type for each, the types' offsets, and where the block ends."""
    _, _, universal, standard, leaps, times, kinds, letters = _HEADER.unpack_from(content, position)
    position += _HEADER.size
    instants = struct.unpack_from(f">{times}{'q' if width == 8 else 'l'}", content, position)
    position += times * width
    indices = content[position : position + times]
    position += times
    types = [timedelta(seconds=struct.unpack_from(">l", content, position + 6 * kind)[0]) for kind in range(kinds)]
    end = position + kinds * 6 + letters + leaps * (width + 4) + standard + universal
    return instants, indices, types, end


def _footer(text: str) -> _Summer | None:
    """`CET-1CEST,M3.5.0,M10.5.0/3`; without summer time nothing changes after the last listed transition."""
    standard = _STANDARD.match(text)
    rest = text[standard.end() :] if standard else text
    if standard is None or not rest:
        return None
    summer = _SUMMER.fullmatch(rest)
    if summer is None:
        raise Invalid(f"the time zone rule {text!r} is not understood", slug="unknown-zone")
    offset = -_signed(standard["offset"])
    return _Summer(
        standard=offset,
        offset=-_signed(summer["offset"]) if summer["offset"] else offset + timedelta(hours=1),
        start=_change(summer["start"]),
        end=_change(summer["end"]),
    )


def _change(text: str) -> _Change:
    match = _DAY.fullmatch(text)
    if match is None:
        raise Invalid(f"the time zone rule {text!r} is not understood", slug="unknown-zone")
    month, week, weekday = (int(match[part]) for part in (1, 2, 3))
    wall = _signed(match["time"]) if match["time"] else timedelta(hours=2)
    return _Change(month=month, week=week, weekday=weekday, wall=wall)


def _signed(text: str) -> timedelta:
    match = re.fullmatch(_SIGNED, text, re.ASCII)
    sign, hours, minutes, seconds = match.groups() if match else ("", "0", None, None)
    length = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
    return -length if sign == "-" else length
