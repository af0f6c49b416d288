"""Verifying the audit: every row chained to its predecessor, every record to its last row, all heads to anchors.

What is found: a row that was changed (its hash), removed (the chain's gap; the last one: the record's head), or
inserted by hand (the count and the head); a record changed past the unit of work (its state's hash); and a row
removed together with a doctored head (the next anchor, whose digest also stands in the service's log).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from shared.clock import format_instant
from shared.storage import GENESIS, audit_hash, state_hash
from shared.store import AUDIT, JOURNAL, Document, Store
from shared.unit_of_work import Work

ANCHORS = "anchors"
WINDOW = 1000
BACKLOG = 5 * WINDOW
"""Journal rows of one anchor at most; as many do not wait for its time."""
ORPHANS = 5000
LOOKS = 3
"""How often a record with a fault is looked at again: it may be changing."""
ROW_FIELDS = frozenset({"record", "count", "version", "at", "actor", "changes", "state", "prev", "hash"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it was written. `record` is `<collection>:<number>`, or an anchor."""

    record: str
    fault: str


def verify_record(record: str, document: Mapping[str, Any] | None, rows: Sequence[Document]) -> Iterator[Finding]:
    """Check one record against its audit rows, given in any order. Yields nothing when all is well."""
    head, version = GENESIS, 0
    for expected, row in enumerate(sorted(rows, key=_count), start=1):
        if not row.keys() >= ROW_FIELDS:
            yield Finding(record=record, fault=f"audit row {expected} was not written by the house")
            return
        if row["count"] != expected:
            yield Finding(record=record, fault=f"audit row {expected} is missing")
            return
        if row["prev"] != head:
            yield Finding(record=record, fault=f"audit row {expected} does not follow its predecessor")
        if audit_hash(row) != row["hash"]:
            yield Finding(record=record, fault=f"audit row {expected} was changed")
        if row["version"] <= version:
            yield Finding(record=record, fault=f"audit row {expected} does not raise the version")
        head, version = row["hash"], row["version"]
    if document is None:
        yield Finding(record=record, fault="the record is gone")
        return
    audit = document["audit"]
    if not rows or audit["count"] != len(rows) or audit["head"] != head:
        yield Finding(record=record, fault=f"the record knows {audit['count']} audit rows, {len(rows)} are there")
    elif document["version"] != version or state_hash(document) != sorted(rows, key=_count)[-1]["state"]:
        yield Finding(record=record, fault="the record was changed past its audit")


def _count(row: Document) -> int:
    return int(row.get("count", 0))


def verify(store: Store, collections: Iterable[str]) -> Iterator[Finding]:
    """Check every record of a service, window by window, and every anchor."""
    for collection in collections:
        for documents in _windows(store, collection):
            records = {f"{collection}:{document['_id']}": document for document in documents}
            rows = _rows(store, list(records))
            for record, document in records.items():
                if any(verify_record(record, document, rows.get(record, []))):
                    yield from _verify_again(store, record)
    yield from _verify_orphans(store)
    yield from verify_anchors(store)


def _verify_again(store: Store, record: str) -> list[Finding]:
    """Look a second time: a record that is changed between reading it and its rows has no fault."""
    collection, _, key = record.partition(":")
    findings: list[Finding] = []
    for _ in range(LOOKS):
        rows = _rows(store, [record]).get(record, [])
        document = next(iter(store.read(collection, [key])), None)
        newer = document is not None and len(rows) < document["audit"]["count"]
        findings = list(verify_record(record, document, _rows(store, [record]).get(record, []) if newer else rows))
        if not findings:
            break
    return findings


def _windows(store: Store, collection: str) -> Iterator[list[Document]]:
    after = ""
    while True:
        documents = store.find(collection, {}, sort="key", after=after, limit=WINDOW)
        if not documents:
            return
        yield documents
        after = documents[-1]["key"]


