"""The relay: gives journal rows their position, publishes them, marks them sent. At least once, never zero times.

A plain process without eventlet, one for all services of a machine (`python -m shared.relay`) or one for each
(`python -m shared.relay incident`). Each service's journal has one relay at a time, by lease; positions are given by
compare-and-set in a transaction, so that even two holders for a moment cannot give one twice or leave a gap. A crash
between publish and mark publishes again; consumers drop the copy.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from pymongo import UpdateOne
from pymongo.database import Database

from shared import logs, metrics
from shared.clock import Clock, SystemClock
from shared.config import Settings, SettingsError
from shared.envelope import Lane
from shared.errors import Conflict, DeskwireError, Unavailable
from shared.health import Health, OpsServer
from shared.lease import LEASES, Lease, Leases
from shared.mongo import POSITIONS, MongoStore, connect, translated
from shared.publisher import Message, Outcome, Publisher
from shared.schema import missing
from shared.storage import PARKED, POSITIONED, SENT, UNSENT
from shared.topology import Topology, catalogue, events_exchange, house, routing_key
from shared.unit_of_work import JOURNAL, Document

log = logs.get(__name__)

BATCH = 500
POSITIONED_AHEAD = 10
GAUGE_SECONDS = 2.0
IDLE_SECONDS = 5.0
UNCONSUMED_SECONDS = 0.25
"""How often a journal is looked at whose events no queue takes: nobody waits for them, and each look that finds some
costs the database two commits."""
PARKED_RETRY_SECONDS = 30.0
NACKED_RETRY_SECONDS = 1.0
"""How long a lane rests after a full queue refused: other queues of the same events get a copy at each attempt."""


def order(rows: Sequence[Document]) -> list[Document]:
    """The order in which rows get their positions: by id, which rises with time, and by version within a record.

    Clocks of two replicas may differ by a moment; a record's own versions never come out of order for that.
    """
    by_id = sorted(rows, key=lambda row: row["_id"])
    versions: dict[str, list[Document]] = {}
    for row in sorted(by_id, key=lambda row: row["sequence"], reverse=True):
        versions.setdefault(row["subject"], []).append(row)
    return [versions[row["subject"]].pop() for row in by_id]


class Relay:
    """Relays the journal of one service."""

    def __init__(
        self,
        service: str,
        database: Database[Document],
        publisher: Publisher,
        topology: Topology,
        clock: Clock,
        leases: Leases,
    ) -> None:
        self.service = service
        self._journal = database[JOURNAL]
        self._database = database
        self._store = MongoStore(database)
        self._publisher = publisher
        self._topology = topology
        bound = {exchange for queue in topology.queues for exchange, _ in queue.bindings}
        self.consumed = events_exchange(service) in bound
        self._clock = clock
        self._leases = leases
        self._looked_at = datetime.min.replace(tzinfo=clock.now().tzinfo)
        self._parked_at = clock.now()
        # True at the start: an earlier relay may have stopped between giving positions and publishing.
        self._backlog = True
        self._prepared = False
        # The next position; 0 when it must be read, because a transaction may or may not have moved it.
        self._next = 0
        self._resting: dict[Lane, datetime] = {}
        self.fault: str | None = "has not run yet"

    def turn(self) -> int:
        """One turn: position what is new, publish what is positioned. Returns how many rows the broker confirmed.

        Raises Unavailable when database or broker are; nothing is lost by it.
        """
        if not self._prepared:
            self._prepare()
        lease = self._leases.acquire("relay")
        if lease is None:
            self.fault = None
            return 0
        with translated():
            fresh = self._position(lease)
            # Under a backlog all that is new gets its position first, so that nothing urgent waits behind the rest.
            turns = 1
            while len(fresh) == turns * BATCH and turns < POSITIONED_AHEAD:
                fresh += self._position(lease)
                turns += 1
            sent = self._send(self._not_resting(fresh)) if len(fresh) < BATCH else 0
            if self._backlog or len(fresh) >= BATCH:
                sent += self._send_backlog()
            self._measure()
        self.fault = None
        return sent

    def _prepare(self) -> None:
        """Wait for the service's collections: a transaction must not make them."""
        absent = missing(self._database)
        if absent:
            raise Unavailable(f"{self.service} has not made its collections yet: {', '.join(sorted(absent))}")
        self._store.end_abandoned()
        self._prepared = True

    def _position(self, lease: Lease) -> list[Document]:
        """Give the next unsent rows their positions, and return them in that order."""
        rows = order(list(self._journal.find({"state": UNSENT}, limit=BATCH)))
        if not rows:
            return []
        first = self._next or self._read_next()
        for offset, row in enumerate(rows):
            row["position"] = first + offset
        updates = [
            UpdateOne({"_id": row["_id"]}, {"$set": {"position": row["position"], "state": POSITIONED}}) for row in rows
        ]
        # What is positioned and not sent is looked for, should anything fail from here on.
        self._backlog, backlog, self._next = True, self._backlog, 0
        with self._store.transaction() as session:
            held = {"key": lease.name, "token": lease.token}
            if not self._database[LEASES].update_one(held, {"$inc": {"used": 1}}, session=session).matched_count:
                raise Conflict("the relay's lease has another holder")
            moved = self._database[POSITIONS].update_one(
                {"key": JOURNAL, "next": first}, {"$set": {"next": first + len(rows)}}, session=session
            )
            if not moved.matched_count:
                raise Conflict("another relay gave these positions")
            self._journal.bulk_write(updates, ordered=False, session=session)
        self._backlog, self._next = backlog, first + len(rows)
        return rows

    def _read_next(self) -> int:
        found = self._database[POSITIONS].find_one({"_id": JOURNAL})
        if found is None:
            found = {"_id": JOURNAL, "key": JOURNAL, "next": 1}
            self._database[POSITIONS].insert_one(found)
        return int(found["next"])

    def _not_resting(self, rows: Sequence[Document]) -> list[Document]:
        """Rows of lanes that no full queue holds up; the others wait with those before them."""
        return [row for row in rows if Lane(row["lane"]) not in self._resting]

    def _send_backlog(self) -> int:
        """Publish a batch of each lane from what is positioned and not sent, the urgent lane first."""
        now, sent = self._clock.now(), 0
        for lane in Lane:
            if self._resting.get(lane, now) <= now:
                self._resting.pop(lane, None)
                rows = list(self._journal.find({"state": POSITIONED, "lane": int(lane)}, limit=BATCH))
                sent += self._send(sorted(rows, key=lambda row: int(row["position"])))
        self._backlog = sent > 0 or bool(self._resting)
        return sent

    def _send(self, rows: Sequence[Document]) -> int:
        """Publish rows that have their positions, the urgent lane first. What a full queue refused is tried again."""
        rows = sorted(rows, key=lambda row: int(row["lane"]))
        if not rows:
            return 0
        self._backlog, backlog = True, self._backlog
        outcomes = self._publisher.publish([self._message(row) for row in rows])
        found: dict[Outcome, list[str]] = {outcome: [] for outcome in Outcome}
        for row, outcome in zip(rows, outcomes, strict=True):
            found[outcome].append(row["_id"])
            if outcome is Outcome.NACKED:
                self._resting[Lane(row["lane"])] = self._clock.now() + timedelta(seconds=NACKED_RETRY_SECONDS)
        self._mark(found[Outcome.CONFIRMED], SENT)
        if found[Outcome.RETURNED]:
            log.error("no queue takes these events", events=len(found[Outcome.RETURNED]))
            self._mark(found[Outcome.RETURNED], PARKED)
        if found[Outcome.NACKED]:
            log.warning("a queue is full", events=len(found[Outcome.NACKED]))
        self._backlog = backlog or bool(self._resting)
        metrics.JOURNAL_PUBLISHED.labels(service=self.service).inc(len(found[Outcome.CONFIRMED]))
        return len(found[Outcome.CONFIRMED])

    def _message(self, row: Document) -> Message:
        exchange = events_exchange(self.service)
        key = routing_key(row["type"], Lane(row["lane"]))
        return Message(
            exchange=exchange,
            routing_key=key,
            body=bytes(row["body"]),
            message_id=row["_id"],
            mandatory=self._topology.has_binding(exchange, key),
        )

    def _mark(self, ids: Sequence[str], state: int) -> None:
        if ids:
            self._journal.update_many({"_id": {"$in": list(ids)}}, {"$set": {"state": state}})

    def _measure(self) -> None:
        """Gauges every two seconds, and another try for parked rows every half minute: a queue may be back."""
        now = self._clock.now()
        if now - self._looked_at < timedelta(seconds=GAUGE_SECONDS):
            return
        self._looked_at = now
        waiting = list(self._journal.find({"state": {"$in": [UNSENT, POSITIONED]}}, {"at": 1}, limit=20_000))
        oldest = min((row["at"] for row in waiting), default=now)
        metrics.JOURNAL_UNSENT.labels(service=self.service).set(len(waiting))
        metrics.JOURNAL_OLDEST.labels(service=self.service).set(max(0.0, (now - oldest).total_seconds()))
        parked = [row["_id"] for row in self._journal.find({"state": PARKED}, {"_id": 1}, limit=BATCH)]
        metrics.JOURNAL_PARKED.labels(service=self.service).set(len(parked))
        if parked and now - self._parked_at > timedelta(seconds=PARKED_RETRY_SECONDS):
            self._parked_at = now
            self._mark(parked, POSITIONED)
            self._backlog = True

    def stop(self) -> None:
        """Give the lease back, so that another relay goes on at once."""
        self._leases.release("relay")


