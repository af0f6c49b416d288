"""Publishing journal rows as messages; what no queue takes is parked, so that it holds up no other, and tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from pymongo.database import Database

from shared import logs, metrics
from shared.clock import Clock
from shared.envelope import Lane
from shared.publisher import Message, Outcome, Publisher
from shared.store import JOURNAL, PARKED, Document
from shared.topology import Topology, events_exchange, routing_key

log = logs.get(__name__)

MOST = 500
"""How many parked rows one attempt takes."""
PARKED_RETRY = timedelta(seconds=30)


class Posting:
    """Publishes the rows of one service's journal."""

    def __init__(
        self, service: str, database: Database[Document], publisher: Publisher, topology: Topology, clock: Clock
    ) -> None:
        self._service = service
        self._database = database
        self._journal = database[JOURNAL]
        self._publisher = publisher
        self._topology = topology
        self._clock = clock
        self._parked_at = clock.now()

    def publish(self, rows: Sequence[Document]) -> dict[str, Outcome]:
        """Publish rows; what no queue takes is parked before anything is marked."""
        if not rows:
            return {}
        outcomes = self._publisher.publish([self._message(row) for row in rows])
        found = {row["_id"]: outcome for row, outcome in zip(rows, outcomes, strict=True)}
        returned = [row["_id"] for row in rows if found[row["_id"]] is Outcome.RETURNED]
        if returned:
            log.error("no queue takes these events", events=len(returned))
            for one in returned:
                self._database[PARKED].update_one({"_id": one}, {"$set": {"key": one}}, upsert=True)
        confirmed = sum(outcome is Outcome.CONFIRMED for outcome in outcomes)
        metrics.JOURNAL_PUBLISHED.labels(service=self._service).inc(confirmed)
        return found

    def retry_parked(self) -> int:
        """Try again every half minute what no queue took: one may be there now."""
        if self._clock.now() - self._parked_at <= PARKED_RETRY:
            return 0
        self._parked_at = self._clock.now()
        ids = [row["_id"] for row in self._database[PARKED].find({}, limit=MOST)]
        if not ids:
            return 0
        found = self.publish(list(self._journal.find({"_id": {"$in": ids}})))
        taken = [one for one, outcome in found.items() if outcome is Outcome.CONFIRMED]
        self._database[PARKED].delete_many({"_id": {"$in": taken}})
        return len(taken)

    def _message(self, row: Document) -> Message:
        exchange = events_exchange(self._service)
        key = routing_key(row["type"], Lane(row["lane"]))
        return Message(
            exchange=exchange,
            routing_key=key,
            body=bytes(row["body"]),
            message_id=row["_id"],
            mandatory=self._topology.has_binding(exchange, key),
        )
