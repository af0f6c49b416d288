"""A consumer's dead letters in their queue: listed, replayed, discarded.

Replaying is safe: a letter keeps its id, so the inbox keeps an effect from happening twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.deadletter import DeadLetter, parse
from shared.errors import DeskwireError, NotFound
from shared.publisher import Message, Outcome, Publisher
from shared.topology import dead_queue

PUT_BACK = timedelta(seconds=2)
"""How long a walk through a dead queue waits at its end for the letters it put back."""


def browse(channel: Any, consumer: str, limit: int = 100) -> list[DeadLetter]:
    """Dead letters of a queue, by the time they first failed, read on a py-amqp channel and put back.

    When it returns they can be taken again, by whoever asks next: the broker's count of them is waited for. Of more
    than `limit` it gives those that the broker has first; what is put back goes to the end.
    """
    with _walking(channel, consumer) as walk:
        return sorted((letter for _, letter in walk.letters(limit)), key=lambda one: one.first_failed_at or "")


@dataclass(slots=True)
class _Walk:
    """A walk through a dead queue: every letter that was met is held until the walk ends or it is taken away."""

    channel: Any
    consumer: str
    held: int = 0

    def letters(self, limit: int) -> Iterator[tuple[int, DeadLetter]]:
        """Pairs of delivery tag and letter."""
        for _ in range(limit):
            message = self.channel.basic_get(dead_queue(self.consumer))
            if message is None:
                return
            self.held += 1
            yield message.delivery_tag, parse(self.consumer, _bytes(message.body), message.properties)

    def take(self, tag: int) -> None:
        """This letter does not go back."""
        self.channel.basic_ack(tag)
        self.held -= 1

    def ready(self) -> int:
        """How many letters can be had now."""
        return int(self.channel.queue_declare(dead_queue(self.consumer), passive=True).message_count)


@contextmanager
def _walking(channel: Any, consumer: str) -> Iterator[_Walk]:
    """Ends with everything that is held back in the queue.

    A quorum queue takes a moment to have returned letters at hand again, and is empty for whoever asks meanwhile: so
    this waits until it counts them, PUT_BACK at most, for another walk may hold some of them.
    """
    walk = _Walk(channel, consumer)
    # After an error the letters go back with the channel, which nobody can use any more.
    yield walk
    if walk.held:
        whole = walk.ready() + walk.held
        channel.basic_recover(requeue=True)
        deadline = time.monotonic() + PUT_BACK.total_seconds()
        while walk.ready() < whole and time.monotonic() < deadline:
            time.sleep(0.005)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


Record = Callable[[DeadLetter], None]
"""Writes down who does what to a letter and why (`shared.deeds`), before it is done."""


def replay(
    channel: Any, publisher: Publisher, consumer: str, message_id: str | None = None, *, record: Record
) -> list[DeadLetter]:
    """Send dead letters back to the queue they came from, one by id or all; each leaves the dead queue only when
    the broker has confirmed its copy. Attempts start again. Raises NotFound when no letter has that id."""

    def send(letter: DeadLetter) -> None:
        headers = {} if letter.sender is None else {"x-sender": letter.sender}
        message = Message(
            exchange="",
            routing_key=letter.queue,
            body=letter.body,
            message_id=letter.message_id,
            content_type=letter.content_type,
            headers=headers,
        )
        outcome = publisher.publish([message])[0]
        if outcome is not Outcome.CONFIRMED:
            raise DeskwireError(f"{letter.queue} did not take it: {outcome.value}", slug="replay-refused")

    return _settle(channel, consumer, message_id, record, send)


def discard(channel: Any, consumer: str, message_id: str | None = None, *, record: Record) -> list[DeadLetter]:
    """Remove dead letters, one by id or all. Raises NotFound when no letter has that id."""
    return _settle(channel, consumer, message_id, record, lambda _: None)


def _settle(channel: Any, consumer: str, message_id: str | None, record: Record, act: Record) -> list[DeadLetter]:
    settled = []
    with _walking(channel, consumer) as walk:
        # What is there now: a letter that dies again is back at the end in no time, and would be met again for ever.
        for tag, letter in walk.letters(limit=walk.ready()):
            if message_id is None or letter.message_id == message_id:
                record(letter)
                act(letter)
                walk.take(tag)
                settled.append(letter)
                if message_id is not None:
                    return settled
    if message_id is not None:
        raise NotFound(f"{dead_queue(consumer)} has no letter {message_id}", pointer="/message_id")
    return settled
