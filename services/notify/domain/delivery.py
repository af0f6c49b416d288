"""The life of one delivery: planned, tried, and sent or given up, or handed over without an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.notify import events
from services.notify.domain.outcome import Outcome, Result
from services.notify.domain.patience import LONGEST_RETRY_AFTER, Patience
from services.notify.domain.rules import Channel
from shared.errors import NotAllowed
from shared.event import Event

ROUNDS = "rounds"
"""The collection of what is on its way."""

ATTEMPTS_KEPT = 20
"""How many attempts a delivery holds: the latest. Each stands in the journal and in the audit besides."""

MOST_INTERRUPTED = 8
"""Attempts in a row whose sender vanished; what ends every process that tries it is given up."""


class State(StrEnum):
    """Where a delivery stands.

    `DOUBTFUL`: it was handed over in full and the answer was lost. It may have arrived; it is tried again rarely,
    always under the same identity, so that a receiver can tell the copy.
    """

    PLANNED = "planned"
    DOUBTFUL = "doubtful"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """What may happen to a delivery."""

    SUCCEED = "succeed"
    DEFER = "defer"
    FAIL = "fail"
    DOUBT = "doubt"
    RESEND = "resend"
    CANCEL = "cancel"


TRANSITIONS: Mapping[tuple[State, Action], State] = {
    (State.PLANNED, Action.SUCCEED): State.SENT,
    (State.PLANNED, Action.DEFER): State.PLANNED,
    (State.PLANNED, Action.FAIL): State.FAILED,
    (State.PLANNED, Action.DOUBT): State.DOUBTFUL,
    (State.PLANNED, Action.CANCEL): State.CANCELLED,
    (State.DOUBTFUL, Action.SUCCEED): State.SENT,
    (State.DOUBTFUL, Action.DEFER): State.DOUBTFUL,
    (State.DOUBTFUL, Action.DOUBT): State.DOUBTFUL,
    (State.DOUBTFUL, Action.CANCEL): State.CANCELLED,
    # It was on its way when it was cancelled.
    (State.CANCELLED, Action.SUCCEED): State.SENT,
    (State.SENT, Action.RESEND): State.PLANNED,
    (State.FAILED, Action.RESEND): State.PLANNED,
    (State.DOUBTFUL, Action.RESEND): State.PLANNED,
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

    `next_attempt_at` is when a sender may take it up, None where nothing is due: it has ended, or it is doubtful and a
    person decides. `tried` counts the attempts and `doubts` those whose end is not known, since it was planned or last
    requeued (`requeued_at`). Of the attempts the latest ATTEMPTS_KEPT are here, `attempts_total` counts all.
    `place` orders deliveries by the time of planning and is unique.
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
    doubts: int = 0
    requeued_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    attempts_total: int = 0

    @property
    def tried_since(self) -> datetime:
        """From when on patience counts."""
        return self.requeued_at or self.planned_at


Step = tuple[Delivery, tuple[Event, ...]]


def plan_delivery(delivery: Delivery, now: datetime) -> Step:
    """A new delivery, due at once."""
    change = {"rule": delivery.rule, "recipient": delivery.recipient, "channel": delivery.channel.value}
    return replace(delivery, next_attempt_at=now), (Event(type=events.PLANNED, at=now, change=change),)


def settle(delivery: Delivery, result: Result, now: datetime, patience: Patience) -> Step:
    """Record how an attempt ended: sent, later, doubtful, or failed when it cannot pass or patience is out.

    One that was interrupted, because its sender vanished, is due again at once. The receiver may thus see a message
    twice after a crash, always under the same Message-ID or webhook-id. Raises NotAllowed for what has ended, except
    that a cancelled delivery may turn out to have been sent.
    """
    attempt = Attempt(at=now, outcome=result.outcome, status=result.status, detail=result.detail)
    doubts = delivery.doubts + (result.outcome is Outcome.DOUBTFUL)
    delivery = replace(
        delivery,
        attempts=(*delivery.attempts, attempt)[-ATTEMPTS_KEPT:],
        attempts_total=count_attempts(delivery) + 1,
        tried=delivery.tried + 1,
        doubts=doubts,
    )
    if result.outcome is Outcome.SENT:
        return _end(delivery, Action.SUCCEED, events.SENT, attempt)
    if result.outcome is Outcome.PERMANENT and not doubts:
        return _end(delivery, Action.FAIL, events.FAILED, attempt)
    if doubts:
        return _doubt(delivery, attempt, patience, _asked(result))
    if _is_out(delivery, now, patience):
        return _end(delivery, Action.FAIL, events.FAILED, attempt)
    due_at = now if result.outcome is Outcome.INTERRUPTED else _next_attempt_at(delivery, result, now, patience)
    later = replace(delivery, state=_next(delivery, Action.DEFER), next_attempt_at=due_at)
    return later, (Event(type=events.DEFERRED, at=now, change=_change(delivery, attempt)),)


def count_attempts(delivery: Delivery) -> int:
    """All attempts so far, also of a delivery that was stored before they were counted."""
    return max(delivery.attempts_total, len(delivery.attempts))


def _doubt(delivery: Delivery, attempt: Attempt, patience: Patience, asked: timedelta) -> Step:
    """It may have arrived: whatever follows, it is never called failed. A no to its copy may be because it has."""
    pause = patience.doubtful_pause(delivery.doubts)
    rests = pause is None or attempt.outcome is Outcome.PERMANENT or _is_out(delivery, attempt.at, patience)
    due_at = None if rests or pause is None else attempt.at + max(pause, asked)
    doubtful = attempt.outcome is Outcome.DOUBTFUL
    state = _next(delivery, Action.DOUBT if doubtful else Action.DEFER)
    event = Event(
        type=events.DOUBTFUL if doubtful or rests else events.DEFERRED, at=attempt.at, change=_change(delivery, attempt)
    )
    return replace(delivery, state=state, next_attempt_at=due_at), (event,)


def _is_out(delivery: Delivery, now: datetime, patience: Patience) -> bool:
    if patience.max_attempts is not None and delivery.tried >= patience.max_attempts:
        return True
    latest = delivery.attempts[-min(delivery.tried, MOST_INTERRUPTED) :]
    if len(latest) == MOST_INTERRUPTED and all(attempt.outcome is Outcome.INTERRUPTED for attempt in latest):
        return True
    return now >= delivery.tried_since + patience.keep_trying


def _asked(result: Result) -> timedelta:
    return min(result.retry_after or timedelta(), LONGEST_RETRY_AFTER)


def _next_attempt_at(delivery: Delivery, result: Result, now: datetime, patience: Patience) -> datetime:
    """After its pause, or after the one the receiver asked for; the last attempt is made when patience ends."""
    ends_at = delivery.tried_since + patience.keep_trying
    return max(now + _asked(result), min(now + patience.pause(delivery.tried), ends_at))


def resend(delivery: Delivery, now: datetime) -> Step:
    """Send one again that has ended or is doubtful, under the same identity and with its attempts before it.

    Raises NotAllowed in other states.
    """
    state = _next(delivery, Action.RESEND)
    again = replace(delivery, state=state, tried=0, doubts=0, requeued_at=now, next_attempt_at=now)
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
