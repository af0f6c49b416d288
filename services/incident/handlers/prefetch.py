"""What a batch of tickets needs, read once."""

from __future__ import annotations

from collections.abc import Sequence

from services.incident.handlers.arrivals import Acted, Submitted, Ticket
from services.incident.handlers.ports import Ports
from services.incident.handlers.references import WAITING_ACTIONS, read_references, reference_key, row_key
from shared.unit_of_work import Work

READ_AHEAD = 20
"""Waiting actions of one reference that are read with the batch; the others one by one, as there is room for them."""


def prefetch(work: Work, batch: Sequence[Ticket], ports: Ports) -> None:
    """Three reads for the whole batch: references, the waiting actions it can unlock, and the records."""
    arrivals: dict[str, set[int]] = {}
    submitted: dict[str, int] = {}
    numbers: set[str] = set()
    for ticket in batch:
        if isinstance(ticket, Acted) and ticket.external_ref is None:
            numbers.add(ticket.imported.number or "")
            continue
        key = reference_key(ticket.envelope.source, ticket.external_ref or "")
        sequence = ticket.envelope.sequence
        arrivals.setdefault(key, set()).update(() if sequence is None else (sequence,))
        if isinstance(ticket, Submitted):
            submitted.setdefault(key, sequence or 0)
    known = read_references(work, arrivals)
    unlocked = []
    for key, one in known.items():
        first = submitted.get(key, 0) if one.number is None else one.last_sequence
        unlocked += [row_key(key, sequence) for sequence in one.unlocked(arrivals[key], first + 1)[:READ_AHEAD]]
    work.load(WAITING_ACTIONS, unlocked)
    numbers |= {one.number for one in known.values() if one.number is not None}
    ports.incidents.get_many(work, sorted(numbers))
