"""What comes in and goes out of notify: command arguments, foreign events, snapshots of deliveries."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, fields, validate

from services.notify.domain.delivery import Attempt, Delivery, State, count_attempts
from services.notify.domain.rules import Facts
from shared.clock import format_instant
from shared.command import load
from shared.envelope import Envelope
from shared.formats import Instant

MAX_PAGE = 200
CURSOR = validate.Regexp(r"^\d{4}-[0-9T:.Z-]+ DLV-[0-9a-f-]{36}\Z")
RESENT_STATES = (State.FAILED, State.DOUBTFUL, State.SENT)


class _Strict(Schema):
    class Meta:
        unknown = RAISE


class GetArgs(_Strict):
    """`get` takes no arguments beside the number."""


class ResendArgs(_Strict):
    """`resend` takes no arguments beside the number; without a number, which deliveries are meant.

    A state is needed then, so that nobody sends again what has arrived by leaving a filter out.
    """

    state = fields.String(validate=validate.OneOf([state.value for state in RESENT_STATES]))
    recipient = fields.String(validate=validate.Length(1, 255))
    since = Instant()
    until = Instant()
    limit = fields.Integer(load_default=MAX_PAGE, strict=True, validate=validate.Range(1, MAX_PAGE))
    cursor = fields.String(validate=CURSOR)


class CancelArgs(_Strict):
    """Why a delivery is stopped."""

    reason = fields.String(required=True, validate=validate.Length(1, 500))


class FindArgs(_Strict):
    """Which deliveries, and how many of them at a time."""

    state = fields.String(validate=validate.OneOf([state.value for state in State]))
    event = fields.String(validate=validate.Length(1, 255))
    record = fields.String(validate=validate.Length(1, 255))
    recipient = fields.String(validate=validate.Length(1, 255))
    since = Instant()
    until = Instant()
    limit = fields.Integer(load_default=50, strict=True, validate=validate.Range(1, MAX_PAGE))
    cursor = fields.String(validate=CURSOR)


class ForeignEvent(Schema):
    """What notify needs of any event: the record's number and version. The rules read the rest by name."""

    class Meta:
        unknown = EXCLUDE

    number = fields.String(required=True, validate=validate.Length(1, 255))
    version = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))
    change = fields.Dict(keys=fields.String())


_FOREIGN = ForeignEvent()


def read_facts(envelope: Envelope) -> Facts:
    """The facts that rules may judge. Raises Invalid when the snapshot has no number or version."""
    known = load(_FOREIGN, envelope.data, at="/data")
    return Facts(
        event=envelope.id,
        source=envelope.source,
        type=envelope.type,
        record=known["number"],
        data=envelope.data,
        at=format_instant(envelope.time),
        lane=int(envelope.lane),
        hops=envelope.hops,
        backfill=envelope.backfill,
        restricted=envelope.restricted,
    )


def snapshot(key: str, version: int, delivery: Delivery) -> dict[str, Any]:
    """The public snapshot: who was told of what and how it went. No words, no address, no secret."""
    due = delivery.next_attempt_at
    return {
        "number": key,
        "version": version,
        "state": delivery.state.value,
        "event": delivery.event,
        "event_type": delivery.trail.event_type,
        "record": delivery.record,
        "recipient": delivery.recipient,
        "channel": delivery.channel.value,
        "rule": delivery.rule,
        "text_from": delivery.content.text_from.value,
        "tried": delivery.tried,
        "doubts": delivery.doubts,
        "attempts": count_attempts(delivery),
        "planned_at": format_instant(delivery.planned_at),
        "next_attempt_at": None if due is None else format_instant(due),
    }


def details(key: str, version: int, delivery: Delivery) -> dict[str, Any]:
    """The snapshot with the words that are sent, and the latest attempts of `attempts_total`."""
    return {
        **snapshot(key, version, delivery),
        "subject": delivery.content.subject,
        "text": delivery.content.text,
        "attempts_total": count_attempts(delivery),
        "attempts": [_attempt(attempt) for attempt in delivery.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "at": format_instant(attempt.at),
        "outcome": attempt.outcome.value,
        "status": attempt.status,
        "detail": attempt.detail,
    }
