"""Publishes history as fast as the broker confirms it, and goes on where it stood when the broker was away."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from shared.envelope import Envelope, encode
from shared.errors import Rejected, Unavailable
from shared.publisher import Message, Outcome
from shared.topology import INTAKE, routing_key

WINDOW = 1000
"""Events handed over at once: their confirms are awaited together."""
PATIENCE = 120.0
"""Seconds without a single confirm after which the replay gives up. Run again it changes nothing that is done."""
BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)


class Publishes(Protocol):
    """What is needed of `shared.publisher.Publisher`."""

    def publish(self, messages: Sequence[Message]) -> list[Outcome]:
        """The outcome of each; Unavailable when the broker cannot be reached."""
        ...


def publish(
    events: Iterable[Envelope],
    publisher: Publishes,
    *,
    advance: Callable[[int], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Publish all, in order, and return how many there were; `advance` is told the number of each confirmed lot.

    An event is sent again with the same id until it is confirmed, so a lost confirm costs a copy that consumers drop.
    Raises Unavailable after PATIENCE without a confirm, Rejected when no queue takes an event.
    """
    total = 0
    source = iter(events)
    while window := [_message(event) for event in itertools.islice(source, WINDOW)]:
        _deliver(window, publisher, advance, pause, monotonic)
        total += len(window)
    return total


def _deliver(
    window: list[Message],
    publisher: Publishes,
    advance: Callable[[int], None],
    pause: Callable[[float], None],
    monotonic: Callable[[], float],
) -> None:
    since = monotonic()
    attempt = 0
    while window:
        left = _unconfirmed(window, publisher)
        if len(left) < len(window):
            advance(len(window) - len(left))
            since, attempt = monotonic(), 0
        elif monotonic() - since > PATIENCE:
            raise Unavailable(f"the broker has confirmed nothing for {PATIENCE:.0f} s")
        window = left
        if window:
            pause(BACKOFF[min(attempt, len(BACKOFF) - 1)])
            attempt += 1


def _unconfirmed(window: list[Message], publisher: Publishes) -> list[Message]:
    try:
        outcomes = publisher.publish(window)
    except Unavailable:
        return window
    returned = [message for message, outcome in zip(window, outcomes, strict=True) if outcome is Outcome.RETURNED]
    if returned:
        raise Rejected(f"no queue takes {returned[0].routing_key}: declare the topology first", slug="unroutable")
    return [message for message, outcome in zip(window, outcomes, strict=True) if outcome is Outcome.NACKED]


def _message(event: Envelope) -> Message:
    return Message(
        exchange=INTAKE,
        routing_key=routing_key(event.type, event.lane),
        body=encode(event),
        message_id=event.id,
    )
