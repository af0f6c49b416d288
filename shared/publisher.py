"""Publishing with pipelined confirms: the one way in which a process of the house sends to the broker.

A publish never hangs: connecting, writing and waiting for confirms have deadlines, and on any fault the socket is
dropped without a handshake: a memory alarm or a half-open connection would block it for ever (docs/measurements.md).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from amqp import Message as AmqpMessage
from amqp.serialization import dumps
from kombu import Connection

from shared.broken_connection import BrokenConnection, abandon, using_broker
from shared.envelope import CONTENT_TYPE

CONNECT_SECONDS = 5.0
WRITE_SECONDS = 10.0
CONFIRM_SECONDS = 10.0
WINDOW = 500
"""Publishes on the wire before their confirms are awaited: ten thousand a second here, waiting for each a tenth."""


class Outcome(Enum):
    """What the broker said of one publish."""

    CONFIRMED = "confirmed"
    RETURNED = "returned"
    """No queue takes the message (it was mandatory)."""
    NACKED = "nacked"
    """A queue is full and refuses; try again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One persistent message."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    content_type: str = CONTENT_TYPE
    headers: Mapping[str, Any] = field(default_factory=dict)
    mandatory: bool = True
    properties: Mapping[str, Any] = field(default_factory=dict)


class Publisher:
    """A connection for publishing only, opened when first needed. Safe for threads; callers wait for each other."""

    def __init__(self, uri: str, *, confirm_seconds: float = CONFIRM_SECONDS) -> None:
        self._uri = uri
        self._confirm_seconds = confirm_seconds
        self._lock = threading.Lock()
        self._session: _Session | None = None

    def publish(self, messages: Sequence[Message]) -> list[Outcome]:
        """Send all and wait until the broker has judged each; outcomes are in the order of `messages`.

        Raises Unavailable when the broker could not be reached or fell silent: any of them may or may not have
        arrived, so the caller sends them again and consumers drop the copies. What AMQP cannot carry raises what the
        library raises (struct.error, FrameSyntaxError ...): trying it again would be in vain.
        """
        with self._lock:
            outcomes: list[Outcome] = []
            try:
                for start in range(0, len(messages), WINDOW):
                    outcomes += self._open().publish(messages[start : start + WINDOW], self._confirm_seconds)
            except BaseException:
                self._drop()
                raise
            return outcomes

    def length(self, queue: str) -> int:
        """Messages that can be had from a queue now. Raises Unavailable."""
        with self._lock:
            try:
                return self._open().length(queue)
            except BaseException:
                self._drop()
                raise

    def close(self) -> None:
        """Close the connection, if there is one."""
        with self._lock:
            self._drop()

    def _open(self) -> _Session:
        if self._session is None:
            self._session = _Session(self._uri)
        return self._session

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.drop()


class _Session:
    """One connection and its channel in confirm mode."""

    def __init__(self, uri: str) -> None:
        options = {"read_timeout": CONFIRM_SECONDS, "write_timeout": WRITE_SECONDS}
        with using_broker():
            # kombu's own way of connecting tries twice, with a pause: twelve seconds where five were meant.
            parsed = Connection(uri, connect_timeout=CONNECT_SECONDS, transport_options=options)
            self._connection = parsed.transport.establish_connection()
        try:
            with using_broker():
                self._channel = self._connection.channel()
                self._channel.confirm_select()
        except BaseException:
            self.drop()
            raise
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._sent = 0
        self._pending: dict[int, int] = {}
        self._ids: dict[tuple[str, str, str], list[int]] = {}
        self._outcomes: list[Outcome] = []

    def publish(self, messages: Sequence[Message], seconds: float) -> list[Outcome]:
        self._outcomes = [Outcome.CONFIRMED] * len(messages)
        self._ids = {}
        self._pending = {}
        try:
            with using_broker():
                for index, message in enumerate(messages):
                    self._publish(index, message)
                deadline = time.monotonic() + seconds
                while self._pending:
                    self._connection.drain_events(timeout=max(0.001, deadline - time.monotonic()))
        except BrokenConnection:
            for message in messages:
                _check(message)
            raise
        return self._outcomes

    def _publish(self, index: int, message: Message) -> None:
        self._sent += 1
        self._pending[self._sent] = index
        self._ids.setdefault((message.message_id, message.exchange, message.routing_key), []).append(index)
        self._channel.basic_publish(
            _amqp(message),
            exchange=message.exchange,
            routing_key=message.routing_key,
            mandatory=message.mandatory,
            timeout=WRITE_SECONDS,
        )

    def length(self, queue: str) -> int:
        with using_broker():
            return int(self._channel.queue_declare(queue, passive=True).message_count)

    def drop(self) -> None:
        abandon(self._connection)

    def _settle(self, tag: int, multiple: bool, outcome: Outcome | None) -> None:
        tags = [one for one in self._pending if one <= tag] if multiple else [tag]
        for one in tags:
            index = self._pending.pop(one, None)
            if index is not None and outcome is not None:
                self._outcomes[index] = outcome

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple, None)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple, Outcome.NACKED)

    def _on_return(self, *arguments: Any) -> None:
        # py-amqp hands over (error, exchange, routing key, message); the broker returns before it confirms. Copies
        # of one message in a batch go the same way, so all of them are returned.
        _, exchange, routing_key, message = arguments
        for index in self._ids.get((message.properties.get("message_id"), exchange, routing_key), ()):
            self._outcomes[index] = Outcome.RETURNED


def _amqp(message: Message) -> AmqpMessage:
    return AmqpMessage(
        message.body,
        content_type=message.content_type,
        content_encoding="utf-8",
        delivery_mode=2,
        message_id=message.message_id,
        application_headers=dict(message.headers),
        **message.properties,
    )


def _check(message: Message) -> None:
    """Raises what the library raises for what AMQP cannot carry: that would fail on every connection, for ever."""
    dumps("ss", (message.exchange, message.routing_key))
    _amqp(message)._serialize_properties()
