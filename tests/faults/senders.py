"""Publishers that survive what is done to the broker: they send the same ids again until each is confirmed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from shared.errors import Unavailable
from shared.publisher import Message, Outcome, Publisher

CHUNK = 3
CONFIRM_SECONDS = 4.0
RETRY_SECONDS = 0.2


class Senders:
    """`count` connections that publish side by side, each from a thread of its own.

    `send` gives them their parts, copies of one message to different connections at the same moment; `wait` returns
    when all is confirmed. `confirmed` holds the ids that the broker answered for, `resent` how many went out again.
    """

    def __init__(self, uri: str, count: int = 4) -> None:
        self._publishers = [Publisher(uri, confirm_seconds=CONFIRM_SECONDS) for _ in range(count)]
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.confirmed: set[str] = set()
        self.resent = 0

    def send(self, parts: Sequence[tuple[Message, int]], spread: float) -> None:
        """Publish messages with their numbers of copies over about `spread` seconds; returns at once."""
        lists: list[list[Message]] = [[] for _ in self._publishers]
        for index, (message, copies) in enumerate(parts):
            for offset in range(copies):
                lists[(index + offset) % len(lists)].append(message)
        self._threads = [
            threading.Thread(target=self._run, args=(publisher, messages, spread), daemon=True)
            for publisher, messages in zip(self._publishers, lists, strict=True)
            if messages
        ]
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether all that was sent is confirmed within `seconds`."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """Drop the connections."""
        for publisher in self._publishers:
            publisher.close()

    def _run(self, publisher: Publisher, messages: Sequence[Message], spread: float) -> None:
        chunks = [messages[start : start + CHUNK] for start in range(0, len(messages), CHUNK)]
        started = time.monotonic()
        for index, chunk in enumerate(chunks):
            time.sleep(max(0.0, started + spread * index / len(chunks) - time.monotonic()))
            self._insist(publisher, chunk)

    def _insist(self, publisher: Publisher, chunk: Sequence[Message]) -> None:
        left = list(chunk)
        while left:
            try:
                outcomes = publisher.publish(left)
            except Unavailable:
                outcomes = [Outcome.NACKED] * len(left)
            done = [message for message, outcome in zip(left, outcomes, strict=True) if outcome is Outcome.CONFIRMED]
            left = [
                message for message, outcome in zip(left, outcomes, strict=True) if outcome is not Outcome.CONFIRMED
            ]
            with self._lock:
                self.confirmed.update(message.message_id for message in done)
                self.resent += len(left)
            if left:
                time.sleep(RETRY_SECONDS)
