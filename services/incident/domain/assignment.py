"""Who has it: a team's queue, or a person who took it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.incident import events
from services.incident.domain.lifecycle import Step
from services.incident.domain.record import Incident
from shared.errors import Invalid
from shared.event import Event

Result = tuple[Incident, tuple[Event, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign:
    """A team alone means its queue; a person alone stays in the team it is with."""

    team: str | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """Who took it, and for which team when that changes too."""

    person: str | None = None
    team: str | None = None


def assign(incident: Incident, args: Assign, step: Step) -> Result:
    """Put it into a queue or give it to a person. Raises Invalid when neither is named."""
    if not args.team and not args.person:
        raise Invalid("a team or a person is needed", pointer="/args/team")
    after = replace(
        incident,
        state=step.transition.state,
        waiting_reason=None,
        team=args.team or incident.team,
        person=args.person,
        updated_at=step.at,
    )
    if (after.state, after.team, after.person) == (incident.state, incident.team, incident.person):
        return incident, ()
    change = {"team": after.team, "person": after.person, "state_from": incident.state.value}
    return after, (Event(type=events.ASSIGNED, at=step.at, change=change),)


def accept(incident: Incident, args: Accept, step: Step) -> Result:
    """Work begins or goes on: an acceptance ends waiting. The first one is kept as `accepted_at`."""
    after = replace(
        incident,
        state=step.transition.state,
        waiting_reason=None,
        team=args.team or incident.team,
        person=args.person or incident.person,
        accepted_at=incident.accepted_at or step.at,
        updated_at=step.at,
    )
    if replace(after, updated_at=incident.updated_at) == incident:
        return incident, ()
    change = {"person": after.person, "team": after.team, "state_from": incident.state.value}
    return after, (Event(type=events.ACCEPTED, at=step.at, change=change),)
