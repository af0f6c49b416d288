"""Alerts that clear and fire again: the incident they reopen, and the clearing that is held until they are quiet.

The field calls it flap detection (Nagios) or hysteresis: what comes back at once was never over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.incident.domain.alert_rules import Flapping
from services.incident.domain.alerts import OpenAlert
from services.incident.domain.record import MOST_TURNS, Incident, State

CLEARED = "alert_cleared"
"""The resolution code of an incident whose last alert has cleared."""
EXPIRED = "alert_expired"
"""The resolution code of an incident whose last alert nobody repeats any more."""
BY_ALERT = (CLEARED, EXPIRED)
TURNS_FOR_PEOPLE = 50
"""Turns of a record that its alerts leave to people: they still have something to do with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """The end of a claim by its alerts: when it was (`at`, as it was said) and stored, and what it goes on with."""

    incident: str
    at: datetime
    stored_at: datetime
    last: OpenAlert


def with_clearing(claim: OpenAlert, at: datetime, rules: Flapping) -> OpenAlert:
    """The claim with another moment at which nothing fires any more; as many are kept as count."""
    near = [moment for moment in claim.cleared if abs(at - moment) <= rules.window]
    return replace(claim, cleared=(*near, at)[-rules.times :])


def is_flapping(claim: OpenAlert, rules: Flapping) -> bool:
    """Whether it cleared so often within the window that a clearing is not believed at once, now or before."""
    return claim.held or len(claim.cleared) >= rules.times


def comes_back(clearing: Clearing, at: datetime, now: datetime, rules: Flapping) -> bool:
    """Whether a firing is the same trouble as what has cleared. A clock that was set back is no hint: ours tells."""
    since = at - clearing.at if at >= clearing.at else now - clearing.stored_at
    return since <= rules.reopen_within and rules.reopen_within > timedelta()


def is_reopened(incident: Incident) -> bool:
    """Whether a firing may reopen it: its alerts resolved it, no person did, and it is not closed."""
    ended = incident.resolution
    return incident.state is State.RESOLVED and ended is not None and ended.code in BY_ALERT


def is_worn_out(incident: Incident) -> bool:
    """Whether its alerts have reopened it as often as they may: what fires then is another incident."""
    return incident.turns >= MOST_TURNS - TURNS_FOR_PEOPLE


def scheduled(claim: OpenAlert, *, settles_at: datetime | None, looks_at: datetime | None) -> OpenAlert:
    """The claim with the moments at which to look at it again."""
    due = [moment for moment in (settles_at, looks_at) if moment is not None]
    return replace(claim, settles_at=settles_at, looks_at=looks_at, due_at=min(due, default=None))


def text(span: timedelta) -> str:
    """A span for people: `15 minutes`, `5 hours`, `90 seconds`."""
    seconds = int(span.total_seconds())
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}{'s' if seconds > size else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"
