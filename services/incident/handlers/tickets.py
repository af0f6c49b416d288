"""Tickets of foreign desks: opened once for each reference, told again and acted on in the order of events there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.incident.domain.history import (
    Imported,
    Reference,
    Submission,
    Turn,
    check_order,
)
from services.incident.handlers.applying import apply, odd_times, said_at
from services.incident.handlers.arrivals import Acted, Refusal, Spoilt, Submitted, Ticket
from services.incident.handlers.ports import Ports, sender
from services.incident.handlers.prefetch import prefetch
from services.incident.handlers.records import open_one
from services.incident.handlers.references import (
    WAITING_ACTIONS,
    advance,
    forget,
    keep_reference,
    keep_refused,
    put_by,
    reference,
    reference_key,
    waiting_action,
)
from shared.cause import Cause
from shared.envelope import Envelope
from shared.errors import DeskwireError, Early, Rejected
from shared.store import Document
from shared.unit_of_work import Work

MOST_COST = 800_000
"""Bytes, as they are estimated, that waiting actions may write in one transaction; the tick goes on with the others."""
_OWN_COST = 3_000
"""What an action writes beside its words and the record's: its event's frame, audit, index rows."""
AT_ONCE = 300
"""Waiting actions that one transaction does at most."""

ReadTicket = Callable[[Envelope], Imported | Submission]


def take_tickets(
    work: Work, batch: Sequence[Ticket], *, ports: Ports, read: ReadTicket, refused: list[Refusal]
) -> Mapping[str, DeskwireError]:
    """Open and change records. Returns the messages it rejects, or that came too early to be kept, by id.

    A sequenced action that is refused is passed over: what follows it is done. One of this batch is
    rejected; one that waited is kept with its reason and added to `refused`.
    """
    prefetch(work, batch, ports)
    desk = Desk(work, batch, ports, read, refused)
    for ticket in batch:
        try:
            match ticket:
                case Submitted():
                    desk.submit(ticket)
                case Acted():
                    desk.act(ticket)
                case Spoilt():
                    desk.pass_over(ticket)
        except (Rejected, Early) as error:
            desk.rejected[ticket.envelope.id] = error
    return desk.rejected


class Desk:
    """Works through the tickets of a batch and gathers what it refuses.

    Of what has waited it does `most` actions, and as many as fit one transaction; a reference that is not through with
    that is `behind`.
    """

    def __init__(
        self,
        work: Work,
        batch: Sequence[Ticket],
        ports: Ports,
        read: ReadTicket,
        refused: list[Refusal],
        *,
        most: int = AT_ONCE,
    ) -> None:
        self._left = most
        self._room = MOST_COST
        self._work = work
        self._ports = ports
        self._read = read
        self._refused = refused
        self._here = {(ticket.envelope.source, ticket.envelope.id) for ticket in batch}
        self.rejected: dict[str, DeskwireError] = {}

    def submit(self, ticket: Submitted) -> None:
        envelope, submission = ticket.envelope, ticket.submission
        key = reference_key(envelope.source, submission.external_ref)
        known = reference(self._work, key)
        if known.number is not None:
            self._submit_again(key, known, ticket)
            return
        opened = open_one(
            self._work,
            replace(submission.opening, adjusted=odd_times(self._work, envelope, self._ports)),
            self._said_at(envelope),
            Cause.of(envelope, sender(envelope)),
            ports=self._ports,
            external_ref=submission.external_ref,
        )
        known = replace(known, number=opened.key).submitted(self._said_at(envelope))
        if envelope.sequence is not None:
            known = self._overtaken(key, known, envelope.sequence)
            known = advance(self._work, key, known, envelope.sequence)
        self._keep(key, self.caught_up(key, known), ticket)

    def _submit_again(self, key: str, known: Reference, ticket: Submitted) -> None:
        if ticket.envelope.sequence is not None:
            self._take_in_turn(key, known, ticket.envelope.sequence, ticket)
            return
        said_at = self._said_at(ticket.envelope)
        if known.submitted_at is None or said_at >= known.submitted_at:
            self._apply(known.number or "", ticket)
            self._keep(key, known.submitted(said_at), ticket)

    def act(self, acted: Acted) -> None:
        envelope, imported = acted.envelope, acted.imported
        if imported.external_ref is None:
            self._act_unordered(imported.number or "", acted)
            return
        key = reference_key(envelope.source, imported.external_ref)
        known = reference(self._work, key)
        if envelope.sequence is not None:
            self._take_in_turn(key, known, envelope.sequence, acted)
        elif known.number is None:
            raise Early(f"{imported.external_ref} is not submitted yet", slug="unknown-reference")
        else:
            self._act_unordered(known.number, acted)

    def pass_over(self, spoilt: Spoilt) -> None:
        key = reference_key(spoilt.envelope.source, spoilt.external_ref)
        known = reference(self._work, key).spoilt(spoilt.sequence)
        self._keep(key, known if known.number is None else self.caught_up(key, known), spoilt)

    def _act_unordered(self, number: str, acted: Acted) -> None:
        check_order(self._ports.incidents.get(self._work, number).state, self._said_at(acted.envelope))
        self._apply(number, acted)

    def _take_in_turn(self, key: str, known: Reference, sequence: int, ticket: Acted | Submitted) -> None:
        match known.turn(sequence):
            case Turn.PAST:
                return
            case Turn.EARLY if sequence in known.waiting:
                self._check_copy(key, sequence, ticket.envelope)
                return
            case Turn.EARLY:
                known = known.kept(sequence, self._work.now)
                put_by(self._work, key, sequence, ticket.envelope)
            case Turn.AGAIN:
                self._apply(known.number or "", ticket)
                forget(self._work, key, sequence)
                known = known.made_good(sequence)
            case Turn.NOW:
                known = self.caught_up(key, self._done_or_refused(key, known, sequence, ticket))
        self._keep(key, known, ticket)

    def _done_or_refused(self, key: str, known: Reference, sequence: int, ticket: Acted | Submitted) -> Reference:
        try:
            self._apply(known.number or "", ticket)
        except Rejected as error:
            self.rejected[ticket.envelope.id] = error
            return known.passed_over(sequence)
        return advance(self._work, key, self._counted(known, ticket), sequence)

    def _counted(self, known: Reference, ticket: Acted | Submitted) -> Reference:
        return known.submitted(self._said_at(ticket.envelope)) if isinstance(ticket, Submitted) else known

    def caught_up(self, key: str, known: Reference) -> Reference:
        """Do what waited for this, as far as there is no gap and room for it."""
        while (sequence := (known := known.past_refused()).last_sequence + 1) in known.waiting:
            if self._left <= 0 or self._room <= 0:
                return replace(known, behind=True)
            row, envelope = waiting_action(self._work, key, sequence)
            self._left -= 1
            self._room -= self._cost(row, known.number or "")
            try:
                ticket = _ticket(envelope, self._read(envelope))
                self._apply(known.number or "", ticket)
            except Rejected as error:
                self._refuse(key, known, row, envelope, error)
                known = known.passed_over(sequence)
            else:
                known = advance(self._work, key, self._counted(known, ticket), sequence)
        return replace(known, behind=False)

    def _cost(self, row: Document, number: str) -> int:
        """What an action may write, at most: its words, and those of the record with each of two events."""
        state = self._ports.incidents.get(self._work, number).state
        return _OWN_COST + len(row["body"]) + 2 * len((state.description or "").encode(errors="replace"))

    def _overtaken(self, key: str, known: Reference, sequence: int) -> Reference:
        """Do what waited for a submission before the one with this sequence: what they waited for is past."""
        for number in known.waiting:
            if number >= sequence:
                break
            row, envelope = waiting_action(self._work, key, number)
            try:
                self._apply(known.number or "", _ticket(envelope, self._read(envelope)))
            except Rejected as error:
                self._refuse(key, known, row, envelope, error)
                known = known.set_aside(number)
        return known

    def _check_copy(self, key: str, sequence: int, envelope: Envelope) -> None:
        _, waiting = waiting_action(self._work, key, sequence)
        if (waiting.type, waiting.data) != (envelope.type, envelope.data):
            text = f"something else waits under the sequence {sequence} already"
            raise Rejected(text, slug="sequence-already-used", pointer="/sequence")

    def _refuse(self, key: str, known: Reference, row: Document, envelope: Envelope, error: Rejected) -> None:
        if (envelope.source, envelope.id) in self._here:
            self._work.release(WAITING_ACTIONS, row["_id"])
            self.rejected[envelope.id] = error
            return
        keep_refused(self._work, row, error)
        refusal = Refusal(reference=key, sequence=row["sequence"], number=known.number or "", slug=error.slug)
        self._refused.append(refusal)

    def _said_at(self, envelope: Envelope) -> datetime:
        return said_at(self._work, envelope, self._ports)

    def _apply(self, number: str, ticket: Acted | Submitted) -> None:
        apply(self._work, number, ticket, ports=self._ports)

    def _keep(self, key: str, known: Reference, ticket: Ticket) -> None:
        keep_reference(self._work, key, known, source=ticket.envelope.source, external_ref=ticket.external_ref or "")


def _ticket(envelope: Envelope, message: Imported | Submission) -> Acted | Submitted:
    if isinstance(message, Submission):
        return Submitted(envelope=envelope, submission=message)
    return Acted(envelope=envelope, imported=message)
