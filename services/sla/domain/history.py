"""One event of an incident as sla keeps it: what the fold needs, and the trail for what it causes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.sla.domain.basis import Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Where the entry came from: the event's id, and how it hangs together with others."""

    eventid: str
    correlationid: str
    traceparent: str | None = None
    hops: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One version of an incident. A restricted one tells its state and priority only; the rest is None.

    `accepted` and `replied` say whether, at this version, there has been an acceptance or a public reply; `asked` and
    `answered` whether this very version is a public note of the requester, or of the desk. `requester` is a person's
    id, `requester_zone` the name of their time zone, where it is told.
    """

    incident: str
    version: int
    type: str
    at: datetime
    state: str
    priority: str
    waiting_reason: str | None = None
    accepted: bool = False
    replied: bool = False
    asked: bool = False
    answered: bool = False
    service: str | None = None
    team: str | None = None
    level: int | None = None
    organisation: str | None = None
    contract: str | None = None
    kind: str | None = None
    category: str | None = None
    outage: bool = False
    requester: str | None = None
    requester_zone: str | None = None
    restricted: bool = False
    backfill: bool = False
    trail: Trail = field(default_factory=lambda: Trail(eventid="", correlationid=""))

    @property
    def basis(self) -> Basis:
        """What matching reads of it."""
        return Basis(
            priority=self.priority,
            organisation=self.organisation,
            contract=self.contract,
            service=self.service,
            kind=self.kind,
            category=self.category,
            level=self.level,
        )


def known_at(entries: Sequence[Entry], at: datetime) -> tuple[Entry, ...]:
    """The entries that lie at or before an instant; one that says it is older than the one before it follows that."""
    latest, known = None, list[Entry]()
    for entry in entries:
        latest = entry.at if latest is None else max(latest, entry.at)
        if latest > at:
            break
        known.append(entry)
    return tuple(known)
