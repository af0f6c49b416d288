"""A problem: the record, its states and its actions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

INCIDENTS_KEPT = 100
"""How many of its incidents a problem lists, the latest ones; `incident_count` counts all, which are kept apart."""
INCIDENTS_TOLD = 500
"""How many incidents one event names at most. Those that it does not name know their problem by its `linked` events."""
LINKS_KEPT = 50
"""How many of its links a problem lists, the latest ones; `links_total` counts all."""

PRIORITIES = ("P1", "P2", "P3", "P4")
"""From the most to the least urgent."""


class State(Enum):
    """Where a problem stands. `known_error` is ITIL's: analysed, with root cause and workaround, not yet fixed."""

    PROPOSED = "proposed"
    OPEN = "open"
    KNOWN_ERROR = "known_error"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"


UNSOLVED = frozenset({State.PROPOSED, State.OPEN, State.KNOWN_ERROR})
"""The states in which a problem takes new recurrences, and no second one may exist for its signature."""


class Action(Enum):
    """What can be done to a problem; the value is the command's name."""

    PROPOSE = "propose"
    OPEN = "open"
    ACCEPT = "accept"
    LINK = "link"
    DIAGNOSE = "diagnose"
    WORKAROUND = "workaround"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"
    REJECT = "reject"


class LinkKind(Enum):
    """What a problem can be linked to."""

    INCIDENT = "incident"
    PROBLEM = "problem"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Another record, by its kind and number."""

    kind: LinkKind
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem. `signature` is what its incidents have in common, None where a person opened it without."""

    state: State
    title: str
    description: str | None
    priority: str
    service: str | None
    ci: str | None
    fingerprint: str | None
    signature: str | None
    root_cause: str | None
    workaround: str | None
    solution: str | None
    incidents: tuple[str, ...]
    incident_count: int
    links: tuple[Link, ...]
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None
    links_total: int = 0
