"""The connection to the broker: publishes with confirms, many at once, and never longer than it was given.

pika's asynchronous connection, because its blocking one cannot give up on a confirm: a broker that is frozen, or
blocks its publishers for lack of memory, would hold the caller for as long as it likes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pika
from pika import exceptions
from pika.adapters.select_connection import IOLoop

from deskwire_client.errors import InvalidField
from deskwire_client.event import CONTENT_TYPE, EXCHANGE, Event

HEARTBEAT = 30
MAX_USER_BYTES = 255
_REFUSALS = (
    exceptions.AuthenticationError,
    exceptions.ProbableAuthenticationError,
    exceptions.ProbableAccessDeniedError,
    exceptions.ChannelClosedByBroker,
)


@dataclass(frozen=True)
class Fault:
    """Why not every event was confirmed. `passing` faults are worth another try within the same deadline."""

    reason: str
    passing: bool


@dataclass(frozen=True)
class Sent:
    """What became of a round: the confirmed events, and what stopped or spoiled the others.

    `unfit` events cannot be put on the wire as they are, now or later, for the reason given.
    """

    confirmed: frozenset[Event]
    fault: Fault | None = None
    unfit: Mapping[Event, str] = field(default_factory=dict)


class Link:
    """One connection to the broker: made at the first round, kept between rounds, made anew after a loss."""

    def __init__(self, uri: str) -> None:
        self._parameters = _parameters(uri)
        self._user = self._parameters.credentials.username
        self._connection: Any = None
        self._channel: Any = None
        self._loop: Any = None
        self._published = 0
        self._begin([])

    def send(self, events: Sequence[Event], seconds: float) -> Sent:
        """Publish in order and wait until each is confirmed, for `seconds` at most. Does not raise for the broker.

        Messages are persistent and mandatory; message_id is the event's id. user_id is the address's user: the
        broker vouches for it, since it refuses any other than the one that is logged in, and the desk names it as the
        one who acted.
        """
        self._begin(events)
        try:
            self._run(seconds)
        except Exception as error:
            # pika promises no type for what it trips over when a connection breaks under it.
            self._fail(str(error) or type(error).__name__)
        if self._fault is not None:
            self.close()
        return Sent(frozenset(self._confirmed), self._fault or self._refusal, dict(self._unfit))

    def close(self) -> None:
        """Close the connection, within a second."""
        if self._loop is None:
            return
        with contextlib.suppress(Exception):
            if self._connection is not None and not self._connection.is_closed:
                self._connection.close()
                self._loop.call_later(1, self._loop.stop)
                self._loop.start()
        self._loop.close()
        self._connection = self._channel = self._loop = None

    def _begin(self, events: Sequence[Event]) -> None:
        self._events = list(events)
        self._waiting: dict[int, Event] = {}
        self._confirmed: set[Event] = set()
        self._returned: dict[str, str] = {}
        self._unfit: dict[Event, str] = {}
        self._fault: Fault | None = None
        self._refusal: Fault | None = None

    def _run(self, seconds: float) -> None:
        grace = 0.0
        if self._connection is None:
            # pika itself ends an attempt to connect; aborting one from here trips over its own assertions (1.4.4).
            self._parameters.socket_timeout = self._parameters.stack_timeout = max(seconds, 0.05)
            grace = 0.5
            self._loop = IOLoop()
            create = pika.SelectConnection.create_connection
            create([self._parameters], self._on_connected, custom_ioloop=self._loop)
        else:
            self._loop.add_callback_threadsafe(self._publish)
        timer = self._loop.call_later(max(seconds, 0) + grace, self._on_deadline)
        self._loop.start()
        self._loop.remove_timeout(timer)

    def _on_connected(self, outcome: Any) -> None:
        if isinstance(outcome, BaseException):
            self._on_lost(None, outcome)
            return
        self._connection = outcome
        outcome.add_on_close_callback(self._on_lost)
        outcome.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        self._published = 0
        channel.add_on_close_callback(self._on_lost)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_settled, callback=lambda _: self._publish())

    def _publish(self) -> None:
        try:
            for event in self._events:
                self._publish_one(event)
        except Exception as error:
            self._fail(str(error) or "the connection was lost")
        if not self._waiting:
            self._loop.stop()

    def _publish_one(self, event: Event) -> None:
        try:
            self._channel.basic_publish(
                EXCHANGE, event.routing_key, event.body, self._properties(event), mandatory=True
            )
        except exceptions.ShortStringTooLong:
            # Nothing of the message was written: pika encodes all of it first. The next one may go.
            self._unfit[event] = "its id or its routing key has more than 255 bytes"
            return
        self._published += 1
        self._waiting[self._published] = event

    def _properties(self, event: Event) -> Any:
        return pika.BasicProperties(
            content_type=CONTENT_TYPE,
            content_encoding="utf-8",
            delivery_mode=pika.DeliveryMode.Persistent.value,
            message_id=event.id,
            type=event.type,
            user_id=self._user,
        )

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        # A returned message is confirmed afterwards, so the return must be remembered until then.
        self._returned[properties.message_id] = method.reply_text

    def _on_settled(self, frame: Any) -> None:
        method = frame.method
        tags = (
            [tag for tag in self._waiting if tag <= method.delivery_tag] if method.multiple else [method.delivery_tag]
        )
        for tag in tags:
            event = self._waiting.pop(tag, None)
            if event is not None:
                self._settle(event, isinstance(method, pika.spec.Basic.Ack))
        if not self._waiting:
            self._loop.stop()

    def _settle(self, event: Event, taken: bool) -> None:
        if event.id in self._returned:
            self._refusal = Fault(f"no queue takes {event.routing_key}: {self._returned.pop(event.id)}", passing=False)
        elif taken:
            self._confirmed.add(event)
        else:
            self._refusal = Fault("the broker refused the event: its queue is full", passing=True)

    def _on_lost(self, _connection_or_channel: Any, reason: Any) -> None:
        cause = _cause(reason)
        words = getattr(cause, "reply_text", "") or str(cause) or type(cause).__name__
        self._fail(words, passing=not isinstance(cause, _REFUSALS))

    def _on_deadline(self) -> None:
        self._fail("the broker did not answer in time")

    def _fail(self, reason: str, *, passing: bool = True) -> None:
        # The first reason is the cause; what follows is the connection coming down.
        self._fault = self._fault or Fault(reason, passing)
        if self._loop is not None:
            self._loop.stop()


def _parameters(uri: str) -> Any:
    if not isinstance(uri, str) or not uri.startswith(("amqp://", "amqps://")):
        raise InvalidField("uri", "must be an AMQP address: amqp://user:password@host:5672/vhost")
    try:
        uri.encode()
        parameters = pika.URLParameters(uri)
    except (ValueError, TypeError):
        # pika's own words may quote a part of the password.
        raise InvalidField("uri", "is not an AMQP address; special characters are written as %XX") from None
    if "heartbeat=" not in uri:
        parameters.heartbeat = HEARTBEAT
    if len(parameters.credentials.username.encode()) > MAX_USER_BYTES:
        raise InvalidField("uri", f"has a user of more than {MAX_USER_BYTES} bytes")
    parameters.connection_attempts = 1
    parameters.client_properties = {"connection_name": "deskwire-client"}
    return parameters


def _cause(reason: Any) -> Any:
    """What happened: pika wraps the cause of a failed connection up to three times."""
    inner = getattr(reason, "exceptions", None)
    inner = inner[-1] if inner else getattr(reason, "exception", None)
    if not isinstance(inner, BaseException) and reason.args:
        inner = reason.args[0]
    return _cause(inner) if isinstance(inner, BaseException) else reason
