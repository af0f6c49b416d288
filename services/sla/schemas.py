"""What comes in and goes out of sla: arguments of questions, incident events, snapshots of clocks."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate

from services.sla.domain.history import Entry, Trail
from services.sla.domain.policy import MAIN, PRIORITIES, WAITING_REASONS
from services.sla.domain.record import Clock
from services.sla.domain.run import ClockState
from services.sla.question_schemas import AgreementName
from shared.clock import format_instant
from shared.command import first_fault
from shared.envelope import Envelope
from shared.errors import Invalid
from shared.formats import Instant
from shared.storage import to_document

MAX_PAGE = 200
STATES = ("new", "assigned", "in_progress", "waiting", "resolved", "closed", "cancelled")
ACCEPTED = "incident.accepted"
NOTED = "incident.noted"
_TEXT = validate.Length(1, 255)


class _Strict(Schema):
    class Meta:
        unknown = RAISE


class GetArgs(_Strict):
    """`get` takes no arguments beside the incident's number."""


class FindArgs(_Strict):
    """Which clocks, and how many of them at a time."""

    state = fields.String(validate=validate.OneOf([state.value for state in ClockState]))
    since = Instant()
    until = Instant()
    limit = fields.Integer(load_default=50, strict=True, validate=validate.Range(1, MAX_PAGE))
    cursor = fields.String(validate=validate.Regexp(r"^\d{4}-[0-9T:.Z-]{19} \S{1,255}\Z"))


class ReportArgs(_Strict):
    """Clocks of one agreement, or of `all`, that started from `since` on and before `until`."""

    since = Instant()
    until = Instant()
    agreement = AgreementName(load_default=MAIN)


class _Requester(Schema):
    """Who asked. The incident tells no time zone as yet; where it does, promises are told in it."""

    class Meta:
        unknown = EXCLUDE

    id = fields.String(required=True, validate=_TEXT)
    zone = fields.String(load_default=None, allow_none=True, validate=_TEXT)


class IncidentEvent(Schema):
    """What sla needs of an incident's snapshot. A restricted one has the first four fields only."""

    class Meta:
        unknown = EXCLUDE

    number = fields.String(required=True, validate=_TEXT)
    version = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    priority = fields.String(required=True, validate=validate.OneOf(PRIORITIES))
    waiting_reason = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(WAITING_REASONS))
    accepted_at = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    first_public_reply_at = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    service = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    team = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    level = fields.Integer(load_default=None, allow_none=True, strict=True)
    organisation = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    contract = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    kind = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    category = fields.String(load_default=None, allow_none=True, validate=_TEXT)
    outage = fields.Boolean(load_default=False)
    requester = fields.Nested(_Requester, load_default=None, allow_none=True)
    change = fields.Dict(load_default=dict)


_INCIDENT = IncidentEvent()


def read_entry(envelope: Envelope) -> Entry:
    """An incident's event as an entry of its history. Raises Invalid (`bad-data`) that names the field at fault."""
    try:
        data = _INCIDENT.load(dict(envelope.data))
    except ValidationError as error:
        pointer, message = first_fault(error.messages)
        raise Invalid(f"{pointer[1:]}: {message}", slug="bad-data", pointer=f"/data{pointer}") from None
    accepted_at, replied_at = data.pop("accepted_at"), data.pop("first_public_reply_at")
    change, requester = data.pop("change"), data.pop("requester") or {}
    author = change.get("author_kind") if envelope.type == NOTED and change.get("visibility") == "public" else None
    return Entry(
        incident=data.pop("number"),
        type=envelope.type,
        at=envelope.time,
        accepted=accepted_at is not None or envelope.type == ACCEPTED,
        replied=replied_at is not None,
        asked=author == "requester",
        answered=author == "agent",
        requester=requester.get("id"),
        requester_zone=requester.get("zone"),
        restricted=envelope.restricted,
        backfill=envelope.backfill,
        trail=Trail(
            eventid=envelope.id,
            correlationid=envelope.correlationid or envelope.id,
            traceparent=envelope.traceparent,
            hops=envelope.hops,
        ),
        **data,
    )


def snapshot(key: str, version: int, clock: Clock) -> dict[str, Any]:
    """The public snapshot of a clock as of its last told fact; `number` is the clock's key."""
    return {
        "number": key,
        "version": version,
        "state": clock.state.value,
        "priority": clock.priority,
        "incident": clock.incident,
        "clock": clock.kind.value,
        "agreement": clock.agreement,
        "party": clock.party,
        "policy": clock.policy,
        "policy_version": clock.policy_version,
        "rule": clock.rule,
        "matched": clock.matched,
        "inputs": None if clock.inputs is None else to_document(clock.inputs),
        "started_at": format_instant(clock.started_at),
        "due_at": None if clock.due_at is None else format_instant(clock.due_at),
        "elapsed_seconds": clock.elapsed_seconds,
        "target_seconds": clock.target_seconds,
        "breached_at": None if clock.breached_at is None else format_instant(clock.breached_at),
        "service": clock.service,
        "team": clock.team,
        "level": clock.level,
        "organisation": clock.organisation,
        "actions": [
            {
                "threshold": one.threshold,
                "action": one.action.value,
                "at": format_instant(one.at),
                "taken": one.taken,
            }
            for one in clock.asked
        ],
    }
