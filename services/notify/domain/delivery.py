"""The life of one delivery: planned, tried, and sent or given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.notify import events
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.rules import Channel
from shared.errors import NotAllowed
from shared.event import Event

ATTEMPTS_KEPT = 20
"""Attempts that a delivery holds, the latest ones; `attempts_total` counts all. The journal has an event for each."""
ROUNDS = "rounds"
"""The collection of what is on its way."""


class State(StrEnum):
    """Where a delivery stands."""

    PLANNED = "planned"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """What may happen to a delivery."""

    SUCCEED = "succeed"
    DEFER = "defer"
    FAIL = "fail"
    RESEND = "resend"
    CANCEL = "cancel"


TRANSITIONS: Mapping[tuple[State, Action], State] = {
    (State.PLANNED, Action.SUCCEED): State.SENT,
    (State.PLANNED, Action.DEFER): State.PLANNED,
    (State.PLANNED, Action.FAIL): State.FAILED,
    (State.PLANNED, Action.CANCEL): State.CANCELLED,
    # It was on its way when it was cancelled.
    (State.CANCELLED, Action.SUCCEED): State.SENT,
    (State.SENT, Action.RESEND): State.PLANNED,
    (State.FAILED, Action.RESEND): State.PLANNED,
}
"""(state, action) -> state; what is not here is refused."""


class TextFrom(StrEnum):
    """Where the words came from: the rule's template, or the bare text for restricted records and bad templates."""

    TEMPLATE = "template"
    RESTRICTED = "restricted"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is sent, fixed when the delivery is planned. `body` is a webhook's JSON, the rest an e-mail's words."""

    subject: str = ""
    text: str = ""
    body: str = ""
    text_from: TextFrom = TextFrom.TEMPLATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt: when its outcome was known, and what it was."""

    at: datetime
    outcome: Outcome
    status: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """The event behind the delivery and the chain it belongs to."""

    event_type: str
    event_source: str
    correlationid: str
    traceparent: str | None = None
    hops: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one recipient on one channel about one event.

    `next_attempt_at` is when a sender may take it up, None in the states in which nothing is due. `tried` counts the
    attempts since it was planned or last requeued. `place` orders deliveries by the time of planning and is unique.
    """

    event: str
    record: str
    recipient: str
    channel: Channel
    rule: str
    lane: int
    restricted: bool
    content: Content
    trail: Trail
    planned_at: datetime
    place: str
    state: State = State.PLANNED
    next_attempt_at: datetime | None = None
    tried: int = 0
    attempts: tuple[Attempt, ...] = ()
    attempts_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a delivery is tried: the pause after each attempt (the last one repeats), and how many of them.

    `lease` is how long a round of deliveries belongs to the sender that took it up, unless it gives it back.
    """

    steps: tuple[timedelta, ...]
    max_attempts: int
    lease: timedelta

    def pause(self, tried: int) -> timedelta:
        """The pause after attempt number `tried` (the first is 1)."""
        return self.steps[min(tried, len(self.steps)) - 1]


Step = tuple[Delivery, tuple[Event, ...]]


def plan_delivery(delivery: Delivery, now: datetime) -> Step:
    """A new delivery, due at once."""
    change = {"rule": delivery.rule, "recipient": delivery.recipient, "channel": delivery.channel.value}
    return replace(delivery, next_attempt_at=now), (Event(type=events.PLANNED, at=now, change=change),)


def settle(delivery: Delivery, result: Result, now: datetime, patience: Patience) -> Step:
    """Record how an attempt ended: sent, later by the ladder, or failed when it cannot pass or patience is out.

    One that was interrupted, because its sender vanished, is due again at once. The receiver may thus see a message
    twice after a crash, always under the same Message-ID or webhook-id. Raises NotAllowed for what has ended, except
    that a cancelled delivery may turn out to have been sent.
    """
    attempt = Attempt(at=now, outcome=result.outcome, status=result.status, detail=result.detail)
    delivery = replace(
        delivery,
        attempts=(*delivery.attempts, attempt)[-ATTEMPTS_KEPT:],
        attempts_total=count_attempts(delivery) + 1,
        tried=delivery.tried + 1,
    )
    if result.outcome is Outcome.SENT:
        return _end(delivery, Action.SUCCEED, events.SENT, attempt)
    if result.outcome is Outcome.PERMANENT or delivery.tried >= patience.max_attempts:
        return _end(delivery, Action.FAIL, events.FAILED, attempt)
    pause = timedelta() if result.outcome is Outcome.INTERRUPTED else patience.pause(delivery.tried)
    later = replace(delivery, state=_next(delivery, Action.DEFER), next_attempt_at=now + pause)
    return later, (Event(type=events.DEFERRED, at=now, change=_change(delivery, attempt)),)


def count_attempts(delivery: Delivery) -> int:
    """All attempts so far, also of a delivery that was stored before they were counted."""
    return max(delivery.attempts_total, len(delivery.attempts))


def resend(delivery: Delivery, now: datetime) -> Step:
    """Send a sent or failed delivery again; what was tried stays on its record. Raises NotAllowed in other states."""
    again = replace(delivery, state=_next(delivery, Action.RESEND), tried=0, next_attempt_at=now)
    return again, (Event(type=events.REQUEUED, at=now, change={"state_from": delivery.state.value}),)


def cancel(delivery: Delivery, reason: str, now: datetime) -> Step:
    """Stop a delivery that waits. Raises NotAllowed when it has ended."""
    stopped = replace(delivery, state=_next(delivery, Action.CANCEL), next_attempt_at=None)
    return stopped, (Event(type=events.CANCELLED, at=now, change={"reason": reason}),)


def _end(delivery: Delivery, action: Action, event: str, attempt: Attempt) -> Step:
    ended = replace(delivery, state=_next(delivery, action), next_attempt_at=None)
    return ended, (Event(type=event, at=attempt.at, change=_change(delivery, attempt)),)


def _change(delivery: Delivery, attempt: Attempt) -> dict[str, str | int]:
    return {
        "attempt": delivery.tried,
        "outcome": attempt.outcome.value,
        "status": attempt.status,
        "detail": attempt.detail,
    }


def _next(delivery: Delivery, action: Action) -> State:
    try:
        return TRANSITIONS[delivery.state, action]
    except KeyError:
        message = f"a delivery that is {delivery.state.value} does not allow: {action.value}"
        raise NotAllowed(message, pointer="/state") from None
