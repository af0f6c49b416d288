"""Opening and changing records, with what hangs on them: notes and the claim on an alert's fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.incident.domain.actions import Arguments, perform
from services.incident.domain.adjusted import TIME, Adjusted, Why
from services.incident.domain.conversation import AuthorKind, LinkTo, Note
from services.incident.domain.lifecycle import Action, Origin
from services.incident.domain.opening import Opening, open_record
from services.incident.domain.record import Incident, Person
from services.incident.handlers.claims import keep_claim
from services.incident.handlers.ports import Ports
from services.incident.handlers.related import is_linked, keep_links
from shared.cause import Cause
from shared.event import Event
from shared.ids import deterministic_id
from shared.storage import Stored
from shared.unit_of_work import Work

NOTES = "notes"

Steps = Sequence[tuple[Action, Arguments]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One action that changed something."""

    args: Arguments
    state: Incident
    events: tuple[Event, ...]


def open_one(
    work: Work,
    opening: Opening,
    at: datetime,
    cause: Cause,
    *,
    ports: Ports,
    fingerprint: str | None = None,
    external_ref: str | None = None,
) -> Stored[Incident]:
    """Open a record under the next number of its kind. Raises Invalid before anything is written."""
    requester = None if opening.requester is None else person(work, opening.requester, ports=ports)
    state, events = open_record(
        opening,
        at,
        priorities=ports.priorities,
        requester=requester,
        fingerprint=fingerprint,
        external_ref=external_ref,
    )
    opened = ports.incidents.save(work, None, state, events, cause, key=ports.numbers.next(opening.kind.prefix))
    for odd in opening.adjusted:
        if odd.field == TIME:
            opened = change(work, opened, (odd_time_note(odd),), at, cause, ports=ports)
    return opened


def odd_time_note(odd: Adjusted) -> tuple[Action, Note]:
    """The step that tells the desk of a time that was not believed."""
    if odd.why is Why.NOT_TAKEN:
        dated = "did not date it" if odd.said is None else f"dated it {odd.said}, which is no time"
        text = f"Its sender {dated}: it counts as said now."
    else:
        text = f"Its sender dated it {odd.said}. That clock is far off or was set back: it counts as said now."
    return Action.NOTE, Note(text=text, author_kind=AuthorKind.SYSTEM)


def person(work: Work, given: str, *, ports: Ports) -> Person:
    """A requester as it is kept: an address is personal data and is sealed, an id stays as it is."""
    if "@" not in given:
        return Person(id=given)
    identity = deterministic_id("person", given.strip().lower())
    return Person(id=identity, sealed=ports.seal.seal(work, identity, given.strip()))


def change(
    work: Work,
    stored: Stored[Incident],
    steps: Steps,
    at: datetime,
    cause: Cause,
    *,
    ports: Ports,
    prepare: Callable[[Incident, Action], Incident] = lambda incident, _: incident,
) -> Stored[Incident]:
    """Do the steps to one record: all of them, or none when one is refused. Each has its own event and audit row.

    `prepare` may place the record before a step; what it did is kept only when that step changed something.
    """
    steps = [
        (action, args) for action, args in steps if not (isinstance(args, LinkTo) and is_linked(work, stored, args))
    ]
    done = _plan(stored.state, steps, at, cause, ports, prepare)
    if not done:
        return stored
    keep_claim(work, stored, done[-1].state, at)
    for one in done:
        before = stored.state
        stored = ports.incidents.save(work, stored, one.state, one.events, cause)
        if isinstance(one.args, Note):
            _keep_note(work, stored, one.args, at, cause)
        if isinstance(one.args, LinkTo):
            keep_links(work, stored.key, before, stored.state)
    return stored


def _plan(
    incident: Incident,
    steps: Steps,
    at: datetime,
    cause: Cause,
    ports: Ports,
    prepare: Callable[[Incident, Action], Incident],
) -> list[Done]:
    origin = Origin.HISTORY if cause.backfill else Origin.LIVE
    done = []
    for action, args in steps:
        state, events = perform(prepare(incident, action), action, args, at, priorities=ports.priorities, origin=origin)
        if events:
            done.append(Done(args=args, state=state, events=events))
            incident = state
    return done


def _keep_note(work: Work, stored: Stored[Incident], note: Note, at: datetime, cause: Cause) -> None:
    row = {
        "incident": stored.key,
        "at": at,
        "author": note.author or cause.actor.id,
        "author_kind": note.author_kind.value,
        "visibility": note.visibility.value,
        "text": note.text,
    }
    work.append(NOTES, f"{stored.key}:{stored.version}", row)


def snapshot(stored: Stored[Incident], *, ports: Ports) -> dict[str, object]:
    """The public snapshot of a record: what a command answers."""
    return ports.incidents.shape.snapshot(stored.key, stored.version, stored.state)
