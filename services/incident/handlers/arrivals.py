"""Tickets of foreign desks as they arrive, and what is told of one that is refused after it was taken."""

from __future__ import annotations

from dataclasses import dataclass

from services.incident.domain.history import Imported, Submission
from shared.envelope import Envelope


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoilt:
    """An action that cannot be read but for its reference and sequence; it is rejected already."""

    envelope: Envelope
    external_ref: str
    sequence: int


Ticket = Submitted | Acted | Spoilt


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A waiting action that could not be done at its turn. `number` is the record's."""

    reference: str
    sequence: int
    number: str
    slug: str
