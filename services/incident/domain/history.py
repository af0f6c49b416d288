"""Another desk's history: which action is next, which came early, and what a row of a log means here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.incident.domain.actions import Arguments
from services.incident.domain.conversation import AuthorKind, Note
from services.incident.domain.levels import HandOver
from services.incident.domain.lifecycle import Action
from services.incident.domain.opening import Opening
from services.incident.domain.record import Incident
from shared.errors import Rejected

MAX_REFERENCE = 200
"""Characters of a foreign reference."""
MAX_WAITING = 1000
"""Actions of one reference that wait for a gap to close; a sender that is further ahead than this is at fault."""
MAX_REFUSED = 1000
"""Refused actions of one reference that can be tried again; older ones count as done."""
TOLERANCE = timedelta(minutes=5)
"""How far an action without a sequence may lie before the record's last event: clocks differ a little."""

_PLACING = frozenset({Action.WAIT, Action.RESUME, Action.RESOLVE, Action.REOPEN, Action.CLOSE, Action.CANCEL})


class Turn(StrEnum):
    """When an action's turn is. `AGAIN`: what had it was refused, and here it is another time."""

    NOW = "now"
    AGAIN = "again"
    EARLY = "early"
    PAST = "past"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A foreign ticket: its number here (None until it is submitted), how far it is, what waits for a gap.

    An action that is refused, at its turn or because it cannot be read, holds nobody up: it is passed over, and its
    sequence is among `refused` (the latest thousand) until it comes again and can be done. `submitted_at` is the time
    of the newest submission that counted. `zeroth` is whether an action had the sequence 0, with which some senders
    begin. `gap_since` is since when something waits; `gap_told` is whether people have been told of what it waits for.
    `behind` is whether what waits next is here, and is done in portions.
    """

    number: str | None = None
    last_sequence: int = 0
    waiting: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()
    submitted_at: datetime | None = None
    gap_since: datetime | None = None
    gap_told: bool = False
    zeroth: bool = False
    behind: bool = False

    @property
    def missing(self) -> int:
        """The sequence for which what waits is waiting."""
        return self.past_refused().last_sequence + 1

    def submitted(self, at: datetime) -> Reference:
        """With a submission that counted."""
        return replace(self, submitted_at=at if self.submitted_at is None else max(at, self.submitted_at))

    def turn(self, sequence: int) -> Turn:
        """Whether an action with this sequence is next, another try, too early, or done already."""
        if self.number is None:
            return Turn.EARLY
        if sequence == self.last_sequence == 0 and not self.zeroth:
            return Turn.NOW
        if sequence <= self.last_sequence:
            return Turn.AGAIN if sequence in self.refused else Turn.PAST
        return Turn.NOW if sequence == self.last_sequence + 1 else Turn.EARLY

    def kept(self, sequence: int, now: datetime) -> Reference:
        """With an early action put by. Raises Rejected when too many wait."""
        if len(self.waiting) >= MAX_WAITING:
            raise Rejected(f"{MAX_WAITING} actions wait for this reference already", slug="too-many-waiting")
        waiting = tuple(sorted({*self.waiting, sequence}))
        return replace(self.made_good(sequence), waiting=waiting, gap_since=self.gap_since or now)

    def applied(self, sequence: int) -> Reference:
        """With an action done; what waited for its own turn up to it waits no more."""
        waiting = tuple(number for number in self.waiting if number > sequence)
        gap_since = self.gap_since if waiting else None
        zeroth = self.zeroth or sequence == 0
        return replace(
            self, last_sequence=sequence, waiting=waiting, gap_since=gap_since, gap_told=False, zeroth=zeroth
        )

    def passed_over(self, sequence: int) -> Reference:
        """With an action refused at its turn."""
        return replace(self.applied(sequence), refused=(*self.refused, sequence)[-MAX_REFUSED:])

    def set_aside(self, sequence: int) -> Reference:
        """With an action refused that waited for a turn which is past."""
        waiting = tuple(number for number in self.waiting if number != sequence)
        return replace(self, waiting=waiting, refused=(*self.refused, sequence)[-MAX_REFUSED:])

    def spoilt(self, sequence: int) -> Reference:
        """With an action that cannot be read, to be passed over at its turn; one that is there already stays."""
        if sequence <= self.last_sequence or sequence in (*self.waiting, *self.refused):
            return self
        return replace(self, refused=(*self.refused, sequence)[-MAX_REFUSED:])

    def past_refused(self) -> Reference:
        """With its turn at the next action that is not refused already."""
        sequence = self.last_sequence
        while sequence + 1 in self.refused:
            sequence += 1
        return self if sequence == self.last_sequence else self.applied(sequence)

    def made_good(self, sequence: int) -> Reference:
        """With an action no longer among the refused."""
        return replace(self, refused=tuple(number for number in self.refused if number != sequence))

    def unlocked(self, arrivals: Iterable[int], first: int) -> tuple[int, ...]:
        """Which waiting actions can get their turn when `arrivals` come and the next in turn is `first`."""
        there = {*arrivals, *self.waiting, *self.refused}
        turn, unlocked = first, []
        while turn in there:
            if turn in self.waiting:
                unlocked.append(turn)
            turn += 1
        return tuple(unlocked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """An action of a foreign desk, with where the record stood when it was done."""

    action: Action
    args: Arguments
    external_ref: str | None = None
    number: str | None = None
    level: int | None = None
    team: str | None = None
    person: str | None = None
    summary: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A ticket of a foreign desk. `given` names the fields of the opening that its sender has filled."""

    opening: Opening
    external_ref: str
    given: tuple[str, ...] = ()


def steps(incident: Incident, imported: Imported) -> tuple[tuple[Action, Arguments], ...]:
    """What to do, in order: a hand-over when the level differs, then the action itself."""
    action, level = imported.action, imported.level
    if level is None or level == incident.level or action in (Action.ESCALATE, Action.HAND_BACK):
        return ((action, imported.args),)
    hand_over = Action.ESCALATE if level > incident.level else Action.HAND_BACK
    args = HandOver(summary=imported.summary, level=level, team=imported.team)
    return (hand_over, args), (action, imported.args)


def placed(incident: Incident, imported: Imported, action: Action) -> Incident:
    """The record in the hands of whoever the foreign desk says did this; an action that places says so itself."""
    if action not in _PLACING:
        return incident
    return replace(incident, team=imported.team or incident.team, person=imported.person or incident.person)


def spoken(imported: Imported, *, vouched: bool) -> Imported:
    """The action with a note's author as its sender names them, where somebody vouches for it; else none is named.

    A public note of an agent is the desk's answer, and so ends the time in which one is due.
    """
    if vouched or not isinstance(imported.args, Note):
        return imported
    return replace(imported, args=replace(imported.args, author=None, author_kind=AuthorKind.SYSTEM))


def moment(incident: Incident, at: datetime, now: datetime) -> datetime:
    """When it counts as done: as it is told, but not before the record's last event and not in the future."""
    return max(incident.updated_at, min(at, now))


def check_order(incident: Incident, at: datetime) -> None:
    """Raises Rejected (`action-out-of-order`) for an action much older than the record's last event."""
    if at < incident.updated_at - TOLERANCE:
        raise Rejected(
            "it happened before the record's last event; send a sequence to bring history over",
            slug="action-out-of-order",
        )
