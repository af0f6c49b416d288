"""Messages of foreign systems. Unknown fields are ignored: a sender may know more than this house."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from services.incident import events
from services.incident.domain.alerts import Signal
from services.incident.domain.conversation import AuthorKind
from services.incident.domain.history import MAX_REFERENCE, Imported, Submission
from services.incident.domain.lifecycle import Action
from services.incident.domain.opening import Opening
from services.incident.domain.priority import Severity
from services.incident.schemas.commands import (
    ARGUMENTS,
    NUMBER,
    Args,
    ImportedNoteArgs,
    OpenArgs,
    level,
    name,
    prose,
)
from shared.command import load
from shared.envelope import Envelope
from shared.errors import Invalid
from shared.formats import readable

REF = validate.Length(min=1, max=MAX_REFERENCE)
LABEL = validate.Length(min=1, max=200)
KEY = validate.Length(min=1, max=1000)
MAX_LABELS = 64
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""No desk has older history; what says so has no time at all, such as the zero time of Go, 0001-01-01."""


def detail() -> fields.String:
    """A short text beside an alert's key, which no alert is refused for looking odd in."""
    return fields.String(allow_none=True, validate=validate.Length(min=1, max=255))


class Foreign(Schema):
    """Data of another system."""

    class Meta:
        unknown = EXCLUDE


class AlertData(Foreign):
    """`alert.firing` and `alert.resolved`. Only the key is needed; severity is `warning` when none is given.

    `outage` may stand among the labels, too, as `true`.
    """

    dedup_key = fields.String(required=True, validate=KEY)
    title = fields.String(allow_none=True, validate=validate.Length(max=1000))
    severity = fields.Enum(Severity, by_value=True, load_default=Severity.WARNING)
    source = detail()
    ci = detail()
    service = detail()
    organisation = detail()
    labels = fields.Dict(
        keys=fields.String(validate=LABEL),
        values=fields.Raw(),
        allow_none=True,
        validate=validate.Length(max=MAX_LABELS),
    )
    description = prose()
    url = fields.String(allow_none=True, validate=validate.Length(max=2000))
    outage = fields.Boolean(allow_none=True)


def _submission(**data: Any) -> Submission:
    external_ref = data.pop("external_ref")
    return Submission(opening=Opening(**{"channel": "import", **data}), external_ref=external_ref)


class TicketSubmittedData(OpenArgs):
    """`ticket.submitted`."""

    class Meta:
        unknown = EXCLUDE

    into = staticmethod(_submission)
    external_ref = fields.String(required=True, validate=[REF, readable])


class TicketActionData(Foreign):
    """`ticket.action`. The action's own arguments stand under `args` or beside it; `args` is read first."""

    external_ref = fields.String(allow_none=True, validate=[REF, readable])
    number = fields.String(allow_none=True, validate=validate.Regexp(NUMBER))
    action = fields.Enum(Action, by_value=True, required=True)
    args = fields.Dict(keys=fields.String(), allow_none=True)
    level = level()
    team = name()
    person = name()
    summary = prose()


_ALERT = AlertData()
_TICKET = TicketSubmittedData()
_ACTION = TicketActionData()


_ARGUMENTS: Mapping[Action, Args] = {
    action: (ImportedNoteArgs if action is Action.NOTE else schema)(unknown=EXCLUDE)
    for action, schema in ARGUMENTS.items()
    if action is not Action.OPEN
}


def read(envelope: Envelope) -> Signal | Submission | Imported:
    """A message of the intake. Raises Invalid, which names the field at fault under `/data`, or `/time`."""
    if envelope.time < EARLIEST:
        raise Invalid(f"time must not be before {EARLIEST:%Y-%m-%d}", pointer="/time")
    match envelope.type:
        case events.ALERT_FIRING | events.ALERT_RESOLVED:
            return _signal(load(_ALERT, envelope.data, at="/data"))
        case events.TICKET_SUBMITTED:
            return _titled(load(_TICKET, envelope.data, at="/data"))
        case events.TICKET_ACTION:
            return _imported(envelope.data)
    raise Invalid(f"{envelope.type} is not taken here", slug="unknown-type", pointer="/type")


def _titled(submission: Submission) -> Submission:
    if not submission.opening.title.strip():
        raise Invalid("title is needed", pointer="/data/title")
    return submission


def _signal(data: dict[str, Any]) -> Signal:
    labels = data.pop("labels", None) or {}
    title = (data.pop("title", None) or "").strip() or data["dedup_key"]
    pairs = tuple((str(key), str(value)) for key, value in labels.items())
    # Many monitors can say no more than labels do.
    outage = data.pop("outage", None)
    marked = str(labels.get("outage", "")).lower() == "true" if outage is None else outage
    return Signal(**data, title=title, labels=pairs, outage=marked)


def _imported(raw: Mapping[str, Any]) -> Imported:
    data = load(_ACTION, raw, at="/data")
    action, given = data["action"], data.get("args") or {}
    if action is Action.OPEN:
        raise Invalid("a ticket is opened by ticket.submitted", pointer="/data/action")
    if data.get("external_ref") is None and data.get("number") is None:
        raise Invalid("an external_ref or a number is needed", pointer="/data/external_ref")
    schema = _ARGUMENTS[action]
    beside = {key: raw[key] for key in schema.fields if key in raw and not _names_the_record(action, key, given)}
    args = load(schema, {**_note_defaults(action, data), **beside, **given}, at="/data/args")
    return Imported(
        action=action,
        args=args,
        external_ref=data.get("external_ref"),
        number=data.get("number"),
        level=given.get("level") or data.get("level"),
        team=data.get("team"),
        person=data.get("person"),
        summary=given.get("summary") or data.get("summary"),
    )


def _names_the_record(action: Action, key: str, given: Mapping[str, Any]) -> bool:
    # A link's `number` beside the action would be the record's own; the other record stands under `args`.
    return action is Action.LINK and key == "number" and "external_ref" not in given


def _note_defaults(action: Action, data: Mapping[str, Any]) -> dict[str, Any]:
    if action is not Action.NOTE:
        return {}
    person = data.get("person")
    return {"author": person, "author_kind": (AuthorKind.AGENT if person else AuthorKind.SYSTEM).value}