def make(service: str, settings: Settings, clock: Clock) -> Relay:
    """The relay of one service with its connections."""
    database = connect(settings.mongodb_uri, f"{settings.database_prefix}{service}", f"relay-{service}")
    holder = f"{socket.gethostname()}:{os.getpid()}:relay"
    leases = Leases(MongoStore(database), clock, holder, span=timedelta(seconds=5))
    publisher = Publisher(settings.amqp_uri)
    return Relay(service, database, publisher, house(settings.retry_ladder), clock, leases)


def _work(relay: Relay, settings: Settings, stopping: threading.Event) -> None:
    poll = settings.relay_poll_seconds if relay.consumed else max(UNCONSUMED_SECONDS, settings.relay_poll_seconds)
    pause = poll
    idle = 0.0
    while not stopping.is_set():
        try:
            sent = relay.turn()
            # A desk at rest is looked at less often: an event after a pause waits up to a tenth of a second.
            idle = 0.0 if sent else idle + pause
            pause = poll if idle < IDLE_SECONDS else max(0.1, poll)
        except Conflict:
            sent = 0
        except Unavailable as error:
            sent, pause = 0, min(max(pause, 0.1) * 2, 2.0)
            relay.fault = str(error)
            log.warning("cannot relay", of=relay.service, error=str(error))
        except Exception as error:
            sent, pause = 0, 2.0
            relay.fault = f"{type(error).__name__}: {error}"[:300]
            log.exception("cannot relay", of=relay.service)
        if not sent:
            stopping.wait(pause)
    try:
        relay.stop()
    except DeskwireError as error:
        log.warning("could not give the lease back", of=relay.service, error=str(error))


def main(arguments: Sequence[str]) -> int:
    """Relay the journals of the named services, or of all, until told to stop."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        print(f"deskwire relay: {error.message}", file=sys.stderr)
        return 78
    logs.configure("relay", level=settings.log_level, fmt=settings.log_format)
    clock = SystemClock()
    services = list(arguments) or [one.service for one in catalogue() if one.publishes]
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    health = Health()
    OpsServer(health, settings.ops_host, settings.ops_port).start()
    threads = []
    for relay in (make(service, settings, clock) for service in services):
        health.register(relay.service, lambda relay=relay: relay.fault)  # type: ignore[misc]
        threads.append(threading.Thread(target=_work, args=(relay, settings, stopping), name=relay.service))
        threads[-1].start()
    log.info("started", services=services)
    for thread in threads:
        thread.join()
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
