"""A consumer's dead letters in their queue: listed, replayed, discarded.

Replaying is safe: a letter keeps its id, so the inbox keeps an effect from happening twice. The copies of a letter
are one, in all that is done here; a letter of any making is shown, sent back and removed like any other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared import properties
from shared.broken_connection import using_broker
from shared.deadletter import DeadLetter, collapsed, named, parse
from shared.errors import DeskwireError
from shared.publisher import Message, Outcome, Publisher
from shared.topology import dead_queue

properties.install()

PUT_BACK = timedelta(seconds=2)
"""How long a walk through a dead queue waits at its end for the letters it put back."""


def browse(channel: Any, consumer: str, limit: int = 100) -> list[DeadLetter]:
    """Dead letters of a queue, by the time they first failed, read on a py-amqp channel and put back.

    When it returns they can be taken again, by whoever asks next: the broker's count of them is waited for. Of more
    than `limit` messages it gives those that the broker has first; what is put back goes to the end. Raises
    BrokenConnection, as the others here do.
    """
    with _walking(channel, consumer) as walk:
        letters = collapsed(letter for _, letter in walk.letters(limit))
        return sorted(letters, key=lambda letter: letter.first_failed_at or "")


@dataclass(slots=True)
class _Walk:
    """A walk through a dead queue: every letter that was met is held until the walk ends or it is taken away."""

    channel: Any
    consumer: str
    held: int = 0

    def letters(self, limit: int) -> Iterator[tuple[int, DeadLetter]]:
        """Pairs of delivery tag and letter."""
        for _ in range(limit):
            with using_broker():
                message = self.channel.basic_get(dead_queue(self.consumer))
            if message is None:
                return
            self.held += 1
            yield message.delivery_tag, parse(self.consumer, _bytes(message.body), message.properties)

    def take(self, tag: int) -> None:
        """This letter does not go back."""
        with using_broker():
            self.channel.basic_ack(tag)
        self.held -= 1

    def ready(self) -> int:
        """How many letters can be had now."""
        with using_broker():
            return int(self.channel.queue_declare(dead_queue(self.consumer), passive=True).message_count)

    def put_back(self) -> None:
        """Let go of all that is held."""
        with using_broker():
            self.channel.basic_recover(requeue=True)


@contextmanager
def _walking(channel: Any, consumer: str) -> Iterator[_Walk]:
    """Ends with everything that is held back in the queue.

    A quorum queue takes a moment to have returned letters at hand again, and is empty for whoever asks meanwhile: so
    this waits until it counts them, PUT_BACK at most, for another walk may hold some of them.
    """
    # A body is shown and sent back as it came, whatever its sender says of its encoding.
    channel.auto_decode = False
    walk = _Walk(channel, consumer)
    # After an error the letters go back with the channel, which nobody can use any more.
    yield walk
    if walk.held:
        whole = walk.ready() + walk.held
        walk.put_back()
        deadline = time.monotonic() + PUT_BACK.total_seconds()
        while walk.ready() < whole and time.monotonic() < deadline:
            time.sleep(0.005)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


Record = Callable[[DeadLetter], None]
"""Writes down who does what to a letter and why (`shared.deeds`), before it is done."""


def replay(
    channel: Any, publisher: Publisher, consumer: str, name: str | None = None, *, record: Record
) -> list[DeadLetter]:
    """Send dead letters back to the queue they came from, one by its id or key, or all; each leaves the dead queue
    only when the broker has confirmed its copy. Attempts start again. Raises NotFound when no letter has that name,
    and Invalid when several have it."""

    def send(letter: DeadLetter) -> None:
        headers: dict[str, Any] = {"x-replays": letter.replays + 1}
        if letter.sender is not None:
            headers["x-sender"] = letter.sender
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

    return _settle(channel, consumer, name, record, send)


def discard(channel: Any, consumer: str, name: str | None = None, *, record: Record) -> list[DeadLetter]:
    """Remove dead letters, one by its id or key, or all. Raises NotFound when no letter has that name, and Invalid
    when several have it."""
    return _settle(channel, consumer, name, record, lambda _: None)


def _settle(channel: Any, consumer: str, name: str | None, record: Record, act: Record) -> list[DeadLetter]:
    settled: dict[str, DeadLetter] = {}
    with _walking(channel, consumer) as walk:
        # What is there now: a letter that dies again is back at the end in no time, and would be met again for ever.
        letters: Iterable[tuple[int, DeadLetter]] = walk.letters(limit=walk.ready())
        for tag, letter in letters if name is None else _named(letters, name):
            known = settled.get(letter.key)
            if known is None:
                record(letter)
                act(letter)
                settled[letter.key] = letter
            elif letter.replays > known.replays:
                # What this very walk sent back has died again.
                continue
            walk.take(tag)
    return list(settled.values())


def _named(letters: Iterable[tuple[int, DeadLetter]], name: str) -> list[tuple[int, DeadLetter]]:
    """The copies of one letter, the one that was tried most first."""
    met = list(letters)
    keys = {letter.key for letter in named((letter for _, letter in met), name)}
    copies = [(tag, letter) for tag, letter in met if letter.key in keys]
    return sorted(copies, key=lambda copy: (copy[1].replays, copy[1].attempts), reverse=True)