def _rows(store: Store, records: Sequence[str]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for start in range(0, len(records), 50):
        for row in store.find(AUDIT, {"record": list(records[start : start + 50])}, limit=1_000_000):
            found.setdefault(row["record"], []).append(row)
    return found


def _verify_orphans(store: Store) -> Iterator[Finding]:
    """Audit rows whose record is gone, or was never there."""
    after = ""
    while rows := store.find(AUDIT, {}, sort="record", after=after, limit=ORPHANS):
        named: dict[str, list[str]] = {}
        for record in {str(row["record"]) for row in rows}:
            named.setdefault(record.partition(":")[0], []).append(record)
        for collection, records in sorted(named.items()):
            there = {row["_id"] for row in store.read(collection, [one.partition(":")[2] for one in records])}
            for record in sorted(one for one in records if one.partition(":")[2] not in there):
                yield Finding(record=record, fault="the record is gone")
        after = rows[-1]["record"]


def anchor(work: Work, now: datetime, *, every: timedelta = timedelta()) -> Document | None:
    """Write the next anchor: the heads of all records that changed since the last one, chained to it.

    While the last one is younger than `every` none is written, but for a long backlog.

    Reads the journal by position, so that it covers exactly the commits before it, and never what its events say.
    Returns None when nothing has changed. The caller writes the digest to its log as well: the copy that no database
    hand can reach.
    """
    last = _last_anchor(work.store)
    after = 0 if last is None else int(last["position"])
    if last is not None and now - last["at"] < every and not _has_row(work.store, after + BACKLOG):
        return None
    rows = work.store.find(
        JOURNAL, {}, sort="position", after=after, until=after + BACKLOG, limit=BACKLOG, fields=("position", "audit")
    )
    if not rows:
        return None
    heads: dict[str, tuple[int, str]] = {}
    for row in rows:
        if row["audit"] is not None:
            heads[row["audit"]["record"]] = (row["audit"]["count"], row["audit"]["hash"])
    prev = GENESIS if last is None else last["digest"]
    content: list[list[Any]] = [[key, count, head] for key, (count, head) in sorted(heads.items())]
    number = 1 if last is None else int(last["number"]) + 1
    document = {"number": number, "at": now, "position": rows[-1]["position"], "prev": prev, "heads": content}
    document["digest"] = _digest(document)
    work.append(ANCHORS, f"{number:09d}", document)
    return document


def _has_row(store: Store, position: int) -> bool:
    """Positions have no gap, so one row tells how many there are."""
    return bool(store.find(JOURNAL, {"position": position}, limit=1, fields=("position",)))


def verify_anchors(store: Store) -> Iterator[Finding]:
    """Check that the anchors chain and that every head in them still stands in the audit."""
    prev, number = GENESIS, 0
    for anchors in _windows(store, ANCHORS):
        for row in anchors:
            name = f"anchor:{row['number']}"
            number += 1
            if row["number"] != number or row["prev"] != prev or _digest(row) != row["digest"]:
                yield Finding(record=name, fault="the anchor does not follow its predecessor")
            keys = {f"{record}:{count}": (record, head) for record, count, head in row["heads"]}
            found = {one["_id"]: one["hash"] for one in store.read(AUDIT, list(keys))}
            for key, (record, head) in keys.items():
                if found.get(key) != head:
                    yield Finding(record=record, fault=f"audit row {key.rpartition(':')[2]} is not as {name} saw it")
            prev = row["digest"]


def _last_anchor(store: Store) -> Document | None:
    """The one with the highest number. Numbers have no gap, so it is found by halving."""

    def read(number: int) -> Document | None:
        found = store.find(ANCHORS, {"_id": f"{number:09d}"}, limit=1, fields=("number", "at", "position", "digest"))
        return next(iter(found), None)

    low, last = 0, None
    step = 1
    while (found := read(low + step)) is not None:
        low, last, step = low + step, found, step * 2
    while step > 1:
        step //= 2
        if (found := read(low + step)) is not None:
            low, last = low + step, found
    return last


def _digest(anchor: Mapping[str, Any]) -> str:
    """Over all that the anchor says: a doctored position would make the next one pass over what lies between."""
    said = [anchor["number"], format_instant(anchor["at"]), anchor["position"], anchor["prev"], anchor["heads"]]
    return hashlib.sha256(orjson.dumps(said)).hexdigest()
