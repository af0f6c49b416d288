"""Rows of the conformance suite, the collections that they stand in, and how they are put into a store."""

from __future__ import annotations

from typing import Any

from shared.clock import FixedClock
from shared.documents import Versioned
from shared.ids import SystemIds
from shared.schema import backbone, ensure, own
from shared.store import Document, Store, Writes
from shared.testing import make_instant
from shared.unit_of_work import UnitOfWork

ALIAS = "conformance"


class ThingDocument(Versioned):
    meta = {  # noqa: RUF012
        "collection": "things",
        "db_alias": ALIAS,
        "indexes": ["key", "title", "rank", "tags", ("title", "rank")],
    }


class ClaimDocument(Versioned):
    meta = {"collection": "claims", "db_alias": ALIAS}  # noqa: RUF012


def make_unit(store: Store) -> UnitOfWork:
    return UnitOfWork(store, FixedClock(make_instant()), SystemIds(), pause=lambda _: None)


def make_row(key: str, version: int = 1, **fields: Any) -> Document:
    return {"_id": key, "key": key, "version": version, **fields}


def insert(store: Store, *rows: Document, collection: str = "things") -> None:
    store.commit(Writes(inserts={collection: {row["_id"]: row for row in rows}}))


def update(key: str, expected: int, **fields: Any) -> Writes:
    return Writes(updates={"things": {key: (expected, make_row(key, expected + 1, **fields))}})


def things(store: Store, *keys: str) -> dict[str, Document]:
    return {row["_id"]: row for row in store.read("things", list(keys) or ["a", "b", "c"])}


def prepare(database: Any) -> int:
    return ensure(database, {**backbone(inbox_days=30, journal_days=400), **own([ThingDocument, ClaimDocument])})
