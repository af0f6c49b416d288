"""What happens to a message whose handler failed: later, or to the dead letters. A pure table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.errors import Conflict, Early, Rejected, Unavailable

LADDER = (
    timedelta(seconds=1),
    timedelta(seconds=10),
    timedelta(seconds=60),
    timedelta(minutes=10),
)
"""The steps of the one retry ladder. Each is a queue of the broker (`shared.topology`); nothing sleeps in a worker."""


UNSTORABLE = (OverflowError, RecursionError, UnicodeError)
"""Raised for a value that goes past every check and cannot be kept; the schemas refuse what is known by its field."""


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try again after `delay`, one of the ladder's steps."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Give up. `reason` is a bounded slug: a metric label and the first thing a person reads."""

    reason: str


def decide(
    error: BaseException, attempt: int, *, max_attempts: int = 8, ladder: tuple[timedelta, ...] = LADDER
) -> RetryAfter | DeadLetter:
    """What to do with a message whose handling raised `error` on attempt number `attempt` (the first is 1).

    A mistake of the sender is dead at once, under the error's own slug. Everything else climbs the ladder and
    stays on its last step until `max_attempts` are used up: with the defaults about 41 minutes, longer than any
    restart. What ends there keeps its slug when it has one, else it is a `handler-error`. What Python or a library
    cannot hold (`UNSTORABLE`) is dead at once, too: it is no larger, deeper or stranger at another time.
    """
    if isinstance(error, Rejected):
        return DeadLetter(error.slug)
    if isinstance(error, UNSTORABLE):
        return DeadLetter("unstorable")
    if attempt < max_attempts:
        return RetryAfter(ladder[min(attempt, len(ladder)) - 1])
    if isinstance(error, Early | Conflict | Unavailable):
        return DeadLetter(error.slug)
    return DeadLetter("handler-error")
