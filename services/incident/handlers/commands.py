"""The commands of people: one action, one event, the snapshot as the answer."""

from __future__ import annotations

from dataclasses import replace

from services.incident.domain.actions import Arguments
from services.incident.domain.assignment import Accept
from services.incident.domain.conversation import AuthorKind, LinkTo, Note, Prioritise
from services.incident.domain.lifecycle import Action
from services.incident.domain.opening import Opening
from services.incident.domain.record import Incident
from services.incident.handlers.ports import Ports
from services.incident.handlers.records import change, open_one, snapshot
from shared.cause import Actor
from shared.command import Command
from shared.errors import Invalid
from shared.store import Document
from shared.unit_of_work import Work


def open_command(work: Work, command: Command, args: Opening, *, ports: Ports) -> Document:
    """Open an incident or a request."""
    return snapshot(open_one(work, args, work.now, command.cause, ports=ports), ports=ports)


def act(work: Work, command: Command, args: Arguments, *, action: Action, ports: Ports) -> Document:
    """Do any action of the table to the record the command names.

    Raises NotFound, VersionMismatch, NotAllowed, Invalid. Time never runs backwards in a record: a clock that is
    behind the record's last event counts as that event's moment.
    """
    number = command.require_number()
    stored = ports.incidents.get(work, number, expected_version=command.expected_version)
    args = _completed(args, command.cause.actor, stored.state, number)
    at = max(work.now, stored.state.updated_at)
    return snapshot(change(work, stored, ((action, args),), at, command.cause, ports=ports), ports=ports)


def _completed(args: Arguments, actor: Actor, incident: Incident, number: str) -> Arguments:
    """What the arguments leave to the one who acts: who accepts, who speaks, whose judgement it is."""
    if isinstance(args, Accept) and args.person is None and actor.kind == "person":
        return replace(args, person=actor.id)
    if isinstance(args, Note):
        return replace(args, author=actor.id, author_kind=author_kind(actor, incident))
    if isinstance(args, Prioritise):
        return replace(args, holds=actor.kind == "person")
    if isinstance(args, LinkTo) and args.number == number:
        raise Invalid("a record cannot be linked to itself", pointer="/args/number")
    return args


def author_kind(actor: Actor, incident: Incident) -> AuthorKind:
    """On which side of the desk an actor sits for this record."""
    if actor.kind != "person":
        return AuthorKind.SYSTEM
    asked = incident.requester is not None and incident.requester.id == actor.id
    return AuthorKind.REQUESTER if asked or actor.roles == {"requester"} else AuthorKind.AGENT
