"""Tickets of foreign desks: submitted once for each reference, acted on in the order in which it happened there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from services.incident.domain.history import Imported, Reference, Submission, Turn, check_order, moment, placed, steps
from services.incident.domain.lifecycle import Action
from services.incident.domain.record import Incident
from services.incident.handlers.ports import Ports, sender
from services.incident.handlers.records import change, open_one
from services.incident.handlers.references import (
    WAITING_ACTIONS,
    advance,
    keep_reference,
    mark_refused,
    put_by,
    read_references,
    reference,
    reference_key,
    row_key,
    waiting_action,
)
from shared.cause import Cause
from shared.envelope import Envelope
from shared.errors import DeskwireError, Early, Rejected
from shared.unit_of_work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A ticket of a foreign desk and the message that brought it."""

    envelope: Envelope
    submission: Submission

    @property
    def external_ref(self) -> str | None:
        """The reference it goes by."""
        return self.submission.external_ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What was done to a ticket and the message that said so."""

    envelope: Envelope
    imported: Imported

    @property
    def external_ref(self) -> str | None:
        """The reference it goes by, when not by a number."""
        return self.imported.external_ref


Ticket = Submitted | Acted
ReadAction = Callable[[Envelope], Imported]


def take_tickets(work: Work, batch: Sequence[Ticket], *, ports: Ports, read: ReadAction) -> Mapping[str, DeskwireError]:
    """Open and change records. Returns the messages it rejects, or that came too early to be kept, by id."""
    _prefetch(work, batch, ports)
    rejected: dict[str, DeskwireError] = {}
    for ticket in batch:
        try:
            if isinstance(ticket, Submitted):
                _submit(work, ticket, ports, read)
            else:
                _act(work, ticket, ports, read)
        except (Rejected, Early) as error:
            rejected[ticket.envelope.id] = error
    return rejected


def _submit(work: Work, ticket: Submitted, ports: Ports, read: ReadAction) -> None:
    envelope, submission = ticket.envelope, ticket.submission
    key = reference_key(envelope.source, submission.external_ref)
    known = reference(work, key)
    if known.number is not None:
        return
    opened = open_one(
        work,
        submission.opening,
        min(envelope.time, work.now),
        Cause.of(envelope, sender(envelope)),
        ports=ports,
        external_ref=submission.external_ref,
    )
    known = advance(work, key, replace(known, number=opened.key), envelope.sequence or 0)
    _catch_up(work, key, known, submission.external_ref, envelope.source, ports, read)


def _act(work: Work, acted: Acted, ports: Ports, read: ReadAction) -> None:
    envelope, imported = acted.envelope, acted.imported
    if imported.external_ref is None:
        _act_unordered(work, imported.number or "", acted, ports)
        return
    key = reference_key(envelope.source, imported.external_ref)
    known = reference(work, key)
    if envelope.sequence is not None:
        _act_in_turn(work, key, known, envelope.sequence, acted, ports, read)
    elif known.number is None:
        raise Early(f"{imported.external_ref} is not submitted yet", slug="unknown-reference")
    else:
        _act_unordered(work, known.number, acted, ports)


def _act_unordered(work: Work, number: str, acted: Acted, ports: Ports) -> None:
    check_order(ports.incidents.get(work, number).state, acted.envelope.time)
    _apply(work, number, acted, ports)


def _act_in_turn(
    work: Work, key: str, known: Reference, sequence: int, acted: Acted, ports: Ports, read: ReadAction
) -> None:
    envelope, external_ref = acted.envelope, acted.imported.external_ref or ""
    match known.turn(sequence):
        case Turn.PAST:
            return
        case Turn.EARLY if sequence in known.waiting:
            return
        case Turn.EARLY:
            known = known.kept(sequence)
            put_by(work, key, sequence, envelope)
            keep_reference(work, key, known, source=envelope.source, external_ref=external_ref)
        case Turn.NOW:
            _apply(work, known.number or "", acted, ports)
            known = advance(work, key, known, sequence)
            _catch_up(work, key, known, external_ref, envelope.source, ports, read)


def _catch_up(
    work: Work, key: str, known: Reference, external_ref: str, source: str, ports: Ports, read: ReadAction
) -> None:
    """Do what waited for this, as far as there is no gap, and write how far that was."""
    while (sequence := known.last_sequence + 1) in known.waiting:
        row, envelope = waiting_action(work, key, sequence)
        try:
            _apply(work, known.number or "", Acted(envelope=envelope, imported=read(envelope)), ports)
        except Rejected as error:
            mark_refused(work, row, error)
            break
        known = advance(work, key, known, sequence)
    keep_reference(work, key, known, source=source, external_ref=external_ref)


def _apply(work: Work, number: str, acted: Acted, ports: Ports) -> None:
    envelope = acted.envelope
    stored = ports.incidents.get(work, number)
    at = moment(stored.state, envelope.time, work.now)
    planned = steps(stored.state, acted.imported)
    prepare = partial(_placed, acted.imported)
    change(work, stored, planned, at, Cause.of(envelope, sender(envelope)), ports=ports, prepare=prepare)


def _placed(imported: Imported, incident: Incident, action: Action) -> Incident:
    return placed(incident, imported, action)


def _prefetch(work: Work, batch: Sequence[Ticket], ports: Ports) -> None:
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
        unlocked += [row_key(key, sequence) for sequence in one.unlocked(arrivals[key], first + 1)]
    work.load(WAITING_ACTIONS, unlocked)
    numbers |= {one.number for one in known.values() if one.number is not None}
    ports.incidents.get_many(work, sorted(numbers))
