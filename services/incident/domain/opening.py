"""Opening a record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.incident import events
from services.incident.domain.adjusted import Adjusted
from services.incident.domain.lifecycle import Action, Origin, require, transition
from services.incident.domain.priority import PriorityTable
from services.incident.domain.record import (
    HIGHEST_LEVEL,
    LOWEST_LEVEL,
    Degree,
    Incident,
    Kind,
    Person,
    State,
)
from shared.errors import Invalid
from shared.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is known when a record is opened. `requester` is as it was given: an id, or an address to be sealed.

    `adjusted` is what of the message that opens it was bent; the event tells it.
    """

    title: str
    description: str | None = None
    kind: Kind = Kind.INCIDENT
    requester: str | None = None
    channel: str = "api"
    impact: Degree = Degree.MEDIUM
    urgency: Degree = Degree.MEDIUM
    category: str | None = None
    ci: str | None = None
    service: str | None = None
    language: str | None = None
    organisation: str | None = None
    level: int = LOWEST_LEVEL
    team: str | None = None
    person: str | None = None
    outage: bool = False
    restricted: bool = False
    url: str | None = None
    adjusted: tuple[Adjusted, ...] = ()


def open_record(
    opening: Opening,
    now: datetime,
    *,
    priorities: PriorityTable,
    requester: Person | None = None,
    fingerprint: str | None = None,
    external_ref: str | None = None,
) -> tuple[Incident, tuple[Event, ...]]:
    """A new record: assigned when a team or a person is named, else new. Raises Invalid without a title."""
    entry = transition(None, Action.OPEN, Origin.LIVE)
    require(entry, opening)
    if not LOWEST_LEVEL <= opening.level <= HIGHEST_LEVEL:
        raise Invalid(f"level is {LOWEST_LEVEL} to {HIGHEST_LEVEL}", pointer="/args/level")
    incident = Incident(
        kind=opening.kind,
        state=State.ASSIGNED if opening.team or opening.person else entry.state,
        title=opening.title.strip(),
        description=opening.description,
        requester=requester,
        channel=opening.channel,
        impact=opening.impact,
        urgency=opening.urgency,
        priority=priorities.priority(opening.impact, opening.urgency),
        category=opening.category,
        ci=opening.ci,
        service=opening.service,
        language=opening.language,
        organisation=opening.organisation,
        level=opening.level,
        team=opening.team,
        person=opening.person,
        fingerprint=fingerprint,
        external_ref=external_ref,
        outage=opening.outage,
        restricted=opening.restricted,
        url=opening.url,
        opened_at=now,
        updated_at=now,
    )
    change = {"adjusted": [one.as_plain() for one in opening.adjusted]} if opening.adjusted else {}
    return incident, (Event(type=events.OPENED, at=now, change=change),)
