"""What every use case of incident works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from services.incident.domain.alert_rules import AlertRules
from services.incident.domain.desk import GAP_AFTER
from services.incident.domain.priority import PriorityTable
from services.incident.domain.record import Incident
from shared.cause import Actor
from shared.envelope import Envelope
from shared.storage import Repository
from shared.unit_of_work import Work


class Numbers(Protocol):
    """Gives numbers that nobody else has."""

    def next(self, prefix: str) -> str:
        """`INC0000001` for the prefix `INC`. Raises Unavailable."""
        ...


class Seal(Protocol):
    """Encrypts a text under the key of a person, so that forgetting the key forgets the text."""

    def seal(self, work: Work, person_id: str, text: str) -> str:
        """The sealed text; the same text may be sealed differently each time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports and the settings of a use case."""

    incidents: Repository[Incident]
    numbers: Numbers
    seal: Seal
    priorities: PriorityTable
    alerts: AlertRules = field(default_factory=AlertRules)
    gap_after: timedelta = GAP_AFTER


def sender(envelope: Envelope) -> Actor:
    """Who acts in a message of a foreign system: the user the broker has checked, else the system it names."""
    return Actor(kind="system", id=envelope.sender or f"system:{envelope.source}")
