"""What is in the databases, the queues and the sinks: read once, as plain rows, for the invariants to judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from pymongo.database import Database

from shared.audit import verify
from shared.deadletter import DeadLetter
from shared.mongo import POSITIONS, MongoStore
from shared.relaying import unsent
from shared.store import JOURNAL
from tests.faults.sinks import Call
from tests.faults.stage import Stage

Row = Mapping[str, Any]
Rows = Sequence[Row]
Databases = Mapping[str, Database[Any]]
"""By service."""
Seen = TypeVar("Seen")

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
    """Read everything. With `audit` the chains of all records are verified, too, which takes longest.

    A clock may come due while this reads, and its event would then be in one collection and not yet in another: what
    was read while a journal moved is read again.
    """
    house = stage.house
    with house.client() as client:
        databases = {name: client[f"{house.prefix}{name}"] for name in house.services}
        return steady(lambda: _read(stage, databases, audit), lambda: _journal_ends(databases))


def steady(read: Callable[[], Seen], mark: Callable[[], object], times: int = 10) -> Seen:
    """What `read` returns while `mark` stays the same; after so many times what came last."""
    before = mark()
    for _ in range(times):
        seen = read()
        after = mark()
        if before == after:
            break
        before = after
    return seen


def _journal_ends(databases: Databases) -> object:
    """How many rows each journal has, and how far it is positioned and published."""
    return {
        name: (one[JOURNAL].count_documents({}), one[POSITIONS].find_one({"_id": JOURNAL}))
        for name, one in databases.items()
    }


def _read(stage: Stage, databases: Databases, audit: bool) -> Observed:
    journals = {name: list(one[JOURNAL].find({}, _JOURNAL)) for name, one in databases.items()}
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
            name: frozenset(row["_id"] for row in one["inbox"].find({}, {"_id": 1})) for name, one in databases.items()
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
        queues=stage.house.queue_lengths(),
        calls=stage.sinks.calls.snapshot(),
        audit=findings,
    )


def _bodies(database: Any) -> list[Row]:
    return [orjson.loads(row["body"]) for row in database[JOURNAL].find({}, {"body": 1})]
