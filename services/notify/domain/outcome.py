"""What the answer of a mail server or a webhook's receiver means: done, later, or never. Pure tables."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How one attempt ended."""

    SENT = "sent"
    RETRY = "retry"
    PERMANENT = "permanent"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a channel reports of one attempt.

    `status` is the SMTP reply code or the HTTP status, 0 where there was no answer; `detail` is one line for
    people and never holds a secret.
    """

    outcome: Outcome
    status: int = 0
    detail: str = ""


class Stage(StrEnum):
    """How far an SMTP session came (RFC 5321)."""

    CONNECT = "connect"
    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"


LASTING_STAGES = frozenset({Stage.RECIPIENT, Stage.DATA})
"""Where a 5xx is about this recipient or this message. Before that it is about our own account or settings."""

PASSING_STATUSES = frozenset({302, 303, 307, 408, 425, 429})
"""HTTP statuses under 500 that may pass: a temporary redirect, a timeout, too early, too many requests."""


def judge_smtp(stage: Stage, code: int) -> Outcome:
    """RFC 5321, section 4.2.1: 5xx is permanent where it concerns the recipient or the message, the rest may pass.

    A refused login or sender is a fault that an operator mends, so those deliveries climb the ladder.
    """
    if 200 <= code < 300:
        return Outcome.SENT
    return Outcome.PERMANENT if 500 <= code < 600 and stage in LASTING_STAGES else Outcome.RETRY


def judge_http(status: int) -> Outcome:
    """RFC 9110: 2xx is taken; 5xx and PASSING_STATUSES may pass; any other 3xx or 4xx (410 too) is for good.

    Redirects are never followed: a receiver that has moved for good needs a new setting.
    """
    if 200 <= status < 300:
        return Outcome.SENT
    return Outcome.PERMANENT if 300 <= status < 500 and status not in PASSING_STATUSES else Outcome.RETRY
