"""What is said about a record, what it is related to, and how much it matters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from services.incident import events
from services.incident.domain.lifecycle import Step
from services.incident.domain.record import LINKS_SHOWN, Degree, Incident, Link, LinkKind
from shared.errors import Invalid
from shared.event import Event

Result = tuple[Incident, tuple[Event, ...]]


class Visibility(StrEnum):
    """Who may read a note: everybody concerned, or the desk alone."""

    PUBLIC = "public"
    PRIVATE = "private"


class AuthorKind(StrEnum):
    """On which side of the desk a note's author sits. A public note of an agent is a reply to the requester."""

    AGENT = "agent"
    REQUESTER = "requester"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note. Whoever does not say is taken to speak to the desk alone."""

    text: str | None = None
    visibility: Visibility = Visibility.PRIVATE
    author_kind: AuthorKind = AuthorKind.AGENT
    author: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTo:
    """The record it is related to."""

    kind: LinkKind | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prioritise:
    """A new impact, a new urgency, and whether the service is down; at least one of them.

    `holds` is whether it stands whatever an alert or a foreign desk says later: a person has looked at it.
    """

    impact: Degree | None = None
    urgency: Degree | None = None
    outage: bool | None = None
    holds: bool = False


def note(incident: Incident, args: Note, step: Step) -> Result:
    """Add a note. The event carries the text of a public one only."""
    change: dict[str, Any] = {"visibility": args.visibility.value, "author_kind": args.author_kind.value}
    replied_at = incident.first_public_reply_at
    if args.visibility is Visibility.PUBLIC:
        change["text"] = args.text
        if args.author_kind is AuthorKind.AGENT:
            replied_at = replied_at or step.at
    after = replace(incident, first_public_reply_at=replied_at, updated_at=step.at)
    return after, (Event(type=events.NOTED, at=step.at, change=change),)


def link(incident: Incident, args: LinkTo, step: Step) -> Result:
    """Relate it to another record. One that it shows is not related a second time; of the others, which are kept apart,
    the caller knows."""
    if args.kind is None or args.number is None:
        raise Invalid("a kind and a number are needed", pointer="/args/number")
    related = Link(kind=args.kind, number=args.number)
    if related in incident.links:
        return incident, ()
    total = max(incident.links_total, len(incident.links)) + 1
    after = replace(incident, links=(*incident.links, related)[-LINKS_SHOWN:], links_total=total, updated_at=step.at)
    change = {"kind": related.kind.value, "number": related.number}
    return after, (Event(type=events.LINKED, at=step.at, change=change),)


def prioritise(incident: Incident, args: Prioritise, step: Step) -> Result:
    """Set impact or urgency, and the priority follows by the table; mark or unmark an outage, which moves neither.

    Raises Invalid when none of them is named.
    """
    if args.impact is None and args.urgency is None and args.outage is None:
        raise Invalid("an impact, an urgency or an outage is needed", pointer="/args/impact")
    impact, urgency = args.impact or incident.impact, args.urgency or incident.urgency
    outage = incident.outage if args.outage is None else args.outage
    weighs = args.holds and (args.impact is not None or args.urgency is not None)
    held = tuple(dict.fromkeys((*incident.held, "impact", "urgency"))) if weighs else incident.held
    if (impact, urgency, outage, held) == (incident.impact, incident.urgency, incident.outage, incident.held):
        return incident, ()
    priority = step.priorities.priority(impact, urgency)
    after = replace(
        incident, impact=impact, urgency=urgency, priority=priority, outage=outage, held=held, updated_at=step.at
    )
    change: dict[str, Any] = {
        "impact": impact.value,
        "urgency": urgency.value,
        "priority_from": incident.priority.value,
        "priority_to": priority.value,
        **({"outage": outage} if outage is not incident.outage else {}),
    }
    return after, (Event(type=events.PRIORITISED, at=step.at, change=change),)
