"""What a ticket of a foreign desk says, applied to its record, and when that counts as said."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from services.incident.domain.adjusted import Adjusted, Why, odd_time
from services.incident.domain.alert_rules import counted, is_far_off
from services.incident.domain.history import Imported, moment, placed, spoken, steps
from services.incident.domain.lifecycle import Action
from services.incident.domain.record import Incident
from services.incident.domain.resubmission import resubmitted
from services.incident.handlers.arrivals import Acted, Submitted
from services.incident.handlers.ports import Ports, sender
from services.incident.handlers.records import change, odd_time_note
from shared.cause import Cause
from shared.clock import format_instant
from shared.envelope import Envelope
from shared.storage import Stored
from shared.unit_of_work import Work


def is_history(envelope: Envelope) -> bool:
    """Whether its time places it in a past that its sender tells in order, and is none of a clock that may be wrong."""
    return envelope.backfill or envelope.sequence is not None


def said_at(work: Work, envelope: Envelope, ports: Ports) -> datetime:
    """When a message counts as said."""
    return counted(envelope.time, work.now, ports.alerts.clocks, history=is_history(envelope))


def odd_times(work: Work, envelope: Envelope, ports: Ports) -> tuple[Adjusted, ...]:
    """What is to be told of a time that does not count."""
    odd = not is_history(envelope) and is_far_off(envelope.time, work.now, ports.alerts.clocks)
    return (odd_time(format_instant(envelope.time), Why.FAR_OFF),) if odd else ()


def apply(work: Work, number: str, ticket: Acted | Submitted, *, ports: Ports) -> None:
    """Do to the record what the ticket says. Raises Rejected."""
    stored = ports.incidents.get(work, number)
    at = moment(stored.state, said_at(work, ticket.envelope, ports), work.now)
    if isinstance(ticket, Submitted):
        _restate(work, stored, ticket, at, ports)
    else:
        _do(work, stored, ticket, at, ports)


def _restate(work: Work, stored: Stored[Incident], ticket: Submitted, at: datetime, ports: Ports) -> None:
    cause = Cause.of(ticket.envelope, sender(ticket.envelope))
    for state, events in resubmitted(stored.state, ticket.submission, at, ports.priorities):
        stored = ports.incidents.save(work, stored, state, events, cause)


def _do(work: Work, stored: Stored[Incident], acted: Acted, at: datetime, ports: Ports) -> None:
    envelope = acted.envelope
    # Who spoke is the sender's word: it counts from a user whom the broker has checked, and in history.
    imported = spoken(acted.imported, vouched=envelope.sender is not None or envelope.backfill)
    planned = (*steps(stored.state, imported), *(odd_time_note(odd) for odd in odd_times(work, envelope, ports)))
    cause = Cause.of(envelope, sender(envelope))
    change(work, stored, planned, at, cause, ports=ports, prepare=partial(_placed, imported))


def _placed(imported: Imported, incident: Incident, action: Action) -> Incident:
    return placed(incident, imported, action)
