"""What goes in and out: arguments of commands, the public snapshot, and what pipelines report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from marshmallow import EXCLUDE, Schema, fields, post_load, validate

from services.change.domain.change import (
    DEPLOYMENTS_KEPT,
    LINKS_KEPT,
    PRIORITIES,
    Change,
    Degree,
    Deployment,
    Kind,
    Link,
    LinkKind,
    Result,
    State,
)
from shared.clock import format_instant
from shared.envelope import Envelope
from shared.errors import Invalid
from shared.formats import Instant, readable
from shared.names import is_blank

NAME = validate.And(validate.Length(min=1, max=255), readable)
NUMBER = validate.And(validate.Length(min=1, max=64), readable)
TITLE = validate.And(validate.Length(min=1, max=500), readable)
PROSE = validate.Length(min=1, max=20_000)
PAGE = validate.Range(min=1, max=200)
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""No desk has older history; what says so has no time at all, such as the zero time of Go, 0001-01-01."""


class NoArgs(Schema):
    """A command that needs nothing but the number: `implement`, `close`."""


class GetArgs(Schema):
    """`get`: on request with a page of all deployments."""

    deployments = fields.Boolean(load_default=False)
    deployments_after = fields.String(load_default=None, validate=validate.Length(min=1, max=1000))


class RequestArgs(Schema):
    """`request`: a standard change names its template; a service, an item or both are named always."""

    kind = fields.Enum(Kind, by_value=True, load_default=Kind.NORMAL, validate=validate.NoneOf([Kind.UNAUTHORISED]))
    title = fields.String(required=True, validate=TITLE)
    description = fields.String(allow_none=True, validate=PROSE)
    priority = fields.String(validate=validate.OneOf(PRIORITIES))
    service = fields.String(allow_none=True, validate=NAME)
    ci = fields.String(allow_none=True, validate=NAME)
    template = fields.String(allow_none=True, validate=NAME)


class AssessArgs(Schema):
    """`assess`."""

    risk = fields.Enum(Degree, by_value=True, required=True)
    impact = fields.Enum(Degree, by_value=True, required=True)
    text = fields.String(allow_none=True, validate=PROSE)


class TextArgs(Schema):
    """`approve`, `complete`."""

    text = fields.String(allow_none=True, validate=PROSE)


class ReasonArgs(Schema):
    """`reject`, `cancel`."""

    reason = fields.String(required=True, validate=PROSE)


class ScheduleArgs(Schema):
    """`schedule`: from `start_at` until before `end_at`."""

    start_at = Instant(required=True, earliest=EARLIEST)
    end_at = Instant(required=True, earliest=EARLIEST)


class ReviewArgs(Schema):
    """`review`."""

    outcome = fields.Enum(Result, by_value=True, required=True)
    text = fields.String(allow_none=True, validate=PROSE)


class LinkArgs(Schema):
    """`link`."""

    kind = fields.Enum(LinkKind, by_value=True, required=True)
    number = fields.String(required=True, validate=NUMBER)

    @post_load
    def _link(self, given: dict[str, Any], **_: Any) -> dict[str, Link]:
        return {"to": Link(**given)}


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


MAX_SHORT = 255
SHORT = validate.Length(max=MAX_SHORT)


class DeployedSchema(Schema):
    """The data of `change.deployed`, as it should be; what is not so is bent (`read_deployment`).

    At least one of `service` and `ci` says something.
    """

    class Meta:
        unknown = EXCLUDE

    ci = fields.String(load_default=None, allow_none=True, validate=SHORT)
    service = fields.String(load_default=None, allow_none=True, validate=SHORT)
    version = fields.String(load_default=None, allow_none=True, validate=SHORT)
    change = fields.String(load_default=None, allow_none=True, validate=SHORT)
    pipeline = fields.String(load_default=None, allow_none=True, validate=SHORT)
    by = fields.String(load_default=None, allow_none=True, validate=SHORT)


_FIELDS = tuple(DeployedSchema().fields)
_NAMING = ("service", "ci", "change")
"""What is looked up by its value: here an object or a list is none."""


def read_deployment(envelope: Envelope, now: datetime) -> Deployment:
    """The deployment that this event reports. Raises Invalid, also where it says not what was deployed.

    A sender whose clock is ahead, or has no real time, deploys at `now`; history without one is refused. Numbers, and
    what people read, become texts; what is too long is cut; what shows nothing counts as absent. Nobody must be able to
    hide a deployment behind an odd detail.
    """
    at = min(envelope.time, now)
    if at < EARLIEST:
        if envelope.backfill:
            raise Invalid(f"time must not be before {EARLIEST:%Y-%m-%d}", pointer="/time")
        at = now
    said = {name: _text(name, envelope.data.get(name)) for name in _FIELDS}
    if said["service"] is None and said["ci"] is None:
        raise Invalid("service or ci must say what was deployed", pointer="/data/service")
    if said["change"] is not None:
        said["change"] = said["change"].upper()
    return Deployment(source=envelope.source, id=envelope.id, at=at, **said)


def _text(name: str, value: Any) -> str | None:
    if value is None or (name in _NAMING and isinstance(value, dict | list)):
        return None
    text = (value if isinstance(value, str) else orjson.dumps(value).decode()).strip()
    if is_blank(text):
        return None
    return text if len(text) <= MAX_SHORT else f"{text[: MAX_SHORT - 1]}…"


def snapshot(number: str, version: int, change: Change) -> dict[str, Any]:
    """The public snapshot of a change (docs/events.md)."""
    return {
        "number": number,
        "version": version,
        "kind": change.kind.value,
        "state": change.state.value,
        "title": change.title,
        "description": change.description,
        "priority": change.priority,
        "service": change.service,
        "ci": change.ci,
        "template": change.template,
        "risk": change.risk.value if change.risk else None,
        "impact": change.impact.value if change.impact else None,
        "requester": {"id": change.requester} if change.requester else None,
        "approvals": [
            {"by": one.by, "decision": one.decision.value, "text": one.text, "at": format_instant(one.at)}
            for one in change.approvals
        ],
        "start_at": _instant(change.start_at),
        "end_at": _instant(change.end_at),
        "implemented_at": _instant(change.implemented_at),
        "outcome": change.outcome.value if change.outcome else None,
        "unauthorised": change.kind is Kind.UNAUTHORISED,
        "deployments": [_deployment(one) for one in change.deployments[-DEPLOYMENTS_KEPT:]],
        "deployment_count": change.deployment_count,
        "links": [{"kind": link.kind.value, "number": link.number} for link in change.links[-LINKS_KEPT:]],
        "links_total": max(change.links_total, len(change.links)),
        "opened_at": format_instant(change.opened_at),
        "updated_at": format_instant(change.updated_at),
        "closed_at": _instant(change.closed_at),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)


def _deployment(one: Deployment) -> dict[str, Any]:
    return {
        "source": one.source,
        "id": one.id,
        "service": one.service,
        "ci": one.ci,
        "version": one.version,
        "change": one.change,
        "pipeline": one.pipeline,
        "by": one.by,
        "at": format_instant(one.at),
    }
