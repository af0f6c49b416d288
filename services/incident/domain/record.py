"""The record of an incident or a request, and the words it is described with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LOWEST_LEVEL = 1
HIGHEST_LEVEL = 4
"""Support levels: 1 is the service desk, 4 the vendor behind the last team of the house."""
MOST_TURNS = 500
"""Turns of one record: clocks fold each of them, and compute all of them anew when what was agreed changes. Nobody
works so on a record; a loop of two programs does."""
LINKS_SHOWN = 50
"""Links that a record holds and its events carry, the latest ones; `links_total` counts all."""


class Kind(StrEnum):
    """ITIL 4 keeps the two apart: an incident is an unplanned interruption, a request is asked for."""

    INCIDENT = "incident"
    REQUEST = "request"

    @property
    def prefix(self) -> str:
        """The prefix of its numbers."""
        return {Kind.INCIDENT: "INC", Kind.REQUEST: "REQ"}[self]


class State(StrEnum):
    """Where a record stands; `lifecycle.TABLE` says what leads from one to another."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


UNFINISHED = (State.NEW, State.ASSIGNED, State.IN_PROGRESS, State.WAITING)
FINISHED = (State.RESOLVED, State.CLOSED, State.CANCELLED)


class WaitingReason(StrEnum):
    """Whom or what the work waits for; a policy of sla says which of them stop a clock."""

    USER = "user"
    VENDOR = "vendor"
    CUSTOMER = "customer"
    CHANGE = "change"
    PROBLEM = "problem"
    OTHER = "other"


class Degree(StrEnum):
    """The scale of impact and of urgency."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Priority(StrEnum):
    """P1 is served first."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class LinkKind(StrEnum):
    """What a record can be linked to."""

    PROBLEM = "problem"
    CHANGE = "change"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who asked. `sealed` is the address under that person's key, or None when the id is no personal data."""

    id: str
    sealed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How it ended: a code to count by and a text to read."""

    code: str
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A related record of another kind or of this one."""

    kind: LinkKind
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident or a request. Instants are aware UTC.

    `handovers` counts changes of level; `left` holds the levels it has left, and `returns` counts the hand-overs to
    one of them: ping-pong. `turns` counts what clocks look at (`actions.is_turn`). `links` are the latest of
    `links_total`, all of which are kept apart (`handlers.related`); in a record that was stored before they were,
    `links` are all and `links_total` is 0. `held` names fields that a person has set: what an alert or a foreign desk
    says of them later does not move them.
    """

    kind: Kind
    state: State
    title: str
    description: str | None
    requester: Person | None
    channel: str
    impact: Degree
    urgency: Degree
    priority: Priority
    opened_at: datetime
    updated_at: datetime
    waiting_reason: WaitingReason | None = None
    category: str | None = None
    ci: str | None = None
    service: str | None = None
    language: str | None = None
    organisation: str | None = None
    level: int = LOWEST_LEVEL
    team: str | None = None
    person: str | None = None
    accepted_at: datetime | None = None
    first_public_reply_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    resolution: Resolution | None = None
    reopened: int = 0
    handovers: int = 0
    left: tuple[int, ...] = ()
    returns: int = 0
    fingerprint: str | None = None
    external_ref: str | None = None
    links: tuple[Link, ...] = ()
    links_total: int = 0
    turns: int = 0
    outage: bool = False
    restricted: bool = False
    url: str | None = None
    held: tuple[str, ...] = ()

    @property
    def unfinished(self) -> bool:
        """Whether somebody still has to do something about it."""
        return self.state in UNFINISHED

    @property
    def first_contact(self) -> bool:
        """First-contact resolution: resolved at the service desk's level, and never handed over to another."""
        return self.resolved_at is not None and self.handovers == 0 and self.level == LOWEST_LEVEL
