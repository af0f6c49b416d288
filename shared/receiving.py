"""Receiving: one AMQP connection, what came over it and is not settled yet, and who waits for it.

Bodies are never decoded here, so that nothing a sender writes can lose a message. Acknowledgements may come from any
green thread; a connection that breaks at one is closed, and the broker delivers what it had again.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import eventlet
from eventlet.event import Event as Signal
from eventlet.semaphore import Semaphore
from kombu import Connection

from shared import metrics, properties
from shared.batching import fitting
from shared.broken_connection import BrokenConnection, abandon, using_broker
from shared.deadletter import Trip, read_trip
from shared.envelope import Lane
from shared.queue_check import check
from shared.topology import Queue

properties.install()

HEARTBEAT_SECONDS = 20
DRAIN_SECONDS = 0.25
SETTLE_SECONDS = 10
QUIET_SECONDS = 0.2
HOLD_SECONDS = 2.0
"""How long nothing must come before consuming is cancelled, and how long that is waited for at most."""


@dataclass(slots=True)
class Delivery:
    """One message in this process's hands until it is settled."""

    trip: Trip
    tag: int
    session: Session
    channel: Any
    routing_key: str = ""
    reply_to: str = ""
    correlation_id: str = ""
    expires_at: float = math.inf
    """Until when somebody waits for it, by the process's monotonic clock; the broker no longer looks after it."""

    def ack(self) -> None:
        """Settle it. On a connection that is gone the broker delivers it again, and the inbox knows it."""
        self.session.ack(self.channel, self.tag, multiple=False)

    def ack_all(self) -> None:
        """Settle it and everything delivered before it by the same queue.

        Only when all of that is dealt with: each queue has a channel of its own, so that a batch is one
        acknowledgement. Nothing may be left behind on a channel that goes on being used (`give_up`).
        """
        self.session.ack(self.channel, self.tag, multiple=True)

    def give_up(self) -> None:
        """Leave it and all others unsettled: the connection ends, and the broker delivers them again."""
        self.session.close()

    @property
    def lost(self) -> bool:
        """Whether its connection is gone, so that the broker has given it to somebody by now."""
        return self.session.closed


@dataclass(slots=True)
class Subscription:
    """What one entrypoint receives: a buffer for each lane, filled by the connection, emptied by the entrypoint."""

    queues: dict[Lane, Queue]
    prefetch: int
    buffers: dict[Lane, deque[Delivery]] = field(default_factory=lambda: {lane: deque() for lane in Lane})
    _waiting: Signal | None = None
    ended: bool = False

    def add(self, lane: Lane, delivery: Delivery) -> None:
        """Take a delivery in and wake the entrypoint."""
        self.buffers[lane].append(delivery)
        self.wake()

    def wake(self) -> None:
        """Let `batches` look again."""
        if self._waiting is not None and not self._waiting.ready():
            self._waiting.send(None)

    def end(self) -> None:
        """No more deliveries will come; `batches` ends when the buffers are empty."""
        self.ended = True
        self.wake()

    def forget(self, session: Session) -> None:
        """Drop what came over a connection that is gone: the broker delivers it again."""
        for lane, buffer in self.buffers.items():
            self.buffers[lane] = deque(one for one in buffer if one.session is not session)

    def batches(self, size: int) -> Iterator[list[Delivery]]:
        """Batches of up to `size` and of a bounded weight (`shared.batching`), each of one lane, the urgent lane first.

        Waits when there is nothing.
        """
        while True:
            lane = next((lane for lane in Lane if self.buffers[lane]), None)
            if lane is not None:
                buffer = self.buffers[lane]
                yield [buffer.popleft() for _ in range(fitting((len(one.trip.body) for one in buffer), size))]
            elif self.ended:
                return
            else:
                self._waiting = Signal()
                self._waiting.wait()
                self._waiting = None


