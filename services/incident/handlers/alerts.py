"""Alerts of monitors: a batch of them, in the order in which they came.

A storm is nearly all repetition, so what is repeated costs an occurrence row and no more: the incident is not
touched, and the alert and the claim are written once a batch however often they occur in it. What says something
else than before changes the incident once a batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.incident.domain.alerts import Outcome
from services.incident.handlers.book import Book
from services.incident.handlers.ports import Ports
from services.incident.handlers.told import Told
from shared.errors import DeskwireError, Rejected
from shared.ids import joined
from shared.unit_of_work import Work

OCCURRENCES = "occurrences"


def take_alerts(work: Work, batch: Sequence[Told], *, ports: Ports) -> Mapping[str, DeskwireError]:
    """Open, join, reopen or resolve incidents. Returns the messages it rejects, by id."""
    if not batch:
        return {}
    book = Book(work, ports)
    book.read(batch)
    rejected: dict[str, DeskwireError] = {}
    for told in batch:
        try:
            outcome, incident = book.fire(told) if told.fires else book.resolve(told)
        except Rejected as error:
            rejected[told.envelope.id] = error
        else:
            _occurred(work, told, outcome, incident)
    book.write()
    return rejected


def _occurred(work: Work, told: Told, outcome: Outcome, incident: str | None) -> None:
    row = {
        "alert": told.key,
        "incident": incident,
        "at": told.at,
        "stored_at": work.now,
        "kind": told.envelope.type,
        "severity": told.signal.severity.value,
        "outcome": outcome.value,
    }
    work.append(OCCURRENCES, joined(told.envelope.source, told.envelope.id), row)
