"""The public snapshot of a record: the `data` of its events and the answer of its commands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from services.incident.domain.record import (
    LINKS_SHOWN,
    Degree,
    Incident,
    Kind,
    LinkKind,
    Person,
    Priority,
    State,
    WaitingReason,
)
from shared.clock import format_instant


class _Requester(Schema):
    id = fields.String(required=True)
    sealed = fields.String()


class _Resolution(Schema):
    code = fields.String(required=True)
    text = fields.String(required=True, allow_none=True)


class _Link(Schema):
    kind = fields.Enum(LinkKind, by_value=True, required=True)
    number = fields.String(required=True)


def _nullable() -> fields.String:
    return fields.String(required=True, allow_none=True)


def _instant() -> fields.AwareDateTime:
    return fields.AwareDateTime(format="iso", required=True, allow_none=True)


class IncidentSnapshot(Schema):
    """The shape that others may rely on; `snapshot` makes it by hand, because every event needs one."""

    class Meta:
        unknown = RAISE

    number = fields.String(required=True)
    version = fields.Integer(required=True, strict=True)
    kind = fields.Enum(Kind, by_value=True, required=True)
    state = fields.Enum(State, by_value=True, required=True)
    waiting_reason = fields.Enum(WaitingReason, by_value=True, required=True, allow_none=True)
    title = fields.String(required=True)
    description = _nullable()
    requester = fields.Nested(_Requester, required=True, allow_none=True)
    channel = fields.String(required=True)
    impact = fields.Enum(Degree, by_value=True, required=True)
    urgency = fields.Enum(Degree, by_value=True, required=True)
    priority = fields.Enum(Priority, by_value=True, required=True)
    category = _nullable()
    ci = _nullable()
    service = _nullable()
    language = _nullable()
    organisation = _nullable()
    level = fields.Integer(required=True, strict=True, validate=validate.Range(1, 4))
    team = _nullable()
    person = _nullable()
    opened_at = _instant()
    updated_at = _instant()
    accepted_at = _instant()
    first_public_reply_at = _instant()
    resolved_at = _instant()
    closed_at = _instant()
    resolution = fields.Nested(_Resolution, required=True, allow_none=True)
    reopened = fields.Integer(required=True, strict=True)
    handovers = fields.Integer(required=True, strict=True)
    first_contact = fields.Boolean(required=True)
    fingerprint = _nullable()
    external_ref = _nullable()
    links = fields.List(fields.Nested(_Link), required=True, validate=validate.Length(max=LINKS_SHOWN))
    links_total = fields.Integer(required=True, strict=True)
    outage = fields.Boolean(required=True)
    url = _nullable()


def snapshot(number: str, version: int, incident: Incident) -> dict[str, Any]:
    """Plain JSON values only; no text of a private note, and of a requester no more than an id and what is sealed."""
    return {
        "number": number,
        "version": version,
        "kind": incident.kind.value,
        "state": incident.state.value,
        "waiting_reason": None if incident.waiting_reason is None else incident.waiting_reason.value,
        "title": incident.title,
        "description": incident.description,
        "requester": None if incident.requester is None else _requester(incident.requester),
        "channel": incident.channel,
        "impact": incident.impact.value,
        "urgency": incident.urgency.value,
        "priority": incident.priority.value,
        "category": incident.category,
        "ci": incident.ci,
        "service": incident.service,
        "language": incident.language,
        "organisation": incident.organisation,
        "level": incident.level,
        "team": incident.team,
        "person": incident.person,
        "opened_at": _text(incident.opened_at),
        "updated_at": _text(incident.updated_at),
        "accepted_at": _text(incident.accepted_at),
        "first_public_reply_at": _text(incident.first_public_reply_at),
        "resolved_at": _text(incident.resolved_at),
        "closed_at": _text(incident.closed_at),
        "resolution": _resolution(incident),
        "reopened": incident.reopened,
        "handovers": incident.handovers,
        "first_contact": incident.first_contact,
        "fingerprint": incident.fingerprint,
        "external_ref": incident.external_ref,
        "links": [{"kind": link.kind.value, "number": link.number} for link in incident.links[-LINKS_SHOWN:]],
        "links_total": max(incident.links_total, len(incident.links)),
        "outage": incident.outage,
        "url": incident.url,
    }


def _requester(person: Person) -> dict[str, str]:
    return {"id": person.id} if person.sealed is None else {"id": person.id, "sealed": person.sealed}


def _resolution(incident: Incident) -> dict[str, str | None] | None:
    if incident.resolution is None:
        return None
    return {"code": incident.resolution.code, "text": incident.resolution.text}


def _text(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
