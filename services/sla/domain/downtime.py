"""Downtime of a service: the time in which it was out, by the incidents that are marked as outages.

An incident that is marked is an outage from its start until it is solved, and again while it is reopened; the mark
holds for the whole of it, whenever it was set. One that was cancelled was none. Outages of a service that overlap
count once. Availability is the part of the period in which the service was not out (ITIL 4 availability management).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.sla.domain.calendar import Calendar, Piece, apart
from services.sla.domain.calendar_reasons import explain
from services.sla.domain.run import ENDINGS, NOTHING, Activity, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """When an incident had its service out, in order; `open` is the part of it in the hours of its agreement."""

    pieces: tuple[Piece, ...]
    open: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Downtime:
    """What outages come to. `availability` is from 0 to 1; None where the period has no beginning or no length."""

    outages: int
    wall: timedelta
    business: timedelta
    availability: float | None


def spells(run: Run, now: datetime) -> tuple[Piece, ...]:
    """From when to when an incident was not solved, by its resolution clock; nothing when it was cancelled."""
    if run.spans[-1].activity is Activity.CANCELLED:
        return ()
    down = ((span.start, now if span.end is None else span.end) for span in run.spans if span.activity not in ENDINGS)
    return united(down)


def outage(run: Run, calendar: Calendar, since: datetime | None, until: datetime) -> Outage:
    """The part of an incident's outage that lies between two instants."""
    pieces = tuple(
        (begins if since is None else max(begins, since), min(ends, until))
        for begins, ends in spells(run, until)
        if begins < until and (since is None or ends > since)
    )
    hours = (one for begins, ends in pieces for one in explain(calendar, begins, ends) if one.open)
    return Outage(pieces=pieces, open=united((one.start, one.end) for one in hours))


def downtime(outages: Sequence[Outage], since: datetime | None, until: datetime) -> Downtime:
    """What the outages of one service come to in a period; all of them lie in it."""
    wall = _length(piece for one in outages for piece in one.pieces)
    business = _length(piece for one in outages for piece in one.open)
    known = since is not None and since < until
    availability = 1 - wall / (until - since) if known and since is not None else None
    return Downtime(outages=len(outages), wall=wall, business=business, availability=availability)


def united(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The same time in order and without overlap; what is empty is left out."""
    return tuple(apart(sorted((begins, ends) for begins, ends in pieces if begins < ends)))


def _length(pieces: Iterable[Piece]) -> timedelta:
    return sum((ends - begins for begins, ends in united(pieces)), NOTHING)
