"""Fakes that pass the same conformance suite as the real adapters, and makers of what tests need."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import bson
from bson.codec_options import CodecOptions

from shared.cause import Actor, Cause
from shared.clock import FixedClock
from shared.envelope import Envelope, decode
from shared.errors import Conflict
from shared.ids import SequentialIds, format_number
from shared.store import JOURNAL, Document, Writes
from shared.unit_of_work import UnitOfWork

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
_OPTIONS: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)


class MemoryStore:
    """A store in memory, with the promises of `shared.unit_of_work.Store`."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[str, Document]] = {}
        self._counters: dict[str, int] = {}

    def read(self, collection: str, keys: Collection[str]) -> list[Document]:
        rows = self.collections.get(collection, {})
        return [deepcopy(rows[key]) for key in keys if key in rows]

    def find(
        self,
        collection: str,
        where: Mapping[str, Any],
        *,
        limit: int = 1000,
        sort: str | None = None,
        after: Any = None,
        until: Any = None,
        fields: Collection[str] | None = None,
    ) -> list[Document]:
        rows = [row for row in self.collections.get(collection, {}).values() if _matches(row, where)]
        if sort is not None:
            rows = [row for row in rows if row.get(sort) is not None]
            rows = [row for row in rows if after is None or row[sort] > after]
            rows = [row for row in rows if until is None or row[sort] <= until]
            rows.sort(key=lambda row: row[sort])
        return deepcopy([row if fields is None else _with(row, fields) for row in rows[:limit]])

    def count(self, collection: str, where: Mapping[str, Any]) -> int:
        return sum(_matches(row, where) for row in self.collections.get(collection, {}).values())

    def commit(self, writes: Writes) -> None:
        for lease, token in writes.fences:
            if self.collections.get("leases", {}).get(lease, {}).get("token") != token:
                raise Conflict(f"the lease {lease} has another holder")
        self._check(writes)
        kept = list(_rows(writes))
        for collection, deletes in writes.deletes.items():
            for key in deletes:
                del self.collections[collection][key]
        for collection, key, row in kept:
            self.collections.setdefault(collection, {})[key] = row

    def reserve(self, counter: str, count: int) -> int:
        first = self._counters.get(counter, 1)
        self._counters[counter] = first + count
        return first

    def _check(self, writes: Writes) -> None:
        for collection, deletes in writes.deletes.items():
            for key, expected in deletes.items():
                self._expect(collection, key, expected)
        for collection, inserts in writes.inserts.items():
            freed = writes.deletes.get(collection, {})
            for key in inserts.keys() - freed.keys():
                if key in self.collections.get(collection, {}):
                    raise Conflict(f"{collection} has {key} already")
        for collection, updates in writes.updates.items():
            for key, (expected, _) in updates.items():
                self._expect(collection, key, expected)

    def _expect(self, collection: str, key: str, version: int) -> None:
        row = self.collections.get(collection, {}).get(key)
        if row is None or row["version"] != version:
            raise Conflict(f"{key} of {collection} is not at version {version}")


def _rows(writes: Writes) -> Iterator[tuple[str, str, Document]]:
    for collection, inserts in writes.inserts.items():
        yield from ((collection, key, _as_kept(row)) for key, row in inserts.items())
    for collection, updates in writes.updates.items():
        yield from ((collection, key, _as_kept(row)) for key, (_, row) in updates.items())


def _as_kept(row: Document) -> Document:
    """The row as MongoDB gives it back: instants in milliseconds, enums as their values, every sequence a list.

    Raises what the driver raises for what cannot be kept: integers over 64 bits, keys with a NUL, halves of a
    character, documents over 16 MiB.
    """
    body = bson.encode(row)
    if len(body) > MAX_DOCUMENT_BYTES:
        raise bson.InvalidDocument(f"{row['_id']} is longer than {MAX_DOCUMENT_BYTES} bytes")
    return bson.decode(body, _OPTIONS)


def _with(row: Document, fields: Collection[str]) -> Document:
    return {name: value for name, value in row.items() if name == "_id" or name in fields}


def _matches(row: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    for name, wanted in where.items():
        value = row.get(name)
        if isinstance(wanted, list | tuple | set | frozenset):
            values = value if isinstance(value, list) else [value]
            if not any(one in wanted for one in values):
                return False
        elif isinstance(value, list):
            if wanted not in value:
                return False
        elif value != wanted:
            return False
    return True


def make_instant(text: str = "2026-03-02T09:00:00+00:00") -> datetime:
    """An instant; the default is a Monday morning."""
    return datetime.fromisoformat(text).astimezone(UTC)


def make_actor(**overrides: Any) -> Actor:
    """An agent of level 1."""
    return Actor(**{"kind": "person", "id": "alice", "roles": frozenset({"agent"}), **overrides})


def make_cause(**overrides: Any) -> Cause:
    """A cause with an actor and a trail."""
    return Cause(**{"actor": make_actor(), "correlationid": "trail-1", **overrides})


def make_envelope(**overrides: Any) -> Envelope:
    """A valid event of a foreign sender."""
    fields = {"id": "1", "source": "/monitor", "type": "alert.firing", "time": make_instant(), "data": {}}
    return Envelope(**{**fields, **overrides})


def make_unit_of_work(store: MemoryStore | None = None, at: datetime | None = None) -> UnitOfWork:
    """A unit of work over memory, with a clock that stands and ids that count."""
    clock = FixedClock(at or make_instant())
    return UnitOfWork(store or MemoryStore(), clock, SequentialIds(), pause=lambda _: None)


class CountingNumbers:
    """Numbers that count up from one in each prefix."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def next(self, prefix: str) -> str:
        self._last[prefix] = self._last.get(prefix, 0) + 1
        return format_number(prefix, self._last[prefix])


def published(store: MemoryStore) -> list[Envelope]:
    """The events in a store's journal, in the order in which they were written."""
    rows = sorted(store.collections.get(JOURNAL, {}).values(), key=lambda row: row["_id"])
    return [decode(row["body"]) for row in rows]
