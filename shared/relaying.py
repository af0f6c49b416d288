"""How the journal of one service is relayed: each row gets its position, is published, and is behind the marks then.

Rows are written twice at most: when they are stored, and when they get their position. How far each lane is published
stands in one document beside the next position, and is stored with the next positions given; a crash publishes what
came after that again, and consumers drop the copies. Positions are given by compare-and-set in a transaction, so that
even two holders of the lease for a moment cannot give one twice or leave a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta

from pymongo import UpdateOne
from pymongo.database import Database

from shared import logs, metrics
from shared.clock import Clock
from shared.envelope import Lane
from shared.errors import Conflict, Unavailable
from shared.lease import LEASES, Lease, Leases
from shared.marks import FIRST, Marks, order
from shared.mongo import POSITIONS, MongoStore, translated
from shared.posting import Posting
from shared.publisher import Outcome, Publisher
from shared.schema import missing
from shared.store import JOURNAL, PARKED, Document
from shared.topology import Topology, events_exchange

log = logs.get(__name__)

BATCH = 500
POSITIONED_AHEAD = 10
READ = 50
"""Rows that come from the database at a time: a batch of large ones is not read to be thrown away."""
MOST_MOVED = 1024 * 1024
"""Bytes of the bodies that get their positions in one transaction (shared.weight); one row in any case."""
MOST_AHEAD = 16 * 1024 * 1024
"""Bytes of bodies that are positioned before any of them is published: they are in memory meanwhile."""
LOOK = timedelta(seconds=2)
REST = timedelta(milliseconds=100)
"""How long marks may be behind while nothing comes; they are stored with the next positions otherwise."""
MARKED_BEHIND = 2000
"""How many published rows a crash may publish again at most."""
NACKED_RETRY = timedelta(seconds=1)
"""How long a lane rests after a full queue refused: other queues of the same events get a copy at each attempt."""


def unsent(database: Database[Document]) -> list[Document]:
    """Rows that the broker has not confirmed, as far as the stored marks say: those without a position come first."""
    rows = list(database[JOURNAL].find({"position": None}))
    head = database[POSITIONS].find_one({"_id": JOURNAL}) or FIRST
    for lane in Lane:
        window = {"$gt": head["sent"][str(int(lane))], "$lt": head["next"]}
        rows += database[JOURNAL].find({"lane": int(lane), "position": window})
    ids = [row["_id"] for row in database[PARKED].find({})]
    return rows + list(database[JOURNAL].find({"_id": {"$in": ids}}))


def _bytes(rows: Sequence[Document]) -> int:
    return sum(len(row["body"]) for row in rows)


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
        self._posting = Posting(service, database, publisher, topology, clock)
        bound = {exchange for queue in topology.queues for exchange, _ in queue.bindings}
        self.consumed = events_exchange(service) in bound
        self._clock = clock
        self._leases = leases
        self._prepared = False
        self._token = 0
        # The next position; 0 when it must be read, because a transaction may or may not have moved it.
        self._next = 0
        self._more = False
        self._marks = Marks(FIRST["sent"])
        self._stored = self._marks.document()
        self._marked_at = clock.now()
        self._looked_at = datetime.min.replace(tzinfo=self._marked_at.tzinfo)
        self._resting: dict[Lane, datetime] = {}
        self.commits = self._store.commits
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
            if lease.token != self._token:
                # Another relay may have moved the marks meanwhile.
                self._next, self._token = 0, lease.token
            if not self._next:
                self._read()
            fresh = self._position(lease)
            # Under a backlog all that is new gets its position first, so that nothing urgent waits behind the rest.
            while self._more and len(fresh) < POSITIONED_AHEAD * BATCH and _bytes(fresh) < MOST_AHEAD:
                fresh += self._position(lease)
            sent = self._send(fresh) + self._posting.retry_parked()
            if not fresh:
                self._mark(lease, at_once=False)
            self._measure()
        self.fault = None
        return sent

    def stop(self) -> None:
        """Store the marks and give the lease back, so that another relay goes on at once."""
        lease = self._leases.acquire("relay") if self._prepared else None
        if lease is not None and self._next and lease.token == self._token:
            with translated():
                self._mark(lease, at_once=True)
        self._leases.release("relay")

    def _prepare(self) -> None:
        """Wait for the service's collections: a transaction must not make them."""
        absent = missing(self._database)
        if absent:
            raise Unavailable(f"{self.service} has not made its collections yet: {', '.join(sorted(absent))}")
        self._store.end_abandoned()
        self._prepared = True

    def _read(self) -> None:
        found = self._database[POSITIONS].find_one({"_id": JOURNAL})
        if found is None:
            self._database[POSITIONS].insert_one(dict(FIRST))
            found = FIRST
        stored = Marks(found["sent"])
        if any(stored.sent[lane] > self._marks.sent[lane] for lane in Lane):
            self._marks = stored
        self._stored, self._next = stored.document(), int(found["next"])

    def _position(self, lease: Lease) -> list[Document]:
        """Give the next rows their positions, and return them in that order.

        Up to a batch of them, and as many as one transaction may hold: to the database a row that gets its position
        is a row written anew.
        """
        rows: list[Document] = []
        weight = 0
        with closing(self._journal.find({"position": None}, limit=BATCH, batch_size=READ)) as found:
            for row in found:
                weight += len(row["body"])
                if rows and weight > MOST_MOVED:
                    break
                rows.append(row)
        self._more = weight > MOST_MOVED or len(rows) == BATCH
        if not rows:
            return []
        rows = order(rows)
        first = self._next
        for offset, row in enumerate(rows):
            row["position"] = first + offset
        self._move(lease, [UpdateOne({"_id": row["_id"]}, {"$set": {"position": row["position"]}}) for row in rows])
        return rows

    @property
    def resting(self) -> bool:
        """Whether a lane waits for room in a queue."""
        return bool(self._resting)

    @property
    def behind(self) -> int:
        """How many positions the stored marks are behind."""
        return sum(position - self._stored[lane] for lane, position in self._marks.document().items())

    def _mark(self, lease: Lease, *, at_once: bool) -> None:
        """Store how far each lane is published, once nothing has come for a moment or much has been."""
        now, behind = self._clock.now(), self.behind
        if not behind:
            self._marked_at = now
        elif at_once or behind > MARKED_BEHIND or now - self._marked_at >= REST:
            self._move(lease, [])

    def _move(self, lease: Lease, updates: Sequence[UpdateOne]) -> None:
        """Write positions and marks in one transaction, if lease and next position are still what they were."""
        first, marks = self._next, self._marks.document()
        following, self._next = first + len(updates), 0
        with self._store.transaction(f"the positions of {len(updates)} events in the journal") as session:
            held = {"key": lease.name, "token": lease.token}
            if not self._database[LEASES].update_one(held, {"$inc": {"used": 1}}, session=session).matched_count:
                raise Conflict("the relay's lease has another holder")
            moved = self._database[POSITIONS].update_one(
                {"key": JOURNAL, "next": first}, {"$set": {"next": following, "sent": marks}}, session=session
            )
            if not moved.matched_count:
                raise Conflict("another relay gave these positions")
            if updates:
                self._journal.bulk_write(list(updates), ordered=False, session=session)
        self._next, self._stored, self._marked_at = following, marks, self._clock.now()

    def _send(self, fresh: Sequence[Document]) -> int:
        """Publish what is positioned, the urgent lane first: from memory where nothing else waits in the lane."""
        now, sent = self._clock.now(), 0
        due: list[Document] = []
        until: dict[Lane, int] = {}
        for lane in Lane:
            if self._marks.sent[lane] >= self._next - 1 or self._resting.get(lane, now) > now:
                continue
            self._resting.pop(lane, None)
            rows, until[lane] = self._waiting(lane, fresh)
            due += [row for row in rows if not self._marks.done(row)]
        found = self._posting.publish(due)
        for lane, end in until.items():
            mine = [row for row in due if Lane(row["lane"]) is lane]
            refused = [row for row in mine if found[row["_id"]] is Outcome.NACKED]
            if refused:
                log.warning("a queue is full", events=len(refused), lane=lane.label)
                self._resting[lane] = self._clock.now() + NACKED_RETRY
            positions = [int(row["position"]) for row in mine if found[row["_id"]] is not Outcome.NACKED]
            self._marks.settle(lane, positions, [int(row["position"]) for row in refused], end)
            sent += sum(found[row["_id"]] is Outcome.CONFIRMED for row in mine)
        return sent

    def _waiting(self, lane: Lane, fresh: Sequence[Document]) -> tuple[list[Document], int]:
        """The next rows of a lane in order of position, and the position up to which they are all of them."""
        first, last = self._marks.sent[lane] + 1, self._next - 1
        if fresh and first >= int(fresh[0]["position"]):
            rows = [row for row in fresh if Lane(row["lane"]) is lane]
        else:
            rows = []
            while not rows and first <= last:
                window = {"$gte": first, "$lt": first + BATCH}
                rows = list(self._journal.find({"lane": int(lane), "position": window}))
                first += BATCH
            last = min(last, first - 1)
        rows = sorted(rows, key=lambda row: int(row["position"]))
        return (rows, last) if len(rows) <= BATCH else (rows[:BATCH], int(rows[BATCH - 1]["position"]))

    def _measure(self) -> None:
        """Gauges, now and then."""
        now = self._clock.now()
        if now - self._looked_at < LOOK:
            return
        self._looked_at = now
        waiting = list(self._journal.find({"position": None}, {"at": 1}, limit=20_000))
        for lane in Lane:
            if self._marks.sent[lane] < self._next - 1:
                window = {"$gt": self._marks.sent[lane], "$lt": min(self._next, self._marks.sent[lane] + 20_000)}
                waiting += self._journal.find({"lane": int(lane), "position": window}, {"at": 1})
        oldest = min((row["at"] for row in waiting), default=now)
        metrics.JOURNAL_UNSENT.labels(service=self.service).set(len(waiting))
        metrics.JOURNAL_OLDEST.labels(service=self.service).set(max(0.0, (now - oldest).total_seconds()))
        metrics.JOURNAL_PARKED.labels(service=self.service).set(len(list(self._database[PARKED].find({}, {"_id": 1}))))
