"""The ways into a service that need no caller: a batch of events, a tick. nameko calls; the house settles.

Each message ends in exactly one of four ways, and is acknowledged only then: its effect is stored; it was handled
before, or its copy has gone on before; a copy climbs the retry ladder; a copy with its reason lies in the dead letters
(`shared.aside`). What neither of the two takes waits in its consumer's hands while others go on. While the database is
away a whole batch waits there, because no message is at fault and none should use up its attempts (ADR 5).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import eventlet
from eventlet.event import Event as Signal

from shared import intake, logs, metrics
from shared.aside import LONGEST_PAUSE, UNKNOWN, Aside
from shared.config import Settings
from shared.envelope import MAX_HOPS, Envelope, Lane, decode
from shared.errors import DeskwireError, Rejected, Unavailable
from shared.lease import Lease
from shared.receiving import Delivery, Subscription
from shared.runtime import SETTINGS, trail
from shared.topology import catalogue, house, matches, queue_name
from shared.unit_of_work import Taken, rounds
from shared.waiting import Waiting

log = logs.get(__name__)

HOUSE_MAX_BYTES = 16 * 1024 * 1024
"""Of events of our own: the broker's limit."""


class Events(Waiting):
    """Receives the events of one producer in batches: `@events("incident")`.

    The method gets a sequence of envelopes that are valid, of consumed types and of one lane, and returns what the
    unit of work said of them (`Taken`).
    """

    def __init__(self, producer: str, batch: int | None = None) -> None:
        self._producer = producer
        self._batch = batch
        super().__init__()

    def setup(self) -> None:
        service = self.container.service_name
        settings: Settings = self.container.config[SETTINGS]
        self._size: int = self._batch or settings.batch
        queues = {queue.name: queue for queue in house(settings.retry_ladder).queues}
        own = next(one for one in catalogue() if one.service == service)
        self._patterns = own.consumes[self._producer]
        self._subscription = Subscription(
            queues={lane: queues[queue_name(service, self._producer, lane)] for lane in Lane},
            prefetch=2 * self._size,
        )
        self._busy = 0
        self.runtime.consumer.subscribe(self._subscription)
        self.runtime.consumer.until_settled(self._unsettled)
        metrics.initialise(service, [UNKNOWN])

    @cached_property
    def _aside(self) -> Aside:
        aside = Aside(self.runtime, self._count)
        self.runtime.health.register(f"aside.{self._producer}", lambda: aside.fault)
        return aside

    def _unsettled(self) -> int:
        return self._busy + self._aside.held + sum(len(buffer) for buffer in self._subscription.buffers.values())

    def loop(self) -> None:
        for deliveries in self._subscription.batches(self._size):
            self._busy = len(deliveries)
            try:
                self._handle(deliveries)
            finally:
                self._busy = 0

    def _handle(self, deliveries: Sequence[Delivery]) -> None:
        pairs, faults = [], []
        for delivery in deliveries:
            try:
                pairs.append((delivery, self._read(delivery)))
            except Exception as error:
                # Whatever it is, it is this message's fault and must not become the others'.
                faults.append((delivery, None, error))
        self._aside.move(faults)
        for part in rounds(pairs, lambda pair: pair[1]):
            self._take(part)

    def _read(self, delivery: Delivery) -> Envelope:
        trip = delivery.trip
        if self._producer == "intake":
            most = self.runtime.settings.max_event_bytes
            envelope = intake.read(trip.body, self.runtime.clock.now(), sender=trip.sender, max_bytes=most)
        else:
            # What a service of ours has stored is delivered, whatever a sender is allowed.
            envelope = decode(trip.body, sender=trip.sender, max_bytes=HOUSE_MAX_BYTES)
        if not any(matches(pattern, envelope.type) for pattern in self._patterns):
            raise Rejected(f"{envelope.type} is no event that is taken here", slug="unknown-type")
        if envelope.hops > MAX_HOPS:
            raise Rejected(f"the chain of events is longer than {MAX_HOPS}", slug="hop-budget-exceeded")
        if self._producer == "intake":
            intake.check(envelope)
        return envelope

    def _take(self, pairs: Sequence[tuple[Delivery, Envelope]]) -> None:
        with logs.bound(**trail([[envelope for _, envelope in pairs]])):
            error = self._attempt(pairs)
        if error is not None:
            self._isolate(pairs, error)

    def _attempt(self, pairs: Sequence[tuple[Delivery, Envelope]]) -> BaseException | None:
        """Handle and settle a batch, and wait with it while the database is away. Returns a fault of its own."""
        pause = 0.1
        while pairs and not any(delivery.lost for delivery, _ in pairs):
            started = time.monotonic()
            taken, error = self.call([envelope for _, envelope in pairs])
            if error is None:
                self._record(pairs, time.monotonic() - started)
                self._settle(pairs, taken)
                return None
            # A conflict that outlasts the unit of work is no race but one event's fault, such as a key that is taken.
            if not isinstance(error, Unavailable):
                return error
            if self.runtime.consumer.stopping:
                pairs[0][0].give_up()
                return None
            log.warning("waiting to handle a batch", error=str(error))
            eventlet.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return None

    def _isolate(self, pairs: Sequence[tuple[Delivery, Envelope]], error: BaseException) -> None:
        """One event made the handler fail: handle each alone, so that only that one waits or dies."""
        if len(pairs) > 1:
            for pair in pairs:
                self._take([pair])
            return
        delivery, envelope = pairs[0]
        self._aside.move([(delivery, envelope, error)])

    def _settle(self, pairs: Sequence[tuple[Delivery, Envelope]], taken: Taken) -> None:
        rejected = taken.rejected
        self._aside.move([(delivery, one, rejected[one.id]) for delivery, one in pairs if one.id in rejected])
        done = [(delivery, envelope) for delivery, envelope in pairs if envelope.id not in rejected]
        if len(done) > 1 and not self._aside.held:
            # Everything before the last one is dealt with by now: what was rejected has its confirmed copy.
            done[-1][0].ack_all()
        else:
            for delivery, _ in done:
                delivery.ack()
        for _, envelope in done:
            self._count(envelope.type, "duplicate" if envelope.id in taken.duplicates else "handled")

    def _count(self, event: str, outcome: str) -> None:
        metrics.EVENTS_HANDLED.labels(service=self.runtime.service, event=event, outcome=outcome).inc()

    def _record(self, pairs: Sequence[tuple[Delivery, Envelope]], seconds: float) -> None:
        service, now = self.runtime.service, self.runtime.clock.now()
        metrics.EVENT_HANDLING.labels(service=service).observe(seconds)
        metrics.BATCH_SIZE.labels(service=service).observe(len(pairs))
        for _, envelope in pairs:
            if not envelope.backfill:
                lag = metrics.EVENT_LAG.labels(service=service, lane=envelope.lane.label)
                lag.observe(max(0.0, (now - envelope.time).total_seconds()))


