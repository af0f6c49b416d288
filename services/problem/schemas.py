"""What goes in and out: arguments of commands, the public snapshot, and what is read of another service's events."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from services.problem.domain.problem import INCIDENTS_KEPT, LINKS_KEPT, PRIORITIES, LinkKind, Problem, State
from services.problem.domain.recurrence import Member, signature_of
from shared.clock import format_instant, parse_instant
from shared.command import load
from shared.envelope import Envelope
from shared.formats import readable

NAME = validate.And(validate.Length(min=1, max=255), readable)
NUMBER = validate.And(validate.Length(min=1, max=64), readable)
TITLE = validate.And(validate.Length(min=1, max=500), readable)
PROSE = validate.Length(min=1, max=20_000)
PAGE = validate.Range(min=1, max=200)


class NoArgs(Schema):
    """A command that needs nothing but the number: `accept`, `close`."""


class GetArgs(Schema):
    """`get`: on request with a page of all incidents."""

    incidents = fields.Boolean(load_default=False)
    incidents_after = fields.String(load_default=None, validate=NAME)


class OpenArgs(Schema):
    """`open`."""

    title = fields.String(required=True, validate=TITLE)
    description = fields.String(allow_none=True, validate=PROSE)
    priority = fields.String(validate=validate.OneOf(PRIORITIES))
    service = fields.String(allow_none=True, validate=NAME)
    ci = fields.String(allow_none=True, validate=NAME)
    fingerprint = fields.String(allow_none=True, validate=NAME)


class LinkArgs(Schema):
    """`link`."""

    kind = fields.String(required=True, validate=validate.OneOf([kind.value for kind in LinkKind]))
    number = fields.String(required=True, validate=NUMBER)


class DiagnoseArgs(Schema):
    """`diagnose`."""

    root_cause = fields.String(required=True, validate=PROSE)


class WorkaroundArgs(Schema):
    """`workaround`."""

    workaround = fields.String(required=True, validate=PROSE)


class ResolveArgs(Schema):
    """`resolve`: `resolve_incidents` resolves the problem's incidents with it; otherwise they are only told."""

    text = fields.String(required=True, validate=PROSE)
    resolve_incidents = fields.Boolean(load_default=False)


class ReasonArgs(Schema):
    """`reopen`, `reject`."""

    reason = fields.String(required=True, validate=PROSE)


class FindArgs(Schema):
    """`find`: all states unless some are named."""

    state = fields.List(
        fields.String(validate=validate.OneOf([state.value for state in State])),
        load_default=lambda: [state.value for state in State],
        validate=validate.Length(min=1),
    )
    service = fields.String(validate=NAME)
    ci = fields.String(validate=NAME)
    after = fields.String(allow_none=True, validate=NAME)
    limit = fields.Integer(load_default=50, strict=True, validate=PAGE)


class IncidentSchema(Schema):
    """What is read of an incident's snapshot."""

    class Meta:
        unknown = EXCLUDE

    number = fields.String(required=True, validate=NAME)
    version = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))
    kind = fields.String(required=True, validate=NAME)
    state = fields.String(required=True, validate=NAME)
    title = fields.String(required=True)
    priority = fields.String(required=True, validate=NAME)
    service = fields.String(load_default=None, allow_none=True)
    ci = fields.String(load_default=None, allow_none=True)
    fingerprint = fields.String(load_default=None, allow_none=True)
    opened_at = fields.String(required=True)


_INCIDENT = IncidentSchema()


def read_member(envelope: Envelope) -> Member | None:
    """The incident as this event shows it; None where it cannot recur: restricted, a request, or no signature.

    Raises Invalid where the snapshot breaks its contract.
    """
    if envelope.restricted:
        return None
    incident = load(_INCIDENT, envelope.data, at="/data")
    signature = signature_of(incident["fingerprint"], incident["service"], incident["ci"])
    if signature is None or incident["kind"] != "incident":
        return None
    return Member(
        number=incident["number"],
        seen=incident["version"],
        signature=signature,
        service=incident["service"] or None,
        ci=incident["ci"] or None,
        fingerprint=incident["fingerprint"],
        title=incident["title"],
        priority=incident["priority"],
        state=incident["state"],
        opened_at=parse_instant(incident["opened_at"], pointer="/data/opened_at"),
        backfill=envelope.backfill,
    )


def snapshot(number: str, version: int, problem: Problem) -> dict[str, Any]:
    """The public snapshot of a problem (docs/events.md)."""
    return {
        "number": number,
        "version": version,
        "state": problem.state.value,
        "title": problem.title,
        "description": problem.description,
        "priority": problem.priority,
        "service": problem.service,
        "ci": problem.ci,
        "fingerprint": problem.fingerprint,
        "root_cause": problem.root_cause,
        "workaround": problem.workaround,
        "solution": problem.solution,
        "incidents": list(problem.incidents[-INCIDENTS_KEPT:]),
        "incident_count": problem.incident_count,
        "links": [{"kind": link.kind.value, "number": link.number} for link in problem.links[-LINKS_KEPT:]],
        "links_total": max(problem.links_total, len(problem.links)),
        "opened_at": format_instant(problem.opened_at),
        "updated_at": format_instant(problem.updated_at),
        "resolved_at": format_instant(problem.resolved_at) if problem.resolved_at else None,
        "closed_at": format_instant(problem.closed_at) if problem.closed_at else None,
    }