class Session:
    """One AMQP connection with its channel; dead for good once it is closed. Raises BrokenConnection."""

    def __init__(self, uri: str) -> None:
        options = {"read_timeout": HEARTBEAT_SECONDS, "write_timeout": SETTLE_SECONDS}
        self._kombu = Connection(uri, heartbeat=HEARTBEAT_SECONDS, connect_timeout=5, transport_options=options)
        self._write = Semaphore()
        self.closed = False
        self._connection: Any = None
        try:
            with using_broker():
                self._connection = self._kombu.connection
                self._channel = self._kombu.channel()
        except BaseException:
            self.drop()
            raise
        self._channels: list[Any] = []
        self._held: list[tuple[Any, int, bool]] | None = None
        self._received_at = 0.0
        self._consuming: list[tuple[Any, str]] = []

    def consume(self, subscription: Subscription, service: str) -> None:
        """Look at the subscription's queues and consume from them. Raises QueueMismatch and QueueMissing."""
        for lane, queue in subscription.queues.items():
            receive = self._receiver(subscription, lane, queue.name, service)
            with using_broker():
                channel = self._kombu.channel()
                self._channels.append(channel)
                # A body must not be decoded as its sender says it is encoded: it stays as it came, also when dead.
                channel.auto_decode = False
                check(channel, queue)
                channel.basic_qos(0, subscription.prefetch, False)
                self._consuming.append((channel, channel.basic_consume(queue.name, callback=receive)))

    def _receiver(self, subscription: Subscription, lane: Lane, queue: str, service: str) -> Callable[[Any], None]:
        def receive(message: Any) -> None:
            self._received_at = time.monotonic()
            info = message.delivery_info
            body = message.body.encode() if isinstance(message.body, str) else bytes(message.body)
            trip = read_trip(
                body=body,
                queue=queue,
                exchange=info["exchange"],
                properties=message.properties,
                redelivered=info["redelivered"],
            )
            if trip.redelivered:
                metrics.REDELIVERED.labels(service=service).inc()
            subscription.add(
                lane,
                Delivery(
                    trip=trip,
                    tag=info["delivery_tag"],
                    session=self,
                    channel=message.channel,
                    routing_key=info["routing_key"],
                    reply_to=message.properties.get("reply_to") or "",
                    correlation_id=message.properties.get("correlation_id") or "",
                    expires_at=time.monotonic() + _lifetime(message.properties.get("expiration")),
                ),
            )

        return receive

    def drain(self) -> None:
        """Receive for a moment, and keep the heartbeat. Raises BrokenConnection when the connection is gone or a
        consumer was cancelled by the broker."""
        with using_broker(), contextlib.suppress(TimeoutError):
            self._connection.drain_events(timeout=DRAIN_SECONDS)
        with self._write, using_broker():
            self._kombu.heartbeat_check()

    def length(self, queue: str) -> int:
        """Messages in a queue. Only from the thread that drains: the answer comes on the same socket."""
        with self._write, using_broker():
            return int(self._channel.queue_declare(queue, passive=True).message_count)

    def cancel(self) -> None:
        """Ask the broker for no more; what is on its way still arrives before this returns.

        RabbitMQ throws away what it has on its way to a consumer at the moment of its cancellation, and delivers it
        again (3.10, quorum queues; 239 of 31,000 messages in 150 cancellations). So acknowledgements are held back
        first, until the prefetch is used up or nothing comes, and all are cancelled at one go.
        """
        self._held = []
        started = self._received_at = time.monotonic()
        while time.monotonic() - self._received_at < QUIET_SECONDS and time.monotonic() - started < HOLD_SECONDS:
            self.drain()
        with self._write, using_broker():
            for channel, tag in self._consuming:
                channel.basic_cancel(tag, nowait=True)
            for channel, _ in self._consuming:
                # Nothing but a question: its answer comes behind the last delivery.
                channel.basic_qos(0, 1, False)
        self._consuming = []
        held, self._held = self._held, None
        for channel, delivery, multiple in held:
            self.ack(channel, delivery, multiple=multiple)

    def farewell(self) -> None:
        """Close every channel in order, which the broker answers once it has looked at all that was acknowledged; and
        drop the connection.

        Without it the broker forgets what it has not looked at yet when the connection ends, and delivers it again.
        """
        with contextlib.suppress(BrokenConnection), eventlet.Timeout(SETTLE_SECONDS, False):
            for channel in () if self.closed else self._channels:
                with self._write, using_broker():
                    channel.close()
            if not self.closed:
                with self._write, using_broker():
                    self._connection.close()
        self.drop()

    def ack(self, channel: Any, tag: int, *, multiple: bool) -> None:
        """Acknowledge on a channel; a connection that breaks at it is closed."""
        if self.closed:
            return
        if self._held is not None:
            self._held.append((channel, tag, multiple))
            return
        try:
            with self._write, using_broker(), eventlet.Timeout(SETTLE_SECONDS):
                channel.basic_ack(tag, multiple=multiple)
        except (BrokenConnection, eventlet.Timeout):
            # The loop finds the same connection broken and opens another; the message comes again.
            self.close()

    def close(self) -> None:
        """Be done with it, from any green thread: nothing is settled over it any more, and whoever receives drops it.

        A socket that is closed under its reader raises there whatever it likes (EOFError, "Second simultaneous
        read"); and its number may be another socket's by then, whose events the reader would take along.
        """
        self.closed = True

    def drop(self) -> None:
        """Close it, and its socket without a handshake, which could hang on a broken network; only who receives."""
        self.closed = True
        # Not kombu's own way, which says goodbye after all and waits for the answer.
        abandon(self._connection)


def _lifetime(expiration: Any) -> float:
    """A message's expiration in seconds; AMQP writes it as text in milliseconds."""
    return int(expiration) / 1000 if isinstance(expiration, str) and expiration.isdecimal() else math.inf