class Tick(Waiting):
    """Calls a method every `every` seconds in one replica at a time: `@tick("due", every=1.0)`.

    The method gets the lease, whose token fences its commits, and returns how many things it did; while that is more
    than zero it is called again at once. With `always` it is called while another replica has the lease, too, with
    None, and once more when the process stops: for what goes on between two calls and must be wound up.
    """

    def __init__(self, name: str, every: float, *, always: bool = False) -> None:
        self._name = name
        self._every = every
        self._always = always
        self._stopping = Signal()
        super().__init__()

    def bind(self, container: Any, method_name: str) -> Tick:
        instance: Tick = super().bind(container, method_name)
        instance._stopping = Signal()
        return instance

    def stop(self) -> None:
        self.runtime.health.draining = True
        self._stopping.send(None)
        self._loop.wait()

    def loop(self) -> None:
        while not self._stopping.ready():
            if not self._once():
                with eventlet.Timeout(self._every, False):
                    self._stopping.wait()
        if self._always:
            self._once()
        try:
            self.runtime.leases.release(self._name)
        except DeskwireError as error:
            log.warning("could not give the lease back", lease=self._name, error=str(error))

    def _once(self) -> int:
        lease = self._acquire()
        if lease is None and not self._always:
            return 0
        done, fault = self.call(lease)
        if fault is not None:
            log.warning("the tick failed", tick=self._name, error=f"{type(fault).__name__}: {fault}"[:300])
            return 0
        return int(done or 0)

    def _acquire(self) -> Lease | None:
        try:
            return self.runtime.leases.acquire(self._name)
        except DeskwireError as error:
            log.warning("no lease", lease=self._name, error=str(error))
            return None


events = Events.decorator
tick = Tick.decorator
