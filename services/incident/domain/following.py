"""What a record takes over when its alert, or its foreign desk, says something else of it than before.

What a person has set stands. Priority only rises by an alert: that it is less bad now is noted and lowers nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.incident import events
from services.incident.domain.priority import PriorityTable, Severity
from services.incident.domain.record import Degree, Incident
from shared.event import Event

Result = tuple[Incident, tuple[Event, ...]]

_SHORT = ("title", "url", "ci", "category", "service", "language", "organisation", "outage")
"""What an event tells as it was before; a description would fill it."""
_WEIGHT = frozenset({"impact", "urgency"})


class Source(StrEnum):
    """Who says so."""

    ALERT = "alert"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityMove:
    """How bad it is now and was before; before is None where nobody has said."""

    before: Severity | None
    now: Severity

    @property
    def rises(self) -> bool:
        """Whether it is worse now."""
        return self.before is None or rank(self.now) > rank(self.before)

    def as_plain(self) -> dict[str, Any]:
        return {"severity_from": None if self.before is None else self.before.value, "severity_to": self.now.value}


def rank(severity: Severity) -> int:
    """Higher is worse."""
    return -list(Severity).index(severity)


def raised(
    incident: Incident, move: SeverityMove, at: datetime, priorities: PriorityTable, *, first: bool = False
) -> Result:
    """The record under a severity that is higher than any before: impact and urgency rise to it by the table.

    Where a person has set them they are kept, and the event is told all the same, so that people hear of it; so it is
    for the `first` that is said live of what history has opened.
    """
    weight = priorities.severities[move.now]
    kept = is_held(incident)
    impact = incident.impact if kept else _higher(incident.impact, weight.impact)
    urgency = incident.urgency if kept else _higher(incident.urgency, weight.urgency)
    if move.before is None and not first and (impact, urgency) == (incident.impact, incident.urgency):
        return incident, ()
    more = {"cause": "severity", **move.as_plain(), **({"kept": True} if kept else {})}
    return weighed(incident, impact, urgency, at, priorities, more)


def is_held(incident: Incident) -> bool:
    """Whether a person has set its impact and urgency."""
    return bool(_WEIGHT & set(incident.held))


def weighed(
    incident: Incident,
    impact: Degree,
    urgency: Degree,
    at: datetime,
    priorities: PriorityTable,
    more: Mapping[str, Any],
) -> Result:
    """The record with another impact and urgency, and the priority by the table; `more` tells why. It is a turn."""
    priority = priorities.priority(impact, urgency)
    change = {
        "impact": impact.value,
        "urgency": urgency.value,
        "priority_from": incident.priority.value,
        "priority_to": priority.value,
        **more,
    }
    turns = incident.turns + 1
    after = replace(incident, impact=impact, urgency=urgency, priority=priority, turns=turns, updated_at=at)
    return after, (Event(type=events.PRIORITISED, at=at, change=change),)


def updated(
    incident: Incident, said: Mapping[str, Any], at: datetime, source: Source, fall: SeverityMove | None = None
) -> Result:
    """The record with what is said of it now; nothing happens when it is that already.

    The event names the fields that changed and, of short ones, what they were.
    """
    fields: dict[str, Any] = {
        name: value for name, value in said.items() if name not in incident.held and value != getattr(incident, name)
    }
    if not fields and fall is None:
        return incident, ()
    before = {name: getattr(incident, name) for name in sorted(fields) if name in _SHORT}
    change = {"cause": source.value, "fields": sorted(fields), "from": before, **(fall.as_plain() if fall else {})}
    return replace(incident, **fields, updated_at=at), (Event(type=events.UPDATED, at=at, change=change),)


def _higher(one: Degree, other: Degree) -> Degree:
    degrees = list(Degree)
    return degrees[min(degrees.index(one), degrees.index(other))]
