"""The intake: alerts and tickets of foreign systems in one batch and one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from services.incident.domain.alerts import Signal
from services.incident.domain.history import MAX_REFERENCE, Imported, Submission
from services.incident.events import TICKET_ACTION, TICKET_SUBMITTED
from services.incident.handlers.alerts import take_alerts
from services.incident.handlers.arrivals import Acted, Refusal, Spoilt, Submitted, Ticket
from services.incident.handlers.ports import Ports
from services.incident.handlers.tickets import ReadTicket, take_tickets
from services.incident.handlers.told import Told, told
from shared.envelope import Envelope
from shared.errors import DeskwireError, Invalid, Rejected
from shared.unit_of_work import Taken, UnitOfWork, Work

Message = Signal | Submission | Imported
Read = Callable[[Envelope], Message]


def take_intake(
    unit_of_work: UnitOfWork,
    envelopes: Sequence[Envelope],
    *,
    ports: Ports,
    read: Read,
    warn: Callable[[Refusal], None],
) -> Taken:
    """Handle a batch once; `warn` is called after the commit for each waiting action that was refused."""

    def block(work: Work, fresh: Sequence[Envelope]) -> Mapping[str, DeskwireError]:
        refused: list[Refusal] = []
        rejected = on_intake(work, fresh, ports=ports, read=read, refused=refused)
        for refusal in refused:
            work.afterwards(partial(warn, refusal))
        return rejected

    return unit_of_work.take("incident", envelopes, block)


def on_intake(
    work: Work, envelopes: Sequence[Envelope], *, ports: Ports, read: Read, refused: list[Refusal]
) -> Mapping[str, DeskwireError]:
    """Take a batch. What `read` finds wrong is rejected by itself; the rest goes on.

    Waiting actions that are refused are added to `refused`.
    """
    rejected: dict[str, DeskwireError] = {}
    alerts: list[Told] = []
    tickets: list[Ticket] = []
    for envelope in envelopes:
        try:
            message = read(envelope)
        except Rejected as error:
            rejected[envelope.id] = error
            tickets += _spoilt(envelope)
            continue
        match message:
            case Signal():
                alerts.append(told(envelope, message, work.now, ports.alerts.clocks))
            case Submission():
                tickets.append(Submitted(envelope=envelope, submission=message))
            case Imported():
                tickets.append(Acted(envelope=envelope, imported=message))
    rejected |= take_alerts(work, alerts, ports=ports)
    rejected |= take_tickets(work, tickets, ports=ports, read=reading_tickets(read), refused=refused)
    return rejected


def _spoilt(envelope: Envelope) -> tuple[Spoilt, ...]:
    external_ref = envelope.data.get("external_ref")
    if envelope.type not in (TICKET_ACTION, TICKET_SUBMITTED) or envelope.sequence is None:
        return ()
    if not isinstance(external_ref, str) or not 0 < len(external_ref) <= MAX_REFERENCE:
        return ()
    return (Spoilt(envelope=envelope, external_ref=external_ref, sequence=envelope.sequence),)


def reading_tickets(read: Read) -> ReadTicket:
    """`read` for what waited: nothing but a ticket's action does."""
    return lambda envelope: _ticket(read(envelope))


def _ticket(message: Message) -> Imported | Submission:
    if isinstance(message, Signal):
        raise Invalid("what waited is no ticket", pointer="/type")
    return message
