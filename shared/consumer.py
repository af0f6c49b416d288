"""The safe consumer: one connection on which a process receives, and which it leaves only when all is settled.

What nameko's own does not do and this does (docs/measurements.md):
- It stops by cancelling, handling what was already delivered, settling it, and only then closing: a rolling restart
  redelivers nothing. A deadline ends even that.
- It never decodes: bodies reach the entrypoint as bytes, so that nothing a sender writes can lose a message.
- Its prefetch is set for each queue, at most two batches.
- It notices a cancelled consumer, a half-open connection (heartbeats) and a deleted queue, and connects again.
- A queue declared with other arguments ends the process with one sentence and code 78, not with a loop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import eventlet

from shared import logs, metrics
from shared.broken_connection import BrokenConnection
from shared.queue_check import QueueMismatch, QueueMissing
from shared.receiving import Session, Subscription
from shared.topology import dead_queue

log = logs.get(__name__)

DEAD_LETTERS_SECONDS = 5.0
SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
STEADY_SECONDS = 5.0
"""A connection that held for so long counts as a good one: the next is tried at once."""


class SafeConsumer:
    """Keeps subscriptions supplied until it is stopped. Run `run` in a green thread."""

    def __init__(self, uri: str, service: str) -> None:
        self._uri = uri
        self._service = service
        self._subscriptions: list[Subscription] = []
        self.stopping = False
        self._session: Session | None = None
        self._unsettled: list[Callable[[], int]] = []
        self.fault: str | None = "is not connected to the broker yet"
        self.mismatch: QueueMismatch | None = None

    def subscribe(self, subscription: Subscription) -> None:
        """Add a subscription; before `run`."""
        self._subscriptions.append(subscription)

    def until_settled(self, unsettled: Callable[[], int]) -> None:
        """Add a count of deliveries still being handled; the connection is kept until all counts are zero."""
        self._unsettled.append(unsettled)

    def stop(self) -> None:
        """Ask for an orderly end; `run` returns when everything delivered is settled."""
        self.stopping = True

    def run(self) -> None:
        """Connect, receive, connect again; until stopped. Raises QueueMismatch, and nothing else."""
        pause = SHORTEST_PAUSE
        while not self.stopping:
            connected_at = math.inf
            try:
                self._session = session = self._connect()
                connected_at = time.monotonic()
                self._serve(session)
            except QueueMismatch as error:
                self.mismatch = error
                self._end()
                raise
            except BrokenConnection as error:
                self._lost(error)
                # Only a connection that held for a while was a good one; others are made ever more slowly.
                pause = SHORTEST_PAUSE if time.monotonic() - connected_at > STEADY_SECONDS else pause
                if not self.stopping:
                    eventlet.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
        self._end()

    def _connect(self) -> Session:
        session = Session(self._uri)
        try:
            for subscription in self._subscriptions:
                session.consume(subscription, self._service)
        except BaseException:
            session.drop()
            raise
        return session

    def _serve(self, session: Session) -> None:
        looked_at = 0.0
        while not self.stopping:
            session.drain()
            if session.closed:
                raise BrokenConnection("the connection broke while a message was settled")
            self.fault = None
            if time.monotonic() - looked_at > DEAD_LETTERS_SECONDS:
                looked_at = time.monotonic()
                metrics.DEAD_LETTERS.labels(service=self._service).set(session.length(dead_queue(self._service)))
        session.cancel()
        for subscription in self._subscriptions:
            subscription.end()
        while any(count() for count in self._unsettled) and not session.closed:
            session.drain()
        session.farewell()

    def _lost(self, error: BrokenConnection) -> None:
        self.fault = str(error) if isinstance(error, QueueMissing) else f"lost the broker: {error.kind}"
        trace = None if error.usual or error.__cause__ is None else error.__cause__
        log.warning("connection lost", error=str(error)[:300], exc_info=trace)
        metrics.CONSUMER_RECONNECTS.labels(service=self._service).inc()
        session, self._session = self._session, None
        if session is not None:
            session.drop()
            for subscription in self._subscriptions:
                subscription.forget(session)

    def _end(self) -> None:
        for subscription in self._subscriptions:
            subscription.end()
