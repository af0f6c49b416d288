"""Downtime by service, as table, CSV and JSON, from the outages that sla gives page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deskwire.console import Voice
from deskwire.sla.times import length
from services.sla.domain.downtime import Outage, downtime
from shared.clock import format_instant, parse_instant

COLUMNS = ("service", "outages", "wall_seconds", "business_seconds", "availability")


@dataclass(slots=True, kw_only=True)
class Found:
    """What the pages gave so far. `until` is the end of the period: no later than the first answer."""

    since: datetime | None
    until: datetime | None
    services: dict[str, list[Outage]] = field(default_factory=dict)
    restricted: int = 0

    def add(self, page: Mapping[str, Any]) -> None:
        """Take a page in."""
        as_of = parse_instant(page["as_of"])
        self.until = as_of if self.until is None else min(self.until, as_of)
        self.restricted += page["restricted"]
        for one in page["outages"]:
            outage = Outage(pieces=_read(one["pieces"]), open=_read(one["open"]))
            self.services.setdefault(one["service"], []).append(outage)


def document(found: Found) -> dict[str, Any]:
    """The period and its rows as plain JSON."""
    bounds = {"since": found.since, "until": found.until}
    return {
        **{name: None if at is None else format_instant(at) for name, at in bounds.items()},
        "restricted": found.restricted,
        "rows": rows(found),
    }


def rows(found: Found) -> list[dict[str, Any]]:
    """One row for each service that was out, by `COLUMNS`."""
    return [_row(service, outages, found) for service, outages in sorted(found.services.items())]


def available(row: Mapping[str, Any]) -> str:
    """`99.950 %`; empty where the period has no beginning."""
    return "" if row["availability"] is None else f"{row['availability'] * 100:.3f} %"


def show(found: Found, voice: Voice) -> None:
    """Print the table, where there was an outage."""
    if found.services:
        voice.line()
        columns = ("downtime", "outages", "on the wall", "in open hours", "available")
        voice.table(columns, [_shown(row) for row in rows(found)], numbers=columns[1:])
    if found.restricted:
        voice.line(f"{found.restricted} outages are of restricted incidents and are not in it.")


def _row(service: str, outages: Sequence[Outage], found: Found) -> dict[str, Any]:
    until = found.until
    if until is None:
        raise AssertionError("unreachable: outages come with a page, and a page ends the period")
    one = downtime(outages, found.since, until)
    return {
        "service": service,
        "outages": one.outages,
        "wall_seconds": round(one.wall.total_seconds()),
        "business_seconds": round(one.business.total_seconds()),
        "availability": one.availability,
    }


def _shown(row: Mapping[str, Any]) -> list[str]:
    wall, business = length(row["wall_seconds"]), length(row["business_seconds"])
    return [row["service"], str(row["outages"]), wall, business, available(row)]


def _read(texts: Sequence[Sequence[str]]) -> tuple[tuple[datetime, datetime], ...]:
    return tuple((parse_instant(begins), parse_instant(ends)) for begins, ends in texts)
