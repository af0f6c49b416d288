"""Records and where they are kept: the repository over any store, with journal and audit written beside the state.

A record is a frozen dataclass of its service's domain. What the repository adds is the version, the head of the
audit chain and the envelope of each event; the domain knows none of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson
from cattrs.preconf.bson import make_converter

from shared.cause import Cause
from shared.clock import format_instant
from shared.envelope import Envelope, Lane, encode
from shared.errors import NotFound, VersionMismatch
from shared.event import Event
from shared.store import AUDIT, JOURNAL, Document
from shared.unit_of_work import Work

S = TypeVar("S")

_converter = make_converter()
_converter.register_structure_hook(datetime, lambda value, _: value)
_converter.register_unstructure_hook(datetime, lambda value: value)


def to_document(state: Any) -> Document:
    """A frozen dataclass as a document: enums by value, tuples as lists, instants as they are."""
    return _converter.unstructure(state)  # type: ignore[no-any-return]


def from_document(kind: type[S], document: Mapping[str, Any]) -> S:
    """The dataclass that `to_document` wrote. Fields that the class no longer has are ignored."""
    return _converter.structure(document, kind)


GENESIS = "0" * 64
"""The hash before a record's first audit row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Generic[S]):
    """A record as it was read: its state, its version and the head of its audit chain."""

    key: str
    version: int
    state: S
    head: str
    audits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Generic[S]):
    """How one kind of record is kept and shown.

    `snapshot(key, version, state)` gives the public snapshot: plain JSON values, no text of a private note.
    `lane(state)` and `restricted(state)` mark the record's events.
    """

    service: str
    collection: str
    kind: type[S]
    snapshot: Callable[[str, int, S], Document]
    lane: Callable[[S], Lane]
    restricted: Callable[[S], bool] = lambda _: False
    published: bool = True
    """False for what the house keeps account of but tells nobody: it has an audit and no journal."""


RESTRICTED_FIELDS = ("number", "version", "state", "priority")
"""What a restricted record's snapshot holds, and nothing else."""


class Repository(Generic[S]):
    """Reads and writes records of one kind inside a block of the unit of work."""

    def __init__(self, shape: Shape[S]) -> None:
        self.shape = shape

    def get(self, work: Work, key: str, *, expected_version: int | None = None) -> Stored[S]:
        """The record. Raises NotFound, and VersionMismatch when the caller expected another version."""
        stored = self.get_many(work, [key]).get(key)
        if stored is None:
            raise NotFound(f"there is no record {key}", pointer="/number")
        if expected_version is not None and expected_version != stored.version:
            message = f"{key} is at version {stored.version}, not {expected_version}"
            raise VersionMismatch(message, pointer="/expected_version")
        return stored

    def get_many(self, work: Work, keys: Collection[str]) -> dict[str, Stored[S]]:
        """The records with these keys, in one read; missing ones are left out."""
        return {key: self._stored(row) for key, row in work.load(self.shape.collection, keys).items()}

    def find(
        self, work: Work, where: Mapping[str, Any], *, limit: int = 1000, sort: str | None = None, after: Any = None
    ) -> list[Stored[S]]:
        """Records whose indexed fields equal `where`, as the block sees them (a match may have changed in it).

        With `sort` they come in its ascending order, and `after < field` holds for it.
        """
        found = work.store.find(self.shape.collection, where, limit=limit, sort=sort, after=after)
        return [self._stored(row) for row in work.adopt(self.shape.collection, found)]

    def save(
        self, work: Work, stored: Stored[S] | None, state: S, events: Sequence[Event], cause: Cause, *, key: str = ""
    ) -> Stored[S]:
        """Write the new state with the events that led to it, one journal row each, and one audit row.

        Without events nothing is written: a record changes only by an event. `stored` is None and `key` is given
        for a new record. Every event raises the version by one and carries the snapshot after the last of them.
        """
        if not events:
            if stored is None:
                raise ValueError("a new record needs the event that made it")
            return stored
        before = stored or Stored(key=key, version=0, state=state, head=GENESIS, audits=0)
        version = before.version + len(events)
        content = {**to_document(state), "version": version}
        row = self._audit(before, version, events, cause, state_hash(content))
        work.append(AUDIT, f"{self.shape.collection}:{before.key}:{row['count']}", row)
        for offset, event in enumerate(events if self.shape.published else (), start=1):
            self._journal(work, before.key, before.version + offset, state, event, cause, row)
        document = {**content, "audit": {"head": row["hash"], "count": row["count"]}}
        self._check(document)
        work.write(self.shape.collection, before.key, before.version, document)
        return Stored(key=before.key, version=version, state=state, head=row["hash"], audits=row["count"])

    def _stored(self, row: Document) -> Stored[S]:
        state = from_document(self.shape.kind, row)
        audit = row["audit"]
        return Stored(key=row["_id"], version=row["version"], state=state, head=audit["head"], audits=audit["count"])

    def _audit(self, before: Stored[S], version: int, events: Sequence[Event], cause: Cause, state: str) -> Document:
        row = {
            "record": f"{self.shape.collection}:{before.key}",
            "count": before.audits + 1,
            "version": version,
            "at": max(event.at for event in events),
            "actor": {"kind": cause.actor.kind, "id": cause.actor.id},
            "correlationid": cause.correlationid,
            "changes": [{"type": event.type, "at": event.at, "change": dict(event.change)} for event in events],
            "state": state,
            "prev": before.head,
        }
        return {**row, "hash": audit_hash(row)}

    def _journal(
        self, work: Work, key: str, version: int, state: S, event: Event, cause: Cause, audit: Document
    ) -> None:
        snapshot = self.shape.snapshot(key, version, state)
        restricted = self.shape.restricted(state)
        data: Document
        if restricted:
            data = {name: snapshot[name] for name in RESTRICTED_FIELDS if name in snapshot}
        else:
            data = {**snapshot, "change": {**event.change, "by": cause.actor.id, "by_kind": cause.actor.kind}}
        lane = Lane.BULK if cause.backfill else self.shape.lane(state)
        envelope = Envelope(
            id=work.ids.new(),
            source=f"/{self.shape.service}",
            type=event.type,
            subject=key,
            time=event.at,
            sequence=version,
            correlationid=cause.correlationid,
            causationid=cause.causationid,
            traceparent=cause.traceparent,
            hops=cause.hops,
            lane=lane,
            backfill=cause.backfill,
            restricted=restricted,
            data=data,
        )
        work.append(
            JOURNAL,
            envelope.id,
            {
                "position": None,
                "lane": int(lane),
                "type": event.type,
                "subject": key,
                "sequence": version,
                "at": work.now,
                "body": encode(envelope),
                "audit": {"record": audit["record"], "count": audit["count"], "hash": audit["hash"]},
            },
        )

    def _check(self, document: Document) -> None:
        reserved = {"_id", "key"} & document.keys()
        if reserved:
            raise ValueError(f"a record's state must not have the fields {sorted(reserved)}")


def state_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 over a record's content as the audit saw it; `_id`, `key` and the audit's own head are left out."""
    return _sha256({name: value for name, value in content.items() if name not in {"_id", "key", "audit"}})


def audit_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 over an audit row with its predecessor's hash in it; its own hash and keys are left out."""
    return _sha256({name: value for name, value in row.items() if name not in {"_id", "key", "hash"}})


def _sha256(content: Mapping[str, Any]) -> str:
    canonical = orjson.dumps(content, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME)
    return hashlib.sha256(canonical).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no canonical form")
