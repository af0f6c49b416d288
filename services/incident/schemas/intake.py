"""Messages of foreign systems. Unknown fields are ignored: a sender may know more than this house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from services.incident import events
from services.incident.domain.alert_rules import EARLIEST, AlertRules
from services.incident.domain.alerts import Signal
from services.incident.domain.conversation import AuthorKind
from services.incident.domain.history import MAX_REFERENCE, Imported, Submission
from services.incident.domain.lifecycle import Action
from services.incident.domain.opening import Opening
from services.incident.domain.priority import Severity
from services.incident.schemas import bending
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
from shared.names import is_blank

REF = validate.Length(min=1, max=MAX_REFERENCE)


def detail() -> fields.String:
    """A short text beside an alert's key, which no alert is refused for looking odd in."""
    return fields.String(allow_none=True, validate=validate.Length(min=1, max=255))


class Foreign(Schema):
    """Data of another system."""

    class Meta:
        unknown = EXCLUDE


class AlertData(Foreign):
    """`alert.firing` and `alert.resolved`, as they should be; what is not so is bent (`schemas.bending`).

    `severity` is one of critical, error, warning and info, or another word of the settings' table. `outage` may stand
    among the labels, too, as `true`.
    """

    dedup_key = fields.String(required=True, validate=validate.Length(min=1, max=bending.MAX_KEY))
    title = fields.String(allow_none=True, validate=validate.Length(max=bending.MAX_TITLE))
    severity = fields.String(load_default=Severity.WARNING.value, validate=validate.Length(max=bending.MAX_NAME))
    source = detail()
    ci = detail()
    service = detail()
    organisation = detail()
    labels = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=bending.MAX_LABEL_NAME)),
        values=fields.Raw(),
        allow_none=True,
        validate=validate.Length(max=bending.MAX_LABELS),
    )
    description = prose()
    url = fields.String(allow_none=True, validate=validate.Length(max=bending.MAX_URL))
    outage = fields.Boolean(allow_none=True)


def _submission(**data: Any) -> Submission:
    external_ref = data.pop("external_ref")
    opening = Opening(**{"channel": "import", **data})
    return Submission(opening=opening, external_ref=external_ref, given=tuple(sorted(data)))


class TicketSubmittedData(OpenArgs):
    """`ticket.submitted`. What is said otherwise in a later one of the same reference changes the record."""

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


_ALERTS = (events.ALERT_FIRING, events.ALERT_RESOLVED)
_TICKET = TicketSubmittedData()
_ACTION = TicketActionData()


_ARGUMENTS: Mapping[Action, Args] = {
    action: (ImportedNoteArgs if action is Action.NOTE else schema)(unknown=EXCLUDE)
    for action, schema in ARGUMENTS.items()
    if action is not Action.OPEN
}


def read(envelope: Envelope, rules: AlertRules) -> Signal | Submission | Imported:
    """A message of the intake. Raises Invalid, which names the field at fault under `/data`, or `/time`.

    An alert is not refused for what it says. The time is judged where it places something in history;
    where it is now, a clock that is wrong is no fault of what it dates.
    """
    numbered = envelope.sequence is not None and envelope.type not in _ALERTS
    if envelope.time < EARLIEST and (envelope.backfill or numbered):
        raise Invalid(f"time must not be before {EARLIEST:%Y-%m-%d}", pointer="/time")
    match envelope.type:
        case kind if kind in _ALERTS:
            return bending.bent(envelope, rules)
        case events.TICKET_SUBMITTED:
            return _titled(load(_TICKET, envelope.data, at="/data"))
        case events.TICKET_ACTION:
            return _imported(envelope.data)
    raise Invalid(f"{envelope.type} is not taken here", slug="unknown-type", pointer="/type")


def _titled(submission: Submission) -> Submission:
    if is_blank(submission.opening.title):
        raise Invalid("title is needed", pointer="/data/title")
    return submission


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
