"""What is in the databases, the queues and the sinks: read once, as plain rows, for the invariants to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from shared.audit import verify
from shared.deadletter import DeadLetter
from shared.mongo import MongoStore
from shared.relaying import unsent
from tests.faults.sinks import Call
from tests.faults.stage import Stage

Row = Mapping[str, Any]
Rows = Sequence[Row]

RECORDS: Mapping[str, str] = {
    "incident": "incidents",
    "problem": "problems",
    "change": "changes",
    "sla": "clocks",
    "notify": "deliveries",
}
"""Which collection holds the records of a service that has some."""

_DETAILS: Mapping[str, tuple[str, ...]] = {
    "incident": ("occurrences", "open_alerts", "external_refs", "waiting_actions"),
    "sla": ("cases",),
}
_JOURNAL = {"type": 1, "subject": 1, "sequence": 1, "position": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Rows by service, and by collection where a service has several. `live` are events that may notify somebody."""

    journals: Mapping[str, Rows]
    unsent: Mapping[str, Rows]
    inboxes: Mapping[str, frozenset[str]]
    records: Mapping[str, Rows]
    details: Mapping[str, Rows]
    live: Rows
    told: Rows
    letters: Sequence[DeadLetter]
    queues: Mapping[str, int]
    calls: Sequence[Call]
    audit: Sequence[str] = field(default=())


def observe(stage: Stage, *, audit: bool) -> Observed:
    """Read everything. With `audit` the chains of all records are verified, too, which takes longest."""
    house = stage.house
    with house.client() as client:
        databases = {name: client[f"{house.prefix}{name}"] for name in house.services}
        journals = {name: list(one["journal"].find({}, _JOURNAL)) for name, one in databases.items()}
        bodies = [body for name in ("incident", "sla", "change") for body in _bodies(databases[name])]
        findings = []
        if audit:
            for name, collection in RECORDS.items():
                store = MongoStore(databases[name])
                findings += [f"{name}: {one.record}: {one.fault}" for one in verify(store, [collection])]
        return Observed(
            journals=journals,
            unsent={name: unsent(one) for name, one in databases.items()},
            inboxes={
                name: frozenset(row["_id"] for row in one["inbox"].find({}, {"_id": 1}))
                for name, one in databases.items()
            },
            records={name: list(databases[name][collection].find({})) for name, collection in RECORDS.items()},
            details={
                collection: list(databases[name][collection].find({}))
                for name, collections in _DETAILS.items()
                for collection in collections
            },
            live=[body for body in bodies if not body["backfill"]],
            told=[body for body in bodies if body["source"] == "/sla"],
            letters=stage.dead_letters(),
            queues=house.queue_lengths(),
            calls=stage.sinks.calls.snapshot(),
            audit=findings,
        )


def _bodies(database: Any) -> list[Row]:
    return [orjson.loads(row["body"]) for row in database["journal"].find({}, {"body": 1})]
