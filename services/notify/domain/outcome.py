"""What the answer of a mail server or of a webhook's receiver means: done, later, never, or unknown. Pure tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Outcome(StrEnum):
    """How one attempt ended.

    `DOUBTFUL`: the message was handed over in full and the answer was lost, so that nobody here can know whether it
    was taken. `INTERRUPTED`: its sender vanished before it knew.
    """

    SENT = "sent"
    RETRY = "retry"
    PERMANENT = "permanent"
    INTERRUPTED = "interrupted"
    DOUBTFUL = "doubtful"


class Origin(StrEnum):
    """Whom an outcome tells of: this one recipient, the server that serves all of a channel, or neither."""

    RECIPIENT = "recipient"
    SERVER = "server"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a channel reports of one attempt.

    `status` is the SMTP reply code or the HTTP status, 0 where there was no answer; `detail` is one line for
    people and never holds a secret. `retry_after` is how long the receiver asked to be left alone.
    """

    outcome: Outcome
    status: int = 0
    detail: str = ""
    origin: Origin = Origin.RECIPIENT
    retry_after: timedelta | None = None


@dataclass(slots=True)
class Progress:
    """How far an attempt has come.

    Once the server has heard of the recipient (`named`), an end without an answer is the recipient's. Once
    `handed_over`, an error no longer says that the message was not taken. Once `answered`, nothing that follows
    matters.
    """

    named: bool = False
    handed_over: bool = False
    answered: Result | None = None

    def hand_over(self) -> None:
        """All of the message has left."""
        self.handed_over = True

    def broken_off(self, detail: str, origin: Origin = Origin.RECIPIENT) -> Result:
        """What an attempt that ends without an answer means: doubtful when the message had left, else it may pass."""
        if self.answered is not None:
            return self.answered
        outcome = Outcome.DOUBTFUL if self.handed_over else Outcome.RETRY
        return Result(outcome=outcome, detail=detail, origin=Origin.RECIPIENT if self.named else origin)


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

WAITING_STATUSES = frozenset({429, 503})
"""HTTP statuses whose Retry-After is honoured (RFC 6585, section 4; RFC 9110, section 10.2.3)."""


TOO_LARGE = 552
"""RFC 1870, section 6.1: said of a message when its size is named, which is with its sender."""
SERVERS_OWN = frozenset({421, 500, 502, 503, 504, 530, 534, 535, 538})
"""Codes that are about the server or our login wherever they come: it closes, it does not know the command, it wants
TLS or a password first (RFC 5321, section 4.2.3; RFC 3207; RFC 4954)."""


def refuse_smtp(stage: Stage, code: int) -> Outcome:
    """What a no means. RFC 5321, section 4.2.1: 5xx is permanent where it is about the recipient or the message.

    A refused login or sender is a fault that an operator mends, so those deliveries climb the ladder; and so do those
    whose answer makes no sense here, such as a 2xx where the server was to ask for the message.
    """
    lasting = (stage in LASTING_STAGES and code not in SERVERS_OWN) or code == TOO_LARGE
    return Outcome.PERMANENT if 500 <= code < 600 and lasting else Outcome.RETRY


def blame_smtp(stage: Stage, code: int) -> Origin:
    """Whose failure it is: what a server refuses before it hears of a recipient, it refuses for all of them."""
    if code in SERVERS_OWN:
        return Origin.SERVER
    return Origin.RECIPIENT if stage in LASTING_STAGES or code == TOO_LARGE else Origin.SERVER


def judge_http(status: int) -> Outcome:
    """RFC 9110: 2xx is taken; 5xx and PASSING_STATUSES may pass; any other 3xx or 4xx (410 too) is for good.

    Redirects are never followed: a receiver that has moved for good needs a new setting.
    """
    if 200 <= status < 300:
        return Outcome.SENT
    return Outcome.PERMANENT if 300 <= status < 500 and status not in PASSING_STATUSES else Outcome.RETRY
