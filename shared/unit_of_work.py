"""The only way to write: state, journal, inbox and audit in one transaction, tried again whole.

A block collects what it wants written in a `Work`; nothing touches the store until the block has returned. Then one
`commit` writes it all or nothing. When another writer was first, the block runs again on fresh state. So a block
must be free of side effects besides its `Work`, and the same input must lead to the same work.

Guarantees: what is acknowledged is stored; what is stored is in the journal; what was handled once is never handled
again (the mark in the inbox is written by the transaction of the effect); versions of a record have no gap.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from shared.clock import Clock
from shared.envelope import Envelope
from shared.errors import Conflict, Crowded, DeskwireError, Rejected, TooLarge, Unstorable
from shared.ids import Ids, joined
from shared.store import INBOX, JOURNAL, Document, Store, Writes
from shared.weight import check

T = TypeVar("T")
Item = TypeVar("Item")


class Work:
    """What a block wants written, and what it has changed so far (a later read in the block sees it).

    Keys are unique within a collection. A collection is written either by `insert`/`update` (versioned documents)
    or by `claim`/`release` (uniqueness that ends, DESIGN section 4) or by `append` (rows that never change).
    """

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self.store = store
        self.now: datetime = clock.now()
        self.ids = ids
        self.writes = Writes()
        self._seen: dict[tuple[str, str], Document | None] = {}
        self.effects: list[Callable[[], None]] = []

    def afterwards(self, effect: Callable[[], None]) -> None:
        """Do this once the commit has succeeded: a log line, a metric. It must not raise."""
        self.effects.append(effect)

    def load(self, collection: str, keys: Collection[str]) -> dict[str, Document]:
        """The documents with these keys as the block sees them; one read for all keys not seen before."""
        unseen = [key for key in keys if (collection, key) not in self._seen]
        if unseen:
            found = {document["_id"]: document for document in self.store.read(collection, unseen)}
            for key in unseen:
                self._seen[collection, key] = found.get(key)
        seen = {key: self._seen[collection, key] for key in keys}
        return {key: document for key, document in seen.items() if document is not None}

    def adopt(self, collection: str, documents: Sequence[Document]) -> list[Document]:
        """Take documents found by a query into the block's view; returns them as the block sees them."""
        for document in documents:
            self._seen.setdefault((collection, document["_id"]), document)
        seen = (self._seen[collection, document["_id"]] for document in documents)
        return [document for document in seen if document is not None]

    def append(self, collection: str, key: str, document: Mapping[str, Any]) -> None:
        """Add a row that never changes. A row with this key already in the store is a Conflict."""
        row = {**document, "_id": key, "key": key}
        self.writes.inserts.setdefault(collection, {})[key] = row
        self._seen[collection, key] = row

    def put(self, collection: str, key: str, document: Mapping[str, Any]) -> Document:
        """Insert or replace a versioned document; its `version` rises by one from what the block has loaded.

        Load the key first: what was not loaded is taken for new, and is a Conflict when it is there.
        """
        before = self._seen.get((collection, key))
        version = 0 if before is None else before["version"]
        return self._write(collection, key, version, {**document, "version": version + 1})

    def _write(self, collection: str, key: str, version: int, document: Document) -> Document:
        row = {**document, "_id": key, "key": key}
        inserts = self.writes.inserts.setdefault(collection, {})
        updates = self.writes.updates.setdefault(collection, {})
        if key in updates:
            updates[key] = (updates[key][0], row)
        elif key in inserts or version == 0:
            inserts[key] = row
        else:
            updates[key] = (version, row)
        self._seen[collection, key] = row
        return row

    def write(self, collection: str, key: str, before: int, document: Document) -> Document:
        """Insert (`before` is 0) or replace a document at version `before`; `document` carries its new version."""
        return self._write(collection, key, before, document)

    def claim(self, collection: str, key: str, document: Mapping[str, Any]) -> None:
        """Take a key that only one may hold; `put` changes it later. Held by another it is a Conflict at commit."""
        self.append(collection, key, {**document, "version": 1})

    def release(self, collection: str, key: str) -> None:
        """Give a claim back that the block has loaded; a Conflict when another writer has changed it since."""
        row = self._seen[collection, key]
        if row is None:
            return
        if self.writes.inserts.get(collection, {}).pop(key, None) is None:
            expected, _ = self.writes.updates.get(collection, {}).pop(key, (row["version"], row))
            self.writes.deletes.setdefault(collection, {})[key] = expected
        self._seen[collection, key] = None

    def fence(self, lease: str, token: int) -> None:
        """Let the commit succeed only while `lease` still carries this fencing token (shared.lease)."""
        self.writes.fences.append((lease, token))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a batch: ids by outcome. The three sets are disjoint and cover the batch."""

    handled: frozenset[str] = frozenset()
    duplicates: frozenset[str] = frozenset()
    rejected: Mapping[str, DeskwireError] = field(default_factory=dict)


Block = Callable[[Work, Sequence[Envelope]], Mapping[str, DeskwireError] | None]
"""Handles a batch of events and returns those it rejects, by id."""


class UnitOfWork:
    """Runs blocks. One for each process; it keeps no state between blocks."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Ids,
        *,
        attempts: int = 20,
        pause: Callable[[float], None] = time.sleep,
        ring: Callable[[], None] = lambda: None,
        share: Callable[[], int] = lambda: 1,
    ) -> None:
        """`ring` is called after a commit that wrote to the journal: there is something to relay. `share` tells into
        how many parts a batch is to be cut now (shared.standstill)."""
        self.store = store
        self.clock = clock
        self.ids = ids
        self._attempts = attempts
        self._pause = pause
        self._ring = ring
        self._share = share

    def run(self, block: Callable[[Work], T]) -> T:
        """Run `block` and commit its work; again and whole, with jitter, while other writers are first.

        Raises what the block raises, Conflict after `attempts` lost races, Unavailable when the store is, TooLarge
        when it would write more than one transaction may (`shared.weight`), Unstorable when nothing can hold it.
        """
        for attempt in range(1, self._attempts + 1):
            work = Work(self.store, self.clock, self.ids)
            try:
                result = block(work)
                if work.writes:
                    weight = check(work.writes)
                    work.writes.weight = weight.bytes
                    work.writes.summary = f"{weight} for {work.writes.purpose or 'itself'}"
                    self.store.commit(work.writes)
            except Conflict:
                if attempt == self._attempts:
                    raise
                self._pause(random.uniform(0, min(0.005 * 2**attempt, 0.5)))
                continue
            if JOURNAL in work.writes.inserts:
                self._ring()
            for effect in work.effects:
                effect()
            return result
        raise AssertionError("unreachable: the last attempt returns or raises")

    def run_fitting(self, block: Callable[[Work, int], T], most: int) -> T:
        """`run` for a block that does up to `most` things: with half as many while that would write too much.

        Raises TooLarge when a single one would.
        """
        most = max(1, most // self._share())
        while True:
            try:
                return self.run(partial(_up_to, block=block, most=most))
            except (TooLarge, Crowded):
                if most <= 1:
                    raise
                most //= 2

    def take(
        self,
        consumer: str,
        envelopes: Sequence[Envelope],
        block: Block,
    ) -> Taken:
        """Handle a batch of events exactly once in effect.

        Events that `consumer` has handled before, and copies within the batch, are left out; `block` gets the rest
        and returns the ones it rejects by id. All others are marked in the inbox by the block's own transaction.
        Outcomes are told by id: `rounds` first splits a batch in which two sources use the same one.

        A batch that would write more than one transaction may is handled in halves, in order, each in a transaction
        of its own. An event that alone would is rejected with TooLarge, and one that nothing can hold with Unstorable.
        """
        size = -(-len(envelopes) // self._share())
        if size < len(envelopes):
            return merged([self._take(consumer, part, block) for part in _cut(envelopes, size)])
        return self._take(consumer, envelopes, block)

    def _take(self, consumer: str, envelopes: Sequence[Envelope], block: Block) -> Taken:
        try:
            return self._take_whole(consumer, envelopes, block)
        except Unstorable as error:
            if len(envelopes) == 1:
                return Taken(rejected={envelopes[0].id: error})
        except Crowded:
            if len(envelopes) == 1:
                raise
        half = len(envelopes) // 2
        return merged([self._take(consumer, part, block) for part in (envelopes[:half], envelopes[half:])])

    def _take_whole(self, consumer: str, envelopes: Sequence[Envelope], block: Block) -> Taken:
        first: dict[str, Envelope] = {}
        for envelope in envelopes:
            first.setdefault(inbox_key(consumer, envelope), envelope)

        def attempt(work: Work) -> Taken:
            known = {row["_id"] for row in self.store.read(INBOX, list(first))}
            fresh = [envelope for key, envelope in first.items() if key not in known]
            kinds = Counter(envelope.type for envelope in fresh)
            work.writes.purpose = ", ".join(f"{kind} x {count}" for kind, count in kinds.items())
            rejected = dict(block(work, fresh) or {}) if fresh else {}
            if sum(envelope.id in rejected for envelope in fresh) > len(rejected):
                raise ValueError("which of two sources' events is rejected cannot be told by the id they share")
            for key, envelope in first.items():
                if key not in known and envelope.id not in rejected:
                    work.append(INBOX, key, {"at": work.now})
            handled = frozenset(e.id for e in fresh if e.id not in rejected)
            ids = frozenset(e.id for e in envelopes)
            return Taken(handled=handled, duplicates=ids - handled - rejected.keys(), rejected=rejected)

        return self.run(attempt)

    def once(self, key: str, fingerprint: str, block: Callable[[Work], Document]) -> Document:
        """Run a command exactly once for an idempotency key; a repetition answers what the first one did.

        The reply is kept in the inbox row of the same transaction. Raises Rejected (`idempotency-key-reused`) when
        the key comes again with another request.
        """

        def attempt(work: Work) -> Document:
            for row in self.store.read(INBOX, [key]):
                if row["fingerprint"] != fingerprint:
                    raise Rejected("this idempotency key came with another request", slug="idempotency-key-reused")
                return dict(row["reply"])
            reply = block(work)
            work.append(INBOX, key, {"at": work.now, "fingerprint": fingerprint, "reply": reply})
            return reply

        return self.run(attempt)


def _cut(envelopes: Sequence[Envelope], size: int) -> list[Sequence[Envelope]]:
    return [envelopes[start : start + size] for start in range(0, len(envelopes), size)]


def _up_to(work: Work, *, block: Callable[[Work, int], T], most: int) -> T:
    return block(work, most)


def merged(parts: Sequence[Taken]) -> Taken:
    """What became of a batch that was handled in parts. A copy of what was handled in another part is nothing more."""
    handled = frozenset(one for part in parts for one in part.handled)
    rejected = {key: error for part in parts for key, error in part.rejected.items() if key not in handled}
    duplicates = frozenset(one for part in parts for one in part.duplicates)
    return Taken(handled=handled, duplicates=duplicates - handled - rejected.keys(), rejected=rejected)


def rounds(items: Sequence[Item], envelope: Callable[[Item], Envelope]) -> list[list[Item]]:
    """Cut a batch so that within each part an id belongs to one source.

    CloudEvents makes only source and id together unique, and a batch's outcomes are told by id. The parts are
    contiguous, so that each can be settled as a whole.
    """
    parts: list[list[Item]] = []
    sources: dict[str, str] = {}
    for item in items:
        one = envelope(item)
        if not parts or sources.setdefault(one.id, one.source) != one.source:
            parts.append([])
            sources = {one.id: one.source}
        parts[-1].append(item)
    return parts


def inbox_key(consumer: str, envelope: Envelope) -> str:
    """`<consumer>:<source>:<id>`: CloudEvents promises that source and id together are unique."""
    return joined(consumer, envelope.source, envelope.id)
